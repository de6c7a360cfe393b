"""Static files under a version folder: `/static/{version}/css/main.css` may be kept for ever, for another content has another version."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from shop.installation import NODE_MODULES

_IMPORT = re.compile(r'@import "(?P<path>[^"]+)" layer\((?P<layer>[\w-]+)\);')
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_SCRIPT = re.compile(r'^import (?:\{[^}]*\} from )?"(?P<path>[^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)

_PLUGINS = "lists link image table autolink charmap searchreplace visualblocks code fullscreen wordcount".split()
# What our pages take from packages of npm, of all that is in them; served as it is, licence and all.
BORROWED: Final = (
    "tinymce/tinymce.min.js",
    "tinymce/license.md",
    "tinymce/themes/silver/theme.min.js",
    "tinymce/models/dom/model.min.js",
    "tinymce/icons/default/icons.min.js",
    *(f"tinymce/skins/ui/{skin}/{part}.min.css" for skin in ("oxide", "oxide-dark") for part in ("skin", "content")),
    *(f"tinymce/plugins/{plugin}/plugin.min.js" for plugin in _PLUGINS),
    "tinymce-i18n/langs8/zh-CN.js",
)


class Assets:
    """The files of `static/` and those borrowed from packages, named by a fingerprint of all of them."""

    def __init__(self, folder: Path, borrowed: Mapping[str, Path] | None = None) -> None:
        self.folder = folder
        self._borrowed = borrowed or {}
        self._files = {**{str(path): folder / path for path in _paths(folder)}, **self._borrowed}
        self.version = _fingerprint(self._files)
        self._urls = {path: f"/static/{self.version}/{path}" for path in self._files}

    def url(self, path: str) -> str:
        """The address of a file; KeyError when there is no such file, so that a page never asks in vain."""
        return self._urls[path]

    def borrowed(self, path: str) -> str:
        """The address of a file of a package; "" where the package is not installed."""
        return self._urls.get(path, "")

    def read(self, path: str) -> bytes:
        """What is sent for a file: style sheets and scripts joined with what they import. FileNotFoundError outside the folder."""
        if path in self._borrowed:
            return self._borrowed[path].read_bytes()
        file = (self.folder / path).resolve()
        if not file.is_relative_to(self.folder.resolve()) or not file.is_file():
            raise FileNotFoundError(path)
        join = _JOINED.get(file.suffix)
        return join(file).encode() if join else file.read_bytes()

    def prepare(self, target: Path) -> Path:
        """Writes all files, as they are sent, below `target`/`version` for a web server to serve; returns that folder."""
        out = target / self.version
        for path in self._files:
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            (out / path).write_bytes(self.read(path))
        return out


@cache
def assets_of(folder: Path) -> Assets:
    """The files of a folder and the borrowed ones, read once a process."""
    return Assets(folder, borrowed_from(NODE_MODULES))


def borrowed_from(packages: Path) -> dict[str, Path]:
    """What is to be had of BORROWED; nothing at all of a package that is not whole."""
    wanted = {path: packages / path for path in BORROWED}
    missing = {path.partition("/")[0] for path, file in wanted.items() if not file.is_file()}
    return {path: file for path, file in wanted.items() if path.partition("/")[0] not in missing}


def joined(sheet: Path) -> str:
    """A style sheet with every `@import "…" layer(…)` replaced by the file, comments and blank lines left out."""
    text = _IMPORT.sub(lambda found: _layer(sheet.parent / found["path"], found["layer"]), sheet.read_text("utf-8"))
    return "\n".join(line.strip() for line in _COMMENT.sub("", text).splitlines() if line.strip()) + "\n"


def joined_script(script: Path) -> str:
    """A module with all that it imports, each once and in a block of its own, but for those that export: their names are everybody's."""
    return "".join(_modules(script.resolve(), set()))


def _modules(script: Path, seen: set[Path]) -> Iterator[str]:
    seen.add(script)
    text = script.read_text("utf-8")
    for path in _SCRIPT.findall(text):
        if (needed := (script.parent / path).resolve()) not in seen:
            yield from _modules(needed, seen)
    text, exports = _EXPORT.subn("", _SCRIPT.sub("", text))
    yield text if exports else f"{{\n{text}}}\n"


_JOINED: Final = {".css": joined, ".js": joined_script}


def _layer(sheet: Path, layer: str) -> str:
    return f"@layer {layer} {{\n{sheet.read_text('utf-8')}}}"


def _fingerprint(files: Mapping[str, Path]) -> str:
    digest = hashlib.sha256()
    for path, file in files.items():
        digest.update(path.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]


def _paths(folder: Path) -> list[Path]:
    """The files below a folder, relative to it; hidden ones are nobody's business."""
    return sorted(file.relative_to(folder) for file in folder.rglob("[!.]*") if file.is_file())
