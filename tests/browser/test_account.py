"""The account from end to end in a real browser, once with script and once with forms alone."""

from __future__ import annotations

import base64
import re
import time
from typing import Any

import pytest
from playwright.async_api import Page, StorageState

from shop import totp
from tests.browser.conftest import Browse
from tests.browser.journey import Person, activate, press, register, sign_in, sign_out

pytestmark = pytest.mark.browser

PAGES = (
    "/account",
    "/account/addresses",
    "/account/addresses/new",
    "/account/security",
    "/account/second-factor",
    "/account/email",
    "/account/password",
    "/account/personal-data",
    "/account/erasure",
)
GUESTS_PAGES = ("/register", "/login", "/activation", "/password-reset")


async def add_address(page: Page) -> None:
    await page.goto("/account/addresses/new")
    typed = {
        "receiver": "林小满",
        "phone": "13800138000",
        "province": "Guangdong",
        "city": "Guangzhou",
        "district": "Tianhe",
        "street": "1 Tianhe Road",
        "postcode": "510620",
    }
    for name, text in typed.items():
        await page.fill(f"main [name={name}]", text)
    await press(page)


async def switch_second_factor_on(page: Page) -> bytes:
    """Reads the secret off the page as an app would; returns it."""
    await page.goto("/account/second-factor")
    await press(page)
    assert await page.locator(".qr img").evaluate("image => image.complete && image.naturalWidth") != 0
    secret = base64.b32decode((await page.locator("code.secret").inner_text()).replace(" ", ""))
    await page.fill("main [name=code]", totp.code_at(secret, int(time.time() // 30) - 1))
    await press(page)
    assert await page.locator(".codes li").count() == 10
    return secret


@pytest.mark.parametrize(
    "script",
    [pytest.param(True, id="with script"), pytest.param(False, id="with forms only", marks=pytest.mark.slow)],
)
async def test_the_whole_life_of_an_account(browse: Browse, script: bool) -> None:
    person = Person()
    page = await browse(java_script_enabled=script)
    await register(page, person)
    await activate(page, person)

    await add_address(page)
    assert "林小满" in await page.locator("main").inner_text()
    await page.goto("/account")
    assert "1 Tianhe Road" in await page.locator("main").inner_text()

    secret = await switch_second_factor_on(page)
    await sign_out(page)
    await sign_in(page, person)
    assert await page.locator("h1").inner_text() == "Enter your code"
    await page.fill("main [name=code]", totp.code_at(secret, int(time.time() // 30) + 1))
    await press(page)
    assert await page.locator("h1").inner_text() == f"Hello, {person.username}"

    await page.goto("/account/password")
    await page.fill("main [name=password]", "three-ripe-mangoes")
    await press(page)
    assert "Your password is changed" in await page.locator("main").inner_text()
    assert "Password changed" in await page.locator("main").inner_text()

    await page.goto("/account/erasure")
    await page.check("[name=understood]")
    await press(page)
    await page.goto("/account")
    assert "/login" in page.url
    await page.fill("[name=login]", person.username)
    await page.fill("main [name=password]", "three-ripe-mangoes")
    await press(page)
    assert "is not right" in await page.locator("[role=alert]").inner_text()


async def test_s71_fields_take_what_is_pasted_and_tell_password_managers_what_they_are(browse: Browse) -> None:
    page = await browse()
    for path in GUESTS_PAGES:
        await page.goto(path)
        await fields_are_open(page)


async def fields_are_open(page: Page) -> None:
    fields = page.locator("main input:is([type=text], [type=email], [type=password])")
    assert await fields.count() > 0
    for n in range(await fields.count()):
        field = fields.nth(n)
        assert await field.get_attribute("autocomplete") in {"username", "email", "current-password", "new-password"}
        assert await field.get_attribute("maxlength") is None or await field.get_attribute("type") != "password"
        is_taken = await field.evaluate(
            "field => field.dispatchEvent(new ClipboardEvent('paste', { bubbles: true, cancelable: true }))"
        )
        assert is_taken


@pytest.mark.slow  # tests/browser/test_pages.py looks at most of them each time
@pytest.mark.parametrize("path", [*PAGES, *GUESTS_PAGES])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(browse: Browse, member: StorageState, axe: str, path: str, scheme: str) -> None:
    state = member if path in PAGES else None
    page = await browse(storage_state=state, color_scheme=scheme, viewport={"width": 360, "height": 800})
    await page.goto(path)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    assert await _violations(page, axe) == []


async def test_s71_an_error_summary_passes_axe_too(browse: Browse, axe: str) -> None:
    page = await browse()
    await page.goto("/register")
    await press(page)
    assert await page.evaluate("document.activeElement.className") == "summary"
    for field in ("username", "email", "password"):
        described = await page.get_attribute(f"#{field}", "aria-describedby") or ""
        assert re.search(rf"\b{field}-error\b", described)
    assert await _violations(page, axe) == []


async def _violations(page: Page, axe: str) -> list[Any]:
    # evaluated, not added as a script tag: the content policy lets no foreign script in
    await page.evaluate(axe)
    found = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found["violations"]]
