"""Searching in a real browser: suggestions while one types, by keyboard, with an input method, and without script."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Browse
from tests.browser.test_pages import complaints

pytestmark = pytest.mark.browser

COMPOSED = """field => {
    field.value = "西红柿";
    field.dispatchEvent(new InputEvent("input", { bubbles: true, isComposing: true }));
}"""


def watched(page: Page) -> list[str]:
    """The addresses of suggestions that the page asks for from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/search/suggestions" in request.url else None)
    return asked


async def test_initials_suggest_and_the_keyboard_chooses(browse: Browse, axe: str) -> None:
    page = await browse()
    await page.goto("/zh")
    field = page.get_by_role("combobox")
    await field.press_sequentially("xhs")
    option = page.get_by_role("option", name="西红柿").first
    await expect(option).to_be_visible()
    await expect(field).to_have_attribute("aria-expanded", "true")
    assert await complaints(page, axe) == []
    await field.press("ArrowDown")
    await expect(option).to_have_attribute("aria-selected", "true")
    await field.press("Enter")
    await page.wait_for_url("**/zh/products/xi-hong-shi")


async def test_escape_closes_and_what_was_typed_stays(browse: Browse) -> None:
    page = await browse()
    await page.goto("/")
    field = page.get_by_role("combobox")
    await field.press_sequentially("appl")
    await expect(page.get_by_role("listbox")).to_be_visible()
    await field.press("Escape")
    await expect(page.get_by_role("listbox")).to_be_hidden()
    await expect(field).to_have_value("appl")
    await field.press("Enter")
    await page.wait_for_url("**/search?q=appl")


async def test_nothing_is_asked_while_an_input_method_composes(browse: Browse) -> None:
    page = await browse()
    await page.goto("/zh")
    asked = watched(page)
    field = page.get_by_role("combobox")
    await field.focus()
    await field.evaluate(COMPOSED)
    await page.wait_for_timeout(400)
    assert asked == []
    await field.dispatch_event("compositionend")
    await expect(page.get_by_role("option").first).to_be_visible()
    assert len(asked) == 1


async def test_without_script_the_form_searches(browse: Browse) -> None:
    page = await browse(java_script_enabled=False)
    await page.goto("/zh")
    await page.get_by_role("searchbox").fill("xihongshi")
    await page.get_by_role("searchbox").press("Enter")
    await page.wait_for_url("**/zh/search?q=xihongshi")
    await expect(page.get_by_role("link", name="西红柿", exact=True)).to_be_visible()
