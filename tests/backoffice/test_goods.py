"""One product on its way into the shop: written, sized, pictured, published, changed under two pairs of eyes, copied, binned."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import FormData

from shop.backoffice.audit.models import AuditEntry
from shop.catalog.models import Product, ProductStatus, Sku
from shop.catalog.pictures.models import ProductPicture
from shop.db import Connection, Database
from tests.backoffice.cast import at_work, come_in, employee, token_of
from tests.catalog.stall import Stall, put_up_stall
from tests.conftest import Visitor
from tests.media.conftest import picture_bytes
from tests.world import submit

NewVisitor = Callable[[], Awaitable[Visitor]]
VERSION = re.compile(r'name="version" value="(\d+)"')
SIZE = {
    "code": "PLUM-1",
    "unit_en": "500 g",
    "unit_zh": "500克",
    "price": "12.50",
    "weight": "500",
    "tax_class": "reduced",
}


def plums(stall: Stall, **values: str) -> dict[str, str]:
    """A product as it is typed."""
    typed = {
        "name_en": "Sour plums",
        "name_zh": "酸梅",
        "category": str(stall.categories["Fruit"]),
        "keeping": "chilled",
        "status": "draft",
    }
    return typed | values


async def product_of(db: Database, product_id: int) -> Product:
    async with db.read() as conn:
        return await Product.objects.using(conn).get(id=product_id)


async def actions(conn: Connection) -> list[str]:
    return list(await AuditEntry.objects.using(conn).order_by("id").values_list("action", flat=True))


async def make(client: Visitor, fields: dict[str, str]) -> int:
    """A new product through its form; its id."""
    answer = await submit(client, "/backoffice/goods/new", fields)
    assert answer.status == 303, await answer.text()
    return int(answer.headers["Location"].rpartition("/")[2])


async def edit(client: Visitor, path: str, fields: dict[str, str]) -> Any:
    """Open the page, change what is given, send the version that was shown."""
    shown = VERSION.search(await (await client.get(path)).text())
    assert shown is not None
    return await submit(client, path, {"version": shown[1], **fields})


async def eventually(client: Visitor, path: str, words: str, *, status: int = 200) -> str:
    """The page once it says these words; kept pages hear of changes within a second."""
    async with asyncio.timeout(15):
        while True:
            answer = await client.get(path)
            page = await answer.text()
            if answer.status == status and words in page:
                return page
            await asyncio.sleep(0.05)


async def test_a_product_goes_from_its_first_word_into_the_shop(
    db: Database, client: Visitor, new_visitor: NewVisitor
) -> None:
    stall, shopper = await put_up_stall(db), await new_visitor()
    await at_work(client, db, "catalogue")
    made = await make(client, plums(stall, description_en="<p>Sour</p><script>alert(1)</script>"))
    path = f"/backoffice/goods/{made}"
    product = await product_of(db, made)
    assert product.slugs == {"en": "sour-plums", "zh": "suan-mei"}
    assert product.description == {"en": "<p>Sour</p>"}
    assert (await shopper.get("/products/sour-plums")).status == 404
    answer = await client.get(f"{path}/preview", allow_redirects=False)
    assert answer.headers["Location"] == path

    answer = await submit(client, f"{path}/skus/new", {**SIZE, "status": "online", "allergens": "nuts"})
    assert answer.status == 303, await answer.text()
    page = await (await client.get(f"{path}/preview")).text()
    assert ("Sour plums" in page, "¥12.50" in page, "Add to basket" in page) == (True, True, False)

    assert (await edit(client, path, plums(stall, status="online"))).status == 303
    page = await eventually(shopper, "/products/sour-plums", "Sour plums")
    assert "Sold out" in page
    async with db.read() as conn:
        sku = await Sku.objects.using(conn).get(code="PLUM-1")
        assert (sku.price, sku.stock, sku.allergens, sku.is_listed) == (1250, 0, ["nuts"], True)
        assert await actions(conn) == ["product.created", "sku.created", "product.published"]

    stock = {"reason": "received", "quantity": "7"}
    assert (await submit(client, f"/backoffice/goods/skus/{sku.id}/stock", stock, on="/backoffice/goods")).status == 303
    await eventually(shopper, "/products/sour-plums", "Add to basket")
    assert (await edit(client, path, plums(stall, status="online", slug_en="plums", name_en="Plums"))).status == 303
    await eventually(shopper, "/products/plums", "Plums")
    moved = await shopper.get("/products/sour-plums", allow_redirects=False)
    assert (moved.status, moved.headers["Location"]) == (308, "/products/plums")


async def test_the_page_of_a_product_tells_the_story_of_its_sizes_too(db: Database, client: Visitor) -> None:
    stall = await put_up_stall(db)
    await at_work(client, db, "catalogue")
    apples = f"/backoffice/goods/{stall.products['Apples']}"
    async with db.read() as conn:
        small = await Sku.objects.using(conn).get(code="APPLES-1")
        pears = await Sku.objects.using(conn).get(code="PEARS-1")
    for sku, fields in ((small, {"price": "9.99", "version": "1"}), (pears, {"price": "7.77", "version": "1"})):
        path = f"/backoffice/goods/skus/{sku.id}/price"
        assert (await submit(client, path, fields, on="/backoffice/goods")).status == 303
    lost = {"reason": "written_off", "quantity": "4"}
    assert (
        await submit(client, f"/backoffice/goods/skus/{small.id}/stock", lost, on="/backoffice/goods")
    ).status == 303

    story = (await (await client.get(apples)).text()).partition('id="history"')[2].split("</h2>")[1]
    entries = [re.sub(r"<[^>]+>|\s+", " ", one).split() for one in re.findall(r"<li>(.*?)</li>", story, re.S)]
    assert [" ".join(one[:5]) for one in entries] == ["APPLES-1 · SKU: written off", "APPLES-1 · SKU: changed ·"]
    assert [" ".join(one[-4:]) for one in entries] == ["Stock 50 → 46", "Price ¥12.00 → ¥9.99"]


async def test_two_editors_of_a_product_or_a_size_are_shown_both_versions(
    db: Database, client: Visitor, new_visitor: NewVisitor
) -> None:
    stall, second = await put_up_stall(db), await new_visitor()
    await at_work(client, db, "catalogue")
    await come_in(second, db, await employee(db, "catalogue", name="Violet"))
    made = await make(client, plums(stall))
    path = f"/backoffice/goods/{made}"
    version = str((await product_of(db, made)).version)
    assert (await submit(client, path, plums(stall, name_en="Plums", version=version))).status == 303
    answer = await submit(second, path, plums(stall, name_en="Prunes", version=version))
    page = await answer.text()
    assert (answer.status, "Plums" in page, "Prunes" in page) == (409, True, True)
    assert (await product_of(db, made)).name["en"] == "Plums"
    found = VERSION.search(page)
    assert found is not None
    assert (await submit(second, path, plums(stall, name_en="Prunes", version=found[1]))).status == 303
    assert (await product_of(db, made)).name["en"] == "Prunes"

    async with db.read() as conn:
        sku = await Sku.objects.using(conn).get(code="PEARS-1")
    path, pears = f"/backoffice/goods/skus/{sku.id}", {**SIZE, "code": "PEARS-1", "status": "online"}
    assert (await submit(client, path, {**pears, "version": "1", "price": "9"})).status == 303
    assert (await submit(second, path, {**pears, "version": "1", "price": "10"})).status == 409
    answer = await submit(second, f"{path}/price", {"price": "11", "version": "1"}, on="/backoffice/goods")
    assert answer.status == 409
    async with db.read() as conn:
        assert (await Sku.objects.using(conn).get(id=sku.id)).price == 900


async def test_what_cannot_be_is_said_beside_its_field_and_changes_nothing(db: Database, client: Visitor) -> None:
    stall = await put_up_stall(db)
    await at_work(client, db, "catalogue")
    pears = stall.products["Pears"]
    async with db.read() as conn:
        before = await Product.objects.using(conn).get(id=pears)
    ghost = f'<p><img src="/media/{"a" * 64}-640.webp" alt=""></p>'
    for wrong, words in (
        ({"slug_en": "apples"}, "Something else has (or had) this address."),
        ({"slug_en": "No Slug"}, "lower-case Latin letters"),
        ({"name_en": " "}, "Enter a name."),
        ({"shelf_life_days": "1e3"}, "whole number from 1 to 10000"),
        ({"category": "987654"}, "There is a problem"),
        ({"description_en": ghost}, "A picture in this text is not in the shop"),
        ({"status": "online", "online_from": "2999-01-01T08:00"}, "It is online already."),
        ({"online_from": "2999-01-02T08:00", "online_until": "2999-01-01T08:00"}, "later than the beginning"),
    ):
        answer = await edit(client, f"/backoffice/goods/{pears}", plums(stall, **wrong))
        assert (answer.status, words in await answer.text()) == (422, True), wrong
    offer = {"offer_price": "12.50", "offer_from": "2026-01-01T00:00", "offer_until": "2027-01-01T00:00"}
    for wrong, words in (
        ({"code": "PEARS-1"}, "Other goods have this code."),
        ({"code": "=1+1"}, "A code is 1 to 40 Latin letters"),
        ({"price": "0"}, "amount such as 12.50"),
        (offer, "An offer has to be below the price."),
        ({"offer_price": "3"}, "An offer needs a price, a beginning and an end."),
    ):
        answer = await submit(client, f"/backoffice/goods/{pears}/skus/new", {**SIZE, "status": "online", **wrong})
        assert (answer.status, words in await answer.text()) == (422, True), wrong
    assert await product_of(db, pears) == before
    async with db.read() as conn:
        assert await Sku.objects.using(conn).filter(product_id=pears).count() == 1
        assert await actions(conn) == []


async def test_a_copy_is_a_draft_and_what_is_binned_comes_back(
    db: Database, client: Visitor, new_visitor: NewVisitor
) -> None:
    stall, shopper = await put_up_stall(db), await new_visitor()
    await at_work(client, db, "catalogue")
    apples = stall.products["Apples"]
    proof = await token_of(client)
    answer = await client.post(f"/backoffice/goods/{apples}/copy", headers=proof, allow_redirects=False)
    copy = await product_of(db, int(answer.headers["Location"].rpartition("/")[2]))
    assert (copy.status, copy.slugs["en"], copy.name["zh"]) == (ProductStatus.DRAFT, "apples-2", "苹果")
    async with db.read() as conn:
        sizes = await Sku.objects.using(conn).filter(product_id=copy.id).order_by("position")
        assert [(sku.code, sku.stock, sku.price) for sku in sizes] == [("APPLES-1-2", 0, 1200), ("APPLES-2-2", 0, 2400)]

    assert (await submit(client, f"/backoffice/goods/{apples}/bin", {})).status == 303
    await eventually(shopper, "/products/apples", "", status=404)
    assert "Apples" in await (await client.get("/backoffice/goods?state=bin")).text()
    await client.post(f"/backoffice/goods/{apples}/restoring", headers=proof)
    await eventually(shopper, "/products/apples", "Apples")
    async with db.read() as conn:
        assert await actions(conn) == ["product.duplicated", "product.binned", "product.restored"]


async def test_pictures_are_added_described_moved_and_removed(
    db: Database, client: Visitor, new_visitor: NewVisitor
) -> None:
    stall, shopper = await put_up_stall(db), await new_visitor()
    await at_work(client, db, "catalogue")
    pears = stall.products["Pears"]
    path = f"/backoffice/goods/{pears}/pictures"
    form = FormData(await token_fields(client), default_to_multipart=True)
    polyglot = b"GIF89a/*" + b"\x00" * 20 + b"*/=1;alert(1)<script>alert(1)</script>"
    for data in (picture_bytes(colour="#aa0000"), polyglot, picture_bytes(colour="#00aa00")):
        form.add_field("pictures", data, filename="x.php")
    answer = await client.post(f"{path}/new", data=form, allow_redirects=False)
    assert answer.status == 303
    assert "cannot be read" in await (await client.get(path)).text()

    async def ids() -> list[int]:
        async with db.read() as conn:
            hung = ProductPicture.objects.using(conn).filter(product_id=pears).order_by("position")
            return list(await hung.values_list("id", flat=True))

    first, second = await ids()
    words = {f"alt_{first}_en": 'Red" onload="alert(1)', f"alt_{second}_zh": "绿色"}
    assert (await edit(client, path, {**words, "do": f"up {second}"})).status == 303
    assert await ids() == [second, first]
    await eventually(shopper, "/products/pears", "Red&#34; onload=&#34;alert(1)")
    stale = await submit(client, path, {"version": "1", "do": f"remove {first}"})
    assert stale.status == 409
    assert (await edit(client, path, {**words, "do": f"remove {first}"})).status == 303
    assert await ids() == [second]
    assert (await edit(client, path, {**words, "picture": "987654", "do": "up x"})).status == 303
    assert await ids() == [second]


async def token_fields(client: Visitor) -> dict[str, str]:
    return {"csrf_token": (await token_of(client))["X-CSRF-Token"]}
