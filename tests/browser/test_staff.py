"""The back office from end to end in a real browser: somebody is invited, comes in, sees what the role allows, and has to go."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.conftest import Browse
from tests.browser.journey import press
from tests.browser.staff import ROSE, Colleague, invitation_link, second_step, staff_sign_in

pytestmark = pytest.mark.browser

PAGES = (
    "/backoffice",
    "/backoffice/staff",
    "/backoffice/staff/new",
    "/backoffice/staff/1",
    "/backoffice/staff/1/disabling",
    "/backoffice/roles",
    "/backoffice/roles/2",
    "/backoffice/log",
)


async def invite(page: Page, who: Colleague, name: str, role: str) -> None:
    await page.goto("/backoffice/staff/new")
    await page.fill("[name=name]", name)
    await page.fill("[name=email]", who.email)
    await page.select_option("[name=role]", label=role)
    await page.select_option("[name=language]", "zh")
    await press(page)


@pytest.mark.parametrize(
    "script",
    [pytest.param(True, id="with script"), pytest.param(False, id="with forms only", marks=pytest.mark.slow)],
)
async def test_s63_s64_from_the_invitation_to_the_end_of_access(browse: Browse, script: bool) -> None:
    owner = await browse(java_script_enabled=script)
    await staff_sign_in(owner)
    name = f"Pan {secrets.token_hex(3)}"
    pan = Colleague(f"pan-{secrets.token_hex(4)}@dailyfresh.example", "three-ripe-mangoes")
    await invite(owner, pan, name, "Packer")
    assert await owner.locator("h1").inner_text() == name
    assert await owner.locator(".badge").first.inner_text() == "Invited"
    theirs = owner.url

    packer = await browse(java_script_enabled=script)
    link = await invitation_link(packer, pan.email)
    assert link.startswith("/zh/")
    await packer.goto(link)
    await packer.fill("[name=password]", pan.password)
    await press(packer)
    await second_step(packer, pan)
    assert await packer.locator("h1").inner_text() == f"您好，{name}"
    assert await packer.locator("nav.places a", has_text="员工").count() == 0
    assert (await packer.goto("/backoffice/staff")).status == 403  # type: ignore[union-attr]
    assert await packer.locator("h1").inner_text() == "Your role does not include this"

    await owner.goto(theirs)
    await owner.locator("main a.button--danger").click()
    await press(owner)
    assert "Their access has ended." in await owner.locator("main").inner_text()
    await packer.goto("/backoffice")
    assert "/backoffice/login" in packer.url

    await owner.goto(f"/backoffice/log?q={name.replace(' ', '+')}")
    log = await owner.locator("table").inner_text()
    assert log.index("signed in") < log.index("second factor set up") < log.index("invitation accepted")
    async with owner.expect_navigation():
        await owner.locator(".desk__bar button").click()
    assert "are as they were written" in await owner.locator("main .notice").inner_text()


FEW, ALL = PAGES[1:4], PAGES
LOOKS = (("", 1280, "light", ALL), ("/zh", 768, "dark", ALL), ("", 360, "light", FEW))
MORE_LOOKS = (("/zh", 1280, "dark", FEW), ("", 768, "light", FEW))


@pytest.mark.parametrize("looks", [LOOKS, pytest.param(MORE_LOOKS, marks=pytest.mark.slow)])
async def test_every_page_is_axe_clean_and_fits_at_1280_and_768_in_both_languages(
    browse: Browse, axe: str, looks: tuple[tuple[str, int, str, tuple[str, ...]], ...]
) -> None:
    page = await browse(viewport={"width": 1280, "height": 800})
    for path in ("/backoffice/login", "/backoffice/nothing"):
        await page.goto(path)
        assert await _violations(page, axe) == [], path
    await staff_sign_in(page, ROSE)
    for prefix, width, scheme, pages in looks:
        await page.set_viewport_size({"width": width, "height": 800})
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for path in pages:
            await page.goto(f"{prefix}{path}")
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
            assert await _violations(page, axe) == [], (path, width, scheme)


async def test_the_keyboard_reaches_everything_in_the_order_it_stands(browse: Browse) -> None:
    page = await browse(viewport={"width": 1280, "height": 800})
    await staff_sign_in(page)
    await page.goto("/backoffice/staff")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.keyboard.press("Enter")
    reached = []
    for _ in range(6):
        await page.keyboard.press("Tab")
        reached.append(await page.evaluate("document.activeElement.name || document.activeElement.textContent.trim()"))
    assert reached[:4] == ["q", "state", "role", "Show"]


async def _violations(page: Page, axe: str) -> list[Any]:
    await page.evaluate(axe)
    found = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found["violations"]]
