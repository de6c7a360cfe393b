"""Static files under a version folder: `/static/{version}/css/main.css` may be kept for ever, for another content has another version."""

import hashlib
import re
from functools import cache
from pathlib import Path

_IMPORT = re.compile(r'@import "(?P<path>[^"]+)" layer\((?P<layer>[\w-]+)\);')
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


class Assets:
    """The files of `static/`, named by a fingerprint of all of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.version = _fingerprint(folder)
        self._urls = {path: f"/static/{self.version}/{path}" for path in map(str, _paths(folder))}

    def url(self, path: str) -> str:
        """The address of a file; KeyError when there is no such file, so that a page never asks in vain."""
        return self._urls[path]

    def read(self, path: str) -> bytes:
        """What is sent for a file: style sheets joined with what they import. FileNotFoundError for anything outside the folder."""
        file = (self.folder / path).resolve()
        if not file.is_relative_to(self.folder.resolve()) or not file.is_file():
            raise FileNotFoundError(path)
        return joined(file).encode() if file.suffix == ".css" else file.read_bytes()

    def prepare(self, target: Path) -> Path:
        """Writes all files, as they are sent, below `target`/`version` for a web server to serve; returns that folder."""
        out = target / self.version
        for path in _paths(self.folder):
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            (out / path).write_bytes(self.read(str(path)))
        return out


@cache
def assets_of(folder: Path) -> Assets:
    """The files of a folder, read once a process."""
    return Assets(folder)


def joined(sheet: Path) -> str:
    """A style sheet with every `@import "…" layer(…)` replaced by the file, comments and blank lines left out."""
    text = _IMPORT.sub(lambda found: _layer(sheet.parent / found["path"], found["layer"]), sheet.read_text("utf-8"))
    return "\n".join(line.strip() for line in _COMMENT.sub("", text).splitlines() if line.strip()) + "\n"


def _layer(sheet: Path, layer: str) -> str:
    return f"@layer {layer} {{\n{sheet.read_text('utf-8')}}}"


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in _paths(folder):
        digest.update(str(path).encode() + b"\0" + hashlib.sha256((folder / path).read_bytes()).digest())
    return digest.hexdigest()[:12]


def _paths(folder: Path) -> list[Path]:
    """The files below a folder, relative to it; hidden ones are nobody's business."""
    return sorted(file.relative_to(folder) for file in folder.rglob("[!.]*") if file.is_file())
