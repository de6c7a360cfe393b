"""Every door of the back office: closed to the shop's visitors, and to staff whose role does not name it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient, TestServer

from shop.db import Database
from shop.urls import PATHS
from shop.web.routing import DECLARED, Route
from shop.web.staff import GRANTED, Permission
from shop.web.staff_doors import StaffDoor
from tests.backoffice.cast import at_work, come_in, employee, token_of
from tests.world import customer, sign_in

Visitor = TestClient[web.Request, web.Application]


def staff_routes(server: TestServer) -> list[tuple[Route, StaffDoor, str]]:
    """Every route behind a staff door, with a path that leads to nothing that exists."""
    assert server.app is not None
    return [
        (route, route.door, re.sub(r"\{[^}]*\}", "987654", PATHS[route.name]))
        for route in server.app[DECLARED].values()
        if isinstance(route.door, StaffDoor)
    ]


def form_of(route: Route) -> FormData | None:
    """A form as the route takes it."""
    if not route.takes_files:
        return None
    form = FormData()
    form.add_field("file", b"x", filename="x")
    return form


async def test_s62_guests_and_customers_find_every_door_closed(
    server: TestServer, db: Database, client: Visitor
) -> None:
    await customer(db)
    for is_customer in (False, True):
        if is_customer:
            await sign_in(client)
        for route, _, path in staff_routes(server):
            for method in route.methods:
                answer = await client.request(method, path, allow_redirects=False)
                assert answer.status == 303, route.name
                assert answer.headers["Location"].startswith("/backoffice/login"), route.name
                assert answer.headers["Cache-Control"] == "no-store"
                assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"


async def test_s62_a_session_of_one_side_is_a_guest_on_the_other(db: Database, client: Visitor) -> None:
    await customer(db)
    await sign_in(client)
    shops = {c.key: c.value for c in client.session.cookie_jar}["session"]
    await at_work(client, db, "orders")
    staffs = {c.key: c.value for c in client.session.cookie_jar}["staff"]

    assert (await client.get("/backoffice", allow_redirects=False)).status == 200
    client.session.cookie_jar.clear()
    for headers, path in (
        ({"Cookie": f"staff={shops}"}, "/backoffice"),
        ({"Cookie": f"session={staffs}"}, "/account"),
        ({"Cookie": f"staff={staffs}"}, "/account"),
    ):
        answer = await client.get(path, headers=headers, allow_redirects=False)
        assert (answer.status, "/login" in answer.headers["Location"]) == (303, True)


@pytest.mark.parametrize("permission", GRANTED)
async def test_s64_a_role_opens_its_own_doors_and_no_other(
    server: TestServer, db: Database, client: Visitor, permission: Permission
) -> None:
    await at_work(client, db, permission)
    proof = await token_of(client)
    for route, door, path in staff_routes(server):
        if door.permission is Permission.DESK:
            continue
        for method in route.methods:
            answer = await client.request(method, path, headers=proof, allow_redirects=False)
            assert (answer.status == 403) == (door.permission is not permission), (route.name, method, answer.status)


async def test_s61_with_a_staff_cookie_a_token_is_required(server: TestServer, db: Database, client: Visitor) -> None:
    await at_work(client, db, *GRANTED)
    for route, _, path in staff_routes(server):
        if "POST" in route.methods:
            answer = await client.post(path, data=form_of(route), allow_redirects=False)
            assert answer.status == 403, route.name


async def test_s15_what_concerns_the_staff_asks_again_after_ten_minutes(
    db: Database, new_visitor: Callable[[], Awaitable[Visitor]]
) -> None:
    owner = await employee(db, "staff")
    early, late = await new_visitor(), await new_visitor()
    await come_in(early, db, owner, minutes_ago=9)
    await come_in(late, db, owner, minutes_ago=11)

    assert (await early.get("/backoffice/staff/new", allow_redirects=False)).status == 200
    answer = await late.get("/backoffice/staff/new", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/backoffice/login?next=%2Fbackoffice%2Fstaff%2Fnew")
    assert (await late.get("/backoffice/staff", allow_redirects=False)).status == 200
