"""From a stranger to a customer whose shop remembers what they looked at: once with script, once with forms alone."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from tests.browser.conftest import Browse
from tests.browser.journey import Person, activate, goods, press, register, sign_in, sign_out

pytestmark = pytest.mark.browser


async def names_of_history(page: Page) -> list[str]:
    await page.goto("/account/history")
    return await page.locator("main .card__name a").all_inner_texts()


async def look_at(page: Page, path: str) -> str:
    """Opens a product; its name."""
    await page.goto(path)
    return await page.locator("h1").inner_text()


@pytest.mark.parametrize("script", [True, False], ids=["with script", "with forms only"])
async def test_registered_activated_signed_in_and_remembered(browse: Browse, script: bool) -> None:
    person = Person()
    page = await browse(java_script_enabled=script)
    first, second, third = await goods(page, 3)
    seen_as_guest = await look_at(page, first)

    await register(page, person)
    assert await page.locator("h1").inner_text() == "Look into your mailbox"
    await activate(page, person)
    await sign_out(page)
    await sign_in(page, person)
    assert person.username in await page.locator("header .menu summary").inner_text()

    seen = [await look_at(page, second), await look_at(page, third)]
    expected = [*reversed(seen), *([seen_as_guest] if script else [])]
    assert await names_of_history(page) == expected

    await sign_out(page)
    await page.goto("/account/history")
    assert "/login" in page.url


async def test_a_password_can_be_shown_and_is_sent_hidden(browse: Browse) -> None:
    page = await browse()
    await page.goto("/login")
    password = page.locator("main [name=password]")
    await password.fill("something")
    await page.get_by_label("Show password").click()
    assert await password.get_attribute("type") == "text"
    await page.get_by_label("Hide password").click()
    assert await password.get_attribute("type") == "password"


async def test_what_is_wrong_takes_the_focus_and_leads_to_the_field(browse: Browse) -> None:
    page = await browse()
    await page.goto("/register")
    await page.fill("[name=username]", "x")
    await press(page)
    summary = page.locator("[data-summary]")
    assert await summary.evaluate("element => element === document.activeElement")
    assert await page.locator("[name=username]").input_value() == "x"
    await summary.locator("a").first.click()
    assert await page.locator("[name=username]").evaluate("element => element === document.activeElement")
    assert await page.locator("[name=username]").get_attribute("aria-invalid") == "true"
