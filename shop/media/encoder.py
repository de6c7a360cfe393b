"""The program of the child process that meets a stranger's picture: it may use little, and what it writes is all our own.

It reads a picture from its standard input and writes a line of JSON, then the files it made, one after the other. Every
limit is set before the first byte is looked at. Run by shop.media.decoding, never imported by what serves pages.
"""

from __future__ import annotations

import io
import json
import resource
import sys
import warnings
from collections.abc import Callable
from typing import IO, Any, Final

from PIL import GifImagePlugin, Image, ImageCms, ImageOps, JpegImagePlugin, PngImagePlugin, WebPImagePlugin
from PIL.ImageFile import ImageFile

from shop.media.errors import PictureRefused, Refusal
from shop.media.kinds import kind_of
from shop.media.renditions import encoded, scaled

# security: these four and no other decoder is ever asked, whatever the file says it is
OPENERS: Final[dict[str, Callable[[IO[bytes]], ImageFile]]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
}
PIXELS: Final = 25_000_000
LONGEST_SIDE: Final = 2560
MEMORY: Final = 1 << 30  # bytes of address space: 25 megapixels in four channels, three times over, and Python
CPU_SECONDS: Final = 5
ORIGINAL_QUALITY: Final = 88


def main(task: str, *widths: str) -> None:
    """`picture` makes the file that is kept, `renditions` one in each width (pixels)."""
    confine()
    data = sys.stdin.buffer.read()
    try:
        about, files = picture(data) if task == "picture" else renditions(data, [int(width) for width in widths])
    except PictureRefused as refused:
        about, files = {"refused": refused.reason.value}, []
    answer(about, files)


def confine() -> None:
    """Take away what the work does not need: memory, time, files, further processes."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def picture(data: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """The picture upright, in sRGB, without anything a camera or an editor added; raises PictureRefused."""
    pixels = decoded(data)
    if max(pixels.size) > LONGEST_SIDE:
        pixels.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    whole = encoded(pixels, ORIGINAL_QUALITY)
    return {"width": pixels.width, "height": pixels.height}, [whole]


def renditions(data: bytes, widths: list[int]) -> tuple[dict[str, Any], list[bytes]]:
    """The picture in each width; one that is not wider than that stays as it is."""
    pixels = decoded(data)
    return {}, [data if width >= pixels.width else encoded(scaled(pixels, width)) for width in widths]


def decoded(data: bytes) -> Image.Image:
    """The first picture in the file as RGB or RGBA; raises PictureRefused."""
    try:
        return _decoded(data)
    except PictureRefused:
        raise
    except MemoryError:
        raise PictureRefused(Refusal.TOO_MUCH_WORK) from None
    except Exception:  # decoders raise whatever they like on a file that lies
        raise PictureRefused(Refusal.BROKEN) from None


def _decoded(data: bytes) -> Image.Image:
    opened = OPENERS[kind_of(data)](io.BytesIO(data))
    if opened.width * opened.height > PIXELS:
        raise PictureRefused(Refusal.TOO_MANY_PIXELS)
    profile = opened.info.get("icc_profile")
    opened.load()
    upright = ImageOps.exif_transpose(opened)
    return _plain(_in_srgb(_eight_bits(upright), profile))


def _eight_bits(pixels: Image.Image) -> Image.Image:
    """Pillow cuts sixteen bits off at 255 where it should divide."""
    if pixels.mode.startswith("I"):
        return pixels.convert("I").point(lambda value: value / 256).convert("L")
    if pixels.mode == "P":
        return pixels.convert("RGBA" if pixels.has_transparency_data else "RGB")
    if pixels.mode == "LA":
        return pixels.convert("RGBA")
    return pixels


def _in_srgb(pixels: Image.Image, profile: bytes | None) -> Image.Image:
    if not profile:
        return pixels
    mode = "RGBA" if pixels.mode == "RGBA" else "RGB"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        turned = ImageCms.profileToProfile(pixels, source, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return pixels  # a profile that says nothing usable is as good as none
    return turned if turned is not None else pixels


def _plain(pixels: Image.Image) -> Image.Image:
    """Pixels and nothing else: what an editor or a camera wrote beside them stays behind."""
    plain = pixels.convert("RGBA" if pixels.has_transparency_data else "RGB")
    plain.info = {}
    return plain


def answer(about: dict[str, Any], files: list[bytes]) -> None:
    """One line about the files, then the files."""
    about["sizes"] = [len(file) for file in files]
    sys.stdout.buffer.write(json.dumps(about).encode() + b"\n" + b"".join(files))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(*sys.argv[1:])
