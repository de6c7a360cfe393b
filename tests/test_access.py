"""Walks the whole router: every route declares who may enter, and nothing is changed by a request from elsewhere (S61)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from shop.app import create_app
from shop.settings import Settings
from shop.web.access import anyone, fresh, from_provider, signed_in
from shop.web.csrf import HEADER
from shop.web.routing import DECLARED, Route
from shop.web.staff_doors import StaffDoor, gate

Visitor = TestClient[web.Request, web.Application]

DOORS = {anyone, signed_in, fresh, from_provider}
AT_THE_GATE = {
    "backoffice.invitation",
    "backoffice.login",
    "backoffice.login_code",
    "backoffice.setup",
}
COOKIE = f"session={'a' * 32}.{'b' * 43}"
FOREIGN = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
)


def routes(app: web.Application) -> Iterator[tuple[str, str]]:
    """(method, path with made-up parameters) of every route there is."""
    for route in app.router.routes():
        assert route.resource is not None
        yield route.method, re.sub(r"\{[^}]*\}", "1", route.resource.canonical)


def changing(app: web.Application) -> list[str]:
    return sorted({path for method, path in routes(app) if method not in {"GET", "HEAD", "OPTIONS"}})


def in_the_shop(app: web.Application) -> list[str]:
    """Without the back office, which knows nothing of the shop's cookies; its own are tried in tests/backoffice."""
    return [path for path in changing(app) if not path.removeprefix("/zh").startswith("/backoffice")]


def declared(app: web.Application) -> list[Route]:
    return list(app[DECLARED].values())


def test_every_route_declares_who_may_enter(settings: Settings) -> None:
    app = create_app(settings)
    assert len(declared(app)) > 3
    for route in declared(app):
        if route.name.startswith("backoffice."):
            # Deny by default: before the door stand these pages and no others, behind it a permission is named.
            assert isinstance(route.door, StaffDoor) != (route.name in AT_THE_GATE), route.name
            assert route.door is gate or isinstance(route.door, StaffDoor), route.name
        else:
            assert route.door in DOORS, f"{route.name} has a door this test does not know"
    for route in app.router.routes():
        # The only way into the router is add_routes, which puts each view behind its door.
        assert route.handler.__qualname__ == "_entered.<locals>.handler", route.resource
        assert route.method != "*"


def test_a_route_without_a_door_cannot_be_written() -> None:
    async def view(request: web.Request) -> web.Response:
        return web.Response()

    with pytest.raises(TypeError):
        Route("catalog.home", view, methods=("GET",))  # type: ignore[call-arg]


async def test_s15_every_private_page_sends_a_guest_to_sign_in(server: TestServer, client: Visitor) -> None:
    assert server.app is not None
    for route in declared(server.app):
        if route.door not in {signed_in, fresh}:
            continue
        path = re.sub(r"\{[^}]*\}", "1", _path_of(server.app, route))
        for method in route.methods:
            response = await client.request(method, path, allow_redirects=False)
            assert response.status == 303, route.name
            assert response.headers["Location"].startswith("/login"), route.name
            assert response.headers["Cache-Control"] == "no-store"


def _path_of(app: web.Application, route: Route) -> str:
    from shop.urls import PATHS

    return PATHS[route.name]


async def test_s61_nothing_is_changed_from_elsewhere(server: TestServer, client: Visitor) -> None:
    assert server.app is not None
    for path in changing(server.app):
        for headers in FOREIGN:
            response = await client.post(path, headers=headers, allow_redirects=False)
            assert response.status == 403, (path, headers)


@pytest.mark.parametrize("cookie", [COOKIE, "basket=abc"])
async def test_s61_with_a_cookie_a_token_is_required(server: TestServer, client: Visitor, cookie: str) -> None:
    assert server.app is not None
    for path in in_the_shop(server.app):
        for proof in ({}, {HEADER: ""}, {HEADER: "x" * 88}, {HEADER: "A" * 86 + "=="}):
            response = await client.post(path, headers={"Cookie": cookie, **proof}, allow_redirects=False)
            assert response.status == 403, (path, proof)
        response = await client.post(path, headers={"Cookie": cookie}, data={"csrf_token": "é"}, allow_redirects=False)
        assert response.status == 403, path


async def test_s61_a_client_that_sends_neither_header_nor_cookie_passes(server: TestServer, client: Visitor) -> None:
    assert server.app is not None
    for path in changing(server.app):
        response = await client.post(path, allow_redirects=False)
        assert response.status != 403, path


async def test_s20_nothing_happens_by_looking(server: TestServer, client: Visitor) -> None:
    """Actions answer 405 to a GET: an image that points to /logout signs nobody out."""
    assert server.app is not None
    for route in declared(server.app):
        if "GET" not in route.methods:
            path = re.sub(r"\{[^}]*\}", "1", _path_of(server.app, route))
            response = await client.get(path, allow_redirects=False)
            assert response.status == 405, route.name
