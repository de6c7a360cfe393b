"""The tree of categories: grown, renamed, moved, hidden, and always a tree."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import cast

from aiohttp import FormData

from shop.backoffice.audit.models import AuditEntry
from shop.catalog.categories.models import Category
from shop.catalog.categories.queries import products_below
from shop.db import Database
from shop.outbox import Lease, Outbox
from tasks.goods import refresh_category_words
from tasks.runtime import Workshop
from tests.backoffice.cast import at_work, come_in, employee, token_of
from tests.backoffice.test_goods import edit, eventually, token_fields
from tests.catalog.stall import put_up_stall
from tests.conftest import Visitor
from tests.media.conftest import picture_bytes
from tests.world import submit

NewVisitor = Callable[[], Awaitable[Visitor]]
TREE = "/backoffice/categories"
ROOTS = {"name_en": "Roots", "name_zh": "根茎", "parent": "0", "is_visible": "y"}


async def category_of(db: Database, category_id: int) -> Category:
    async with db.read() as conn:
        return await Category.objects.using(conn).get(id=category_id)


async def logged(db: Database) -> list[str]:
    async with db.read() as conn:
        return list(await AuditEntry.objects.using(conn).order_by("id").values_list("action", flat=True))


async def test_a_branch_is_added_renamed_and_hidden(db: Database, client: Visitor, new_visitor: NewVisitor) -> None:
    await put_up_stall(db)
    shopper = await new_visitor()
    await at_work(client, db, "catalogue")
    await eventually(shopper, "/", "Fruit")
    answer = await submit(client, f"{TREE}/new", ROOTS)
    assert answer.status == 303, await answer.text()
    made = int(answer.headers["Location"].rpartition("/")[2])
    await eventually(shopper, "/categories/roots", "Roots")
    assert "根茎" in await (await shopper.get("/zh/categories/gen-jing")).text()

    assert (await edit(client, f"{TREE}/{made}", {**ROOTS, "name_en": "Tubers", "slug_en": "tubers"})).status == 303
    await eventually(shopper, "/categories/tubers", "Tubers")
    moved = await shopper.get("/categories/roots", allow_redirects=False)
    assert (moved.status, moved.headers["Location"]) == (308, "/categories/tubers")
    hidden = {name: value for name, value in ROOTS.items() if name != "is_visible"}
    assert (await edit(client, f"{TREE}/{made}", {**hidden, "slug_en": "tubers"})).status == 303
    await eventually(shopper, "/categories/tubers", "", status=404)
    for wrong, words in (({"slug_en": "fruit"}, "Something else has"), ({"name_zh": ""}, "Enter a name.")):
        answer = await edit(client, f"{TREE}/{made}", {**ROOTS, **wrong})
        assert (answer.status, words in await answer.text()) == (422, True)
    assert await logged(db) == ["category.created", "category.changed", "category.changed"]


async def test_branches_move_and_never_into_themselves(db: Database, client: Visitor) -> None:
    stall = await put_up_stall(db)
    await at_work(client, db, "catalogue")
    fruit, berries = stall.categories["Fruit"], stall.categories["Berries"]
    made = int((await submit(client, f"{TREE}/new", ROOTS)).headers["Location"].rpartition("/")[2])
    typed = {"name_en": "Fruit", "name_zh": "水果", "is_visible": "y"}
    for parent in (fruit, berries):
        answer = await edit(client, f"{TREE}/{fruit}", {**typed, "parent": str(parent)})
        assert (answer.status, "A category cannot be below itself." in await answer.text()) == (422, True)
    assert (await edit(client, f"{TREE}/{fruit}", {**typed, "parent": str(made)})).status == 303
    assert (await category_of(db, fruit)).parent_id == made
    async with db.read() as conn:
        promise = await Outbox.objects.using(conn).get(task="tasks.goods.refresh_words")
        assert promise.args == {"category_id": fruit}
        assert len(await products_below(conn, made, after=0, limit=9)) == 4
    assert "Bayberries" not in await (await client.get("/search?q=roots")).text()
    await refresh_category_words(cast("Workshop", SimpleNamespace(db=db)), cast("Lease", None), category_id=fruit)
    assert "Bayberries" in await (await client.get("/search?q=root")).text()

    assert (await edit(client, f"{TREE}/{berries}", {**typed, "name_en": "Berries", "parent": str(made)})).status == 303
    proof = await token_of(client)
    for to, order in (("up", [berries, fruit]), ("up", [berries, fruit]), ("down", [fruit, berries])):
        await client.post(f"{TREE}/{berries}/place", data={"to": to}, headers=proof)
        async with db.read() as conn:
            row = Category.objects.using(conn).filter(parent_id=made).order_by("position", "id")
            assert list(await row.values_list("id", flat=True)) == order
    page = await (await client.get(TREE)).text()
    assert page.index(">Roots<") < page.index(">Fruit<") < page.index(">Berries<")


async def test_two_editors_of_a_category_are_shown_both_versions(
    db: Database, client: Visitor, new_visitor: NewVisitor
) -> None:
    stall, second = await put_up_stall(db), await new_visitor()
    await at_work(client, db, "catalogue")
    await come_in(second, db, await employee(db, "catalogue", name="Violet"))
    path = f"{TREE}/{stall.categories['Fruit']}"
    version = str((await category_of(db, stall.categories["Fruit"])).version)
    assert (await submit(client, path, {**ROOTS, "version": version})).status == 303
    answer = await submit(second, path, {**ROOTS, "name_en": "Bulbs", "version": version})
    page = await answer.text()
    assert (answer.status, "Roots" in page, "Bulbs" in page) == (409, True, True)
    assert (await category_of(db, stall.categories["Fruit"])).name["en"] == "Roots"


async def test_a_category_has_a_picture_until_it_is_removed(db: Database, client: Visitor) -> None:
    stall = await put_up_stall(db)
    await at_work(client, db, "catalogue")
    path = f"{TREE}/{stall.categories['Fruit']}/picture"
    for data, status in ((b"<svg onload=alert(1)>", "SVG drawings can carry programs"), (picture_bytes(), "Saved.")):
        form = FormData(await token_fields(client), default_to_multipart=True)
        form.add_field("picture", data, filename="fruit.png")
        assert status in await (await client.post(path, data=form)).text()
    assert (await category_of(db, stall.categories["Fruit"])).picture is not None
    await client.post(f"{path}/removal", headers=await token_of(client))
    assert (await category_of(db, stall.categories["Fruit"])).picture is None
    assert await logged(db) == ["picture.uploaded", "category.changed", "category.changed"]
