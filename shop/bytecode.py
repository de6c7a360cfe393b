"""What is made once of texts that are no Python, kept where Python keeps its own bytecode and trusted as much as that.

A process of a hardened unit may not write there; `run.py compile` does it for a release before that runs.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
from contextlib import suppress
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from typing import Any


def kept(source: Path, edition: bytes) -> Any:
    """What was made of a file or folder in this very edition; None when nothing was."""
    try:
        data = _place(source).read_bytes()
    except OSError:
        return None
    mark = _mark(edition)
    return marshal.loads(data[len(mark) :]) if data.startswith(mark) else None  # noqa: S302  (ours, like every .pyc)


def keep(source: Path, edition: bytes, made: Any) -> None:
    """Keep what was made for the next start; where nobody may write, or bytecode is not wanted, that start makes it again."""
    if sys.dont_write_bytecode:
        return
    place = _place(source)
    unfinished = place.with_name(f"{place.name}.{os.getpid()}")
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(_mark(edition) + marshal.dumps(made))
        unfinished.replace(place)


def _place(source: Path) -> Path:
    return Path(cache_from_source(f"{source}.texts"))


def _mark(edition: bytes) -> bytes:
    return MAGIC_NUMBER + hashlib.sha256(edition).digest()
