"""What kind of picture a file is, told by its first bytes: neither its name nor what a browser says about it counts."""

import re
from typing import Final

from shop.media.errors import PictureRefused, Refusal

MARKUP: Final = re.compile(rb"\s*<(?:\?xml|!doctype\s+svg|!--|svg)", re.IGNORECASE)


def kind_of(data: bytes) -> str:
    """JPEG, PNG, WEBP or GIF; raises PictureRefused for everything else."""
    if not data:
        raise PictureRefused(Refusal.EMPTY)
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    is_drawing = MARKUP.match(data.removeprefix(b"\xef\xbb\xbf")) or data.startswith(b"\x1f\x8b")
    raise PictureRefused(Refusal.DRAWING if is_drawing else Refusal.UNKNOWN_KIND)
