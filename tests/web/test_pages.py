"""Kept pages: never stale, never another's, rendered once, and there when the database is not."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest
from aiohttp.test_utils import TestServer

from shop.catalog.queries import LOW_STOCK
from shop.catalog.service import set_status
from shop.content.service import NewBlock, add_block
from shop.db import Database, DbUnavailable
from shop.embedded import Postgres
from shop.web import holes, respond
from shop.web.pages import PAGES
from tests.catalog.stall import Stall, put_up_stall
from tests.conftest import Visitor
from tests.world import customer, sign_in

RAISE = "UPDATE skus SET price = 777 WHERE code = 'PEARS-1'"
FRESH_SECONDS = 1.0
INK = "ab" * 32
OFFER = """
UPDATE skus SET offer_price = 850, offer_from = now() - interval '1 day', offer_until = now() + interval '1 day'
WHERE code = 'PEARS-1'
"""
PICTURE = f"""
WITH file AS (INSERT INTO media_files (fingerprint, width, height, size) VALUES ('{INK}', 480, 480, 1) RETURNING fingerprint)
INSERT INTO pictures (product_id, fingerprint) SELECT id, fingerprint FROM products, file WHERE slugs @> '{{"en": "pears"}}'
"""


@pytest.fixture
async def stall(db: Database, server: TestServer) -> Stall:
    pages = server.app[PAGES]  # type: ignore[index]
    async with asyncio.timeout(5):
        while not pages.changes.is_listening:
            await asyncio.sleep(0.01)
    return await put_up_stall(db)


async def text_of(client: Visitor, path: str) -> str:
    response = await client.get(path)
    assert response.status == 200
    return await response.text()


async def shows(client: Visitor, path: str, words: str, seconds: float = FRESH_SECONDS, about: str = "") -> bool:
    """Whether the page says it within a second of now, on the card that names what it is `about`."""
    until = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < until:
        cards = (await text_of(client, path)).split("<article")
        if any(words in card for card in cards if about in card):
            return True
        await asyncio.sleep(0.02)
    return False


@pytest.mark.parametrize("path", ["/products/pears", "/categories/fruit", "/zh/categories/shui-guo"])
async def test_a_change_in_another_process_is_seen_within_a_second(
    client: Visitor, stall: Stall, postgres: Postgres, path: str
) -> None:
    for _ in range(3):
        assert "8.00" in await text_of(client, path)
    with psycopg2.connect(postgres.web_url) as other, other.cursor() as cursor:
        cursor.execute(RAISE)

    assert await shows(client, path, "7.77")


async def test_a_rollback_is_never_seen(client: Visitor, stall: Stall, postgres: Postgres) -> None:
    assert "8.00" in await text_of(client, "/products/pears")
    other = psycopg2.connect(postgres.web_url)
    other.cursor().execute(RAISE)
    for _ in range(10):
        assert "8.00" in await text_of(client, "/products/pears")
    other.rollback()
    other.close()

    assert not await shows(client, "/products/pears", "7.77", seconds=0.3)


async def test_a_process_that_died_right_after_its_commit_leaves_nothing_stale(
    client: Visitor, stall: Stall, postgres: Postgres
) -> None:
    assert "8.00" in await text_of(client, "/products/pears")
    dying = (
        "import os, signal, sys, psycopg2\n"
        "c = psycopg2.connect(sys.argv[1]); c.cursor().execute(sys.argv[2]); c.commit()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", dying, postgres.web_url, RAISE], check=False, env={**os.environ}
    )

    assert ended.returncode == -signal.SIGKILL
    assert await shows(client, "/products/pears", "7.77")


async def test_a_change_while_a_page_is_rendered_is_not_lost(
    client: Visitor, stall: Stall, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = respond.rendered

    def changing(*args: object) -> str:
        with psycopg2.connect(postgres.web_url) as other, other.cursor() as cursor:
            cursor.execute(RAISE)
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("shop.web.pages.rendered", changing)
    assert "8.00" in await text_of(client, "/products/pears")  # read before the change, shown once
    monkeypatch.setattr("shop.web.pages.rendered", real)

    assert await shows(client, "/products/pears", "7.77")


async def test_an_offer_begins_and_ends_on_time(client: Visitor, stall: Stall, db: Database) -> None:
    soon, end = datetime.now(UTC) + timedelta(seconds=0.6), datetime.now(UTC) + timedelta(seconds=1.4)
    async with db.transaction() as conn:
        await conn.execute(
            "UPDATE skus SET offer_price = 555, offer_from = %(soon)s, offer_until = %(end)s WHERE code = 'PEARS-1'",
            {"soon": soon, "end": end},
        )
    assert "5.55" not in await text_of(client, "/products/pears")

    assert await shows(client, "/products/pears", "5.55", seconds=1.2)
    await asyncio.sleep(max(0.0, (end - datetime.now(UTC)).total_seconds()) + 0.05)
    assert "5.55" not in await text_of(client, "/products/pears")


@pytest.mark.parametrize(
    ("path", "slug", "left", "none", "name"),
    [
        ("/categories/fruit", "/products/pears", "Only 3 left", "Sold out", "Quinces"),
        ("/zh/categories/shui-guo", "/zh/products/pears-zh", "仅剩 3 件", "已售罄", "榅桲"),
    ],
)
async def test_a_card_says_what_its_product_says_now(
    client: Visitor, stall: Stall, db: Database, path: str, slug: str, left: str, none: str, name: str
) -> None:
    """Cards are remembered by all they say, so whatever changes gives another."""
    about = f'href="{slug}"'
    assert await shows(client, path, "8.00", about=about)
    for change, words in (
        ("UPDATE skus SET price = 900 WHERE code = 'PEARS-1'", "9.00"),
        (OFFER, "8.50"),
        (
            "UPDATE skus SET offer_price = NULL, offer_from = NULL, offer_until = NULL WHERE code = 'PEARS-1'",
            "9.00</span>",
        ),
        (f"UPDATE skus SET stock = {LOW_STOCK} WHERE code = 'PEARS-1'", left.replace("3", str(LOW_STOCK))),
        ("UPDATE skus SET stock = 3 WHERE code = 'PEARS-1'", left),
        ("UPDATE skus SET stock = 0 WHERE code = 'PEARS-1'", none),
        ("""UPDATE products SET name = '{"en": "Quinces", "zh": "榅桲"}' WHERE slugs @> '{"en": "pears"}'""", name),
        (PICTURE, f"{INK}-320.webp"),
    ):
        async with db.transaction() as conn:
            await conn.execute(change, {})
        assert await shows(client, path, words, about=about), change


async def test_the_home_page_follows_what_its_blocks_lead_to(client: Visitor, stall: Stall, db: Database) -> None:
    pears = stall.products["Pears"]
    async with db.transaction() as conn:
        await add_block(conn, NewBlock(kind="promotion", title={"en": "Pears!"}, product_id=pears))
        await set_status(conn, pears, "offline")
    link = "/products/pears"
    assert link not in await text_of(client, "/")
    for status, shown in (("online", True), ("offline", False)):
        async with db.transaction() as conn:
            await set_status(conn, pears, status)
        assert await shows(client, "/", f'<{"a" if shown else "div"} class="promotion'), status
        assert (link in await text_of(client, "/")) is shown


async def test_many_who_ask_at_once_are_served_by_one_rendering(
    client: Visitor, stall: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = 0
    real = respond.rendered

    def counted(*args: object) -> str:
        nonlocal times
        times += 1
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("shop.web.pages.rendered", counted)
    pages = await asyncio.gather(*(text_of(client, "/products/apples") for _ in range(50)))

    assert len(set(pages)) == 1
    assert times == 1


async def test_unknown_parameters_choose_nothing_and_fill_nothing(
    client: Visitor, stall: Stall, server: TestServer
) -> None:
    plain = await text_of(client, "/products/apples")
    for n in range(30):
        assert await text_of(client, f"/products/apples?utm_source=n{n}&x={n}") == plain

    assert len(server.app[PAGES].kept) == 1  # type: ignore[index]


async def test_what_is_kept_of_a_page_is_the_same_for_everybody(
    client: Visitor, new_visitor: object, stall: Stall, db: Database
) -> None:
    guest = await text_of(client, "/products/apples")
    await customer(db)
    member: Visitor = await new_visitor()  # type: ignore[operator]
    await sign_in(member)
    greeted = await member.get("/products/apples")
    page = await greeted.text()

    assert "Hello, lin" in page
    assert greeted.headers["Cache-Control"] == "no-store"
    assert "ETag" not in greeted.headers
    assert await text_of(client, "/products/apples") == guest
    assert "Hello" not in guest


async def test_pages_are_there_while_the_database_is_not(
    client: Visitor, stall: Stall, server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await text_of(client, "/products/apples")

    def away(*_: object, **__: object) -> None:
        raise DbUnavailable("away")

    monkeypatch.setattr(Database, "read", away)
    pages = server.app[PAGES]  # type: ignore[index]
    monkeypatch.setattr(pages, "find", lambda key: None)  # its minute is over

    assert await text_of(client, "/products/apples") == page
    answer = await client.get("/products/pears")
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "5"


def test_no_text_can_be_taken_for_a_hole() -> None:
    pieces = holes.cut(f"a{holes.hole('visitor')}b\x00visitor\x00c")

    assert pieces == (b"a", "visitor", b"b\x00visitor\x00c")
    assert holes.fill(pieces, {"visitor": b"-"}) == b"a-b\x00visitor\x00c"
