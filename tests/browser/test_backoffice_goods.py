"""A product made in a real browser: rich text, two pictures, hostile words in every field; published, and seen in the shop."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import pytest
from playwright.async_api import Page

from shop.assets import BORROWED, borrowed_from
from shop.installation import NODE_MODULES
from tests.browser.conftest import Browse
from tests.browser.staff import staff_sign_in
from tests.media.conftest import picture_bytes

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

IS_INSTALLED = borrowed_from(NODE_MODULES).keys() >= set(BORROWED)
with_editor = pytest.mark.skipif(
    not IS_INSTALLED, reason="TinyMCE is not installed: `python run.py prepare` fetches it"
)
RUNS = "<script>alert(1)</script><img src=x onerror=alert(1)>"
LIVELY = f'<h2>Sour</h2><p onclick="alert(1)">and <strong>good</strong></p>{RUNS}<a href="javascript:alert(1)">x</a>'


async def save(page: Page) -> None:
    """The last button of the page's forms that saves."""
    async with page.expect_navigation():
        await page.locator("main .form__end button[type=submit]").last.click()


async def violations(page: Page, axe: str) -> list[Any]:
    await page.evaluate(axe)
    ours = "{ exclude: [['.tox-statusbar__branding']] }"  # the editor's own signature
    found = await page.evaluate(f"axe.run({ours}, {{ resultTypes: ['violations'] }})")
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found["violations"]]


async def write_product(page: Page, name: str) -> str:
    """A draft with script in each of its texts; the path of its page."""
    await page.goto("/backoffice/goods/new")
    await page.locator("[data-editor-ready]").nth(1).wait_for()
    await page.fill("[name=name_en]", name)
    for field in ("name_zh", "subtitle_en", "subtitle_zh", "ingredients_en", "storage_en"):
        await page.fill(f"[name={field}]", f"{field}{RUNS}")
    await page.fill("[name=slug_zh]", f"{name.lower()}-zh")
    await page.evaluate("html => tinymce.get('description_en').setContent(html)", "<h2>Sour</h2><p>and good</p>")
    await save(page)
    return page.url.partition("#")[0]


async def add_size(page: Page, path: str, code: str) -> None:
    await page.goto(f"{path}/skus/new")
    for field, text in {"code": code, "price": "12.50", "weight": "500"}.items():
        await page.fill(f"[name={field}]", text)
    for field in ("unit_en", "unit_zh", "name_en", "name_zh"):
        await page.fill(f"[name={field}]", f"500 g{RUNS}")
    await save(page)
    await page.select_option("[name=reason]", "received")
    await page.fill("[name=quantity]", "40")
    async with page.expect_navigation():
        await page.locator(".cell-form button").click()
    assert "40 in stock now" in await page.locator("main").inner_text()


async def add_pictures(page: Page, path: str) -> None:
    """Two at once, the second dragged before the first."""
    await page.goto(f"{path}/pictures")
    files: list[Any] = [
        {"name": f"{colour}.png", "mimeType": "image/png", "buffer": picture_bytes((320, 320), colour=colour)}
        for colour in ("#a02040", "#3060a0")
    ]
    await page.set_input_files("[name=pictures]", files)
    async with page.expect_navigation():
        await page.locator("form[enctype] button").click()
    alts = page.locator(".pictures input[name$=_en]")
    await alts.first.fill(f'"{RUNS}')
    await alts.last.fill("Blue")
    shots = page.locator(".pictures img")
    await shots.last.drag_to(shots.first, target_position={"x": 5, "y": 5})
    await save(page)
    assert await page.locator(".pictures input[name$=_en]").first.input_value() == "Blue"


async def seen_in_the_shop(page: Page, path: str) -> None:
    async with asyncio.timeout(20):
        while (answer := await page.goto(path)) is None or answer.status != 200:
            await asyncio.sleep(0.05)


@with_editor
async def test_a_product_is_made_published_and_seen_and_nothing_in_it_runs(browse: Browse, axe: str) -> None:
    page, shopper = await browse(viewport={"width": 1280, "height": 900}), await browse()
    dialogs: list[str] = []
    for one in (page, shopper):
        one.on("dialog", lambda dialog: dialogs.append(dialog.message))
    await staff_sign_in(page)
    name = f"Plum{secrets.token_hex(3)}"
    path = await write_product(page, name)
    await add_size(page, path, name.upper())
    await add_pictures(page, path)
    assert (await shopper.goto(f"/products/{name.lower()}")).status == 404  # type: ignore[union-attr]
    await page.goto(f"{path}/preview")
    assert await page.locator("h1").inner_text() == name
    await page.goto(path)
    await page.locator("[data-editor-ready]").nth(1).wait_for()
    await page.select_option("[name=status]", "online")
    await save(page)

    await seen_in_the_shop(shopper, f"/products/{name.lower()}")
    prose = shopper.locator("article ~ section.prose")
    assert await prose.locator("h2").last.inner_text() == "Sour"
    assert await prose.locator("[onclick], script, [href^=javascript], [onerror]").count() == 0
    assert await shopper.locator(".gallery__strip img").first.get_attribute("alt") == "Blue"
    await seen_in_the_shop(shopper, f"/zh/products/{name.lower()}-zh")

    await page.set_viewport_size({"width": 768, "height": 900})
    for place in (f"/zh/backoffice/goods?q={name}", f"{path}/pictures"):
        await page.goto(place)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 768, place
        assert await violations(page, axe) == [], place
    assert dialogs == []


@pytest.mark.slow
@with_editor
async def test_every_page_of_the_goods_is_axe_clean_and_fits_in_both_languages(browse: Browse, axe: str) -> None:
    page = await browse()
    await staff_sign_in(page)
    await page.goto("/backoffice/goods")
    path = await page.locator("table.goods tbody th a").first.get_attribute("href") or ""
    places = ("/backoffice/goods", path, f"{path}/pictures", f"{path}/skus/new", f"{path}/preview", f"{path}/bin")
    trees = ("/backoffice/categories", "/backoffice/categories/1", "/backoffice/categories/new")
    for prefix, width in (("", 1280), ("/zh", 768)):
        await page.set_viewport_size({"width": width, "height": 900})
        for place in (*places, *trees):
            await page.goto(prefix + place)
            if place == path:
                await page.locator("[data-editor-ready]").nth(1).wait_for()
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, (place, width)
            assert await violations(page, axe) == [], (place, width)


async def test_s31_goods_are_looked_after_by_forms_alone_and_script_that_is_typed_is_dropped(browse: Browse) -> None:
    page = await browse(java_script_enabled=False, viewport={"width": 768, "height": 900})
    await staff_sign_in(page)
    await page.goto("/backoffice/goods")
    await page.locator("table.goods tbody th a").last.click()
    await page.fill("[name=description_en]", LIVELY)
    await save(page)
    assert await page.locator("[name=description_en]").input_value() == (
        '<h2>Sour</h2><p>and <strong>good</strong></p><img><a rel="noopener noreferrer nofollow">x</a>'
    )
    await page.goto("/backoffice/goods")
    row = page.locator("table.goods tbody").first
    await row.locator("[name=price]").first.fill("98.76")
    async with page.expect_navigation():
        await row.locator("[name=price] + button").first.click()
    assert await page.locator("table.goods tbody").first.locator("[name=price]").first.input_value() == "98.76"
    await page.locator("table.goods [name=chosen]").first.check()
    await page.select_option("#deed", "offline")
    async with page.expect_navigation():
        await page.locator("#bulk button").click()
    assert "1 product is about to change." in await page.locator("main").inner_text()
    for value in ("offline", "online"):
        if value == "online":
            await page.locator("table.goods [name=chosen]").first.check()
            await page.select_option("#deed", "online")
            async with page.expect_navigation():
                await page.locator("#bulk button").click()
        async with page.expect_navigation():
            await page.locator("main form.form__end button").click()
        assert "1 product changed." in await page.locator("main").inner_text()
