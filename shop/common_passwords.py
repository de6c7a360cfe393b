"""Passwords that are tried first by whoever guesses; where the list comes from stands in docs/licences/common-passwords.txt."""

from __future__ import annotations

import gzip
import unicodedata
from functools import cache
from pathlib import Path


def is_common(password: str) -> bool:
    """Whether a password of 8 characters or more is among those everybody tries, whatever its capitals."""
    return f"\n{unicodedata.normalize('NFKC', password).casefold()}\n" in words()


@cache
def words() -> str:
    """The list itself, some 16,000 lines, 60 KB on disk; read once, so ask for it before the loop runs.

    As one text it takes a tenth of the memory of a set, in every process, and is searched in a tenth of a millisecond.
    """
    packed = Path(__file__).with_suffix(".gz").read_bytes()
    return f"\n{gzip.decompress(packed).decode()}"
