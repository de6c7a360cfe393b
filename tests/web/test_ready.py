"""Ready bytes answer exactly as the long way does, whatever a client may be allowed to send."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp.test_utils import TestServer

from shop.cache.account_keys import basket_key
from shop.cache.client import RedisClient
from shop.db import Database
from shop.web.pages import PAGES
from tests.catalog.stall import Stall, put_up_stall
from tests.conftest import Visitor
from tests.web.raw import Answer, answers, exchange, host
from tests.world import Person, customer, sign_in, submit

PATH = "/products/apples"
TOKEN = re.compile(rb"name=\"csrf_token\" value=\"([^\"]+)\"")
OWN = {"x-request-id", "date"}


@pytest.fixture
async def stall(db: Database, server: TestServer, client: Visitor) -> Stall:
    pages = server.app[PAGES]  # type: ignore[index]
    async with asyncio.timeout(5):
        while not pages.changes.is_listening:
            await asyncio.sleep(0.01)
    stall = await put_up_stall(db)
    await asyncio.sleep(0.05)
    return stall


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[RedisClient]:
    client = RedisClient.open(redis_url)
    yield client
    await client.close()


def request(server: TestServer, line: str = f"GET {PATH} HTTP/1.1", *headers: str, end: str = "close") -> bytes:
    lines = [line, f"Host: {host(server)}", *headers, f"Connection: {end}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def ask(server: TestServer, sent: bytes) -> list[Answer]:
    return answers(await exchange(server, sent, seconds=2))


async def kept_alive(
    server: TestServer, *headers: str, line: str = f"GET {PATH} HTTP/1.1", body: bool = True
) -> Answer:
    """One answer on a connection that stays open: the ready way."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(request(server, line, *headers, end="keep-alive"))
    head = await reader.readuntil(b"\r\n\r\n")
    (told,) = answers(head)
    length = int(told.headers.get("content-length", 0)) if body else 0
    content = await reader.readexactly(length)
    writer.close()
    return Answer(told.status, told.headers, content)


async def warmed(server: TestServer, client: Visitor) -> Answer:
    """The page by the long way, which makes it ready."""
    await (await client.get(PATH)).read()
    (long,) = await ask(server, request(server))  # Connection: close always goes the long way
    return long


async def test_the_ready_answer_is_the_long_one(server: TestServer, client: Visitor, stall: Stall) -> None:
    long = await warmed(server, client)
    ready = await kept_alive(server)

    assert "x-request-id" in long.headers
    assert "x-request-id" not in ready.headers  # this one came the ready way
    assert ready.status == long.status == 200
    assert ready.body == long.body
    assert {k: v for k, v in ready.headers.items() if k not in OWN} == {
        k: v for k, v in long.headers.items() if k not in {*OWN, "connection"}
    }
    assert ready.headers["date"].endswith("GMT")


async def test_head_gives_the_head_alone(server: TestServer, client: Visitor, stall: Stall) -> None:
    long = await warmed(server, client)
    ready = await kept_alive(server, line=f"HEAD {PATH} HTTP/1.1", body=False)

    assert ready.status == 200
    assert ready.headers["content-length"] == str(len(long.body))
    assert ready.headers["etag"] == long.headers["etag"]


async def test_who_has_the_page_gets_304(server: TestServer, client: Visitor, stall: Stall) -> None:
    long = await warmed(server, client)
    ready = await kept_alive(server, f"If-None-Match: {long.headers['etag']}")
    stale = await kept_alive(server, 'If-None-Match: "another"')

    assert ready.status == 304
    assert ready.headers["etag"] == long.headers["etag"]
    assert "content-length" not in ready.headers
    assert stale.status == 200


async def test_http_1_0_and_close_are_answered_and_closed(server: TestServer, client: Visitor, stall: Stall) -> None:
    long = await warmed(server, client)
    (old,) = await ask(server, request(server, f"GET {PATH} HTTP/1.0"))

    assert old.status == 200
    assert old.body == long.body


async def test_pipelined_requests_are_answered_in_order(server: TestServer, client: Visitor, stall: Stall) -> None:
    await warmed(server, client)
    sent = b"".join(
        (
            request(server, end="keep-alive"),
            request(server, "GET /products/none HTTP/1.1", end="keep-alive"),
            request(server, end="keep-alive"),
            request(server, "GET /healthz HTTP/1.1"),
        )
    )

    assert [answer.status for answer in await ask(server, sent)] == [200, 404, 200, 200]


async def test_a_slow_reader_holds_up_only_itself(server: TestServer, client: Visitor, stall: Stall) -> None:
    await warmed(server, client)
    reader, writer = await asyncio.open_connection(server.host, server.port, limit=2048)
    for _ in range(400):
        writer.write(request(server, end="keep-alive"))
    await asyncio.sleep(0.3)

    async with asyncio.timeout(5):
        assert (await kept_alive(server)).status == 200
    writer.write(request(server))
    received = 0
    async with asyncio.timeout(10):
        while chunk := await reader.read(65536):
            received += chunk.count(b"HTTP/1.1 200 OK")
    assert received == 401
    writer.close()


async def test_another_host_a_cookie_or_a_body_never_get_it_ready(
    server: TestServer, client: Visitor, stall: Stall
) -> None:
    await warmed(server, client)
    bad = f"GET {PATH} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".encode()

    assert [answer.status for answer in await ask(server, bad)] == [400]
    assert "x-request-id" in (await kept_alive(server, "Cookie: anything=1")).headers
    assert "x-request-id" in (await kept_alive(server, "Content-Length: 0", "Upgrade: websocket")).headers


async def test_each_language_preference_gets_its_own(server: TestServer, client: Visitor, stall: Stall) -> None:
    await warmed(server, client)
    await (await client.get(PATH, headers={"Accept-Language": "zh-CN,zh;q=0.9"})).read()
    english = await kept_alive(server, "Accept-Language: en")
    chinese = await kept_alive(server, "Accept-Language: zh-CN,zh;q=0.9")

    assert english.body != chinese.body
    assert "中文" in chinese.body.decode()
    assert chinese.headers["vary"].startswith("Accept-Language, Cookie")


async def test_answers_are_counted(server: TestServer, client: Visitor, stall: Stall) -> None:
    await warmed(server, client)

    async def counted() -> float:
        lines = (await (await client.get("/metrics")).text()).splitlines()
        prefix = 'shop_requests_total{route="catalog.product",status="200"} '
        return float(next(line.removeprefix(prefix) for line in lines if line.startswith(prefix)))

    before = await counted()
    for _ in range(5):
        await kept_alive(server)
    assert await counted() == before + 5


async def test_a_member_gets_the_page_filled_either_way(
    server: TestServer, client: Visitor, stall: Stall, db: Database
) -> None:
    await warmed(server, client)
    await customer(db)
    await sign_in(client)
    cookie = "; ".join(f"{morsel.key}={morsel.value}" for morsel in client.session.cookie_jar)
    await kept_alive(server, f"Cookie: {cookie}")  # notes the product, and makes the next two the same
    ready = await kept_alive(server, f"Cookie: {cookie}")
    (long,) = await ask(server, request(server, f"GET {PATH} HTTP/1.1", f"Cookie: {cookie}"))

    assert "x-request-id" in long.headers
    assert "x-request-id" not in ready.headers
    assert "Hello, lin" in ready.body.decode()
    assert ready.headers["cache-control"] == long.headers["cache-control"] == "no-store"
    assert "etag" not in ready.headers
    # the token is masked anew each time
    assert TOKEN.sub(b"", ready.body) == TOKEN.sub(b"", long.body)
    assert len(TOKEN.findall(ready.body)) == len(TOKEN.findall(long.body)) > 0


async def test_a_signed_out_member_gets_the_page_as_a_guest(
    server: TestServer, client: Visitor, stall: Stall, db: Database
) -> None:
    await warmed(server, client)
    await customer(db)
    await sign_in(client)
    cookie = "; ".join(f"{morsel.key}={morsel.value}" for morsel in client.session.cookie_jar)
    assert "Hello, lin" in (await kept_alive(server, f"Cookie: {cookie}")).body.decode()
    await submit(client, "/logout", {}, on="/")

    after = await kept_alive(server, f"Cookie: {cookie}")
    assert "Hello" not in after.body.decode()
    assert after.headers["cache-control"] == "no-store"


def cookies_of(visitor: Visitor) -> str:
    return "; ".join(f"{morsel.key}={morsel.value}" for morsel in visitor.session.cookie_jar)


async def test_i10_many_members_at_once_each_get_their_own(
    server: TestServer,
    client: Visitor,
    new_visitor: Callable[[], Awaitable[Visitor]],
    stall: Stall,
    db: Database,
    redis: RedisClient,
) -> None:
    await warmed(server, client)
    jars: dict[str, str] = {}
    for number, name in enumerate(("canary-lin", "canary-mei", "canary-tom"), start=1):
        account = await customer(db, Person(name, f"{name}@shop.example"))
        browser = await new_visitor()
        await sign_in(browser, Person(name, f"{name}@shop.example"))
        await redis.execute("SET", basket_key(account.tag), number)
        jars[name] = cookies_of(browser)
        await kept_alive(server, f"Cookie: {jars[name]}")

    asked = [*jars, ""] * 15
    answers = await asyncio.gather(*(kept_alive(server, *([f"Cookie: {jars[n]}"] if n else [])) for n in asked))

    assert not any("x-request-id" in answer.headers for answer in answers)  # all came the ready way
    for name, answer in zip(asked, answers, strict=True):
        page = answer.body.decode()
        assert [other for other in jars if other in page] == ([name] if name else [])
        assert answer.headers["cache-control"].startswith("no-store" if name else "public")
        if name:
            assert f"</span>{list(jars).index(name) + 1}</span>" in page
        else:
            assert "data-count" not in page
    tokens = [token for answer in answers for token in set(TOKEN.findall(answer.body))]
    assert len(tokens) == len(set(tokens)) == 45


async def test_a_member_stays_a_member_when_redis_was_flushed(
    server: TestServer, client: Visitor, stall: Stall, db: Database, redis: RedisClient
) -> None:
    await warmed(server, client)
    await customer(db)
    await sign_in(client)
    await kept_alive(server, f"Cookie: {cookies_of(client)}")
    await redis.execute("FLUSHALL")

    by_the_row = await kept_alive(server, f"Cookie: {cookies_of(client)}")
    by_the_copy = await kept_alive(server, f"Cookie: {cookies_of(client)}")

    assert "x-request-id" in by_the_row.headers
    assert "x-request-id" not in by_the_copy.headers
    assert all("Hello, lin" in answer.body.decode() for answer in (by_the_row, by_the_copy))
