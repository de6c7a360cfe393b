"""Redis and PostgreSQL killed, slow, full, flushed, stolen or rolled back: nobody is signed out, nobody is signed in again."""

from __future__ import annotations

import asyncio
import os
import pickle
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer

from shop.accounts.sessions import service
from shop.cache.account_keys import session_key
from shop.cache.client import RedisAway, RedisClient
from shop.db import Database
from shop.embedded import Postgres
from shop.settings import Settings
from shop.web.session_copies import SessionCopies
from shop.web.sessions import SESSIONS
from tests.cache.proxy import Proxy
from tests.servers import leave
from tests.web.conftest import Arrive
from tests.web.front import AUTHORITY, Person, customer, heard, open_front, with_cookie
from tests.web.test_sessions import copy_of, hash_of


@pytest.fixture
async def proxy(redis_url: str, tmp_path: os.PathLike[str]) -> AsyncIterator[Proxy]:
    from pathlib import Path

    async with Proxy(redis_url, Path(tmp_path) / "r") as proxy:
        yield proxy


@pytest.fixture
async def redis(proxy: Proxy, clean: None) -> AsyncIterator[RedisClient]:
    """Redis as the shop sees it, with a proxy between that can fail."""
    client = RedisClient.open(proxy.url)
    yield client
    await client.close()


@pytest.fixture
async def direct(redis_url: str) -> AsyncIterator[RedisClient]:
    """Redis as an attacker or an operator reaches it."""
    client = RedisClient.open(redis_url)
    yield client
    await client.close()


async def until_hears(front: TestServer) -> None:
    assert front.app is not None
    await heard(front.app)


async def test_f_r2_flushing_redis_signs_nobody_out(person: Person, direct: RedisClient, db: Database) -> None:
    await person.sign_in(await customer(db, "lily"))
    await direct.execute("FLUSHALL")
    assert (await person.get("/products/1"))["name"] == "lily"
    assert await direct.execute("EXISTS", copy_of(person.cookie)) == 1  # rebuilt from the row
    await direct.execute("FLUSHALL")
    assert (await person.get("/private"))["name"] == "lily"
    await direct.execute("FLUSHALL")
    assert await person.post("/note", a=1) == 200


async def test_f_r1_with_redis_dead_sessions_work_from_postgresql(arrive: Arrive, proxy: Proxy, db: Database) -> None:
    lily = await customer(db, "lily")
    early, late = await arrive(), await arrive()
    await early.sign_in(lily)
    proxy.refuse()
    for _ in range(8):
        assert await early.get("/products/1") == {"name": "lily", "basket": None}
    assert (await early.get("/private"))["name"] == "lily"
    await late.sign_in(lily)
    assert await late.post("/note", a=1) == 200
    assert await late.get("/notes") == {"a": "1"}
    assert await early.post("/out") == 200
    assert await early.get("/private") is None
    assert (await late.get("/products/1"))["name"] == "lily"


async def test_f_r3_a_silent_redis_delays_one_page_and_then_none(person: Person, proxy: Proxy, db: Database) -> None:
    await person.sign_in(await customer(db, "lily"))
    proxy.silent = True
    began = time.monotonic()
    pages = await asyncio.gather(*(person.get("/products/1") for _ in range(6)))
    assert {page["name"] for page in pages} == {"lily"}
    assert time.monotonic() - began < 1.5  # one after the other they would take longer
    waits = []
    for _ in range(4):
        began = time.monotonic()
        assert (await person.get("/products/1"))["name"] == "lily"
        waits.append(time.monotonic() - began)
    assert min(waits) < 0.2


@pytest.mark.parametrize(
    ("fault", "cure"),
    [
        (("CONFIG", "SET", "maxmemory", 1), ("CONFIG", "SET", "maxmemory", 0)),
        (("REPLICAOF", "127.0.0.1", 1), ("REPLICAOF", "NO", "ONE")),
    ],
)
async def test_r6_f_r4_with_a_full_or_read_only_redis_everybody_stays_signed_in(
    arrive: Arrive, direct: RedisClient, db: Database, fault: tuple[str, ...], cure: tuple[str, ...]
) -> None:
    lily = await customer(db, "lily")
    early, late = await arrive(), await arrive()
    await early.sign_in(lily)
    await direct.execute(*fault)
    try:
        assert (await early.get("/products/1"))["name"] == "lily"
        assert (await early.get("/private"))["name"] == "lily"
        await late.sign_in(lily)
        assert (await late.get("/products/1"))["name"] == "lily"
        assert await early.post("/out") == 200
        assert (await with_cookie_of(early, "/products/1"))["name"] == ""
    finally:
        await direct.execute(*cure)


async def with_cookie_of(person: Person, path: str) -> dict[str, str]:
    return dict(await person.get(path))


async def test_f_r5_i11_an_old_file_of_redis_revives_nobody(
    person: Person, front: TestServer, direct: RedisClient, db: Database, settings: Settings
) -> None:
    await person.sign_in(await customer(db, "lily"))
    cookie = person.cookie
    kept = await direct.execute("GET", copy_of(cookie))
    assert await person.post("/out") == 200
    await direct.execute("SET", copy_of(cookie), kept)
    assert (await with_cookie(front, "/products/1", cookie))["name"] == ""
    assert await with_cookie(front, "/private", cookie) is None
    async with open_front(settings, db, direct) as another_process:
        assert (await with_cookie(another_process, "/products/1", cookie))["name"] == ""


async def test_a_lost_deletion_revives_nobody_here_or_elsewhere(
    person: Person, front: TestServer, proxy: Proxy, direct: RedisClient, db: Database, settings: Settings
) -> None:
    await person.sign_in(await customer(db, "lily"))
    cookie = person.cookie
    async with open_front(settings, db, direct) as another_process:
        assert (await with_cookie(another_process, "/products/1", cookie))["name"] == "lily"
        proxy.refuse()
        assert await person.post("/out") == 200
        assert len(await direct.execute("GET", copy_of(cookie))) > 100  # the copy is still there
        assert (await with_cookie(front, "/products/1", cookie))["name"] == ""
        await asyncio.sleep(0.1)
        assert (await with_cookie(another_process, "/products/1", cookie))["name"] == ""


async def test_while_the_listener_is_down_no_copy_is_believed(
    person: Person, front: TestServer, postgres: Postgres, db: Database
) -> None:
    """A revocation that nobody could hear: the row is asked, and it is read again on reconnecting."""
    assert front.app is not None
    lily = await customer(db, "lily")
    await person.sign_in(lily)
    cookie = person.cookie
    authority = front.app[AUTHORITY]
    await authority.stop()
    assert not authority.believes(hash_of(cookie))
    async with db.transaction() as conn:
        assert await service.revoke_all(conn, lily.id) == 1
    assert (await with_cookie(front, "/products/1", cookie))["name"] == ""
    authority.start()
    await until_hears(front)
    assert not authority.believes(hash_of(cookie))
    assert authority.believes(b"another")


async def test_with_postgresql_away_product_pages_work_and_private_ones_say_so(
    settings: Settings, db: Database, redis: RedisClient, tmp_path: os.PathLike[str]
) -> None:
    lily = await customer(db, "lily")
    nobody = await Database.open(url=f"postgresql:///shop?host={tmp_path}")
    async with open_front(settings, db, redis) as server:
        from aiohttp import CookieJar
        from aiohttp.test_utils import TestClient

        person = Person(TestClient(server, cookie_jar=CookieJar(unsafe=True)))
        await person.sign_in(lily)
        assert server.app is not None
        authority = server.app[AUTHORITY]
        authority._db = nobody
        # The listener has not noticed yet: a believed copy needs no row.
        assert (await person.get("/products/1"))["name"] == "lily"
        await authority.stop()
        assert (await person.get("/products/1"))["name"] == ""
        response = await person.browser.get("/private")
        assert response.status == 503
        assert await person.post("/note", a=1) == 503
        assert await person.post("/out") == 503
        authority._db = db
        assert (await person.get("/private"))["name"] == "lily"
        await leave(person.browser)
    await nobody.close()


async def test_s56_a_dump_of_redis_holds_no_cookie_name_or_address(
    person: Person, direct: RedisClient, db: Database
) -> None:
    await person.sign_in(await customer(db, "canarylily"))
    await person.get("/products/7")
    await person.post("/note", secret="canary")
    dump = b""
    for key in await direct.execute("KEYS", "*"):
        kind = await direct.execute("TYPE", key)
        values = [await direct.execute("GET", key)] if kind == b"string" else await direct.execute("LRANGE", key, 0, -1)
        dump += key + b"\n" + b"\n".join(values) + b"\n"
    secret = person.cookie.partition(".")[2]
    assert len(dump) > 200
    assert b"s:{" in dump
    for canary in (secret, "canary", "lily", "example.com", person.token):
        assert canary.encode() not in dump


async def test_r5_s57_a_swapped_or_planted_copy_is_nobody(
    arrive: Arrive, front: TestServer, direct: RedisClient, db: Database
) -> None:
    lily, tom = await customer(db, "lily"), await customer(db, "tom")
    lilys, toms = await arrive(), await arrive()
    await lilys.sign_in(lily)
    await toms.sign_in(tom)
    stolen = await direct.execute("GET", copy_of(lilys.cookie))
    await direct.execute("SET", copy_of(toms.cookie), stolen)
    assert (await toms.get("/products/1"))["name"] == "tom"  # the row knows better
    made_up = f"{lily.tag}.{'A' * 43}"
    for planted in (stolen, b"0000000001" + pickle.dumps({"account": 1}), b"0000000001" + b"\x00" * 60, b"junk" * 9):
        await direct.execute("SET", session_key(lily.tag, hash_of(made_up)), planted)
        assert (await with_cookie(front, "/products/1", made_up))["name"] == ""


async def test_s58_keys_rotate_under_load(person: Person, front: TestServer, redis: RedisClient, db: Database) -> None:
    await person.sign_in(await customer(db, "lily"))
    assert front.app is not None
    storage = front.app[SESSIONS]
    keys = [os.urandom(32)]
    seen: list[str] = []
    running = True

    async def browse() -> None:
        while running:
            seen.append((await person.get("/products/1"))["name"])

    readers = [asyncio.create_task(browse()) for _ in range(4)]
    async with asyncio.timeout(60):
        turns = 0
        while turns < 20 or len(seen) <= 40:
            keys, turns = [os.urandom(32), *keys[:2]], turns + 1
            storage._copies = SessionCopies(redis, keys)
            await asyncio.sleep(0.02)
    running = False
    await asyncio.gather(*readers)
    assert set(seen) == {"lily"}


async def test_many_pages_at_once_never_show_anothers_name(arrive: Arrive, db: Database) -> None:
    """I10: canaries, with half of the requests given up on."""
    people = []
    for n in range(5):
        person = await arrive()
        await person.sign_in(await customer(db, f"canary{n}"))
        people.append((f"canary{n}", person))

    async def look(name: str, person: Person, patience: float) -> None:
        try:
            async with asyncio.timeout(patience):
                assert (await person.get("/products/1"))["name"] == name
        except TimeoutError:
            pass

    for turn in range(10):
        await asyncio.gather(*(look(n, p, 0.002 if turn % 2 else 5) for n, p in people for _ in range(6)))


async def test_a_refused_cookie_is_not_asked_about_again(front: TestServer, proxy: Proxy, db: Database) -> None:
    lily = await customer(db, "lily")
    made_up = f"{lily.tag}.{'A' * 43}"
    assert (await with_cookie(front, "/products/1", made_up))["name"] == ""
    asked = proxy.reads
    assert (await with_cookie(front, "/products/1", made_up))["name"] == ""
    assert proxy.reads == asked


async def test_redis_away_is_one_error(proxy: Proxy, redis: RedisClient) -> None:
    proxy.refuse()
    with pytest.raises(RedisAway):
        await redis.execute("GET", "k")
