"""A form that came too late: nothing is saved, nothing that was typed is lost, and nobody else ever sees it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from html import unescape
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from yarl import URL

from shop.cart.pause import pause_of
from shop.catalog.models import Product
from shop.db import Database, DbTimeout
from shop.keys import REDIS
from shop.web.kept_forms import LARGEST, PER_PERSON
from tests.backoffice.cast import at_work, come_in, employee, token_of
from tests.catalog.stall import put_up_stall
from tests.conftest import Visitor

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
ACTION = re.compile(r'<form class="form__end" method="post" action="([^"]+)">')
END = "UPDATE staff_sessions SET revoked_at = now()"
CLOSED = {"message_en": "Snow on the roads", "message_zh": "道路积雪"}


async def sent_too_late(client: Visitor, path: str, fields: Any, **headers: str) -> str:
    """Send a form that leads to the sign-in; the page that comes after it."""
    answer = await client.post(path, data=fields, headers=headers, allow_redirects=False)
    assert answer.status == 303
    login = URL(answer.headers["Location"], encoded=True)
    assert login.path.endswith("/backoffice/login")
    return login.query.get("next", "")


async def away(*_: object) -> int:
    raise DbTimeout


async def ended(db: Database) -> None:
    async with db.transaction() as conn:
        await conn.execute(END)


async def kept_in(server: TestServer) -> dict[bytes, bytes]:
    assert server.app is not None
    redis = server.app[REDIS]
    return {key: await redis.execute("GET", key) for key in await redis.execute("KEYS", "kept:*")}


async def products(db: Database) -> list[str]:
    async with db.read() as conn:
        return [one.name["en"] for one in await Product.objects.using(conn).order_by("id")]


async def test_what_was_typed_outlives_the_session_and_is_saved_by_one_press(
    server: TestServer,
    db: Database,
    client: Visitor,
    new_visitor: Callable[[], Awaitable[Visitor]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stall = await put_up_stall(db)
    rose = await at_work(client, db, "catalogue")
    before, proof = await products(db), await token_of(client)
    typed = {
        "name_en": "Sour <plums>",
        "name_zh": "酸梅",
        "category": str(stall.categories["Fruit"]),
        "keeping": "chilled",
        "status": "draft",
        "body_en": "<p>Two\nlines</p>",
        "version": "0",
    }
    await ended(db)

    there = await sent_too_late(client, "/zh/backoffice/goods/new", typed, **proof)
    assert re.fullmatch(r"/zh/backoffice/kept/[0-9A-Za-z_-]{22}", there)
    assert await products(db) == before
    ((_, sealed),) = (await kept_in(server)).items()
    assert b"plums" not in sealed
    assert "还没有保存" in await (await client.get("/zh/backoffice/login", params={"next": there})).text()

    colleague = await new_visitor()
    await at_work(colleague, db, "catalogue", name="Pan")
    assert (await colleague.get(there)).status == 404
    await come_in(client, db, rose)
    page = await (await client.get(there)).text()
    assert '<td class="text">Sour &lt;plums&gt;</td>' in page
    assert "冷藏" in page  # the choice as the form calls it
    (action,) = ACTION.findall(page)
    assert action == "/zh/backoffice/goods/new"
    fields = {name: unescape(value) for name, value in HIDDEN.findall(page)}
    assert {name: fields[name] for name in typed} == typed
    assert await products(db) == before

    refused = await client.post(action, data=fields | {"csrf_token": ""}, allow_redirects=False)
    assert refused.status == 403
    with monkeypatch.context() as broken:
        broken.setattr("shop.backoffice.goods.editor.views.actor_of", away)
        assert (await client.post(action, data=fields)).status == 503
    assert await products(db) == before
    assert (await client.get(there)).status == 200  # still kept
    assert (await client.post(action, data=fields, allow_redirects=False)).status == 303
    assert await products(db) == [*before, "Sour <plums>"]
    assert (await client.get(there)).status == 404
    assert await kept_in(server) == {}


async def test_a_form_that_wants_fresh_factors_is_kept_too_and_sent_in_time_it_counts(
    db: Database, client: Visitor
) -> None:
    rose = await employee(db, "settings")
    await come_in(client, db, rose, minutes_ago=11)
    there = await sent_too_late(client, "/backoffice/settings/pause", CLOSED, **await token_of(client))

    await come_in(client, db, rose)
    page = await (await client.get(there)).text()
    assert "Snow on the roads" in page
    async with db.read() as conn:
        assert await pause_of(conn) is None
    fields = {name: unescape(value) for name, value in HIDDEN.findall(page)}
    await client.post("/backoffice/settings/pause", data=fields, allow_redirects=False)
    async with db.read() as conn:
        assert await pause_of(conn) == {"en": "Snow on the roads", "zh": "道路积雪"}


async def test_s20_neither_strangers_nor_passwords_nor_floods_are_kept(
    server: TestServer, db: Database, client: Visitor, new_visitor: Callable[[], Awaitable[Visitor]]
) -> None:
    stranger = await new_visitor()
    assert await sent_too_late(stranger, "/backoffice/settings/pause", CLOSED) == "/backoffice/settings/pause"
    await at_work(client, db, "settings")
    proof = await token_of(client)
    await ended(db)
    secret = {"password": "blue-suede-shoes"}
    assert await sent_too_late(client, "/backoffice/me/password", secret, **proof) == "/backoffice/me/password"
    long = {"message_en": "x" * LARGEST}
    assert await sent_too_late(client, "/backoffice/settings/pause", long, **proof) == "/backoffice/settings/pause"
    foreign = {"Origin": "https://evil.example", **proof}
    answer = await client.post("/backoffice/settings/pause", data=CLOSED, headers=foreign, allow_redirects=False)
    assert answer.status == 403
    assert await kept_in(server) == {}

    pages = [
        await sent_too_late(client, "/backoffice/settings/pause", CLOSED, **proof) for _ in range(PER_PERSON.times)
    ]
    assert len(set(pages)) == len(await kept_in(server)) == PER_PERSON.times
    assert await sent_too_late(client, "/backoffice/settings/pause", CLOSED, **proof) == "/backoffice/settings/pause"
