"""The secrets of a shop: made once, the same on every host."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from shop.operations.environment import read_environment

MADE: Final = ("SHOP_SECRET_KEYS",)


def read_or_make(path: Path) -> dict[str, str]:
    """The secrets in the file, with new ones for those that are missing; it writes nothing."""
    known = read_environment(path) if path.exists() else {}
    return {name: known.get(name) or _new() for name in MADE} | known


def as_lines(made: Mapping[str, str]) -> str:
    """The file of these secrets."""
    head = "# The secrets of this shop. Every host needs the same: `run.py install --secrets` this file.\n"
    return head + "".join(f"{name}={value}\n" for name, value in sorted(made.items()))


def _new() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
