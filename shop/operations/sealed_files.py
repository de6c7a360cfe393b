"""Files sealed as they stream: compressed and encrypted with AES-256-GCM a piece at a time, bound to their name and their order.

The layout: eight bytes of magic, sixteen of salt, then pieces, each with its length in four bytes. The key of a file comes
from the backup key, the salt and the name (HKDF), so a file that was renamed, cut off or put together anew does not open.
"""

from __future__ import annotations

import hashlib
import secrets
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC: Final = b"BAYBACK1"
SALT: Final = 16
PIECE: Final = 1 << 20
LONGEST: Final = PIECE + 4096  # zlib and GCM add little


class BackupDamaged(Exception):
    """Altered, cut off, renamed, or sealed with another key; the text is one sentence for a person."""


def fingerprint(key: bytes) -> str:
    """What a key may be called in public."""
    return hashlib.sha256(b"bayberry.key." + key).hexdigest()[:16]


def sealed(chunks: Iterable[bytes], key: bytes, name: str) -> Iterator[bytes]:
    """The sealed bytes of a file, while it is read."""
    salt = secrets.token_bytes(SALT)
    cipher = _cipher(key, salt, name)
    yield MAGIC + salt
    number = 0
    for number, (piece, is_last) in enumerate(_marked(_pieces(chunks))):
        secret = cipher.encrypt(_nonce(number, is_last), zlib.compress(piece, 1), None)
        yield struct.pack(">I", len(secret)) + secret


def unsealed(chunks: Iterable[bytes], key: bytes, name: str) -> Iterator[bytes]:
    """The plain bytes of a file, while it is read; raises BackupDamaged, at the latest at its end."""
    source = _Reader(chunks)
    if source.take(len(MAGIC)) != MAGIC:
        raise BackupDamaged(f"{name} is no sealed file of this shop")
    cipher = _cipher(key, source.take(SALT), name)
    number, is_last = 0, False
    while not is_last:
        size = struct.unpack(">I", source.take(4))[0]
        if size > LONGEST:
            raise BackupDamaged(f"{name} is damaged")
        secret = source.take(size)
        is_last = source.is_at_end()
        try:
            yield zlib.decompress(cipher.decrypt(_nonce(number, is_last), secret, None))
        except (InvalidTag, zlib.error):
            raise BackupDamaged(f"{name} was altered or cut off, or BACKUP_KEY is another one") from None
        number += 1


def _cipher(key: bytes, salt: bytes, name: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt, b"bayberry.backup." + name.encode()).derive(key))


def _nonce(number: int, is_last: bool) -> bytes:
    return struct.pack(">QI", number, is_last)


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of one MiB; an empty file is one empty piece."""
    kept = bytearray()
    for chunk in chunks:
        kept += chunk
        while len(kept) > PIECE:
            yield bytes(kept[:PIECE])
            del kept[:PIECE]
    yield bytes(kept)


def _marked(pieces: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    before = next(pieces)
    for piece in pieces:
        yield before, False
        before = piece
    yield before, True


class _Reader:
    """Takes exact lengths from chunks of any length."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._kept = bytearray()

    def take(self, length: int) -> bytes:
        while len(self._kept) < length:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise BackupDamaged("a sealed file is cut off")
            self._kept += chunk
        taken = bytes(self._kept[:length])
        del self._kept[:length]
        return taken

    def is_at_end(self) -> bool:
        while not self._kept:
            chunk = next(self._chunks, None)
            if chunk is None:
                return True
            self._kept += chunk
        return False
