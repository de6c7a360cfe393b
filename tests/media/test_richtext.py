"""What an editor or an attacker writes is a letter afterwards: on save, and on render once more."""

from __future__ import annotations

import asyncio
import socket
from html.parser import HTMLParser
from typing import Any

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient
from hypothesis import given
from hypothesis import strategies as st

from shop import richtext
from shop.db import Database, ForeignKeyViolation
from shop.media.names import original, rendition
from shop.media.queries import unknown_pictures
from shop.web.forms import Form
from shop.web.headers import CONTENT_POLICY, EDITOR
from shop.web.rich_text import RichTextField
from tests.media.conftest import PATH
from tests.media.hostile_texts import TEXTS

FINGERPRINT = "0123456789abcdef" * 4
TAGS = richtext.BLOCKS | richtext.WORDS | richtext.TABLES
SAFE_SCHEMES = ("https:", "http:", "mailto:", "tel:")


class Inspector(HTMLParser):
    """Complains of every tag and attribute that a letter has no need of."""

    def __init__(self) -> None:
        super().__init__()
        self.complaints: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        allowed = richtext.ATTRIBUTES.get(tag, set()) | {"class", "rel", "title", "lang"}
        if tag not in TAGS:
            self.complaints.append(tag)
        for name, value in attrs:
            address = (value or "").strip().lower()
            if name not in allowed:
                self.complaints.append(f"{tag} {name}")
            if name == "src" and not address.startswith("/media/"):
                self.complaints.append(f"src {value}")
            if name == "href" and ":" in address.split("/")[0] and not address.startswith(SAFE_SCHEMES):
                self.complaints.append(f"href {value}")
            if name == "class" and not set(address.split()) <= richtext.CLASSES.get(tag, set()):
                self.complaints.append(f"class {value}")
            if tag == "a" and name == "rel" and "noopener" not in address:
                self.complaints.append(f"rel {value}")

    def handle_decl(self, decl: str) -> None:
        self.complaints.append(decl)

    handle_comment = handle_pi = unknown_decl = handle_decl


def complaints(html: str) -> list[str]:
    inspector = Inspector()
    inspector.feed(html)
    inspector.close()
    return inspector.complaints


@pytest.mark.parametrize("text", TEXTS)
def test_s31_nothing_hostile_is_left(text: str) -> None:
    for html in (text, f"<p>{text}</p>", f"<table><tr><td>{text}</td></tr></table>", f"<svg>{text}</svg>"):
        cleaned = richtext.clean(html)
        assert complaints(cleaned) == []
        assert richtext.clean(cleaned) == cleaned


PIECES = st.sampled_from(
    [*TEXTS, "<p>", "</p>", "<ul><li>", "</table>", "&lt;", "苹果", "<b>", "'", '"', "<h2 class=note>"]
)


@given(st.lists(PIECES, max_size=6).map("".join))
def test_s31_clean_text_stays_as_it_is(html: str) -> None:
    cleaned = richtext.clean(html)
    assert complaints(cleaned) == []
    assert richtext.clean(cleaned) == cleaned


@given(st.text(alphabet="<>/=\"'&;:!-[]?ascript img onerror\n\t\x00", max_size=60))
def test_s31_clean_noise_stays_as_it_is(html: str) -> None:
    cleaned = richtext.clean(html)
    assert complaints(cleaned) == []
    assert richtext.clean(cleaned) == cleaned


def test_a_letter_is_kept_whole() -> None:
    letter = (
        f'<h2 class="text-center">Apples</h2><p class="note">Crisp <strong>and</strong> <em>sweet</em>, '
        f'<a href="/products/apple" rel="noopener noreferrer nofollow">here</a>.</p>'
        f'<figure class="text-right"><img src="/media/{rendition(FINGERPRINT, 640)}" alt="An apple" width="640" height="480">'
        '<figcaption>Fuji</figcaption></figure><table><tbody><tr><th scope="row">kcal</th><td>52</td></tr></tbody></table>'
    )
    assert richtext.clean(letter) == letter


def test_plain_typing_becomes_paragraphs() -> None:
    assert richtext.from_typing("Crisp & sweet\r\nfrom Yantai\n\n\n 1 < 2 ") == (
        "<p>Crisp &amp; sweet<br>from Yantai</p><p>1 &lt; 2</p>"
    )
    assert richtext.from_typing("<p>as it is</p>") == "<p>as it is</p>"
    assert richtext.from_typing("  \n") == ""


class Letter(Form):
    """A form with rich text."""

    text = RichTextField("Text")


def test_s31_a_field_of_rich_text_is_clean_as_soon_as_it_arrives() -> None:
    from multidict import MultiDict

    form = Letter(MultiDict(text="<p onclick=alert(1)>Hi<script>alert(1)</script></p>"))
    assert form.text.data == "<p>Hi</p>"


async def test_a_text_holds_its_pictures(db: Database) -> None:
    html = f'<p><img src="/media/{rendition(FINGERPRINT, 320)}"><img src="/media/{original("f" * 64)}"></p>'
    assert richtext.pictures_in(html) == {FINGERPRINT, "f" * 64}
    add = "INSERT INTO content_pages (slug, title, body) VALUES ('story', '{\"en\": \"x\"}', %(body)s)"
    async with db.transaction() as conn:
        await conn.execute(
            "INSERT INTO media_files (fingerprint, width, height, size) VALUES (%(f)s, 1, 1, 1)", {"f": FINGERPRINT}
        )
        assert await unknown_pictures(conn, richtext.pictures_in(html)) == {"f" * 64}
    with pytest.raises(ForeignKeyViolation):
        async with db.transaction() as conn:
            await conn.execute(add, {"body": {"en": html}})
    async with db.transaction() as conn:
        await conn.execute(add, {"body": {"en": html.replace("f" * 64, FINGERPRINT)}})
    with pytest.raises(ForeignKeyViolation):
        async with db.transaction() as conn:
            await conn.execute("DELETE FROM media_files")
    async with db.transaction() as conn:
        await conn.execute("UPDATE content_pages SET body = '{}'")
        assert await conn.execute("DELETE FROM media_files") == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]:22/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "https://evil.example/redirect?to=http://127.0.0.1/",
        "data:image/png;base64,iVBORw0KGgo=",
    ],
)
async def test_s32_no_address_is_ever_fetched(
    studio: TestClient[Any, Any], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    loop = asyncio.get_running_loop()
    for name in ("create_connection", "getaddrinfo"):
        real = getattr(loop, name)

        async def note(*told: object, _real: Any = real, **more: object) -> object:
            if "sock" not in more:  # the visitor itself has one
                asked.append(told)
            return await _real(*told, **more)

        monkeypatch.setattr(loop, name, note)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *told, **_: asked.append(told))
    form = FormData()
    form.add_field("url", url)
    form.add_field("file", url.encode(), filename=url)
    assert (await studio.post(PATH, data=form)).status == 400
    response = await studio.post(PATH, data=FormData({"url": url, "file": url}, default_to_multipart=True))
    assert response.status == 400
    assert asked == []
    assert richtext.clean(f'<img src="{url}">') == "<img>"


def test_only_a_page_with_an_editor_relaxes_two_directives() -> None:
    usual, relaxed = (
        dict(part.strip().split(" ", 1) for part in policy.split(";"))
        for policy in (CONTENT_POLICY, EDITOR["Content-Security-Policy"])
    )
    assert {name: value for name, value in relaxed.items() if usual[name] != value} == {
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' blob:",
    }
    assert usual.keys() == relaxed.keys()
