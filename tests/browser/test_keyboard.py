"""Staff who use no mouse: from the top of a page by Tab to where the work is, every stop in sight and with a ring."""

from __future__ import annotations

import re
from typing import Final

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import Browse
from tests.browser.staff import staff_sign_in
from tests.browser.test_backoffice_goods import with_editor
from tests.browser.test_paying import order
from tests.browser.walk import visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# More stops than any page has: a walk that gets there ends in a trap or in a circle.
STOPS: Final = 150
# In the window, not covered by anything at every point that is tried, and with a ring; the editor draws its own a moment later.
STOP: Final = """async () => {
  await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
  const one = document.activeElement;
  const told = `${one.outerHTML.slice(0, 120)} at ${location.pathname}`;
  if (one === document.body) return { told, wrong: [] };
  const wrong = [];
  const { left, top, right, bottom } = one.getBoundingClientRect();
  const along = (from, to) => [0.05, 0.5, 0.95].map((part) => from + (to - from) * part);
  const seen = along(left, right).some((x) => along(top, bottom).some((y) => {
    const there = document.elementFromPoint(x, y);
    return there && (one.contains(there) || [...(one.labels ?? [])].some((label) => label.contains(there)));
  }));
  if (!seen) wrong.push(`out of sight: ${told}`);
  // The calendar's button inside a field of a date has a ring that the browser draws itself.
  if (/^date/.test(one.type) && !one.matches(":focus")) return { told, wrong };
  const styles = [getComputedStyle(one), getComputedStyle(one, "::after")];
  const ring = styles.some((style) => style.outlineStyle !== "none" || style.boxShadow !== "none");
  if (!ring && !one.closest(".tox-edit-focus")) wrong.push(`no ring: ${told}`);
  return { told, wrong };
}"""


@with_editor
async def test_an_order_is_opened_and_a_product_is_saved_by_tab_and_enter_alone(browse: Browse) -> None:
    guest, page = await browse(), await browse(viewport={"width": 1280, "height": 800})
    await order(guest, script=True)
    number = re.findall(r"/orders/([0-9A-Z-]+)", guest.url)[0]
    await staff_sign_in(page)
    await visit(page, "/backoffice/orders?state=all")
    told = await tab_to(page.get_by_role("link", name=number))
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_contain_text(number)

    await visit(page, "/backoffice/goods")
    told += await tab_to(page.locator("table.goods tbody th a").first)
    await page.keyboard.press("Enter")
    await page.locator("[data-editor-ready]").nth(1).wait_for()
    told += await tab_to(page.locator("[name=name_en]"))
    name = f"{await page.locator('[name=name_en]').input_value()}, ripe"
    await page.keyboard.press("End")
    await page.keyboard.type(", ripe")
    told += await tab_to(page.locator("main .form__end button[type=submit]").last)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    assert await page.locator("main .field--wrong").count() == 0
    assert await page.locator("[name=name_en]").input_value() == name
    assert told == [], "\n".join(told)


async def tab_to(goal: Locator) -> list[str]:
    """Presses Tab until it has the focus; what is wrong with the stops on the way."""
    page, told, stops = goal.page, [], []
    for _ in range(STOPS):
        await page.keyboard.press("Tab")
        stop = await page.evaluate(STOP)
        told += stop["wrong"]
        stops.append(stop["told"])
        if await goal.evaluate("one => one === document.activeElement"):
            return told
    raise AssertionError(f"Tab does not lead there: {stops}")
