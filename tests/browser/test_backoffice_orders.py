"""An order from the shop into the box: it appears in the open queue by itself, is packed on a phone, and every page is usable."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Browse
from tests.browser.journey import Person, activate, press, register
from tests.browser.staff import staff_sign_in
from tests.browser.test_buying import fill_basket, fill_desk

pytestmark = pytest.mark.browser


async def test_an_order_appears_at_once_and_is_packed_on_a_phone(browse: Browse, axe: str) -> None:
    queue = await browse(viewport={"width": 1280, "height": 800})
    await staff_sign_in(queue)
    await queue.goto("/backoffice/orders")

    buyer, person = await browse(), Person()
    await register(buyer, person)
    await activate(buyer, person)
    await fill_basket(buyer, script=True)
    await fill_desk(buyer, script=True)
    async with buyer.expect_navigation():
        await buyer.locator("main button[name=order]").click()
    number = buyer.url.rpartition("/")[2]

    await expect(queue.locator("[data-queue]")).to_contain_text(number, timeout=15_000)
    said = await complaints(queue, axe)
    await queue.get_by_role("link", name=number).click()
    said += await complaints(queue, axe)
    order = queue.url

    await queue.set_viewport_size({"width": 360, "height": 800})
    await queue.goto(f"{order}/packing")
    said += await complaints(queue, axe)
    await press(queue)
    assert "Tick every line" in await queue.locator("main [role=alert]").inner_text()
    for line in await queue.locator("main .pick__line").all():
        await line.click()
    await press(queue)
    await expect(queue.locator("main .notice")).to_contain_text("Packed.")
    for path in (
        order,
        f"{order}/slip",
        "/backoffice/orders/picking",
        "/zh/backoffice/orders",
        "/zh/backoffice/mails?state=sent",
    ):
        await queue.goto(path)
        said += await complaints(queue, axe)
    await queue.set_viewport_size({"width": 768, "height": 800})
    for path in ("/backoffice", "/backoffice/returns", "/backoffice/customers", "/zh/backoffice/mails", order):
        await queue.goto(path)
        said += await complaints(queue, axe)
    assert said == []


async def complaints(page: Page, axe: str) -> list[Any]:
    """What axe finds, and whether the page is wider than its window."""
    await page.evaluate(axe)
    found = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    wide = await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    told = [(page.url, rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found["violations"]]
    return [*told, *([(page.url, "too wide")] if wide else [])]
