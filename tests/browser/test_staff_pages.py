"""Every page of the back office, wide and narrow, in both languages and schemes: accessible, in one column, reached by keyboard."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Browse
from tests.browser.journey import Person, activate, goods, press, register
from tests.browser.staff import staff_sign_in
from tests.browser.test_staff_story import WAIT, buy, pack_and_send
from tests.browser.walk import GET, complaints, reached, visit

pytestmark = pytest.mark.browser

LOOKS = (("", 1280, "light"), ("/zh", 768, "dark"))
# Others look at people, roles, the log, orders and goods.
SECTIONS = {
    "blocks",
    "categories",
    "coupons",
    "customers",
    "delivery",
    "exports",
    "me",
    "pages",
    "reports",
    "reviews",
    "rules",
    "settings",
    "synonyms",
    "tables",
}
# What no link leads to when all is well and nothing waits, and what is saved or streamed instead of shown.
NO_PAGES = {
    "backoffice.exports.table",
    "backoffice.invitation",
    "backoffice.kept",
    "backoffice.login",
    "backoffice.login_code",
    "backoffice.mails.mail",
    "backoffice.orders.events",
    "backoffice.returns.receipt",
    "backoffice.settings.tax_removal",
    "backoffice.setup",
    "backoffice.tables.errors",
    "backoffice.tables.template",
}
ON_A_PHONE = ("backoffice.orders", "backoffice.orders.order", "backoffice.orders.packing", "backoffice.orders.picking")


async def look(page: Page, look: tuple[str, int, str], path: str, axe: str) -> list[Any]:
    """What is wrong with a page in one language, width and scheme."""
    prefix, width, scheme = look
    await page.set_viewport_size({"width": width, "height": 800})
    await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    await visit(page, prefix + path)
    return await complaints(page, axe)


def some(found: dict[str, list[str]]) -> list[str]:
    """The list of each section and a page behind it."""
    behind = {name.split(".")[1]: name for name in found if name.count(".") > 1}
    return [name for section in sorted(SECTIONS) for name in (f"backoffice.{section}", behind.get(section)) if name]


async def test_pages_nobody_else_looks_at_are_usable_by_everybody(browse: Browse, axe: str) -> None:
    page, said = await browse(), []
    await staff_sign_in(page)
    found = await reached(page)
    for n, name in enumerate(some(found)):
        said += await look(page, LOOKS[n % 2], found[name][0], axe)
    assert said == []


@pytest.mark.slow
async def test_every_page_is_usable_in_every_look(browse: Browse, axe: str) -> None:
    page, said = await browse(), []
    await staff_sign_in(page)
    await arrange(page, await browse())
    found = await reached(page)
    assert GET - found.keys() <= NO_PAGES
    for prefix, width, scheme in LOOKS:
        for paths in found.values():
            said += await look(page, (prefix, width, scheme), paths[0], axe)
    for name in ON_A_PHONE:
        said += await look(page, ("", 360, "light"), found[name][0], axe)
    assert said == []


async def arrange(page: Page, shopper: Page) -> None:
    """Orders in each state, a return, a review and a table with a line that is refused, so that no page is empty."""
    person = Person()
    await register(shopper, person)
    await activate(shopper, person)
    path = (await goods(shopper, 1))[0]
    for state in ("delivered", "placed", "shipped"):
        number = await buy(shopper, path)
        await page.goto(f"/backoffice/orders?q={number}")
        await page.get_by_role("link", name=number).click()
        if state != "placed":
            await pack_and_send(page)
        if state == "delivered":
            await page.get_by_role("link", name="Handed over").click()
            await press(page)
            await ask_back(shopper, number)
    file: Any = {"name": "x.csv", "mimeType": "text/csv", "buffer": b"code,price\nNOTHING-LIKE-IT,1\n"}
    await page.goto("/backoffice/tables")
    await page.set_input_files("[name=file]", file)
    await press(page)
    await expect(page.locator("main .table")).to_be_visible(timeout=WAIT)


async def ask_back(page: Page, number: str, reason: str = "The milk is sour") -> None:
    """The customer wants to give it back."""
    await page.goto(f"/orders/{number}")
    await page.locator("main summary").click()
    await page.fill("[name=reason]", reason)
    await page.get_by_role("button", name="Ask to give it back").click()
    await expect(page.locator("main .notice").first).to_be_visible(timeout=WAIT)
