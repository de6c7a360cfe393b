"""Script in whatever a customer may type about an order, on the pages where staff, other customers and mail programs show it."""

from __future__ import annotations

from typing import Final

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Browse
from tests.browser.hostile import HOSTILE, Guard
from tests.browser.journey import Person, activate, goods, press, register
from tests.browser.staff import staff_sign_in
from tests.browser.test_staff_pages import ask_back
from tests.browser.test_staff_story import buy, pack_and_send
from tests.browser.walk import reached, visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SHORT: Final = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
TYPED: Final = {"receiver": SHORT, "city": SHORT, "district": SHORT, "street": HOSTILE, "note": HOSTILE}
# Where staff read what customers have typed.
READ: Final = tuple(f"backoffice.{name}" for name in ("orders", "returns", "reviews", "customers", "mails", "audit"))
SHOWN: Final = "onerror=alert(1)"
# Whatever else they look at, there it stands.
TOLD: Final = {
    "backoffice.mails.sent",
    "backoffice.orders",
    "backoffice.orders.order",
    "backoffice.orders.packing",
    "backoffice.orders.picking",
    "backoffice.orders.slip",
    "backoffice.returns",
    "backoffice.returns.answer",
    "backoffice.reviews",
}


async def test_s26_what_customers_type_stays_letters_for_staff_and_in_their_mails(browse: Browse) -> None:
    shopper, page = await browse(), await browse(viewport={"width": 1280, "height": 900})
    theirs, ours = Guard(shopper), Guard(page)
    await staff_sign_in(page)
    path, number = await buy_and_complain(shopper, page, theirs)
    seen = set()
    for name, paths in (await reached(page)).items():
        if name.startswith(READ):
            for place in (paths[0], f"/zh{paths[-1]}"):
                await visit(page, place)
                await ours.look()
                if SHOWN in await page.locator("body").inner_text():
                    seen.add(name)
    assert seen >= TOLD  # it is there, as letters
    await page.goto("/backoffice/reviews")
    async with page.expect_navigation():
        await page.locator("main tr", has_text=SHOWN).get_by_role("button", name="Show to all").click()
    await shopper.goto(path)
    await expect(shopper.locator("main")).to_contain_text(SHOWN)
    await theirs.look()
    await read_mails(page, ours, number)
    assert (theirs.noted, ours.noted) == ([], [])


async def buy_and_complain(page: Page, staff: Page, guard: Guard) -> tuple[str, str]:
    """Script at every step, from the address to what is wrong with the goods; where they are sold, and the number of the order."""
    person = Person()
    await register(page, person)
    await activate(page, person)
    path = (await goods(page, 1))[0]
    number = await buy(page, path, TYPED)
    await staff.goto(f"/backoffice/orders?q={number}")
    await staff.get_by_role("link", name=number).click()
    await pack_and_send(staff)
    await staff.get_by_role("link", name="Handed over").click()
    await press(staff)
    await page.goto(f"/orders/{number}")
    await guard.look()
    await page.locator("main a[href*='/reviews/']").click()
    await page.check("[name=stars][value='1']")
    await page.fill("[name=text]", HOSTILE)
    await press(page)
    await ask_back(page, number, HOSTILE)
    await guard.look()
    await buy(page, path, TYPED)  # another one, which waits to be packed
    return path, number


async def read_mails(page: Page, guard: Guard, number: str) -> None:
    """Every mail about the order, in the shop's own pages and in its frame."""
    await page.goto("/dev/mail")
    await guard.look()
    mails = page.locator(".mailroom__mail a", has_text=number)
    addresses = [await one.get_attribute("href") or "" for one in await mails.all()]
    shown = 0
    for address in addresses:
        await page.goto(address)
        await guard.look()
        inner = page.frame_locator(".mailroom__html").locator("body")
        assert await inner.locator("img[src=x], script, [href^=javascript]").count() == 0
        shown += SHOWN in await inner.inner_text()
    assert shown
