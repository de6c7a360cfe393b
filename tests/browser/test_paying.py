"""A guest orders and pays at the bank, which stands on another origin and on another site, and comes back."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Browse
from tests.browser.test_buying import fill_basket, fill_desk
from tests.browser.test_pages import OVERHANG, complaints

pytestmark = pytest.mark.browser

RETURNED = re.compile(r"/orders/[0-9A-Z-]+/payment/return")
BANK = re.compile(r"http://127\.0\.0\.1:\d+/pay\?")
PICTURES = os.environ.get("BAYBERRY_PICTURES")
WAIT = 30_000  # milliseconds


async def order(page: Page, script: bool) -> None:
    """Somebody without an account orders, to be paid online."""
    await fill_basket(page, script)
    await fill_desk(page, script, "sandbox")
    await page.fill("[name=email]", "guest@example.com")
    for _ in range(2):  # without script the sums of the counter are shown only when it was chosen
        async with page.expect_navigation():
            await page.locator("main button[name=order]").click()
        if "/orders/" in page.url:
            return


async def to_the_bank(page: Page) -> None:
    await page.locator("main button[name=method][value=sandbox]").click()
    await expect(page).to_have_url(BANK, timeout=WAIT)


async def choose(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name, exact=True).click()
    await expect(page).to_have_url(RETURNED, timeout=WAIT)


async def look(page: Page, axe: str, name: str) -> list[str]:
    """What is wrong with the page; it is also drawn when somebody wants pictures."""
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)
    assert await page.evaluate(OVERHANG) <= 0
    return await complaints(page, axe)


async def test_a_guest_declines_dawdles_and_pays(browse: Browse, axe: str) -> None:
    scheme, width = "dark", 360
    page, said = await browse(color_scheme=scheme, viewport={"width": width, "height": 800}), []
    await order(page, script=True)
    said += await look(page, axe, f"order-{width}-{scheme}")
    await to_the_bank(page)
    said += await look(page, axe, f"bank-{width}-{scheme}")
    await choose(page, "Decline")
    await expect(page.locator("main h1")).to_have_text("It is not paid")
    said += await look(page, axe, f"declined-{width}-{scheme}")
    await page.get_by_role("link", name="Pay again").click()
    await to_the_bank(page)
    await choose(page, "Go back now, pay later")
    await expect(page.locator("main h1")).to_have_text("Waiting for the bank")
    said += await look(page, axe, f"waiting-{width}-{scheme}")
    await page.get_by_role("link", name="Show the order").click()
    await expect(page.locator("main")).to_contain_text("You have been on the way to pay.")
    said += await look(page, axe, f"on-the-way-{width}-{scheme}")
    await to_the_bank(page)
    await choose(page, "Pay")
    await expect(page.locator("main h1")).to_have_text("It is paid", timeout=WAIT)
    said += await look(page, axe, f"paid-{width}-{scheme}")
    assert said == []


async def test_without_script_one_pays_as_well_even_when_the_notice_is_lost(browse: Browse) -> None:
    page = await browse(java_script_enabled=False, locale="zh-CN")
    await order(page, script=False)
    await to_the_bank(page)
    await choose(page, "Pay, but lose the notice to the shop")
    await expect(page.locator("main h1")).to_have_text("It is paid")
    await page.get_by_role("link", name="Show the order").click()
    await expect(page.locator("main")).to_contain_text("It is paid.")
