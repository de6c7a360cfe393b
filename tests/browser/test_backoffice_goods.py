"""Goods looked after in a real browser: every page of theirs, and the same by forms alone."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page

from shop.assets import BORROWED, borrowed_from
from shop.installation import NODE_MODULES
from tests.browser.conftest import Browse
from tests.browser.staff import staff_sign_in

pytestmark = pytest.mark.browser

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


@pytest.mark.slow
@with_editor
async def test_every_page_of_the_goods_is_axe_clean_and_fits_in_both_languages(browse: Browse, axe: str) -> None:
    page = await browse()
    await staff_sign_in(page)
    await page.goto("/backoffice/goods")
    path = await page.locator("table.goods tbody th a").first.get_attribute("href") or ""
    places = ("/backoffice/goods", path, f"{path}/pictures", f"{path}/skus/new", f"{path}/preview", f"{path}/bin")
    trees = (
        "/backoffice/categories",
        "/backoffice/categories/1",
        "/backoffice/categories/new",
        "/backoffice/origins/1",
    )
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
