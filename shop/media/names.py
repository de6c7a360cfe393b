"""Names of pictures: the SHA-256 fingerprint of the original, and the widths in which it is kept."""

import re
from dataclasses import dataclass
from datetime import datetime

WIDTHS = (160, 320, 640)
NAME = re.compile(r"[0-9a-f]{64}(?:-(\d{2,4}))?\.webp")


@dataclass(frozen=True, slots=True)
class Listed:
    """A file that a store holds, and since when."""

    name: str
    kept_at: datetime


def original(fingerprint: str) -> str:
    """The file name of the picture itself, whose SHA-256 is its fingerprint."""
    return f"{fingerprint}.webp"


def rendition(fingerprint: str, width: int) -> str:
    """The file name of the picture in one of WIDTHS (pixels)."""
    return f"{fingerprint}-{width}.webp"


def is_name(name: str) -> bool:
    """Whether a name could be a file of ours; anything else is never looked up."""
    match = NAME.fullmatch(name)
    return match is not None and (match[1] is None or int(match[1]) in WIDTHS)


def fingerprint_of(name: str) -> str:
    """The fingerprint of the picture that a file belongs to."""
    return name[:64]
