"""What every answer carries (THREATS S59, S60), and that guests are given nothing."""

import re
from http.cookies import SimpleCookie

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from shop.urls import PATHS as ALL
from shop.web.routing import DECLARED
from tests.conftest import Visitor
from tests.web.raw import answers, exchange

EXPECTED = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Server": "Bayberry",
}
PATHS = [
    "/",
    "/zh",
    "/login",
    "/zh/register",
    "/account",
    "/nowhere",
    "/zh/nowhere",
    "/healthz",
    "/static/x/none.css",
    "/products/none",
]


@pytest.mark.parametrize("path", PATHS)
async def test_s60_every_answer_carries_the_protecting_headers(client: TestClient, path: str) -> None:
    answer = await client.get(path, allow_redirects=False)

    assert {name: answer.headers.get(name) for name in EXPECTED} == EXPECTED | {
        "Referrer-Policy": answer.headers["Referrer-Policy"]
    }
    assert answer.headers["Referrer-Policy"] in {"strict-origin-when-cross-origin", "no-referrer"}


@pytest.mark.parametrize("path", PATHS)
async def test_s60_the_content_policy_allows_no_inline_code_and_no_other_origin(client: TestClient, path: str) -> None:
    policy = (await client.get(path, allow_redirects=False)).headers["Content-Security-Policy"]
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))

    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self'"
    assert rules["style-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["base-uri"] == rules["object-src"] == "'none'"
    assert "unsafe" not in policy
    assert "http" not in policy


async def test_s60_what_is_not_http_gets_them_too(server: TestServer) -> None:
    (reply,) = answers(await exchange(server, b"GET / HTTP/9.9\r\n\r\n"))

    assert reply.status == 400
    assert {name: reply.headers.get(name.lower()) for name in EXPECTED} == EXPECTED
    assert b"9.9" not in reply.body


@pytest.mark.parametrize("path", PATHS[:4])
async def test_pages_hold_no_inline_script_or_style(client: TestClient, path: str) -> None:
    page = await (await client.get(path)).text()

    assert re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/(?:ld\+)?json)[^>]*>", page) == []
    assert re.findall(r"<style\b", page) == []
    assert re.findall(r"<[^>]+\son[a-z]+\s*=", page) == []
    assert re.findall(r"<[^>]+\sstyle\s*=", page) == []


@pytest.mark.parametrize("path", ["/", "/zh", "/healthz", "/nowhere", "/login", "/register"])
async def test_s59_a_guest_gets_no_cookie(client: TestClient, path: str) -> None:
    answer = await client.get(path)

    assert "Set-Cookie" not in answer.headers


async def test_s59_every_cookie_is_http_only_lax_and_small(client: TestClient) -> None:
    answer = await client.get("/login", headers={"Cookie": "flash=forged; session=forged"})

    for header in answer.headers.getall("Set-Cookie", []):
        cookie = next(iter(SimpleCookie(header).values()))
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert cookie["path"] == "/"
        assert len(header) < 4096


def test_every_page_exists_in_every_language(server: TestServer) -> None:
    app: web.Application = server.app
    paths = {resource.canonical for resource in app.router.resources()}
    pages = {ALL[route.name] for route in app[DECLARED].values() if route.localized}

    assert {"/", "/products/{slug}", "/categories/{slug}", "/pages/{slug}"} <= pages
    assert pages <= paths
    assert {f"/zh{path}".removesuffix("/") for path in pages} <= paths


async def test_in_development_pages_are_compressed_for_whoever_can_read_that(client: Visitor) -> None:
    """Elsewhere nginx does it (config/nginx/bayberry.conf)."""
    packed = await client.get("/login", headers={"Accept-Encoding": "gzip"})
    plain = await client.get("/login", headers={"Accept-Encoding": "identity"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert await packed.text() == await plain.text()
