"""PostgreSQL's own programs, of Debian's packages or of the embedded one, run as somebody who may."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from shop.children import run_as
from shop.placement import EmbeddedError, programs, unprivileged

DEBIAN: Final = Path("/usr/lib/postgresql")


class ProgramFailed(Exception):
    """A program of PostgreSQL is missing or ended badly; the text is one sentence for a person."""


def folder_of(major: int) -> Path:
    """Where the programs of exactly this version lie; raises ProgramFailed."""
    for version, folder in _installed():
        if version == major:
            return folder
    raise ProgramFailed(f"PostgreSQL {major} is not installed here (on Debian: apt install postgresql-{major}).")


def newest_client() -> Path:
    """The newest programs, for clients work with older servers; raises ProgramFailed."""
    found = max(_installed(), default=None)
    if found is None:
        raise ProgramFailed("pg_basebackup is not installed here (on Debian: apt install postgresql).")
    return found[1]


def stream(command: list[str]) -> Iterator[bytes]:
    """What a program writes, while it writes; raises ProgramFailed with its last words."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:  # noqa: S603
        assert child.stdout is not None
        assert child.stderr is not None
        try:
            while chunk := child.stdout.read(1 << 20):
                yield chunk
        finally:
            child.stdout.close()  # who stops reading stops the program
        words = child.stderr.read().decode(errors="replace").strip()
    if child.returncode:
        raise ProgramFailed(f"{Path(command[0]).name} ended with status {child.returncode}: {words[-300:]}")


def _installed() -> Iterator[tuple[int, Path]]:
    for folder in DEBIAN.glob("*/bin"):
        if folder.parent.name.isdigit() and (folder / "pg_basebackup").exists():
            yield int(folder.parent.name), folder
    try:
        embedded = programs(unprivileged()) / "bin"
    except EmbeddedError:
        return
    told = run_as(None, [str(embedded / "postgres"), "--version"]).stdout
    if found := re.search(r" (\d+)[.\d]*", told):
        yield int(found[1]), embedded
