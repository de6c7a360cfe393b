"""The editor in a real Chromium: written, formatted, a picture pasted, saved; and what attackers write, shown again."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import jinja2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import ConsoleMessage, Page, async_playwright

from shop import richtext
from shop.app import create_app
from shop.assets import BORROWED, borrowed_from
from shop.installation import NODE_MODULES
from shop.settings import Settings
from shop.web import respond, routing, uploads
from shop.web.access import anyone
from shop.web.forms import Form
from shop.web.headers import CONTENT_POLICY, EDITOR
from shop.web.rich_text import RichTextField
from shop.web.templating import ENVIRONMENTS, environment_of
from tests.browser.conftest import ARGUMENTS, chromium_path
from tests.media.conftest import picture_bytes
from tests.media.hostile_texts import TEXTS
from tests.servers import ShopServer

__all__ = ["chromium_path"]  # a fixture
IS_INSTALLED = borrowed_from(NODE_MODULES).keys() >= set(BORROWED)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not IS_INSTALLED, reason="TinyMCE is not installed: `python run.py prepare` fetches it"),
]

PAGE = """{% extends "layouts/base.html" %}
{% from "macros/editor.html" import rich_text with context %}
{% block content %}<form class="form" method="post" novalidate>{{ csrf_field() }}
{{ rich_text(form.text, uploads=url("test.pictures")) }}<button>Save</button></form>
<div class="prose" id="shown">{{ shown }}</div>{% endblock %}"""
COPY = """(data) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], "x.png", { type: "image/png" }));
  const body = tinymce.activeEditor.getBody();
  body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: carried, bubbles: true, cancelable: true }));
}"""

# Typed into the editor's view of its source: what would run is not even reported by the browser, and nothing is fetched.
FROM_ELSEWHERE = """<p onclick="alert('>')">a<img/onerror=alert(1) src='https://evil.example/x.png'>b</p>
<svg onload=alert(1)></svg><a href=javascript:alert(1) onmouseover='x'>c</a><img src=y alt="on=1">"""


class Letter(Form):
    """One text."""

    text = RichTextField("Text")


async def letter(request: web.Request) -> web.Response:
    """What was written is shown beside the form."""
    form = await Letter.read(request) if request.method == "POST" else Letter.blank(request)
    return await respond.render(
        request, "test/letter.html", form=form, shown=richtext.clean(form.text.data or ""), headers=EDITOR
    )


async def take(request: web.Request) -> web.Response:
    return await uploads.take_picture(request, by="lin")


@pytest.fixture
async def desk(settings: Settings, clean: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The address of a shop with a page to write on."""
    monkeypatch.setattr(
        routing, "PATHS", {**routing.PATHS, "test.letter": "/letter", "test.pictures": "/letter/pictures"}
    )
    app = await asyncio.to_thread(create_app, settings)
    monkeypatch.setattr("shop.urls.PATHS", routing.PATHS)
    for lang in settings.languages:
        shared = environment_of(app, lang)
        loader = jinja2.ChoiceLoader([jinja2.DictLoader({"test/letter.html": PAGE}), shared.loader])  # type: ignore[list-item]
        app[ENVIRONMENTS[lang]] = environment = shared.overlay(loader=loader)
        environment.get_template("test/letter.html")
    routing.add_routes(
        app, [routing.form("test.letter", letter, anyone), routing.upload("test.pictures", take, anyone)]
    )
    async with ShopServer(app, port=settings.port) as server:
        yield address_of(server)


def address_of(server: TestServer) -> str:
    return f"http://127.0.0.1:{server.port}"


async def arrive(browser: Any, desk: str, complaints: list[str], **options: Any) -> Page:
    page: Page = await (await browser.new_context(base_url=desk, **options)).new_page()

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    page.set_default_timeout(20_000)
    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
    return page


@pytest.mark.slow
async def test_s31_a_letter_is_written_with_a_picture_and_attackers_letters_do_nothing(
    desk: str, chromium_path: str
) -> None:
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
        await writes_in_english(await arrive(browser, desk, complaints))
        await writes_in_chinese(await arrive(browser, desk, complaints, locale="zh-CN"))
        await writes_without_script(await arrive(browser, desk, complaints, java_script_enabled=False))
        await attackers_write(await arrive(browser, desk, complaints))
        await browser.close()
    assert complaints == []


async def writes_in_english(page: Page) -> None:
    answer = await page.goto("/letter")
    assert answer is not None
    assert answer.headers["content-security-policy"] == EDITOR["Content-Security-Policy"]
    await page.wait_for_selector("[data-editor-ready]")
    inside = page.frame_locator("iframe.tox-edit-area__iframe")
    await inside.locator("body").click()
    await page.keyboard.type("Apples from Yantai")
    await page.get_by_role("button", name="Bold").click()
    await page.evaluate("tinymce.activeEditor.selection.select(tinymce.activeEditor.getBody(), true)")
    await page.evaluate("tinymce.activeEditor.formatter.apply('centred')")
    await page.evaluate("tinymce.activeEditor.selection.collapse()")
    await page.evaluate(COPY, base64.b64encode(picture_bytes((80, 60))).decode())
    await inside.locator('img[src^="/media/"]').wait_for()
    await page.get_by_role("button", name="Save").click()
    shown = page.locator("#shown")
    await shown.locator("img").wait_for()
    assert await shown.locator("p.text-center").first.inner_text() == "Apples from Yantai"
    assert await shown.locator("img").evaluate("picture => picture.complete && picture.naturalWidth") == 80
    assert await shown.locator("[style]").count() == 0
    usual = await page.goto("/login")
    assert usual is not None
    assert usual.headers["content-security-policy"] == CONTENT_POLICY


async def writes_in_chinese(page: Page) -> None:
    await page.goto("/zh/letter")
    await page.wait_for_selector("[data-editor-ready]")
    assert await page.get_by_role("button", name="粗体").count() == 1


async def writes_without_script(page: Page) -> None:
    await page.goto("/letter")
    await page.locator("textarea").fill("Crisp\n\nand sweet")
    await page.get_by_role("button", name="Save").click()
    assert await page.locator("#shown p").all_inner_texts() == ["Crisp", "and sweet"]


async def attackers_write(page: Page) -> None:
    """All at once, past the editor; then the editor opens what was kept."""
    await page.goto("/letter")
    await page.wait_for_selector("[data-editor-ready]")
    await page.evaluate("html => tinymce.activeEditor.setContent(html)", FROM_ELSEWHERE)
    for some in ("\n".join(TEXTS), "".join(f"<p>{text}</p>" for text in TEXTS)):
        await page.evaluate(
            """text => { const form = document.querySelector("form.form"); tinymce.remove();
                         form.querySelector("textarea").value = text; form.submit(); }""",
            some,
        )
        await page.wait_for_selector("[data-editor-ready]")
        assert await page.locator("#shown :is(script, svg, math, style, iframe, form, [onerror], [style])").count() == 0
