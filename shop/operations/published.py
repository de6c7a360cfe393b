"""What the proxy serves without the shop: static files by version, and its own few pages."""

from __future__ import annotations

import gzip
import html
import shutil
from pathlib import Path
from typing import Final

from shop.assets import Assets
from shop.settings import HOME

COMPRESSED: Final = frozenset({".css", ".js", ".mjs", ".svg", ".json", ".txt", ".html", ".map", ".webmanifest"})
KEPT_VERSIONS: Final = 3
DONE: Final = ".complete"

# English and Chinese on one page, for the proxy does not know who reads it.
PAGES: Final = {
    "away": (
        ("We will be right back", "The shop is very busy or is being looked after. Please try again in a few seconds."),
        ("我们马上回来", "商店正忙或正在维护。请几秒钟后再试。"),
    ),
    "busy": (
        ("One moment, please", "That was a lot at once from your connection. Please try again in a few seconds."),
        ("请稍候", "您的网络短时间内请求过多，请几秒钟后再试。"),
    ),
    "missing": (
        ("There is nothing here", "This page or file does not exist, or does not exist any longer."),
        ("这里什么都没有", "此页面或文件不存在，或已被移除。"),
    ),
    "refused": (
        ("We could not take that", "What your browser sent was too large, came too slowly or could not be understood."),
        ("无法接受此请求", "您的浏览器发送的内容过大、过慢或无法识别。"),
    ),
}  # fmt: skip


def publish(data: Path, name: str) -> Path:
    """Put the static files of this release and the proxy's pages below `data`; return the folder of the version.

    Older versions stay for pages that are open, three in all; a version that is there already is not touched.
    """
    assets = Assets(HOME / "static")
    folder = _publish_version(assets, data / "static")
    pages = data / "pages" / ".shop"
    pages.mkdir(parents=True, exist_ok=True)
    template = (HOME / "config/nginx/page.html").read_text("utf-8")
    for page, texts in PAGES.items():
        _write_if_new(pages / f"{page}.html", _filled(template, texts, assets.version, name))
    _forget_old(data / "static", folder)
    return folder


def _publish_version(assets: Assets, target: Path) -> Path:
    folder = target / assets.version
    if (folder / DONE).exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    assets.prepare(target)
    for file in sorted(folder.rglob("*")):
        if file.suffix in COMPRESSED:
            _compress(file)
    (folder / DONE).touch()
    return folder


def _compress(file: Path) -> None:
    data = file.read_bytes()
    packed = gzip.compress(data, 9, mtime=0)
    if len(packed) < len(data):
        file.with_name(file.name + ".gz").write_bytes(packed)


def _filled(template: str, texts: tuple[tuple[str, str], tuple[str, str]], version: str, name: str) -> str:
    (heading, text), (heading_zh, text_zh) = texts
    values = {
        "name": name,
        "version": version,
        "heading": heading,
        "text": text,
        "heading_zh": heading_zh,
        "text_zh": text_zh,
    }
    for word, value in values.items():
        template = template.replace(f"@{word}@", html.escape(value))
    return template


def _write_if_new(path: Path, content: str) -> None:
    if not path.exists() or path.read_text("utf-8") != content:
        path.write_text(content, "utf-8")


def _forget_old(target: Path, current: Path) -> None:
    versions = sorted((path for path in target.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    others = [path for path in versions if path != current]
    for old in others[: max(0, len(others) - KEPT_VERSIONS + 1)]:
        shutil.rmtree(old, ignore_errors=True)
