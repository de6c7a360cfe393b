"""The moving parts: banners, pictures of a product, the account menu; by hand, by keyboard and not at all."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from tests.browser.conftest import Browse

pytestmark = pytest.mark.browser

SHOWN = "strip => Math.round(strip.scrollLeft / strip.clientWidth)"


async def shown(page: Page, wanted: int) -> int:
    """Which banner is to be seen, once the strip has come to rest at `wanted` (or did not)."""
    strip = page.locator("[data-carousel] [data-strip]")
    for _ in range(20):
        if await strip.evaluate(SHOWN) == wanted:
            break
        await page.wait_for_timeout(50)
    return int(await strip.evaluate(SHOWN))


async def test_banners_are_turned_by_buttons_and_keys_and_stand_still_for_who_wants_calm(browse: Browse) -> None:
    page = await browse(reduced_motion="reduce")
    await page.goto("/")
    assert await page.get_by_role("button", name="Play").count() == 1
    await page.get_by_role("button", name="Next").click()
    assert await shown(page, 1) == 1
    await page.get_by_role("button", name="Previous").click()
    assert await shown(page, 0) == 0
    await page.locator("[data-carousel] [data-strip]").press("ArrowRight")
    assert await shown(page, 1) == 1


async def test_banners_move_by_themselves_until_somebody_points_at_them(browse: Browse) -> None:
    page = await browse(reduced_motion="no-preference")
    await page.clock.install()
    await page.goto("/")
    await page.mouse.move(1, 1)
    await page.clock.fast_forward(6_500)
    assert await shown(page, 1) == 1
    await page.locator("[data-carousel]").hover()
    await page.clock.fast_forward(6_500)
    assert await shown(page, 1) == 1


async def test_without_script_banners_are_a_list_that_can_be_scrolled(browse: Browse) -> None:
    page = await browse(java_script_enabled=False)
    await page.goto("/")
    assert await page.locator("[data-carousel] li").count() > 1
    assert await page.locator("[data-carousel] button").count() == 0


async def test_the_header_can_be_used_on_the_smallest_phone_without_script(browse: Browse) -> None:
    page = await browse(java_script_enabled=False, viewport={"width": 360, "height": 640})
    await page.goto("/")
    assert await page.get_by_role("link", name="Sign in").is_visible()
    await page.get_by_role("link", name="中文").click()
    assert page.url.endswith("/zh")
    await page.get_by_role("searchbox").fill("苹果")
    await page.get_by_role("searchbox").press("Enter")
    assert "/zh/search?q=" in page.url


async def test_a_browser_that_prefers_chinese_is_offered_it_and_not_sent_there(browse: Browse) -> None:
    page = await browse(locale="zh-CN")
    await page.goto("/")
    assert page.url.endswith("/")
    await page.locator(".offered a").click()
    assert page.url.endswith("/zh")
    assert await page.locator(".offered").count() == 0


async def test_the_first_tab_leads_to_the_content(browse: Browse) -> None:
    page = await browse()
    await page.goto("/")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "content"


async def test_the_search_suggests_goods_by_keys_and_by_hand(browse: Browse, axe: str) -> None:
    page = await browse()
    await page.goto("/")
    field = page.get_by_role("combobox")
    await field.press_sequentially("straw", delay=20)
    options = page.get_by_role("option")
    await options.first.wait_for()
    assert "Strawberries" in await options.first.inner_text()
    assert (
        await page.evaluate(f"async () => {{ {axe}; return (await axe.run('header')).violations.map(v => v.id) }}")
        == []
    )
    await field.press("ArrowDown")
    assert await options.first.get_attribute("aria-selected") == "true"
    await field.press("ArrowUp")
    assert await options.first.get_attribute("aria-selected") == "false"
    await field.press("Escape")
    assert not await options.first.is_visible()
    await field.press_sequentially("b")
    await options.first.click()
    await page.wait_for_url("**/products/*")
    assert await page.locator("h1").inner_text() == "Strawberries"


async def test_while_an_input_method_composes_nothing_is_asked(browse: Browse) -> None:
    page = await browse()
    await page.goto("/zh")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/suggestions" in request.url else None)
    await page.evaluate(COMPOSE, "xi hong")
    await page.wait_for_timeout(400)
    assert asked == []
    await page.evaluate(COMPOSED, "西红柿")
    await page.get_by_role("option").first.wait_for()
    assert len(asked) == 1


COMPOSE = """
text => {
  const field = document.querySelector("#search-words");
  field.focus();
  field.dispatchEvent(new CompositionEvent("compositionstart"));
  field.value = text;
  field.dispatchEvent(new InputEvent("input", { isComposing: true }));
}
"""
COMPOSED = """
text => {
  const field = document.querySelector("#search-words");
  field.value = text;
  field.dispatchEvent(new CompositionEvent("compositionend"));
}
"""
