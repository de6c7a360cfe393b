"""After signing in people go where they wanted to, if that is a page of ours, and nowhere else."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.db import Database
from tests.conftest import Visitor
from tests.world import LIN, PASSWORD, customer, submit

GOOD = (
    "/account",
    "/zh/account",
    "/account/addresses/new?next=/account",
    "/?x=1",
    "/login?next=/account",
    "/account/security",
    "/pages/terms",
    "/products/apple?from=list&page=2",
)
# After Django's tests of url_has_allowed_host_and_scheme, and more.
BAD = (
    "http://example.com",
    "http:///example.com",
    "https://example.com",
    "ftp://example.com",
    "///example.com",
    "//example.com",
    "/\\example.com",
    "/\\/example.com",
    "\\\\example.com",
    "\\\\\\example.com",
    "\\/\\/example.com",
    "http:\\\\example.com",
    "http:/\\example.com",
    "http:example.com",
    "https:e",
    "http:/example.com",
    "http:///\\example.com",
    "javascript:alert('XSS')",
    "\njavascript:alert(x)",
    "java\nscript:alert(x)",
    "\x08//example.com",
    "\t//example.com",
    "/\t/example.com",
    "/\n/example.com",
    "/\r\nSet-Cookie: a=b",
    "/account\r\nX: y",
    " //example.com",
    " /account",
    "http://otherserver\\@example.com",
    "http:\\\\testserver\\@example.com",
    "http://testserver\\me:pass@example.com",
    "http://[2001:cdba:0000:0000:0000:0000:3257:9652/",
    "http://2001:cdba:0000:0000:0000:0000:3257:9652]/",
    "http:999999999",
    "/%2f%2fexample.com",
    "/%5cexample.com",
    "/%09/example.com",
    "/..//example.com",
    "/.//example.com",
    "/%2e%2e//example.com",
    "/products/..%2f..%2f",
    "@example.com",
    "/@example.com",
    "account",
    "",
    ";@example.com",
    "/logout",
    "/nowhere",
    "/account/" + "x" * 5000,
    "/搜索",
    "data:text/html,hello",
    "/\u2028/example.com",
)


async def landing(client: Visitor, wanted: str) -> str:
    """Where a sign-in with this `next` leads."""
    fields = {"login": "lin", "password": PASSWORD, "next": wanted}
    answer = await client.post("/login", data=fields, allow_redirects=False)
    assert answer.status == 303, wanted
    client.session.cookie_jar.clear()
    return answer.headers["Location"]


async def test_s23_good_paths_are_followed(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    assert [await landing(client, wanted) for wanted in GOOD] == list(GOOD)


async def test_s23_whatever_is_thrown_at_it_leads_to_the_account(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    for wanted in BAD:
        assert await landing(client, wanted) == "/account", wanted


async def test_s23_the_login_page_repeats_only_good_paths(client: Visitor, db: Database) -> None:
    for wanted in BAD:
        page = await (await client.get("/login", params={"next": wanted})).text()
        assert 'name="next" value=""' in page, wanted


@given(st.text(alphabet="/\\:@.?#%&=;\t\r\n eE0123456789aZhtpsf\x00é", max_size=30))
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_s23_no_text_leads_off_the_site(text: str) -> None:
    import asyncio

    from aiohttp import web
    from aiohttp.test_utils import make_mocked_request

    from shop.web.next_page import own_page

    async def view(request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_get("/{anything:.*}", view)
    found = asyncio.run(own_page(make_mocked_request("POST", "/login", app=app), "/" + text))
    if found is not None:
        assert urlsplit(urljoin("https://shop.example/login", found)).netloc == "shop.example"
        assert found.isascii()
        assert found.isprintable()


@pytest.mark.parametrize("path", ["/login", "/zh/login"])
async def test_without_a_wish_the_account_page_comes(client: Visitor, db: Database, path: str) -> None:
    await customer(db, LIN)
    answer = await submit(client, path, {"login": "lin", "password": PASSWORD})
    assert answer.headers["Location"] == path.replace("login", "account")
