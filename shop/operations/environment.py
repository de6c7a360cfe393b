"""The environment file of a host (NAME=value lines, as systemd reads them)."""

from __future__ import annotations

from pathlib import Path


def read_environment(path: Path) -> dict[str, str]:
    """The variables of a file; raises OSError."""
    found: dict[str, str] = {}
    for line in path.read_text("utf-8").splitlines():
        name, sign, value = line.strip().partition("=")
        if sign and not name.startswith("#"):
            found[name.strip()] = _unquoted(value.strip())
    return found


def _unquoted(value: str) -> str:
    is_quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if is_quoted else value
