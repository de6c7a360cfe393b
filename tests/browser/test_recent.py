"""What a guest looked at stays in the guest's browser."""

from __future__ import annotations

import json

import pytest

from tests.browser.conftest import Browse
from tests.browser.journey import goods

pytestmark = pytest.mark.browser


async def test_a_guest_finds_what_they_looked_at_newest_first(browse: Browse) -> None:
    page = await browse()
    first, second = await goods(page, 2)
    names = []
    for path in (first, second, first):
        await page.goto(path)
        names.append(await page.locator("h1").inner_text())
    await page.goto("/")
    assert await page.locator("[data-recent] .card__name").all_inner_texts() == [names[2], names[1]]
    assert await page.context.cookies() == []

    await page.locator("[data-forget]").click()
    assert not await page.locator("[data-recent]").is_visible()
    assert await page.evaluate("localStorage.getItem('viewed')") is None


async def test_the_page_of_a_product_does_not_list_itself(browse: Browse) -> None:
    page = await browse()
    (path,) = await goods(page, 1)
    await page.goto(path)
    assert not await page.locator("[data-recent]").is_visible()


async def test_the_list_speaks_the_language_in_which_goods_were_seen(browse: Browse) -> None:
    page = await browse()
    (path,) = await goods(page, 1)
    await page.goto(path)
    await page.locator("header a[hreflang=zh]").click()
    await page.wait_for_url("**/zh/**")
    chinese = await page.locator("h1").inner_text()
    await page.goto("/zh")
    assert await page.locator("[data-recent] .card__name").all_inner_texts() == [chinese]


async def test_what_a_stranger_wrote_into_the_list_is_text_and_leads_nowhere_else(browse: Browse) -> None:
    page = await browse()
    await page.goto("/")
    planted = [
        {
            "id": 1,
            "picture": "//evil.example/x.png",
            "tint": "3",
            "texts": {"en": {"name": "<b>x</b>", "path": "//evil.example/"}},
        },
        {"id": "two", "texts": {"en": {"name": "y", "path": "/"}}},
    ]
    await page.evaluate("items => localStorage.setItem('viewed', items)", json.dumps(planted))
    await page.reload()
    link = page.locator("[data-recent] .card__name a")
    assert await link.all_inner_texts() == ["<b>x</b>"]
    assert await link.get_attribute("href") == "/"
    assert await page.locator("[data-recent] .picture img").count() == 0
    await page.evaluate("localStorage.setItem('viewed', 'broken')")
    await page.reload()
    assert not await page.locator("[data-recent]").is_visible()


async def test_without_script_there_is_no_empty_list(browse: Browse) -> None:
    page = await browse(java_script_enabled=False)
    (path,) = await goods(page, 1)
    await page.goto(path)
    await page.goto("/")
    assert not await page.locator("[data-recent]").is_visible()
