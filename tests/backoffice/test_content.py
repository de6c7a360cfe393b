"""The home page and the shop's own pages: written and put in order here, seen in the shop a moment later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import FormData

from shop.backoffice.audit.models import AuditEntry
from shop.content.models import Block, BlockGood, ContentPage
from shop.db import Database
from tests.backoffice.cast import at_work, token_of
from tests.backoffice.test_goods import eventually
from tests.catalog.stall import put_up_stall
from tests.conftest import Visitor
from tests.media.conftest import picture_bytes

NewVisitor = Callable[[], Awaitable[Visitor]]
PLUMS = {"title_en": "Plum week", "title_zh": "杨梅周", "tone": "berry", "is_visible": "y"}


async def post(client: Visitor, path: str, fields: Any) -> tuple[int, str]:
    async with client.post(path, data=fields, headers=await token_of(client), allow_redirects=False) as answer:
        return answer.status, await answer.text()


async def every_block(db: Database) -> list[Block]:
    async with db.read() as conn:
        return await Block.objects.using(conn).order_by("position", "id")


async def logged(db: Database) -> list[tuple[str, dict[str, Any]]]:
    async with db.read() as conn:
        return [(row.action, row.changes) for row in await AuditEntry.objects.using(conn).order_by("id")]


async def test_a_slide_and_a_shelf_come_to_the_home_page(
    db: Database, client: Visitor, new_visitor: NewVisitor
) -> None:
    stall, shopper = await put_up_stall(db), await new_visitor()
    await at_work(client, db, "content")
    assert "is empty" in await (await client.get("/backoffice/blocks")).text()
    assert (await post(client, "/backoffice/blocks/new/banner", {**PLUMS, "product": "PEARS-1"}))[0] == 303
    shelf = {"category": str(stall.categories["Fruit"]), "pictured": "pears, APPLES-2", "worded": "peaches"}
    assert (await post(client, "/backoffice/blocks/new/shelf", {**shelf, "is_visible": "y"}))[0] == 303
    banner, fruit = await every_block(db)
    assert (banner.kind, banner.title, banner.tone) == ("banner", {"en": "Plum week", "zh": "杨梅周"}, "berry")
    assert (banner.product_id, fruit.category_id) == (stall.products["Pears"], stall.categories["Fruit"])
    async with db.read() as conn:
        goods = await BlockGood.objects.using(conn).order_by("shown_as", "position")
    named = [(row.product_id, row.shown_as) for row in goods]
    pears, apples, peaches = (stall.products[name] for name in ("Pears", "Apples", "Peaches"))
    assert named == [(pears, "picture"), (apples, "picture"), (peaches, "text")]
    page = await eventually(shopper, "/", "Plum week")
    assert page.index("Plum week") < page.index(">Fruit</h2>")

    hidden = {**PLUMS, "title_en": "Cherry week", "version": str(banner.version)}
    del hidden["is_visible"]
    assert (await post(client, f"/backoffice/blocks/{banner.id}", hidden))[0] == 303
    status, page = await post(client, f"/backoffice/blocks/{banner.id}", {**hidden, "title_en": "Fig week"})
    assert (status, "Fig week" in page, "Cherry week" in page) == (409, True, True)
    page = await (await client.get("/backoffice/blocks")).text()
    assert "Cherry week" in page
    page = await (await client.get(f"/backoffice/blocks/preview?block={banner.id}&at=2030-05-01T12:00")).text()
    assert ("Cherry week" in page, "This is a preview" in page) == (True, True)
    assert "Cherry week" not in await (await client.get("/backoffice/blocks/preview")).text()
    told = await logged(db)
    assert [action for action, _ in told] == ["block.created", "block.created", "block.changed"]
    assert told[2][1]["is_visible"] == [True, False]
    assert told[2][1]["title"] == [{"en": "Plum week", "zh": "杨梅周"}, {"en": "Cherry week", "zh": "杨梅周"}]
    assert (await client.get(f"/zh/backoffice/blocks/{fruit.id}")).status == 200


async def test_blocks_are_dragged_pictured_and_deleted(db: Database, client: Visitor) -> None:
    await at_work(client, db, "content")
    for title in ("One", "Two", "Three"):
        await post(client, "/backoffice/blocks/new/promotion", {**PLUMS, "title_en": title})
    one, two, three = [block.id for block in await every_block(db)]
    dragged = [("one", str(three)), ("one", str(one)), ("one", "x"), ("one", "987654")]
    assert (await post(client, "/backoffice/blocks/all/order", dragged))[0] == 303
    assert [block.id for block in await every_block(db)] == [three, one, two]
    arrow = [*(("one", str(number)) for number in (three, one, two)), ("do", f"up {two}")]
    assert (await post(client, "/backoffice/blocks/all/order", arrow))[0] == 303
    assert [block.id for block in await every_block(db)] == [three, two, one]

    form = FormData(default_to_multipart=True)
    form.add_field("picture", picture_bytes(), filename="plum.png")
    assert (await post(client, f"/backoffice/blocks/{two}/picture", form))[0] == 303
    bad = FormData(default_to_multipart=True)
    bad.add_field("picture", b"<svg onload=alert(1)>", filename="plum.png")
    assert (await post(client, f"/backoffice/blocks/{one}/picture", bad))[0] == 303
    pictures = {block.id: block.picture for block in await every_block(db)}
    assert (pictures[one], pictures[three], len(pictures[two] or "")) == (None, None, 64)
    assert (await post(client, f"/backoffice/blocks/{two}/picture/removal", {}))[0] == 303
    assert (await client.get(f"/backoffice/blocks/{two}/removal")).status == 200
    assert (await post(client, f"/backoffice/blocks/{two}/removal", {}))[0] == 303
    left = await every_block(db)
    assert [(block.id, block.picture) for block in left] == [(three, None), (one, None)]
    told = await logged(db)
    assert [action for action, _ in told[3:]] == [
        "block.moved",
        "block.moved",
        "picture.uploaded",
        "block.changed",
        "block.changed",
        "block.deleted",
    ]
    assert told[3][1]["order"] == [[one, two, three], [three, one, two]]


async def test_a_block_that_cannot_be_is_refused_at_its_field(db: Database, client: Visitor) -> None:
    stall = await put_up_stall(db)
    await at_work(client, db, "content")
    fruit = str(stall.categories["Fruit"])
    wrong: list[tuple[str, dict[str, str]]] = [
        ("banner", {"title_zh": ""}),
        ("banner", {"tone": "black"}),
        ("banner", {"category": fruit, "product": "pears"}),
        ("banner", {"product": "nothing-1"}),
        ("banner", {"page": "987654"}),
        ("banner", {"starts_at": "2027-01-02T00:00", "ends_at": "2027-01-01T00:00"}),
        ("shelf", {"pictured": "pears"}),
        ("shelf", {"category": fruit, "worded": "pears nothing-1"}),
    ]
    for kind, fields in wrong:
        status, page = await post(client, f"/backoffice/blocks/new/{kind}", {**PLUMS, **fields})
        assert (status, "There is a problem" in page) == (422, True), fields
    assert (await post(client, "/backoffice/blocks/new/slogan", PLUMS))[0] == 404
    assert (await every_block(db), await logged(db)) == ([], [])


async def test_a_content_page_is_written_published_and_moved(
    db: Database, client: Visitor, new_visitor: NewVisitor
) -> None:
    shopper = await new_visitor()
    await at_work(client, db, "content")
    about = {"title_en": "Our farms", "title_zh": "我们的农场", "is_published": "y"}
    body = {"body_en": "<p>Near <em>you</em></p><script>alert(1)</script>", "body_zh": "<p>就在附近</p>"}
    assert (await post(client, "/backoffice/pages/new", {**about, **body}))[0] == 303
    assert (await post(client, "/backoffice/pages/new", {**about, "slug": "our-farms"}))[0] == 422
    assert (await post(client, "/backoffice/pages/new", {**about, "slug": "Our farms"}))[0] == 422
    lost = f'<p><img src="/media/{"0" * 64}-640.webp"></p>'
    assert (await post(client, "/backoffice/pages/new", {**about, "slug": "lost", "body_en": lost}))[0] == 422
    assert (await post(client, "/backoffice/pages/new", {**about, "slug": "terms"}))[0] == 303
    async with db.read() as conn:
        farms, terms = await ContentPage.objects.using(conn).order_by("position", "id")
    assert (farms.slug, farms.body) == ("our-farms", {"en": "<p>Near <em>you</em></p>", "zh": "<p>就在附近</p>"})
    await eventually(shopper, "/pages/our-farms", "Near <em>you</em>")

    edited = {**about, **body, "slug": "farms", "version": "1", "body_en": "<p>Around the corner</p>"}
    assert (await post(client, f"/backoffice/pages/{farms.id}", edited))[0] == 303
    status, page = await post(client, f"/backoffice/pages/{farms.id}", {**edited, "title_en": "Fields"})
    assert (status, "Fields" in page, "Our farms" in page) == (409, True, True)
    moved = {**about, "slug": "rules", "version": "1"}
    status, page = await post(client, f"/backoffice/pages/{terms.id}", moved)
    assert (status, "has to stay" in page) == (422, True)
    await eventually(shopper, "/pages/farms", "Around the corner")
    order = [("one", str(farms.id)), ("one", str(terms.id)), ("do", f"down {farms.id}")]
    assert (await post(client, "/backoffice/pages/all/order", order))[0] == 303
    async with db.read() as conn:
        now = await ContentPage.objects.using(conn).order_by("position")
    assert [page.slug for page in now] == ["terms", "farms"]
    for path in ("/backoffice/pages", f"/zh/backoffice/pages/{terms.id}", "/backoffice/pages/new"):
        assert (await client.get(path)).status == 200
    assert [action for action, _ in await logged(db)] == ["page.created", "page.created", "page.changed", "page.moved"]
