"""The stack under the shop against what a hostile client sends (THREATS A1–A10, S54, S55, S67–S69)."""

import asyncio
import gc
import gzip
import resource
import time
from collections.abc import Awaitable
from io import BytesIO

import pytest
from aiohttp.http_parser import HttpRequestParser
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from tests.web.raw import answers, exchange, host

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
# As many of a pool may be new, each with a task of its own.
CONNECTIONS = 10
NEXT = "GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
HEAD = "POST /login HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"

# Each is a request that two parsers could read in two ways.
AMBIGUOUS = {
    "length and chunked": HEAD + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": HEAD + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "list of lengths": HEAD + "Content-Length: 4, 4\r\n\r\nabcd",
    "negative length": HEAD + "Content-Length: -1\r\n\r\n",
    "signed length": HEAD + "Content-Length: +4\r\n\r\nabcd",
    "length with underscore": HEAD + "Content-Length: 1_0\r\n\r\n0123456789",
    "length in other digits": HEAD + "Content-Length: ٤\r\n\r\nabcd",
    "length in hex": HEAD + "Content-Length: 0x4\r\n\r\nabcd",
    "length with space inside": HEAD + "Content-Length: 1 0\r\n\r\n0123456789",
    "empty length": HEAD + "Content-Length:\r\n\r\n",
    "space before colon": HEAD + "Content-Length : 4\r\n\r\nabcd",
    "tab before colon": HEAD + "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "folded header": HEAD + "X-Folded: a\r\n b\r\nContent-Length : 0\r\n\r\n",
    "unknown coding": HEAD + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked twice": HEAD + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked not last": HEAD + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "two codings": HEAD + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "negative chunk": HEAD + "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n0\r\n\r\n",
    "chunk size in hex prefix": HEAD + "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
    "chunk size with underscore": HEAD + "Transfer-Encoding: chunked\r\n\r\n1_0\r\n0123456789abcdef\r\n0\r\n\r\n",
    "line feed in chunk extension": HEAD + "Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\nx\r\n0\r\n\r\n",
    "chunk longer than said": HEAD + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
    "NUL in a name": "GET / HTTP/1.1\r\nHost: {host}\r\nX-\x00: a\r\n\r\n",
    "NUL in a value": "GET / HTTP/1.1\r\nHost: {host}\r\nX-A: a\x00b\r\n\r\n",
    "bare carriage return": "GET / HTTP/1.1\r\nHost: {host}\r\nX-A: a\rb\r\n\r\n",
    "no header name": "GET / HTTP/1.1\r\nHost: {host}\r\n: a\r\n\r\n",
    "space in a name": "GET / HTTP/1.1\r\nHost: {host}\r\nX A: a\r\n\r\n",
    "version of three digits": "GET / HTTP/1.10\r\nHost: {host}\r\n\r\n",
    "unknown version": "GET / HTTP/9.9\r\nHost: {host}\r\n\r\n",
    "no version": "GET /\r\nHost: {host}\r\n\r\n",
    "method with odd letters": "G{E}T / HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "space at the start": " GET / HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "binary": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


def written(template: str, server: TestServer) -> bytes:
    return template.replace("{host}", host(server)).encode("latin-1", "replace")


@pytest.mark.parametrize("case", AMBIGUOUS)
async def test_a1_s68_an_ambiguous_request_is_refused_and_never_mixed_with_the_next(
    server: TestServer, case: str
) -> None:
    sent = written(AMBIGUOUS[case], server) + written(NEXT, server)

    replies = answers(await exchange(server, sent))

    assert [reply.status for reply in replies] == [400]
    assert replies[0].headers["connection"] == "close"


def test_a1_the_parser_is_the_compiled_one() -> None:
    assert HttpRequestParser.__module__ == "aiohttp._http_parser"


async def test_a2_two_host_headers_are_refused(server: TestServer) -> None:
    sent = f"GET / HTTP/1.1\r\nHost: {host(server)}\r\nHost: evil.example\r\n\r\n"

    replies = answers(await exchange(server, sent.encode()))

    assert [reply.status for reply in replies] == [400]


async def test_a3_a_compressed_body_is_refused_before_it_is_opened(client: TestClient) -> None:
    bomb = gzip.compress(bytes(10 * 1024 * 1024))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    answer = await client.post("/login", data=bomb, headers={"Content-Encoding": "gzip"})

    assert answer.status == 415
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1024


async def test_a3_a_compressed_body_that_is_none_leaves_no_line_in_the_log(
    server: TestServer, caplog: pytest.LogCaptureFixture
) -> None:
    sent = HEAD + "Content-Encoding: gzip\r\nContent-Length: 4\r\nConnection: close\r\n\r\nabcd"

    replies = answers(await exchange(server, written(sent, server)))

    assert [reply.status for reply in replies] == [415]
    assert caplog.messages == []


@pytest.mark.parametrize(
    "path", ["/products/%00", "/categories/a%00b", "/pages/%00", "/orders/%00", "/zh/products/%00"]
)
async def test_a_path_that_postgresql_could_not_hold_leads_nowhere(client: TestClient, path: str) -> None:
    answer = await client.get(URL(path, encoded=True))

    assert answer.status == 404


@pytest.mark.parametrize("cookie", ["flash", "basket", "session", "device"])
async def test_a_cookie_of_any_bytes_is_no_error_of_ours(server: TestServer, cookie: str) -> None:
    async def status(line: str) -> int:
        ask = f"{line} HTTP/1.1\r\nHost: {host(server)}\r\nCookie: {cookie}=".encode()
        replies = answers(await exchange(server, ask + b"\xff\xfe\r\nConnection: close\r\n\r\n"))
        return replies[0].status

    assert [await status(line) for line in ("GET /", "GET /login", "GET /cart", "GET /checkout")] == [
        200,
        200,
        200,
        303,
    ]


async def test_a4_a_body_over_one_megabyte_is_refused(client: TestClient) -> None:
    answer = await client.post("/login", data=BytesIO(b"login=" + b"a" * 1024 * 1024), headers=FORM)

    assert answer.status == 413


async def test_a4_more_than_two_hundred_fields_are_refused(client: TestClient) -> None:
    answer = await client.post("/login", data={f"field{n}": "1" for n in range(201)})

    assert answer.status in {400, 413}


@pytest.mark.parametrize(
    "body",
    [
        b"--x\r\n\r\n",
        b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="_charset_"\r\n\r\nutf-99\r\n--x--\r\n',
        b'--x\r\nContent-Disposition: form-data; name="a"; filename="../../etc/passwd"\r\n\r\na\r\n--x--\r\n',
        b"--x\r\n" + b"X-A: b\r\n" * 500 + b"\r\na\r\n--x--\r\n",
        b"no boundary at all",
        b"",
    ],
)
async def test_a4_a_broken_multipart_form_is_never_our_error(client: TestClient, body: bytes) -> None:
    answer = await client.post("/login", data=body, headers={"Content-Type": "multipart/form-data; boundary=x"})

    assert 400 <= answer.status < 500 or answer.status == 200


async def test_a5_a_body_in_chunks_of_one_byte_stops_nobody(server: TestServer) -> None:
    head = written(HEAD + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n", server)
    body = b"1\r\na\r\n" * 100_000 + b"0\r\n\r\n"

    lag = await lag_while(exchange(server, head + body))

    assert lag < 0.5


async def test_a5_a_flood_of_pipelined_requests_stops_nobody(server: TestServer) -> None:
    flood = written(NEXT.replace("Connection: close\r\n", ""), server) * 2000 + written(NEXT, server)

    lag = await lag_while(exchange(server, flood, seconds=20))

    assert lag < 0.5


@pytest.mark.parametrize(
    "path",
    [
        "/static/..%2frun.py",
        "/static/../run.py",
        "/static/x/%2e%2e/%2e%2e/run.py",
        "/static/x/..%5crun.py",
        "/media/..%2f..%2frun.py",
    ],
)
async def test_a6_no_path_leads_out_of_the_static_folder(server: TestServer, path: str) -> None:
    sent = f"GET {path} HTTP/1.1\r\nHost: {host(server)}\r\nConnection: close\r\n\r\n"

    (reply,) = answers(await exchange(server, sent.encode()))

    assert reply.status == 404


@pytest.mark.parametrize(
    "path", ["//evil.example/", "//evil.example/%2e%2e", "/\\evil.example", "///evil.example", "/zh//evil.example"]
)
async def test_a7_no_path_redirects_to_another_site(server: TestServer, path: str) -> None:
    sent = f"GET {path} HTTP/1.1\r\nHost: {host(server)}\r\nConnection: close\r\n\r\n"

    (reply,) = answers(await exchange(server, sent.encode()))

    assert reply.status in {400, 404}
    assert "location" not in reply.headers


async def test_a7_a_slash_too_many_moves_for_good_to_the_page_without_it(server: TestServer) -> None:
    moved = {"/cart/": "/cart", "/zh/": "/zh", "/search/?q=apple%20pie": "/search?q=apple%20pie"}
    for path, there in moved.items():
        for method in ("GET", "HEAD"):
            sent = f"{method} {path} HTTP/1.1\r\nHost: {host(server)}\r\nConnection: close\r\n\r\n"
            (reply,) = answers(await exchange(server, sent.encode()))
            assert (reply.status, reply.headers["location"]) == (301, there)
            assert reply.headers.get("cache-control") == ("no-store" if "?" in path else None)
    for path in ("/nowhere/", "/cart//", "//cart/", "/cart/%2e%2e/", "/cart/../cart/", "/.//evil.example/", "/zh/%2f/"):
        sent = f"GET {path} HTTP/1.1\r\nHost: {host(server)}\r\nConnection: close\r\n\r\n"
        (reply,) = answers(await exchange(server, sent.encode()))
        assert reply.status in {400, 404}, path
        assert "location" not in reply.headers
    sent = written(
        "POST /cart/lines/ HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", server
    )
    (reply,) = answers(await exchange(server, sent))
    assert reply.status in {403, 404}


async def test_a8_bad_cookies_do_not_fill_the_log(server: TestServer, caplog: pytest.LogCaptureFixture) -> None:
    cookies = "; ".join(f"b@d[{n}]=\x7f" for n in range(400))
    sent = f"GET / HTTP/1.1\r\nHost: {host(server)}\r\nCookie: {cookies}\r\nConnection: close\r\n\r\n"

    replies = answers(await exchange(server, sent.encode("latin-1")))

    assert [reply.status for reply in replies] in ([200], [400])
    assert len(caplog.records) <= 1


async def test_a9_a_body_that_never_arrives_is_given_up(server: TestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shop.web.middlewares.BODY_SECONDS", 0.2)
    sent = written(HEAD + "Content-Length: 100\r\n\r\n", server)
    began = time.monotonic()

    replies = answers(await exchange(server, sent))

    assert [reply.status for reply in replies] == [408]
    assert time.monotonic() - began < 3


async def test_a10_visitors_who_leave_in_mid_form_leave_nothing_behind(server: TestServer) -> None:
    await exchange(server, written(NEXT, server))
    gc.collect()
    before = len(asyncio.all_tasks())

    async def leaves(n: int) -> None:
        body = "login=somebody&password=wrong-password-7"
        sent = written(HEAD + f"Content-Length: {len(body)}\r\n\r\n{body[: n % len(body)]}", server)
        _, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(sent)
        await writer.drain()
        writer.transport.abort()

    for batch in range(10):
        await asyncio.gather(*(leaves(n + batch) for n in range(50)))
    for _ in range(100):
        if len(asyncio.all_tasks()) <= before + CONNECTIONS:
            break
        await asyncio.sleep(0.05)

    assert len(asyncio.all_tasks()) <= before + CONNECTIONS
    assert answers(await exchange(server, written(NEXT, server)))[0].status == 200


@pytest.mark.parametrize(
    "line",
    [
        "GET / HTTP/1.1\r\nHost: evil.example",
        "GET / HTTP/1.1\r\nHost: {host}.evil.example",
        "GET / HTTP/1.1\r\nHost: {host}@evil.example",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:1",
        "GET / HTTP/1.1\r\nHost:",
        "GET / HTTP/1.1\r\nX-Forwarded-Host: {host}",
        "GET http://evil.example/ HTTP/1.1\r\nHost: evil.example",
        "GET / HTTP/1.0",
    ],
)
async def test_s55_another_host_gets_400(server: TestServer, line: str) -> None:
    sent = written(line + "\r\nConnection: close\r\n\r\n", server)

    (reply,) = answers(await exchange(server, sent))

    assert reply.status == 400
    assert b"evil.example" not in reply.body


POISON = [
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "javascript"),
    ("X-Forwarded-Port", "666"),
    ("X-Host", "evil.example"),
    ("X-Original-URL", "/account"),
    ("X-Rewrite-URL", "/account"),
    ("Forwarded", "host=evil.example;proto=https"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("Origin", "http://evil.example"),
    ("Referer", "http://evil.example/"),
]


@pytest.mark.parametrize(("name", "value"), POISON)
async def test_s54_a_header_changes_nothing_on_a_cached_page(client: TestClient, name: str, value: str) -> None:
    clean = await (await client.get("/")).text()

    poisoned = await client.get("/", headers={name: value})

    assert await poisoned.text() == clean
    assert "Set-Cookie" not in poisoned.headers


@pytest.mark.parametrize(
    "path", ["/account/x.css", "/account.css", "/account;.css", "/account%0a.css", "/account/%2e%2e/x.js"]
)
async def test_s54_no_private_page_answers_to_a_path_that_looks_static(client: TestClient, path: str) -> None:
    answer = await client.get(path, allow_redirects=False)

    assert answer.status == 404
    assert answer.headers["Cache-Control"] == "no-store"


PROBES = (
    "/.git/config /.git/HEAD /.env /.htaccess /config/environment.example /run.py /shop/app.py /pyproject.toml "
    "/server-status /phpinfo.php /wp-login.php /admin/ /debug /debug/pprof /console /_profiler "
    "/actuator /swagger.json /graphql /backup.sql /dump.rdb /id_rsa /docs/ /tests/ "
    "/metrics/ /static /static/ /media/ /favicon.php /cgi-bin/x /var/ "
).split()


@pytest.mark.parametrize("path", PROBES)
async def test_s67_known_paths_of_other_shops_find_nothing(client: TestClient, path: str) -> None:
    answer = await client.get(path, allow_redirects=False)

    assert answer.status == 404
    assert answer.headers["Server"] == "Bayberry"
    assert "X-Powered-By" not in answer.headers


async def test_s67_an_error_shows_a_page_and_an_id_but_no_traceback(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("canary-in-the-traceback")

    monkeypatch.setattr("shop.web.health.web.json_response", broken)

    answer = await client.get("/healthz")
    page = await answer.text()

    assert answer.status == 500
    assert "canary" not in page
    assert "Traceback" not in page
    assert answer.headers["X-Request-ID"] in page


async def test_s67_metrics_are_not_for_whom_the_proxy_sends(client: TestClient) -> None:
    assert (await client.get("/metrics")).status == 200
    assert (await client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"})).status == 404


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("login=a&login=b&password=x", "application/x-www-form-urlencoded"),
        ("login[]=a&password[]=x", "application/x-www-form-urlencoded"),
        ('{"login": {"$ne": 1}, "password": {"$ne": 1}}', "application/json"),
        ("login=%00&password=%00", "application/x-www-form-urlencoded"),
        ("login=%ff%fe&password=%c0%80", "application/x-www-form-urlencoded"),
        ("=&&&==&login", "application/x-www-form-urlencoded"),
        ("<login>a</login>", "text/xml"),
        ("login=a", "application/x-www-form-urlencoded; charset=utf-99"),
    ],
)
async def test_s69_odd_parameters_are_answered_with_the_form_again(
    client: TestClient, body: str, content_type: str
) -> None:
    answer = await client.post(
        "/login", data=body.encode(), headers={"Content-Type": content_type}, allow_redirects=False
    )

    assert answer.status in {400, 415, 422}


async def lag_while(work: Awaitable[object]) -> float:
    """The most CPU seconds for which the loop answered nobody while `work` went on; the wall clock counts other programs too."""
    task = asyncio.ensure_future(work)
    longest = 0.0
    while not task.done():
        began = time.process_time()
        await asyncio.sleep(0.001)
        longest = max(longest, time.process_time() - began)
    return longest
