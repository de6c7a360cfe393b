"""Signing in, staying signed in and signing out, as PROMISES.md lays it down."""

from __future__ import annotations

import asyncio
import hashlib
from http.cookies import SimpleCookie

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiohttp_session import get_session

from shop.accounts.sessions import queries, service
from shop.cache.account_keys import basket_key, session_key
from shop.cache.client import RedisClient
from shop.db import Database
from shop.settings import Settings
from tests.servers import leave
from tests.web.conftest import Arrive
from tests.web.front import GATE, Person, build, customer, open_front, with_cookie


def hash_of(cookie: str) -> bytes:
    return hashlib.sha256(cookie.partition(".")[2].encode()).digest()


def copy_of(cookie: str) -> str:
    return session_key(cookie.partition(".")[0], hash_of(cookie))


async def test_a_guest_has_no_cookie_and_nothing_is_asked(person: Person, redis: RedisClient) -> None:
    response = await person.browser.get("/products/7")
    assert await response.json() == {"name": "", "basket": None}
    assert "Set-Cookie" not in response.headers
    assert await redis.execute("DBSIZE") == 0


async def test_signing_in_gives_a_session_everywhere(person: Person, db: Database) -> None:
    lily = await customer(db, "lily")
    assert await person.get("/private") is None
    await person.sign_in(lily)
    assert (await person.get("/private"))["name"] == "lily"
    assert (await person.get("/products/7"))["name"] == "lily"


async def test_s59_the_cookie_is_out_of_reach_of_scripts_and_other_sites(person: Person, db: Database) -> None:
    lily = await customer(db, "lily")
    response = await person.browser.post("/in", params={"account": str(lily.id)})
    cookie = SimpleCookie(response.headers["Set-Cookie"])["session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert cookie["domain"] == ""
    assert cookie["max-age"] == str(30 * 86_400)
    tag, secret = cookie.value.split(".")
    assert tag == lily.tag
    assert len(secret) == 43  # 256 bits
    assert len(response.headers["Set-Cookie"]) < 4096


async def test_s59_over_tls_the_cookie_is_host_only_and_secure(
    settings: Settings, db: Database, redis: RedisClient
) -> None:
    lily = await customer(db, "lily")
    secure = settings.model_copy(update={"url": "https://shop.example"})
    async with open_front(secure, db, redis) as server:
        app = server.app
        assert app is not None
        from aiohttp.test_utils import TestClient

        browser: TestClient[web.Request, web.Application] = TestClient(server)
        response = await browser.post("/in", params={"account": str(lily.id)})
        given = response.headers["Set-Cookie"]
        value = SimpleCookie(given)["__Host-session"].value
        assert "; Secure" in given
        private = await browser.get("/private", headers={"Cookie": f"__Host-session={value}"})
        token = (await private.json())["token"]
        out = await browser.post("/out", headers={"Cookie": f"__Host-session={value}", "X-CSRF-Token": token})
        # surprise: a browser ignores the deletion of a __Host- cookie that does not say Secure
        assert "; Secure" in out.headers["Set-Cookie"]
        assert "Max-Age=0" in out.headers["Set-Cookie"]
        plain = await browser.get("/private", headers={"Cookie": f"session={value}"}, allow_redirects=False)
        assert plain.status == 303
        await leave(browser)


async def test_s12_r3_a_planted_session_is_dead_after_signing_in(
    arrive: Arrive, front: TestServer, db: Database
) -> None:
    mallory, lily = await customer(db, "mallory"), await customer(db, "lily")
    attacker, victim = await arrive(), await arrive()
    await attacker.sign_in(mallory)
    planted = attacker.cookie
    victim.browser.session.cookie_jar.update_cookies({"session": planted}, front.make_url("/"))
    victim.token = attacker.token
    await victim.sign_in(lily)
    assert victim.cookie != planted
    assert (await victim.get("/products/1"))["name"] == "lily"
    assert await with_cookie(front, "/private", planted) is None
    assert (await with_cookie(front, "/products/1", planted))["name"] == ""


async def test_s12_an_id_we_never_gave_is_not_adopted(person: Person, front: TestServer, db: Database) -> None:
    lily = await customer(db, "lily")
    made_up = f"{lily.tag}.{'A' * 43}"
    assert await with_cookie(front, "/private", made_up) is None
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM sessions") == 0


@pytest.mark.parametrize("cookie", ["", ".", "x" * 5000, "a.b", "é" * 43, "{}." + "A" * 43, "a" * 32 + "." + "A" * 42])
async def test_a_cookie_we_could_not_have_given_is_a_guests(front: TestServer, cookie: str) -> None:
    from yarl import URL

    quoted = URL.build(path=cookie).raw_path if cookie else ""
    assert (await with_cookie(front, "/products/1", quoted))["name"] == ""


async def test_a_real_secret_under_anothers_tag_is_a_guests(
    arrive: Arrive, front: TestServer, db: Database, redis: RedisClient
) -> None:
    lily, tom = await customer(db, "lily"), await customer(db, "tom")
    person = await arrive()
    await person.sign_in(lily)
    forged = f"{tom.tag}.{person.cookie.partition('.')[2]}"
    assert (await with_cookie(front, "/products/5", forged))["name"] == ""
    assert await redis.execute("EXISTS", f"h:{{{tom.tag}}}") == 0


@pytest.mark.parametrize("times", [20, pytest.param(200, marks=pytest.mark.slow)])
async def test_s21_i11_a_request_that_began_before_sign_out_never_revives_the_session(
    arrive: Arrive, front: TestServer, db: Database, redis: RedisClient, times: int
) -> None:
    """Fact 1, again and again: a view holds the session open while it is signed out, then saves into it."""
    lily = await customer(db, "lily")
    app = front.app
    assert app is not None
    person = await arrive()
    for n in range(times):
        person.token = ""
        person.browser.session.cookie_jar.clear()
        await person.sign_in(lily)
        cookie = person.cookie
        gate = app[GATE]["gate"], app[GATE]["reached"] = asyncio.Event(), asyncio.Event()
        slow = asyncio.create_task(person.post("/note", mark=n))
        await gate[1].wait()
        assert await person.post("/out") == 200
        gate[0].set()
        assert await slow == 200
        app[GATE].clear()
        assert await redis.execute("GET", copy_of(cookie)) == b"9999999999"
        assert await with_cookie(front, "/private", cookie) is None
        assert (await with_cookie(front, "/products/1", cookie))["name"] == ""
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM sessions WHERE revoked_at IS NULL") == 0
        assert await conn.fetch_value("SELECT count(*) FROM sessions WHERE fields <> '{}'") == 0


async def test_signing_out_leaves_nothing_behind(person: Person, front: TestServer, db: Database) -> None:
    await person.sign_in(await customer(db, "lily"))
    cookie = person.cookie
    response = await person.browser.post("/out", headers={"X-CSRF-Token": person.token})
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert response.headers["Cache-Control"] == "no-store"
    assert person.cookie == ""
    assert await with_cookie(front, "/private", cookie) is None
    assert await person.get("/private") is None


async def test_invalidating_a_session_ends_it(person: Person, front: TestServer, db: Database) -> None:
    await person.sign_in(await customer(db, "lily"))
    cookie = person.cookie
    assert await person.post("/forget") == 200
    assert person.cookie == ""
    assert (await with_cookie(front, "/products/1", cookie))["name"] == ""


async def test_fields_changed_at_the_same_time_are_all_kept(person: Person, db: Database) -> None:
    await person.sign_in(await customer(db, "lily"))
    await asyncio.gather(*(person.post("/note", **{f"field{n}": n}) for n in range(10)))
    assert await person.get("/notes") == {f"field{n}": str(n) for n in range(10)}


async def test_saving_never_makes_a_copy_again(person: Person, db: Database, redis: RedisClient) -> None:
    await person.sign_in(await customer(db, "lily"))
    assert await redis.execute("DEL", copy_of(person.cookie)) == 1
    assert await person.post("/note", a=1) == 200
    assert await redis.execute("EXISTS", copy_of(person.cookie)) == 0
    assert await person.get("/notes") == {"a": "1"}


async def test_guests_have_no_session_to_write_to(settings: Settings, db: Database, redis: RedisClient) -> None:
    app = build(settings, db, redis)

    async def careless(request: web.Request) -> web.Response:
        (await get_session(request))["x"] = 1
        return web.Response()

    app.router.add_get("/careless", careless)
    from aiohttp.test_utils import TestClient

    async with TestClient(TestServer(app)) as browser:
        response = await browser.get("/careless")
        assert response.status == 500
        assert "Set-Cookie" not in response.headers


async def test_an_expiry_in_seconds_is_idle_time(person: Person, db: Database) -> None:
    lily = await customer(db, "lily")
    await person.sign_in(lily, expiry=600)
    async with db.transaction() as conn:
        await conn.execute("UPDATE sessions SET last_seen_at = now() - interval '9 minutes'")
    response = await person.browser.get("/private")
    renewed = SimpleCookie(response.headers["Set-Cookie"])["session"]
    assert renewed["max-age"] == "600"
    assert renewed.value == person.cookie
    async with db.transaction() as conn:
        assert await conn.fetch_value("SELECT now() - last_seen_at < interval '5 seconds' FROM sessions")
        await conn.execute("UPDATE sessions SET last_seen_at = now() - interval '10 minutes 1 second'")
    assert await person.get("/private") is None


async def test_r4_a_session_ends_however_busy_it_is(
    person: Person, front: TestServer, db: Database, redis: RedisClient
) -> None:
    await person.sign_in(await customer(db, "lily"))
    async with db.transaction() as conn:
        await conn.execute("UPDATE sessions SET expires_at = now() + interval '1 second'")
    assert (await person.get("/private"))["name"] == "lily"  # its copy now ends within the second as well
    copy = await redis.execute("GET", copy_of(person.cookie))
    await asyncio.sleep(1.05)
    await redis.execute("SET", copy_of(person.cookie), copy)
    assert (await person.get("/products/1"))["name"] == ""
    assert await person.get("/private") is None


@pytest.mark.parametrize(("query", "max_age"), [({"n": 0}, None), ({"n": 3600}, "3600"), ({}, "2592000")])
async def test_set_expiry_decides_how_long_the_browser_keeps_the_cookie(
    person: Person, db: Database, query: dict[str, int], max_age: str | None
) -> None:
    await person.sign_in(await customer(db, "lily"))
    headers = {"X-CSRF-Token": person.token}
    response = await person.browser.post("/expiry", params={k: str(v) for k, v in query.items()}, headers=headers)
    assert response.status == 200
    given = response.headers["Set-Cookie"]
    assert SimpleCookie(given)["session"]["max-age"] == (max_age or "")
    assert ("expires" in given.lower()) is False
    async with db.read() as conn:
        row = await conn.fetch_one("SELECT idle_seconds, until_browser_closes FROM sessions")
    assert row is not None
    assert (row.idle_seconds, row.until_browser_closes) == {
        None: (86_400, True),
        "3600": (3_600, False),
        "2592000": (30 * 86_400, False),
    }[max_age]


@pytest.mark.parametrize("value", [-1, True])
def test_an_expiry_that_makes_no_sense_is_refused(value: int) -> None:
    from shop.web.sessions import Session

    with pytest.raises(ValueError, match="seconds"):
        Session(None).set_expiry(value)


async def test_s19_ending_sessions_from_the_list(arrive: Arrive, front: TestServer, db: Database) -> None:
    lily, tom = await customer(db, "lily"), await customer(db, "tom")
    here, there, phone, toms = [await arrive() for _ in range(4)]
    for person in (here, there, phone):
        await person.sign_in(lily)
    await toms.sign_in(tom)
    async with db.transaction() as conn:
        listed = await queries.open_sessions(conn, lily.id)
        assert [s.id_hash for s in listed] == [hash_of(p.cookie) for p in (phone, there, here)]
        assert (listed[0].device, listed[0].network) == ("Firefox on Linux", "192.0.2.0/24")
        toms_id = (await queries.open_sessions(conn, tom.id))[0].id
        assert await service.revoke_one(conn, lily.id, toms_id) is None
        assert await service.revoke_one(conn, lily.id, listed[0].id) == hash_of(phone.cookie)
    assert await phone.get("/private") is None
    assert (await there.get("/private"))["name"] == "lily"
    async with db.transaction() as conn:
        assert await service.revoke_others(conn, lily.id, hash_of(here.cookie)) == 1
    assert await there.get("/private") is None
    assert (await here.get("/private"))["name"] == "lily"
    async with db.transaction() as conn:
        assert await service.revoke_all(conn, lily.id) == 1
    assert await here.get("/private") is None
    assert (await toms.get("/private"))["name"] == "tom"


async def test_an_account_that_was_erased_is_signed_in_nowhere(person: Person, db: Database) -> None:
    await person.sign_in(await customer(db, "lily"))
    async with db.transaction() as conn:
        await conn.execute("UPDATE accounts SET erased_at = now()")
    assert await person.get("/private") is None


async def test_sessions_long_dead_are_swept_at_the_next_sign_in(person: Person, db: Database) -> None:
    lily = await customer(db, "lily")
    async with db.transaction() as conn:
        for column in ("revoked_at", "expires_at", "last_seen_at"):
            await service.start(conn, lily.id, expiry=60, origin=service.Origin())
            await conn.execute(
                f"UPDATE sessions SET {column} = now() - interval '26 hours' WHERE id = (SELECT max(id) FROM sessions)"
            )
            assert await conn.fetch_value("SELECT count(*) FROM sessions") == 1
    await person.sign_in(lily)
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM sessions") == 1


async def test_a_product_page_notes_it_and_reads_the_basket_in_one_trip(
    person: Person, db: Database, redis: RedisClient
) -> None:
    lily = await customer(db, "lily")
    await person.sign_in(lily)
    await redis.execute("SET", basket_key(lily.tag), 3)
    await redis.execute("CONFIG", "RESETSTAT")
    for number in (5, 6, 5, 7):
        assert await person.get(f"/products/{number}") == {"name": "lily", "basket": 3}
    stats = (await redis.execute("INFO", "commandstats")).decode()
    assert "cmdstat_evalsha:calls=4," in stats
    assert await redis.execute("LRANGE", f"h:{{{lily.tag}}}", 0, -1) == [b"7", b"5", b"6"]


async def test_what_a_stranger_with_an_old_cookie_looks_at_is_not_noted(
    person: Person, front: TestServer, db: Database, redis: RedisClient
) -> None:
    lily = await customer(db, "lily")
    await person.sign_in(lily)
    cookie = person.cookie
    await person.post("/out")
    await with_cookie(front, "/products/5", cookie)
    assert await redis.execute("EXISTS", f"h:{{{lily.tag}}}") == 0


async def test_s15_a_sensitive_page_wants_a_fresh_sign_in(person: Person, db: Database) -> None:
    await person.sign_in(await customer(db, "lily"))
    assert (await person.get("/sensitive"))["name"] == "lily"
    async with db.transaction() as conn:
        await conn.execute("UPDATE sessions SET signed_in_at = now() - interval '10 minutes 1 second'")
    response = await person.browser.get("/sensitive", allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, "/login?next=%2Fsensitive")
    assert (await person.get("/private"))["name"] == "lily"
