"""A picture made ready for the shop: re-encoded as WebP, without what a camera adds, in every width the pages use."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shop.media.names import WIDTHS, original, rendition

if TYPE_CHECKING:
    from PIL import Image

QUALITY = 80
# How hard the encoder tries, 0 to 6: beyond 1 it takes several times as long for a few per cent.
EFFORT = 1


@dataclass(frozen=True, slots=True)
class Renditions:
    """A picture ready to be stored: its fingerprint, its own size in pixels, and its files by name."""

    fingerprint: str
    width: int
    height: int
    files: dict[str, bytes]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(len(data) for data in self.files.values())


def make_renditions(picture: Image.Image) -> Renditions:
    """The original and its renditions; the fingerprint is the SHA-256 of the original as our encoder wrote it."""
    pixels = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    whole = encoded(pixels)
    fingerprint = hashlib.sha256(whole).hexdigest()
    files = {original(fingerprint): whole}
    for width in WIDTHS:
        # Never enlarged: a browser does that as well, and nothing is sent for it.
        files[rendition(fingerprint, width)] = whole if width >= pixels.width else encoded(scaled(pixels, width))
    return Renditions(fingerprint, pixels.width, pixels.height, files)


def scaled(picture: Image.Image, width: int) -> Image.Image:
    """The picture in that width (pixels)."""
    from PIL import Image  # only whoever scales needs its four megabytes; the web process does not

    height = max(1, round(picture.height * width / picture.width))
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)


def encoded(picture: Image.Image, quality: int = QUALITY) -> bytes:
    """The picture as WebP, without what a camera adds."""
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=quality, alpha_quality=quality, method=EFFORT)
    return out.getvalue()
