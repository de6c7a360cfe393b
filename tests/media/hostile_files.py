"""Files that are not what they say, or too much of it: made here byte by byte, for nobody should keep such things lying about."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from PIL import Image

from shop.media.errors import Refusal

SCRIPT = b"<script>alert(document.domain)</script>"
PHP = b"<?php system($_GET['c']); ?>"


def image(kind: str, size: tuple[int, int] = (32, 24), mode: str = "RGB", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 7).save(out, kind, **options)
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, rows: bytes, *more: bytes, depth: int = 8, colour: int = 2) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def zeros(count: int) -> bytes:
    """So many zero bytes, packed."""
    packer = zlib.compressobj(9)
    whole = b"".join(packer.compress(bytes(1 << 20)) for _ in range(count >> 20))
    return whole + packer.compress(bytes(count & 0xFFFFF)) + packer.flush()


def gif(width: int, height: int, frames: int) -> bytes:
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return (
        b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + frame * frames + b"\x3b"
    )


def webp(width: int, height: int) -> bytes:
    """A header that promises a lot."""
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + size
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg(width: int, height: int) -> bytes:
    whole = image("JPEG")
    at = whole.index(b"\xff\xc0") + 5
    return whole[:at] + struct.pack(">HH", height, width) + whole[at + 4 :]


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("a.php", PHP)
    return out.getvalue()


def refused() -> Iterator[tuple[str, Callable[[], bytes], Refusal | None]]:
    """(what it is, how it is made, why it is refused; None where any refusal will do)."""
    yield "nothing", lambda: b"", Refusal.EMPTY
    yield "a page", lambda: b"<!doctype html>" + SCRIPT, Refusal.UNKNOWN_KIND
    yield "a page with spaces before it", lambda: b"   \n<html>" + SCRIPT, Refusal.UNKNOWN_KIND
    yield "a script", lambda: b"alert(1)", Refusal.UNKNOWN_KIND
    yield "PHP", lambda: PHP, Refusal.UNKNOWN_KIND
    yield "a shell script", lambda: b"#!/bin/sh\nid", Refusal.UNKNOWN_KIND
    yield ".htaccess", lambda: b"AddType application/x-httpd-php .webp\n", Refusal.UNKNOWN_KIND
    yield "an archive", archive, Refusal.UNKNOWN_KIND
    yield "a PDF", lambda: b"%PDF-1.7\n" + SCRIPT, Refusal.UNKNOWN_KIND
    yield "a program", lambda: b"\x7fELF" + bytes(60), Refusal.UNKNOWN_KIND
    yield "Flash", lambda: b"CWS\x0a" + bytes(60), Refusal.UNKNOWN_KIND
    yield "PostScript", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n", Refusal.UNKNOWN_KIND
    yield (
        "ImageMagick's own",
        lambda: b"push graphic-context\nfill 'url(https://evil.example/|id)'",
        Refusal.UNKNOWN_KIND,
    )
    yield "SVG", lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', Refusal.DRAWING
    yield "SVG with a prologue", lambda: b'<?xml version="1.0"?><svg><script>alert(1)</script></svg>', Refusal.DRAWING
    yield "SVG after a mark and spaces", lambda: b"\xef\xbb\xbf \n<!-- x --><svg/>", Refusal.DRAWING
    yield "SVG with a doctype", lambda: b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x"><svg/>', Refusal.DRAWING
    yield "SVGZ", lambda: b"\x1f\x8b\x08" + bytes(30), Refusal.DRAWING
    for kind in ("BMP", "TIFF", "ICO", "PPM", "TGA", "PCX", "SGI", "JPEG2000", "DDS"):
        yield kind, lambda kind=kind: image(kind), Refusal.UNKNOWN_KIND
    yield "AVIF", lambda: b"\0\0\0\x1cftypavif" + bytes(60), Refusal.UNKNOWN_KIND
    yield "a PNG of 30,000 by 30,000", lambda: png(30_000, 30_000, zeros(1000)), Refusal.TOO_MANY_PIXELS
    yield "a PNG just above the limit", lambda: png(5001, 5000, zeros(1000)), Refusal.TOO_MANY_PIXELS
    yield "a PNG of one enormous row", lambda: png(2**31 - 1, 1, zeros(1000)), None
    yield "a PNG without pixels", lambda: png(0, 0, zeros(10)), None
    yield "a JPEG of 65,000 by 65,000", lambda: jpeg(65_000, 65_000), Refusal.TOO_MANY_PIXELS
    yield "a GIF of 65,535 by 65,535", lambda: gif(65_535, 65_535, 1), Refusal.TOO_MANY_PIXELS
    yield "a WebP of 16,383 by 16,383", lambda: webp(16_383, 16_383), None
    yield "a PNG that ends early", lambda: image("PNG", (200, 200))[:60], Refusal.BROKEN
    yield "a JPEG that ends early", lambda: image("JPEG", (200, 200))[:300], Refusal.BROKEN
    yield "a WebP that ends early", lambda: image("WEBP", (200, 200))[:40], Refusal.BROKEN
    yield "a GIF that ends early", lambda: image("GIF", (200, 200))[:20], Refusal.BROKEN
    yield "a JPEG's first bytes and a page", lambda: b"\xff\xd8\xff\xe0" + SCRIPT * 9, Refusal.BROKEN
    yield "a PNG's first bytes and PHP", lambda: b"\x89PNG\r\n\x1a\n" + PHP, Refusal.BROKEN
    yield "a GIF's first bytes and a script", lambda: b"GIF89a/*" + SCRIPT + b"*/=1;", Refusal.BROKEN
    yield (
        "a WebP's first bytes and noise",
        lambda: b"RIFF\xff\xff\xff\xffWEBP" + random.Random(1).randbytes(500),
        Refusal.BROKEN,
    )
    yield "a PNG whose text is a bomb", lambda: png(
        8, 8, zlib.compress(bytes(200)), chunk(b"zTXt", b"Comment\0\0" + zeros(80 << 20))
    ), None  # fmt: skip
    yield "a PNG whose profile is a bomb", lambda: png(
        8, 8, zeros(80 << 20)[:40], chunk(b"iCCP", b"x\0\0" + zeros(80 << 20))
    ), None  # fmt: skip


def taken() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """(what it is, how it is made): pictures all the same, of which nothing but the pixels is kept."""
    yield "a JPEG with a page behind it", lambda: image("JPEG") + SCRIPT
    yield "a PNG with PHP behind it", lambda: image("PNG") + PHP
    yield "a GIF with a script behind it", lambda: image("GIF") + b"*/alert(1)/*"
    yield "a WebP with an archive behind it", lambda: image("WEBP") + archive()
    yield "a JPEG with a comment", lambda: image("JPEG", comment=SCRIPT)
    yield "a PNG with a text", lambda: png(8, 8, zlib.compress(bytes(200)), chunk(b"tEXt", b"Comment\0" + SCRIPT))
    yield "a GIF with a thousand frames", lambda: gif(16, 16, 1000)
    yield "a PNG with more rows than it said", lambda: png(8, 8, zeros(4 << 20))
