"""A shop front of a few pages around the real sessions, doors and forgery check: what every page of the shop relies on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp_session import get_session

from shop.accounts.models import Account, identity_key
from shop.accounts.security.models import Origin
from shop.accounts.sessions import service
from shop.accounts.sessions.authority import Authority
from shop.cache.client import RedisClient
from shop.db import Database, DbError
from shop.keys import DB, REDIS, SETTINGS, URLS
from shop.settings import Settings
from shop.urls import Urls
from shop.web import csrf, sessions
from shop.web.access import anyone, fresh, signed_in, visitor_of
from shop.web.routing import DECLARED, Route, _entered
from shop.web.session_copies import SessionCopies
from shop.web.sessions import SESSIONS, SessionStorage
from tests.servers import leave

AUTHORITY = web.AppKey("AUTHORITY", Authority)
GATE = web.AppKey("GATE", dict[str, asyncio.Event])

Browser = TestClient[web.Request, web.Application]


async def customer(db: Database, name: str, *, active: bool = True) -> Account:
    """An account that may sign in."""
    async with db.transaction() as conn:
        account = await Account.objects.using(conn).create(
            username=name,
            username_key=identity_key(name),
            email=f"{name}@example.com",
            email_key=f"{name}@example.com",
            password_hash="-",
        )
        if active:
            await conn.execute("UPDATE accounts SET activated_at = now() WHERE id = %(id)s", {"id": account.id})
    return account


async def sign_in(request: web.Request) -> web.StreamResponse:
    expiry = request.query.get("expiry")
    visitor = await visitor_of(request)
    async with request.app[DB].transaction() as conn:
        started = await service.start(
            conn,
            int(request.query["account"]),
            expiry=None if expiry is None else int(expiry),
            origin=Origin("192.0.2.0/24", "Firefox on Linux"),
            replaces=visitor.session_id_hash,
        )
    response = web.Response(text="in")
    await request.app[SESSIONS].begin(request, response, started)
    return response


async def sign_out(request: web.Request) -> web.StreamResponse:
    response = web.Response(text="out")
    await request.app[SESSIONS].end(request, response)
    return response


async def product(request: web.Request) -> web.StreamResponse:
    visitor = await visitor_of(request, viewed=int(request.match_info["id"]))
    return web.json_response({"name": visitor.name, "basket": visitor.basket_count})


async def private(request: web.Request) -> web.StreamResponse:
    visitor = await visitor_of(request)
    return web.json_response({"name": visitor.name, "token": csrf.token_of(request).decode()})


async def note(request: web.Request) -> web.StreamResponse:
    """Sets fields of the session, slowly when the test holds the gate."""
    session = await get_session(request)
    for name, value in request.query.items():
        session[name] = value
    if gate := request.app[GATE].get("gate"):
        request.app[GATE]["reached"].set()
        await gate.wait()
    return web.Response(text="noted")


async def notes(request: web.Request) -> web.StreamResponse:
    return web.json_response(dict(await get_session(request)))


async def expiry(request: web.Request) -> web.StreamResponse:
    session = await get_session(request)
    assert isinstance(session, sessions.Session)
    session.set_expiry(int(request.query["n"]) if "n" in request.query else None)
    return web.Response(text="set")


async def forget(request: web.Request) -> web.StreamResponse:
    (await get_session(request)).invalidate()
    return web.Response(text="forgotten")


PAGES: tuple[tuple[str, str, Any, Any], ...] = (
    ("POST", "/in", sign_in, anyone),
    ("POST", "/out", sign_out, anyone),
    ("GET", "/products/{id}", product, anyone),
    ("GET", "/private", private, signed_in),
    ("GET", "/sensitive", private, fresh),
    ("POST", "/note", note, signed_in),
    ("GET", "/notes", notes, signed_in),
    ("POST", "/expiry", expiry, signed_in),
    ("POST", "/forget", forget, signed_in),
)


@web.middleware
async def unavailable(request: web.Request, handler: sessions.Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except DbError:
        return web.Response(status=503)


def build(settings: Settings, db: Database, redis: RedisClient) -> web.Application:
    """The application, with `settings` deciding on TLS and keys."""
    app = web.Application(middlewares=(unavailable, csrf.checked, sessions.saved))
    app[SETTINGS], app[URLS], app[DB], app[REDIS] = settings, Urls(settings.url, settings.languages), db, redis
    app[DECLARED], app[GATE] = {}, {}
    app[AUTHORITY] = Authority(db)
    app[SESSIONS] = SessionStorage(app[AUTHORITY], SessionCopies(redis, settings.secret_keys))
    for method, path, view, door in PAGES:
        app.router.add_route(method, path, _entered(Route(path, view, door, (method,)), "en"))
    return app


@asynccontextmanager
async def open_front(settings: Settings, db: Database, redis: RedisClient) -> AsyncIterator[TestServer]:
    """The front, listening to visitors and to revocations."""
    app = build(settings, db, redis)
    async with TestServer(app) as server:
        app[AUTHORITY].start()
        await heard(app)
        yield server
        await app[AUTHORITY].stop()


async def heard(app: web.Application) -> None:
    """Wait until this process hears of revocations."""
    for _ in range(500):
        if app[AUTHORITY].believes(b""):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not listening")


class Person:
    """Somebody with a browser; it sends the token of its last private page as a form would."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.token = ""

    @property
    def cookie(self) -> str:
        """The value of the session cookie, "" without one."""
        cookies = {c.key: c.value for c in self.browser.session.cookie_jar}
        return cookies.get("session") or cookies.get("__Host-session", "")

    async def sign_in(self, account: Account, **query: object) -> None:
        query = {"account": account.id, **query}
        response = await self.browser.post("/in", params={k: str(v) for k, v in query.items()}, headers=self._proof())
        assert response.status == 200, await response.text()
        self.token = (await (await self.browser.get("/private")).json())["token"]

    async def post(self, path: str, **query: object) -> int:
        params = {k: str(v) for k, v in query.items()}
        return (await self.browser.post(path, params=params, headers=self._proof(), allow_redirects=False)).status

    async def get(self, path: str) -> Any:
        """The JSON of a page; None when it sends to sign in."""
        response = await self.browser.get(path, allow_redirects=False)
        if response.status == 303:
            assert response.headers["Location"].startswith("/login")
            return None
        assert response.status == 200, await response.text()
        return await response.json()

    def _proof(self) -> dict[str, str]:
        return {"X-CSRF-Token": self.token} if self.token else {}


async def with_cookie(server: TestServer, path: str, cookie: str) -> Any:
    """What a stranger sees who presents this session cookie; None when sent to sign in."""
    browser: Browser = TestClient(server)
    try:
        response = await browser.get(path, headers={"Cookie": f"session={cookie}"}, allow_redirects=False)
        return None if response.status == 303 else await response.json()
    finally:
        await leave(browser)
