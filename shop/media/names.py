"""Names of pictures: the SHA-256 fingerprint of the original, and the widths in which it is kept."""

import re

WIDTHS = (240, 480, 800)
FORMAT = "webp"
NAME = re.compile(r"([0-9a-f]{64})-(\d{2,4})\.webp")


def rendition(fingerprint: str, width: int) -> str:
    """The file name of a picture in one of WIDTHS (CSS pixels)."""
    return f"{fingerprint}-{width}.{FORMAT}"


def is_rendition(name: str) -> bool:
    """Whether a name could be a rendition; anything else is never looked up."""
    match = NAME.fullmatch(name)
    return match is not None and int(match[2]) in WIDTHS
