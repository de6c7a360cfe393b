"""The real nginx with the very site that `run.py install` writes; what stands behind it here only notes what it is asked."""

from __future__ import annotations

import asyncio
import gzip
import re
import socket
import ssl
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest

from shop.assets import Assets
from shop.settings import HOME, Settings
from shop.urls import PATHS
from tests.production.host import (
    NGINX,
    Host,
    Request,
    Upstream,
    answer,
    browser,
    host,
    main_file,
    needs_nginx,
    nginx,
    raw,
    tls,
)
from tests.servers import scratch_folder

pytestmark = needs_nginx

PICTURE = "ab" + "0" * 62 + "-160.webp"


@pytest.fixture(scope="module")
def place(settings: Settings) -> Iterator[Host]:
    with scratch_folder() as folder, host(folder, settings, roles="web,proxy", requests_per_second=1000) as place:
        yield place


@pytest.fixture(scope="module")
def proxy(place: Host) -> Iterator[Host]:
    """nginx runs; the sockets behind it are nobody's yet."""
    with nginx(place):
        yield place


@pytest.fixture(scope="module")
def assets() -> Assets:
    """The static files of this release."""
    return Assets(HOME / "static")


@pytest.fixture
async def shops(proxy: Host) -> AsyncIterator[list[Upstream]]:
    """Two that stand where the web processes would."""
    both = [Upstream(proxy.places.run / f"web-{number}.sock") for number in (1, 2)]
    for one in both:
        await one.open()
    yield both
    for one in both:
        await one.close()


@pytest.fixture
async def visitor(proxy: Host) -> AsyncIterator[aiohttp.ClientSession]:
    async with browser(proxy, auto_decompress=False) as session:
        yield session


def all_requests(shops: list[Upstream]) -> list[str]:
    return [request.target for shop in shops for request in shop.requests]


def test_n2_the_site_is_what_nginx_and_its_examiner_accept(place: Host) -> None:
    """gixy-ng finds nothing; no regular expression stands in a map, no capture without a name, no alias."""
    main = main_file(place)
    assert NGINX
    told = subprocess.run([NGINX, "-t", "-c", str(main)], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    gixy = Path(sys.executable).with_name("gixy")
    found = subprocess.run([sys.executable, str(gixy), str(main)], capture_output=True, text=True)
    assert "No issues found." in found.stdout, found.stdout
    written = (HOME / "config/nginx/bayberry.conf").read_text()
    assert not re.findall(r"^\s*(?:map|alias|rewrite)\b", written, re.M)
    assert not re.findall(r"location ~[^\n]*\((?!\?)", written)


async def test_n1_static_files_and_pictures_never_reach_the_shop(
    proxy: Host, shops: list[Upstream], visitor: aiohttp.ClientSession, assets: Assets
) -> None:
    data, version = proxy.places.data, assets.version
    before = data / "static/0123456789ab/css/main.css"
    before.parent.mkdir(parents=True)
    before.write_text("/* of the version before */")
    picture = proxy.places.media / "ab" / PICTURE
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"RIFF")

    async with visitor.get(f"/static/{version}/css/main.css", headers={"Accept-Encoding": "gzip"}) as got:
        assert (got.status, got.headers["Content-Encoding"]) == (200, "gzip")
        assert got.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert gzip.decompress(await got.read()) == await asyncio.to_thread(assets.read, "css/main.css")
    async with visitor.get("/static/0123456789ab/css/main.css") as got:
        assert await got.text() == "/* of the version before */"
    async with visitor.get(f"/media/{PICTURE}") as got:
        assert (got.status, got.content_type, await got.read()) == (200, "image/webp", b"RIFF")
        assert got.headers["X-Content-Type-Options"] == "nosniff"
    for path in (
        f"/static/{version}/none.css", "/static/..%2f..%2fetc%2fpasswd", "/media/ab/" + PICTURE, "/metrics", "/static/",
        "/.shop/away.html", "/static/../media/none", "/media/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    ):  # fmt: skip
        asks = f"GET {path} HTTP/1.1\r\nHost: {proxy.answers.authority}\r\nConnection: close\r\n\r\n"
        said = await raw(proxy, asks.encode())
        assert said[:12] in {b"HTTP/1.1 404", b"HTTP/1.1 400"}, path
        assert b"root:" not in said
    assert all_requests(shops) == []


async def test_pictures_that_are_kept_elsewhere_are_fetched_by_the_shop_once(
    shops: list[Upstream], visitor: aiohttp.ClientSession
) -> None:
    for shop in shops:
        shop.answer = lambda _: answer(
            "RIFF", "Content-Type: image/webp", "Cache-Control: public, max-age=31536000, immutable"
        )
    for cookie in ("session=lin", "session=tom", ""):
        async with visitor.get("/media/cd" + PICTURE[2:], headers={"Cookie": cookie} if cookie else {}) as got:
            assert (got.status, await got.read()) == (200, b"RIFF")
    (request,) = [request for shop in shops for request in shop.requests]
    assert "cookie" not in request.headers


async def test_n3_a_post_is_never_sent_twice_and_a_get_finds_the_other_process(
    shops: list[Upstream], visitor: aiohttp.ClientSession
) -> None:
    for shop in shops:
        shop.answer = lambda request: None
    async with visitor.post("/checkout", data={"checkout_id": "1"}) as got:
        assert got.status == 503
    assert [request.method for shop in shops for request in shop.requests] == ["POST"]
    deaf = next(shop for shop in shops if not shop.requests)
    other = next(shop for shop in shops if shop.requests)
    deaf.answer = lambda request: None
    other.answer = lambda request: answer("found")
    for number in range(4):
        async with visitor.get(f"/products/{number}") as got:
            assert (got.status, await got.text()) == (200, "found")


async def test_n4_what_a_visitor_claims_about_address_and_host_ends_at_the_proxy(
    proxy: Host, shops: list[Upstream], visitor: aiohttp.ClientSession
) -> None:
    claims = {
        "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "evil.example", "X-Real-IP": "203.0.113.9",
        "Forwarded": "for=203.0.113.9", "X-Forwarded-Proto": "http",
    }  # fmt: skip
    async with visitor.get("/cart", headers=claims) as got:
        assert got.status == 200
    (request,) = [request for shop in shops for request in shop.requests]
    told = {
        name: value for name, value in request.headers.items() if "forwarded" in name or name in {"host", "x-real-ip"}
    }
    assert told == {"host": proxy.answers.authority, "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "https"}


async def test_unknown_hosts_are_refused(proxy: Host, shops: list[Upstream]) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await raw(proxy, b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", server_name="evil.example")
    said = await raw(proxy, b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
    assert said[:12] in {b"HTTP/1.1 421", b""}
    port = int(proxy.answers.host.http.rpartition(":")[2])
    for name, expected in (("evil.example", b""), ("shop.example", b"HTTP/1.1 301 Moved Permanently")):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /zh?a=1 HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        said = await reader.read()
        writer.close()
        assert said.startswith(expected)
        assert (b"Location: " + proxy.answers.url.encode() + b"/zh?a=1\r\n" in said) == bool(expected)
    assert all_requests(shops) == []


async def test_tls_is_modern_and_speaks_http2(proxy: Host) -> None:
    port = int(proxy.answers.host.https.rpartition(":")[2])
    context = tls()
    context.set_alpn_protocols(["h2", "http/1.1"])

    def shake() -> tuple[str | None, str | None]:
        plain = socket.create_connection(("127.0.0.1", port))
        with context.wrap_socket(plain, server_hostname="shop.example") as line:
            return line.selected_alpn_protocol(), line.version()

    assert await asyncio.to_thread(shake) == ("h2", "TLSv1.3")
    with warnings.catch_warnings(action="ignore"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, OSError)):
        await asyncio.to_thread(shake)


async def test_n5_only_pages_for_everybody_are_kept_and_only_for_those_without_a_cookie(
    shops: list[Upstream], visitor: aiohttp.ClientSession
) -> None:
    """The shop answers each time with another number; what comes twice was kept."""
    count = iter(range(1000))

    def page(request: Request) -> bytes:
        number = f"page {next(count)}"
        if "secret" in request.target:
            return answer(number, "Cache-Control: no-store")
        if "cookie" in request.target:
            return answer(number, "Cache-Control: public, max-age=60", "Set-Cookie: basket=1")
        return answer(number, "Cache-Control: public, max-age=60", "Vary: Accept-Language, Cookie")

    for shop in shops:
        shop.answer = page

    async def seen(path: str, **headers: str) -> str:
        async with visitor.get(path, headers=headers) as got:
            assert got.status == 200
            return await got.text()

    assert await seen("/n5") == await seen("/n5")
    assert await seen("/n5") != await seen("/n5?sort=price")
    for cookie in ("__Host-session=a", "session=a", "__Host-basket=a", "flash=a", "staff=a"):
        assert await seen("/n5", Cookie=cookie) != await seen("/n5", Cookie=cookie)
    assert await seen("/n5") == "page 0"
    assert await seen("/n5", **{"Accept-Language": "zh"}) != "page 0"
    for path in ("/n5/secret", "/n5/cookie"):
        assert await seen(path) != await seen(path)


async def test_n8_while_the_shop_is_away_guests_see_the_last_page_and_others_a_page_of_ours(
    shops: list[Upstream], visitor: aiohttp.ClientSession
) -> None:
    for shop in shops:
        shop.answer = lambda request: answer("as it was", "Cache-Control: public, max-age=1")
    async with visitor.get("/n8") as got:
        assert await got.text() == "as it was"
    for shop in shops:
        shop.answer = lambda request: answer("as it is", "Cache-Control: public, max-age=1")
    async with visitor.get("/n8", headers={"Cookie": "session=a"}) as got:
        assert await got.text() == "as it is"
    deadline = asyncio.get_running_loop().time() + 10
    while True:  # stale is served only while nobody answers
        async with visitor.get("/n8") as got:
            if await got.text() == "as it is":
                break
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.1)

    for shop in shops:
        shop.answer = lambda request: None
    await asyncio.sleep(1.1)  # longer than a page is fresh
    async with visitor.get("/n8") as got:
        assert (got.status, await got.text()) == (200, "as it is")
    for method, headers in (("GET", {"Cookie": "session=a"}), ("POST", {})):
        async with visitor.request(method, "/n8", headers=headers) as got:
            page = await got.text()
            assert (got.status, got.headers["Retry-After"], got.headers["Cache-Control"]) == (503, "5", "no-store")
            assert "We will be right back" in page
            assert "我们马上回来" in page
            assert got.headers["Server"] == "nginx"


async def test_n7_sizes_and_times_are_bounded(
    proxy: Host, shops: list[Upstream], visitor: aiohttp.ClientSession
) -> None:
    async with visitor.post("/cart/lines", data=BytesIO(bytes(1024**2 + 1))) as got:
        assert got.status == 413
        assert "We could not take that" in await got.text()
    async with visitor.post("/backoffice/pictures", data=BytesIO(bytes(9 * 1024**2))) as got:
        assert got.status == 200
    async with visitor.post("/backoffice/pictures", data=BytesIO(bytes(10 * 1024**2 + 1))) as got:
        assert got.status == 413
    async with visitor.get("/" + "a" * 9000) as got:
        assert got.status == 414
    async with visitor.get("/", headers={"X-Large": "a" * 9000}) as got:
        assert got.status == 400
    assert {len(request.body) for shop in shops for request in shop.requests} == {9 * 1024**2}


async def test_n7_one_address_may_not_hold_everything(shops: list[Upstream], visitor: aiohttp.ClientSession) -> None:
    """Sixty requests at once; the others are told so at once, while those are still waiting."""

    async def ask(number: int) -> tuple[int, str]:
        async with visitor.get(f"/cart?{number}", headers={"Cookie": "session=a"}) as got:
            return got.status, await got.text()

    for shop in shops:
        shop.goes_on.clear()
    asking = [asyncio.create_task(ask(number)) for number in range(80)]
    while sum(task.done() for task in asking) < 20:
        await asyncio.sleep(0.02)
    refused = [task.result() for task in asking if task.done()]
    for shop in shops:
        shop.goes_on.set()
    answers = await asyncio.gather(*asking)
    assert {status for status, _ in refused} == {429}
    assert all("One moment, please" in page and "请稍候" in page for _, page in refused)
    assert sorted(status for status, _ in answers) == [200] * 60 + [429] * 20


@pytest.mark.slow
async def test_n7_a9_what_comes_too_slowly_is_ended(proxy: Host, shops: list[Upstream]) -> None:
    """Headers or a body of which nothing comes for ten seconds: 408 or a closed connection, and the shop never hears of it."""
    name = proxy.answers.authority
    head = f"POST /login HTTP/1.1\r\nHost: {name}\r\nContent-Length: 10\r\n"
    header, body = await asyncio.gather(raw(proxy, head.encode()), raw(proxy, f"{head}\r\nabc".encode()))
    assert header[:12] in {b"", b"HTTP/1.1 408"}
    assert body[:12] in {b"", b"HTTP/1.1 408"}
    assert all_requests(shops) == []


async def test_a1_a9_what_is_not_plain_http_never_reaches_the_shop(proxy: Host, shops: list[Upstream]) -> None:
    """Two lengths, two hosts, folded or spaced headers, chunks in another case: 400 or one request, never two."""
    name = proxy.answers.authority
    smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    for lines in (
        f"Host: {name}\r\nContent-Length: 4\r\nContent-Length: 5",
        f"Host: {name}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked",
        f"Host: {name}\r\nTransfer-Encoding : chunked",
        f"Host: {name}\r\nTransfer-Encoding: xchunked",
        f"Host: {name}\r\nHost: evil.example",
        f"Host: {name}\r\nContent-Length: +4",
        f"Host: {name}\r\nA: b\r\n c: d\r\nContent-Length : 4",
    ):
        said = await raw(proxy, f"POST /login HTTP/1.1\r\n{lines}\r\nConnection: close\r\n\r\nabcd{smuggled}".encode())
        assert said[:12] in {b"HTTP/1.1 400", b"HTTP/1.1 501", b"HTTP/1.1 200"}, lines
        assert said.count(b"HTTP/1.1 ") == 1
    assert "/smuggled" not in all_requests(shops)


async def test_no_log_of_the_proxy_holds_a_secret(
    proxy: Host, shops: list[Upstream], visitor: aiohttp.ClientSession
) -> None:
    secret = [path.replace("{token}", "canary-token") for path in PATHS.values() if "{token}" in path]
    assert len(secret) >= 4
    for path in (*secret, *(f"/zh{path}" for path in secret), "/orders/1?key=canary-token"):
        async with visitor.get(path, headers={"Cookie": "session=canary-token", "Referer": "/?canary-token"}) as got:
            assert got.status == 200
    for shop in shops:
        shop.answer = lambda request: None
    async with visitor.get("/activation/canary-token") as got:
        assert got.status == 503
    log = proxy.places.logs / "bayberry.log"
    assert '"path":"/orders/1"' in log.read_text()
    assert all("canary-token" not in file.read_text() for file in proxy.places.logs.glob("*.log"))


async def test_challenges_for_a_certificate_are_answered(proxy: Host) -> None:
    (proxy.places.data / "acme/.well-known/acme-challenge").mkdir(parents=True)
    (proxy.places.data / "acme/.well-known/acme-challenge/abc").write_text("abc.def")
    address = f"http://{proxy.answers.host.http}/.well-known/acme-challenge/abc"
    async with aiohttp.request("GET", address, headers={"Host": "shop.example"}) as got:
        assert await got.text() == "abc.def"
