"""The story of one product in a real browser: made, published, seen, bought, paid, packed, sent, paid back; and the log tells all of it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from playwright.async_api import Page, expect

from shop.commands.demo import PEOPLE
from shop.demo import PASSWORD
from tests.browser.conftest import Browse
from tests.browser.journey import Person, press, sign_in
from tests.browser.staff import staff_sign_in
from tests.browser.test_backoffice_goods import LIVELY, RUNS, save, with_editor
from tests.browser.test_buying import fill_desk
from tests.browser.test_paying import WAIT, choose, to_the_bank
from tests.media.conftest import picture_bytes

pytestmark = pytest.mark.browser

TOM = Person(PEOPLE[1][0], PASSWORD)
PASTE = """html => {
  const carried = new DataTransfer();
  carried.setData("text/html", html);
  const body = tinymce.get("description_zh").getBody();
  body.focus();
  body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: carried, bubbles: true, cancelable: true }));
}"""
# A page that was only forgotten when its minute is over would take longer on any machine.
AT_ONCE = 5.0  # seconds
LOG = [
    "Customer order: refunded",
    "Customer order: refunded",
    "Customer order: shipped",
    "Customer order: packed",
    "Product: published",
    "Product: changed",  # its pictures get their words
    "Product: changed",  # its pictures arrive
    "Picture: uploaded",
    "Picture: uploaded",
    "SKU: received",
    "SKU: created",
    "Product: created",
    "Category: created",
    "Staff: signed in",
]
PRICE, COUNT, STOCK = "12.50", 2, 40


@with_editor
async def test_s31_a_product_from_its_first_word_to_its_last_refund(browse: Browse) -> None:
    staff, tom = await browse(viewport={"width": 1280, "height": 900}), await browse()
    dialogs: list[str] = []
    for page in (staff, tom):
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    await sign_in(tom, TOM)
    await staff_sign_in(staff, anew=True)
    name = f"Plum{secrets.token_hex(3)}"
    category = await make_category(staff, name)
    path = await write_product(staff, name)
    await add_size(staff, path, name.upper())
    await add_pictures(staff, path)
    assert "Nothing here today" in await shelf_of(tom, category)

    await publish(staff, tom, path, name)
    assert name in await shelf_of(tom, category)
    await look_at(tom, name)

    await staff.goto("/backoffice/orders")
    number = await buy(tom, f"/products/{name.lower()}")
    await expect(staff.locator("[data-queue]")).to_contain_text(number, timeout=WAIT)
    await staff.get_by_role("link", name=number).click()
    order = staff.url
    await pack_and_send(staff)
    await give_back(staff, order, "5.00", "partly refunded")
    await give_back(staff, order, "20.00", "refunded")
    await tom.goto(f"/orders/{number}")
    assert (await tom.locator(".cart__sums dl div").last.inner_text()).split() == ["Refunded", "¥25.00"]
    await staff.goto(f"/backoffice/goods?q={name}")
    assert await staff.locator(".goods tbody td.number").inner_text() == str(STOCK - COUNT)
    await read_log(staff)
    assert dialogs == []


async def make_category(page: Page, name: str) -> str:
    """A category below another; the path of its page in the shop."""
    await page.goto("/backoffice/categories/new")
    await page.fill("[name=name_en]", f"Stone fruit {name}")
    await page.fill("[name=name_zh]", f"核果{name}")
    await page.fill("[name=description_en]", RUNS)
    await page.select_option("[name=parent]", index=1)
    await save(page)
    return f"/categories/stone-fruit-{name.lower()}"


async def write_product(page: Page, name: str) -> str:
    """A draft, its description typed into the editor and the others with script in them; the path of its page."""
    await page.goto("/backoffice/goods/new")
    await page.locator("[data-editor-ready]").nth(1).wait_for()
    await page.fill("[name=name_en]", name)
    for field in ("name_zh", "subtitle_en", "subtitle_zh", "ingredients_en", "storage_en"):
        await page.fill(f"[name={field}]", f"{field}{RUNS}")
    await page.fill("[name=slug_zh]", f"{name.lower()}-zh")
    option = page.locator("[name=category] option", has_text=f"Stone fruit {name}")
    await page.select_option("[name=category]", await option.get_attribute("value"))
    text = page.frame_locator("iframe.tox-edit-area__iframe").first.locator("body")
    await text.click()
    editor = page.locator(".tox-tinymce").first
    await editor.get_by_role("button", name="Bold").click()
    await page.keyboard.type("Tart")
    await editor.get_by_role("button", name="Bold").click()
    await page.keyboard.type(" and juicy")
    await page.keyboard.press("Enter")
    await editor.get_by_role("button", name="Bullet list").click()
    await page.keyboard.type("for jam")
    await page.evaluate(PASTE, LIVELY)
    await save(page)
    return page.url.partition("#")[0]


async def add_size(page: Page, path: str, code: str) -> None:
    """One size with its price, and what is there of it."""
    await page.goto(f"{path}/skus/new")
    for field, text in {"code": code, "price": PRICE, "weight": "500"}.items():
        await page.fill(f"[name={field}]", text)
    for field in ("unit_en", "unit_zh", "name_en", "name_zh"):
        await page.fill(f"[name={field}]", f"500 g{RUNS}")
    await save(page)
    await page.select_option("[name=reason]", "received")
    await page.fill("[name=quantity]", str(STOCK))
    async with page.expect_navigation():
        await page.locator(".cell-form button").click()
    assert f"{STOCK} in stock now" in await page.locator("main").inner_text()


async def add_pictures(page: Page, path: str) -> None:
    """Two at once, the second dragged before the first."""
    await page.goto(f"{path}/pictures")
    files: list[Any] = [
        {"name": f"{colour}.png", "mimeType": "image/png", "buffer": picture_bytes((320, 320), colour=colour)}
        for colour in ("#a02040", "#3060a0")
    ]
    await page.set_input_files("[name=pictures]", files)
    async with page.expect_navigation():
        await page.locator("form[enctype] button").click()
    alts = page.locator(".pictures input[name$=_en]")
    await alts.first.fill(f'"{RUNS}')
    await alts.last.fill("Blue")
    shots = page.locator(".pictures img")
    await shots.last.drag_to(shots.first, target_position={"x": 5, "y": 5})
    await save(page)
    assert await page.locator(".pictures input[name$=_en]").first.input_value() == "Blue"


async def shelf_of(page: Page, category: str) -> str:
    """What the shop's page of the category says, once it is there."""
    await _seen(page, category)
    return await page.locator("main").inner_text()


async def publish(page: Page, shopper: Page, path: str, name: str) -> None:
    """Nobody finds it before; a moment after the click everybody does, in both languages."""
    assert (await shopper.goto(f"/products/{name.lower()}")).status == 404  # type: ignore[union-attr]
    await page.goto(f"{path}/preview")
    assert await page.locator("h1").inner_text() == name
    await page.goto(path)
    await page.locator("[data-editor-ready]").nth(1).wait_for()
    await page.select_option("[name=status]", "online")
    await save(page)
    async with asyncio.timeout(AT_ONCE):
        await _seen(shopper, f"/products/{name.lower()}")


async def look_at(page: Page, name: str) -> None:
    """What was typed is there as it was meant, and nothing of what attackers type."""
    await _seen(page, f"/zh/products/{name.lower()}-zh")
    prose = page.locator("article ~ section.prose")
    assert await prose.locator("h2").last.inner_text() == "Sour"
    assert await prose.locator("[onclick], script, [href^=javascript], [onerror]").count() == 0
    await page.goto(f"/products/{name.lower()}")
    assert await prose.locator("strong").inner_text() == "Tart"
    assert await prose.locator("p").inner_text() == "Tart and juicy"
    assert await prose.locator("ul li").all_inner_texts() == ["for jam"]
    shots = page.locator(".gallery__strip img")
    assert await shots.count() == 2
    assert await shots.first.get_attribute("alt") == "Blue"
    assert f"¥{PRICE}" in await page.locator(".price").first.inner_text()


async def buy(page: Page, path: str, typed: Mapping[str, str] = MappingProxyType({})) -> str:
    """Some of it, paid at the bank; the number of the order. `typed` are fields of the checkout that shall hold something else."""
    await page.goto(path)
    await page.fill("main [name=quantity]", str(COUNT))
    await page.locator(".buy__add button").last.click()
    await expect(page.locator("header [data-count]")).to_have_text(f": {COUNT}")
    await fill_desk(page, script=True, method="sandbox")
    for field, text in typed.items():
        await page.fill(f"main [name={field}]", text)
    async with page.expect_navigation():
        await page.locator("main button[name=order]").click()
    number = page.url.rpartition("/")[2]
    await to_the_bank(page)
    await choose(page, "Pay")
    await expect(page.locator("main h1")).to_have_text("It is paid", timeout=WAIT)
    return number


async def pack_and_send(page: Page) -> None:
    """Every line ticked, and on its way."""
    await page.locator("main .actions a.button--primary").click()
    for line in await page.locator("main .pick__line").all():
        await line.click()
    await press(page)
    await press(page)
    await expect(page.locator("main .notice")).to_contain_text("It is on its way")


async def give_back(page: Page, order: str, amount: str, state: str) -> None:
    """So much of the money, and the bank has sent it."""
    await page.goto(f"{order}/refund")
    await page.fill("[name=amount]", amount)
    await page.fill("[name=reason]", "bruised")
    await press(page)
    await expect(page.locator("main .notice")).to_contain_text("The money is on its way back")
    badges = page.locator(".desk__content > p .badge")
    async with asyncio.timeout(WAIT / 1000):
        while await badges.last.inner_text() != state:
            await asyncio.sleep(0.2)
            await page.goto(order)


async def read_log(page: Page) -> None:
    """Each step by its name and who took it, and the chain of the entries is whole."""
    await page.goto("/backoffice/log")
    async with page.expect_navigation():
        await page.locator(".desk__bar button").click()
    assert "are as they were written" in await page.locator("main .notice").inner_text()
    rows = page.locator("main tbody tr")
    assert await rows.first.locator("td dl").inner_text() == "Reason\nbruised\nGiven back\n¥5.00 → ¥25.00"
    told = [(await row.locator("td").all_inner_texts())[2:4] for row in await rows.all()]
    assert [what.partition("\n")[0] for _, what in told[: len(LOG)]] == LOG
    assert {who.partition("\n")[0] for who, _ in told[: len(LOG)]} == {"Rose"}


async def _seen(page: Page, path: str) -> None:
    async with asyncio.timeout(20):
        while (answer := await page.goto(path)) is None or answer.status != 200:
            await asyncio.sleep(0.05)
