"""A picture of the catalogue as a page needs it: its files, its size, its words."""

from dataclasses import dataclass
from typing import Any

from shop.i18n import text_in
from shop.media.names import WIDTHS, rendition


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of known size (pixels), kept in several widths; `media(picture.name)` is its address."""

    fingerprint: str
    alt: str
    width: int
    height: int

    @property
    def name(self) -> str:
        """The file of middle width, for lists."""
        return rendition(self.fingerprint, WIDTHS[1])

    @property
    def large(self) -> str:
        """The widest file."""
        return rendition(self.fingerprint, WIDTHS[-1])

    @property
    def sources(self) -> tuple[tuple[str, int], ...]:
        """(file, width in pixels) for a `srcset`, smallest first; a small original is not offered as a large one."""
        found: list[tuple[str, int]] = []
        for width in WIDTHS:
            found.append((rendition(self.fingerprint, width), min(width, self.width)))
            if width >= self.width:
                break
        return tuple(found)


def picture_of(row: Any, lang: str) -> Picture | None:
    """The picture of a row with fingerprint, alt, width and height; None when it has none."""
    if row.fingerprint is None:
        return None
    return Picture(row.fingerprint, text_in(row.alt, lang), row.width, row.height)
