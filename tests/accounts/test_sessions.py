"""The list of devices, as its owner uses it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.test_utils import TestClient

from shop.db import Database
from tests.world import LIN, TOM, customer, sign_in, submit

Visitor = TestClient[web.Request, web.Application]
Arrive = Callable[[], Awaitable[Visitor]]

ENDS = re.compile(r'action="(/account/sessions/(\d+)/end)"')


async def page(visitor: Visitor, path: str = "/account/sessions") -> str:
    response = await visitor.get(path, allow_redirects=False)
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    return await response.text()


async def is_signed_in(visitor: Visitor) -> bool:
    response = await visitor.get("/account", allow_redirects=False)
    if response.status == 303:
        assert response.headers["Location"] == "/login?next=%2Faccount"
    return response.status == 200


async def test_the_owner_sees_every_device_and_which_one_is_here(new_visitor: Arrive, db: Database) -> None:
    await customer(db, LIN)
    desktop, phone = await new_visitor(), await new_visitor()
    await sign_in(desktop)
    await sign_in(phone)
    text = await page(phone)
    assert len(ENDS.findall(text)) == 2
    assert text.count("This device") == 1
    chinese = await page(phone, "/zh/account/sessions")
    assert "当前设备" in chinese
    assert "退出其他所有设备" in chinese


async def test_one_device_is_signed_out_from_another(new_visitor: Arrive, db: Database) -> None:
    await customer(db, LIN)
    desktop, phone = await new_visitor(), await new_visitor()
    await sign_in(desktop)
    await sign_in(phone)
    # used last first: the phone, then the desktop
    (_, here), (end_desktop, there) = ENDS.findall(await page(phone))
    assert int(here) > int(there)
    answer = await submit(phone, end_desktop, {}, on="/account/sessions")
    assert (answer.status, answer.headers["Location"]) == (303, "/account/sessions")
    assert not await is_signed_in(desktop)
    assert await is_signed_in(phone)
    assert len(ENDS.findall(await page(phone))) == 1
    assert "Sign out everywhere else" not in await page(phone)
    async with db.read() as conn:
        kinds = [row.kind for row in await conn.fetch_all("SELECT kind FROM security_events ORDER BY id")]
    assert kinds == ["signed_in", "signed_in", "sessions_ended"]


async def test_signing_out_the_device_one_sits_at_is_signing_out(new_visitor: Arrive, db: Database) -> None:
    await customer(db, LIN)
    desktop = await new_visitor()
    await sign_in(desktop)
    ((end, _),) = ENDS.findall(await page(desktop))
    answer = await submit(desktop, end, {}, on="/account/sessions")
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert not await is_signed_in(desktop)


async def test_everywhere_else_at_once(new_visitor: Arrive, db: Database) -> None:
    await customer(db, LIN)
    await customer(db, TOM)
    devices = [await new_visitor() for _ in range(3)]
    for device in devices:
        await sign_in(device)
    tom = await new_visitor()
    await sign_in(tom, TOM)
    answer = await submit(devices[0], "/account/sessions/end", {}, on="/account/sessions")
    assert answer.status == 303
    assert "2 other devices are signed out." in await page(devices[0])
    assert [await is_signed_in(device) for device in devices] == [True, False, False]
    assert await is_signed_in(tom)


async def test_s24_anothers_session_is_not_found(new_visitor: Arrive, db: Database) -> None:
    await customer(db, LIN)
    await customer(db, TOM)
    lin, tom = await new_visitor(), await new_visitor()
    await sign_in(lin)
    await sign_in(tom, TOM)
    ((of_lin, _),) = ENDS.findall(await page(lin))
    for path in (of_lin, "/account/sessions/0/end", "/account/sessions/x/end", f"/account/sessions/{'9' * 40}/end"):
        assert (await submit(tom, path, {}, on="/account/sessions")).status == 404
    assert await is_signed_in(lin)


async def test_s20_signing_out_needs_a_form_of_ours(new_visitor: Arrive, db: Database) -> None:
    await customer(db, LIN)
    visitor = await new_visitor()
    await sign_in(visitor)
    assert (await visitor.get("/logout")).status == 405
    assert (await visitor.post("/logout")).status == 403
    assert (await visitor.post("/logout", headers={"Sec-Fetch-Site": "cross-site"})).status == 403
    assert await is_signed_in(visitor)
    assert (await submit(visitor, "/logout", {}, on="/account")).status == 303
    assert not await is_signed_in(visitor)


async def test_s22_private_pages_are_kept_nowhere(new_visitor: Arrive, db: Database) -> None:
    await customer(db, LIN)
    visitor = await new_visitor()
    await sign_in(visitor)
    for path in ("/account", "/account/sessions", "/account/history"):
        assert (await visitor.get(path)).headers["Cache-Control"] == "no-store"
