"""Passwords that are tried first by whoever guesses; where the list comes from stands in docs/licences/common-passwords.txt."""

from __future__ import annotations

import gzip
import unicodedata
from functools import cache
from pathlib import Path


def is_common(password: str) -> bool:
    """Whether a password of 8 characters or more is among those everybody tries, whatever its capitals."""
    return unicodedata.normalize("NFKC", password).casefold() in words()


@cache
def words() -> frozenset[str]:
    """The list itself: some 16,000 words, 60 KB on disk; read once, so ask for it before the loop runs."""
    packed = Path(__file__).with_suffix(".gz").read_bytes()
    return frozenset(gzip.decompress(packed).decode().splitlines())
