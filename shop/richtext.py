"""Rich text of editors, made harmless: cleaned when it is shown, whoever stored it."""

import nh3
from markupsafe import Markup

BLOCKS = {"blockquote", "figcaption", "figure", "h2", "h3", "h4", "hr", "li", "ol", "p", "ul"}
WORDS = {"a", "br", "em", "img", "s", "strong", "sub", "sup", "u"}
TABLES = {"caption", "table", "tbody", "td", "th", "thead", "tr"}
ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "width", "height", "loading"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
CLASSES = {tag: {"text-center", "text-right", "text-small", "note"} for tag in ("p", "td", "th", "figure", "img")}


def clean(html: str) -> Markup:
    """The text with the tags of a letter and nothing that runs, styles or loads from elsewhere."""
    return Markup(_CLEANER.clean(html))  # noqa: S704 - nh3 has just cleaned it


def _ours(tag: str, name: str, value: str) -> str | None:
    # security: a picture from elsewhere would tell others who reads the page
    return None if name == "src" and not value.startswith("/media/") else value


_CLEANER = nh3.Cleaner(
    tags=BLOCKS | WORDS | TABLES,
    attributes=ATTRIBUTES,
    allowed_classes=CLASSES,
    url_schemes={"https", "http", "mailto", "tel"},
    link_rel="noopener noreferrer nofollow",
    attribute_filter=_ours,
)
