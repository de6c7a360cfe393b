"""Rich text of editors, made harmless: cleaned when it is saved and again when it is shown, whoever stored it."""

from __future__ import annotations

import re
from typing import Final

import nh3
from markupsafe import Markup, escape

from shop.media.names import fingerprint_of, is_name

PICTURES: Final = "/media/"

BLOCKS: Final = {"blockquote", "figcaption", "figure", "h2", "h3", "h4", "hr", "li", "ol", "p", "ul"}
WORDS: Final = {"a", "br", "em", "img", "s", "strong", "sub", "sup", "u"}
TABLES: Final = {"caption", "table", "tbody", "td", "th", "thead", "tr"}
ATTRIBUTES: Final = {
    "a": {"href", "title"},
    "img": {"src", "alt", "width", "height", "loading"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
# What an editor offers as formats (static/js/editor.js), and static/css/components/prose.css draws.
STYLED: Final = ("p", "h2", "h3", "h4", "li", "td", "th", "figure", "img")
CLASSES: Final = {tag: {"text-center", "text-right", "text-small", "note"} for tag in STYLED}
TAG: Final = re.compile(r"</?[a-zA-Z]")
BREAKS: Final = re.compile(r"\s*\n\s*\n\s*")
# surprise: what the cleaner writes may be read otherwise the next time (a p in a p, say), so it is asked until it changes nothing.
ROUNDS: Final = 8
SHOWN: Final = re.compile(re.escape(PICTURES) + r"([0-9a-f]{64}(?:-\d{2,4})?\.webp)")


def clean(html: str) -> Markup:
    """The text with the tags of a letter and nothing that runs, styles or loads from elsewhere; cleaned twice it stays the same."""
    for _ in range(ROUNDS):
        html, before = _CLEANER.clean(html), html
        if html == before:
            return Markup(html)  # noqa: S704 - nh3 has just cleaned it
    return escape(html)


def from_typing(text: str) -> Markup:
    """What was typed into a plain text area: rich text as it is, plain text as paragraphs."""
    if TAG.search(text):
        return clean(text)
    paragraphs = [paragraph.strip() for paragraph in BREAKS.split(text.replace("\r\n", "\n")) if paragraph.strip()]
    return clean("".join(f"<p>{escape(paragraph)}</p>".replace("\n", "<br>") for paragraph in paragraphs))


def pictures_in(html: str) -> set[str]:
    """The fingerprints of the pictures that a text shows."""
    return {fingerprint_of(name) for name in SHOWN.findall(html)}


def _ours(tag: str, name: str, value: str) -> str | None:
    # security: a picture from elsewhere would tell others who reads the page
    return None if name == "src" and not _is_ours(value) else value


def _is_ours(address: str) -> bool:
    return address.startswith(PICTURES) and is_name(address.removeprefix(PICTURES))


_CLEANER: Final = nh3.Cleaner(
    tags=BLOCKS | WORDS | TABLES,
    attributes=ATTRIBUTES,
    allowed_classes=CLASSES,
    url_schemes={"https", "http", "mailto", "tel"},
    link_rel="noopener noreferrer nofollow",
    attribute_filter=_ours,
)
