"""Every page, in both languages and schemes, wide and narrow: accessible, in one column, without a complaint of the browser."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, StorageState

from tests.browser.conftest import Browse
from tests.browser.journey import goods

pytestmark = pytest.mark.browser

# Each language, scheme and width is judged once, in the proofs also the narrowest screen in English.
LOOKS = [("/zh", "dark", 360), pytest.param("", "light", 1280, marks=pytest.mark.slow)]
GUEST_PAGES = [
    "/categories/fruit",
    "/search?q=apple",
    "/search?q=qqqzzz",
    "/pages/delivery",
    "/register",
    "/login",
    "/password-reset",
    "/cart",
    "/orders",
    "/nothing-here",
]
MEMBER_PAGES = [
    "/account",
    "/account/history",
    "/account/sessions",
    "/account/addresses",
    "/account/addresses/new",
    "/account/security",
    "/account/password",
    "/account/orders",
    "/cart",
]


OVERHANG = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def complaints(page: Page, axe: str) -> list[str]:
    """What axe-core finds on the page."""
    await page.evaluate(axe)
    found: dict[str, Any] = await page.evaluate("axe.run({resultTypes: ['violations']})")
    return [f"{page.url}: {rule['id']}: {rule['nodes'][0]['html'][:200]}" for rule in found["violations"]]


@pytest.mark.parametrize(("prefix", "scheme", "width"), LOOKS)
async def test_guests_find_every_page_in_order(browse: Browse, axe: str, prefix: str, scheme: str, width: int) -> None:
    page = await browse(color_scheme=scheme, viewport={"width": width, "height": 800})
    said = []
    product = (await goods(page, 1, prefix))[0]
    for path in [prefix or "/", product, *(f"{prefix}{path}" for path in GUEST_PAGES)]:
        await page.goto(path)
        assert await page.evaluate(OVERHANG) <= 0, path
        said += await complaints(page, axe)
    assert said == []


@pytest.mark.parametrize(("prefix", "scheme", "width"), LOOKS)
async def test_members_find_every_page_in_order(
    browse: Browse, axe: str, member: StorageState, prefix: str, scheme: str, width: int
) -> None:
    page = await browse(storage_state=member, color_scheme=scheme, viewport={"width": width, "height": 800})
    said = []
    for path in MEMBER_PAGES:
        await page.goto(prefix + path)
        assert "/login" not in page.url
        assert await page.evaluate(OVERHANG) <= 0, path
        said += await complaints(page, axe)
    await page.locator("header .menu summary").click()
    said += await complaints(page, axe)
    assert said == []


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["/zh", ""])
async def test_no_page_scrolls_sideways_on_the_smallest_phone(
    browse: Browse, member: StorageState, prefix: str
) -> None:
    page = await browse(storage_state=member, viewport={"width": 360, "height": 640})
    product = (await goods(page, 1, prefix))[0]
    for path in [*(f"{prefix}{path}" for path in (*GUEST_PAGES, *MEMBER_PAGES)), prefix or "/", product]:
        await page.goto(path)
        assert await page.evaluate(OVERHANG) <= 0, path
