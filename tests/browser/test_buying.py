"""From the stall to the order: once with script, without leaving the page, and once with forms alone."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import Browse
from tests.browser.journey import Person, activate, register
from tests.browser.test_pages import OVERHANG, complaints

pytestmark = pytest.mark.browser

ADD = "main button[name=one]"


async def fill_basket(page: Page, script: bool) -> None:
    """Puts the first goods of the home page into the basket and makes them twelve."""
    await page.goto("/")
    if script:
        await page.locator(ADD).first.click()
        await expect(page.locator(".toast")).to_have_text("It is in your basket now.")
        await expect(page.locator("header [data-count]")).to_have_text(": 1")
    else:
        async with page.expect_navigation():
            await page.locator(ADD).first.click()
        assert "It is in your basket now." in await page.locator("main .notice").first.inner_text()
    await page.goto("/cart")
    await page.locator("main .line input[name=quantity]").fill("12")
    if script:
        await page.locator("main .line input[name=quantity]").press("Enter")
    else:
        async with page.expect_navigation():
            await page.locator("main .line button").first.click()
    await expect(page.locator("header [data-count]")).to_have_text(": 12")


async def fill_desk(page: Page, script: bool, method: str = "cash") -> None:
    """Fills in the address, looks for times and chooses the last one, and how to pay."""
    await page.goto("/checkout")
    for name, text in (("receiver", "Mei"), ("phone", "13800138000"), ("province", "Shanghai"), ("street", "1 Lane")):
        await page.fill(f"[name={name}]", text)
    if script:
        await page.locator("main [data-look-button]").click()
        await expect(page.locator("#window")).to_be_focused()
    else:
        async with page.expect_navigation():
            await page.locator("main [data-look-button]").click()
    await page.locator("[name=window]:enabled").last.check()
    await page.locator(f"[name=method][value={method}]").check()
    if script:
        await expect(page.locator(".sums")).to_contain_text("free")


@pytest.mark.parametrize("script", [True, False], ids=["with script", "with forms only"])
async def test_somebody_buys_and_cancels(browse: Browse, axe: str, script: bool) -> None:
    person, said = Person(), []
    page = await browse(java_script_enabled=script, viewport={"width": 360, "height": 800})
    if script:
        await fill_basket(page, script)
    await register(page, person)
    await activate(page, person)
    if not script:
        await fill_basket(page, script)
    await page.goto("/cart")
    assert await page.locator("main input[name=quantity]").input_value() == "12"
    said += await complaints(page, axe) if script else []

    await fill_desk(page, script)
    if script:
        await refuse(page)
    said += await complaints(page, axe) if script else []
    assert not script or await page.evaluate(OVERHANG) <= 0
    for _ in range(2):  # without script the sums of the counter are shown only when it was chosen
        async with page.expect_navigation():
            await page.locator("main button[name=order]").click()
        if "/orders/" in page.url:
            break
    assert re.search(r"/orders/[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$", page.url), await page.locator("main").inner_text()
    assert person.email in await page.locator("main .notice").first.inner_text()
    said += await complaints(page, axe) if script else []
    assert said == []
    await print_receipt(page)
    if script:
        # What was refused on the way is nowhere to go back to: the one before is the checkout, empty now.
        await page.go_back()
        assert page.url.endswith("/cart")
        await page.go_forward()
        await type_while_news_arrive(page)
    await page.get_by_role("button", name="Cancel the order").click()
    await expect(page.locator("main")).to_contain_text("The order was cancelled.")
    await press_again(page)


async def refuse(page: Page) -> None:
    """Orders without a receiver first: what is missing is said in place, and everything typed is still there."""
    await page.fill("[name=receiver]", "")
    await page.locator("main button[name=order]").click()
    await expect(page.locator("[data-summary]")).to_be_focused()
    assert await page.locator("[name=street]").input_value() == "1 Lane"
    await page.fill("[name=receiver]", "Mei")


async def type_while_news_arrive(page: Page) -> None:
    """Writes into a form on the order's page (the one to give goods back) while the page is drawn anew."""
    news, drawn = asyncio.Event(), iter(range(1, 100))

    async def with_form(route: Route) -> None:
        answer = await route.fetch()
        form = f'<p id="drawn">{next(drawn)}</p><details><summary>Wrong?</summary><textarea id="reason"></textarea></details>'
        await route.fulfill(
            response=answer, body=(await answer.text()).replace('<div class="order">', f'{form}<div class="order">')
        )

    async def tell(route: Route) -> None:
        await news.wait()
        await route.fulfill(content_type="text/event-stream", body="event: news\ndata: 1\n\n")

    await page.route(re.compile(r"/orders/[0-9A-Z-]+$"), with_form)
    await page.route("**/events", tell)
    await page.reload()
    await page.locator("summary").last.click()
    await page.locator("#reason").press_sequentially("The milk s")
    await page.locator("#reason").press("ArrowLeft")
    news.set()
    await expect(page.locator("#drawn")).not_to_have_text("1")
    await expect(page.locator("#reason")).to_be_focused()
    await page.keyboard.type("is ")
    assert await page.locator("#reason").input_value() == "The milk is s"
    await page.unroute_all(behavior="ignoreErrors")
    await page.reload()


async def print_receipt(page: Page) -> None:
    """On paper there is the receipt with its tax, and nothing to click."""
    await page.get_by_role("link", name="Receipt").click()
    await page.emulate_media(media="print")
    await expect(page.locator(".receipt").last).to_contain_text("9 %")
    for nothing in ("header nav", "footer", ".skip", ".no-print"):
        await expect(page.locator(nothing).first).to_be_hidden()
    await page.emulate_media(media="screen")
    await page.go_back()


async def press_again(page: Page) -> None:
    """Wants the same once more."""
    async with page.expect_navigation():
        await page.get_by_role("button", name="Order again").click()
    assert await page.locator("main input[name=quantity]").input_value() == "12"


async def test_an_answer_that_got_lost_puts_nothing_in_twice(browse: Browse) -> None:
    page = await browse()
    await page.goto("/")

    async def lose(route: Route) -> None:
        if "json" in (await route.request.all_headers())["accept"]:
            await route.fetch()
            await route.fulfill(status=200, body="cut off")
        else:
            await route.continue_()

    await fill_basket(page, script=True)
    await page.goto("/")
    await page.route("**/cart/lines", lose)
    async with page.expect_navigation():
        await page.locator(ADD).first.click()
    await expect(page.locator("header [data-count]")).to_have_text(": 13")


async def test_the_last_choice_counts_and_typing_goes_on_while_sums_are_on_their_way(browse: Browse) -> None:
    page = await browse()
    await fill_basket(page, script=True)
    await page.goto("/checkout")
    waits = [1.5, 0.7]

    async def slowly(route: Route) -> None:
        await asyncio.sleep(waits.pop(0))
        await route.continue_()

    await page.route("**/checkout", slowly)
    windows = page.locator("[name=window]:enabled")
    await windows.first.check()
    await windows.last.check()
    chosen = await windows.last.input_value()
    await page.locator("[name=note]").press_sequentially("Ring twice")
    await expect(page.locator("aside .muted")).to_be_visible()
    await page.wait_for_timeout(1500)
    assert await page.locator("[name=window]:checked").input_value() == chosen
    assert await page.locator("[name=note]").input_value() == "Ring twice"
    await expect(page.locator("[name=note]")).to_be_focused()


async def test_a_shop_that_cannot_tell_new_sums_leaves_the_page_as_it_is(browse: Browse) -> None:
    page = await browse()
    await fill_basket(page, script=True)
    await page.goto("/checkout")
    await page.fill("[name=street]", "1 Lane")
    await page.route("**/checkout", lambda route: route.fulfill(status=200, body="<p>Busy</p>"))
    async with page.expect_response("**/checkout"):
        await page.locator("[name=window]:enabled").last.check()
    await page.wait_for_timeout(300)
    assert await page.locator("[name=street]").input_value() == "1 Lane"
    assert await page.locator("[name=window]:enabled").last.is_checked()
