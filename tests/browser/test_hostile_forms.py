"""Script in every field of every form of the back office, and then every page of staff and shop: no dialog, no report, nothing alive."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, Page

from shop.commands.demo import STAFF
from tests.browser.conftest import _complaint, running_shop
from tests.browser.hostile import Guard, fill_and_send
from tests.browser.staff import Colleague, staff_sign_in
from tests.browser.walk import reached, visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Whoever sends these is signed out, shuts a door behind themselves, or leaves nothing to look at.
SPARED = ("backoffice.me.password", "backoffice.staff.", "backoffice.settings.demo", "backoffice.settings.pause")
MARK = "data-walked"
SHOP = (
    "/",
    "/categories/fruit",
    "/search?q=script",
    "/cart",
    "/checkout",
    "/pages/about",
    "/orders",
    "/login",
    "/dev/mail",
)


@pytest.fixture
def own_shop(chromium_path: str) -> Iterator[str]:
    """A demo shop that may be spoiled."""
    with running_shop() as url:
        yield url


async def test_s31_script_in_every_field_of_every_form_stays_letters(chromium: Browser, own_shop: str) -> None:
    context = await chromium.new_context(base_url=own_shop, locale="en-US", viewport={"width": 1280, "height": 900})
    page, complaints = await context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.extend(_complaint(page, message)))
    guard = Guard(page)
    await staff_sign_in(page, Colleague(STAFF[1]))
    taken = 0
    for name, paths in (await reached(page)).items():
        if not name.startswith(SPARED):
            taken += await send_forms(page, guard, paths[0])
    assert taken > 40
    for paths in (await reached(page)).values():
        for path in (paths[0], f"/zh{paths[-1]}"):
            await visit(page, path)
            await guard.look()
    for path in SHOP:
        for prefix in ("", "/zh"):
            await page.goto(prefix + path if not path.startswith("/dev") else path)
            await guard.look()
    await context.close()
    assert (guard.noted, complaints) == ([], [])


async def send_forms(page: Page, guard: Guard, path: str) -> int:
    """Each form of the page that has a field for text; how many of them were taken."""
    await visit(page, path)
    taken = 0
    for n in range(await page.locator("main form:not([enctype])").count()):
        if n >= 6:
            break  # of a list of rows, all alike
        await visit(page, path)
        await page.evaluate(
            "([mark, n]) => document.querySelectorAll('main form:not([enctype])')[n]?.setAttribute(mark, '')", [MARK, n]
        )
        taken += await fill_and_send(page, guard, f"form[{MARK}], main form:has(.field--wrong)")
    return taken
