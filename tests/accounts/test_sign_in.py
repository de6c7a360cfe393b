"""Coming in, going out, and what stands between."""

from __future__ import annotations

from typing import Any

from shop.db import Database
from tests.conftest import Visitor
from tests.world import EVE, LIN, PASSWORD, TOM, customer, sign_in, submit

WRONG = "User name, e-mail or password is not right"


def typed(login: str, password: str = PASSWORD, **more: str) -> dict[str, str]:
    return {"login": login, "password": password, **more}


async def events(db: Database) -> list[str]:
    async with db.read() as conn:
        return [row.kind for row in await conn.fetch_all("SELECT kind FROM security_events ORDER BY id")]


async def _is_guest(new_visitor: Any, cookie: str) -> bool:
    visitor = await new_visitor()
    answer = await visitor.get("/account", headers={"Cookie": f"session={cookie}"}, allow_redirects=False)
    return bool(answer.status == 303)


async def test_signing_in_by_user_name_or_e_mail_in_any_spelling(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    for login in ("lin", "LIN", " lin ", "lin@example.com", "Lin@EXAMPLE.com", "ｌｉｎ"):
        answer = await submit(client, "/login", typed(login))
        assert (answer.status, answer.headers["Location"]) == (303, "/account"), login
        assert "Hello, lin" in await (await client.get("/account")).text()
        await submit(client, "/logout", {}, on="/account")


async def test_a_wrong_password_and_an_unknown_name_get_the_same_page(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    known = await submit(client, "/login", typed("lin", "wrong-password"))
    unknown = await submit(client, "/login", typed("nil", "wrong-password"))
    assert (known.status, unknown.status) == (422, 422)
    known_page, unknown_page = await known.text(), await unknown.text()
    assert WRONG in known_page
    assert known_page == unknown_page.replace('value="nil"', 'value="lin"')
    assert "wrong-password" not in known_page
    assert "Set-Cookie" not in known.headers
    assert await events(db) == ["sign_in_failed", "sign_in_failed"]


async def test_who_has_not_activated_is_told_only_with_the_right_password(client: Visitor, db: Database) -> None:
    await customer(db, LIN, active=False)
    right = await submit(client, "/login", typed("lin"))
    assert right.status == 422
    assert "Your account is not open yet" in await right.text()
    wrong = await submit(client, "/login", typed("lin", "wrong-password"))
    assert "Your account is not open yet" not in await wrong.text()
    assert WRONG in await wrong.text()
    assert "Set-Cookie" not in right.headers


async def test_a_door_sends_to_the_login_page_and_back(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    turned_away = await client.get("/zh/account", allow_redirects=False)
    assert (turned_away.status, turned_away.headers["Location"]) == (303, "/zh/login?next=%2Fzh%2Faccount")
    page = await (await client.get(turned_away.headers["Location"])).text()
    assert 'name="next" value="/zh/account"' in page
    answer = await submit(client, "/zh/login", typed("lin", next="/zh/account"))
    assert (answer.status, answer.headers["Location"]) == (303, "/zh/account")


async def test_s12_signing_in_gives_a_new_session_and_kills_the_old(
    client: Visitor, new_visitor: Any, db: Database
) -> None:
    await customer(db, LIN)
    await sign_in(client, LIN)
    old = client.session.cookie_jar.filter_cookies(client.make_url("/"))["session"].value
    await sign_in(client, LIN)
    new = client.session.cookie_jar.filter_cookies(client.make_url("/"))["session"].value
    assert old != new
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM sessions WHERE revoked_at IS NULL") == 1
    assert await _is_guest(new_visitor, old)


async def test_r3_a_planted_session_id_is_not_taken_up(client: Visitor, new_visitor: Any, db: Database) -> None:
    await customer(db, LIN)
    planted = "a" * 32 + "." + "b" * 43
    client.session.cookie_jar.update_cookies({"session": planted})
    await sign_in(client, LIN)
    assert client.session.cookie_jar.filter_cookies(client.make_url("/"))["session"].value != planted
    assert await _is_guest(new_visitor, planted)


async def test_signing_out_ends_everything(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    await sign_in(client, LIN)
    answer = await submit(client, "/logout", {}, on="/account")
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert (await client.get("/account", allow_redirects=False)).status == 303
    assert await events(db) == ["signed_in", "signed_out"]


async def test_s20_nothing_but_a_post_with_a_token_signs_out(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    await sign_in(client, LIN)
    assert (await client.get("/logout", allow_redirects=False)).status == 405
    assert (await client.post("/logout", allow_redirects=False)).status == 403
    assert (await client.get("/account", allow_redirects=False)).status == 200


async def test_s13_nobody_is_signed_in_from_another_site(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = await client.post("/login", data=typed("lin"), headers=headers, allow_redirects=False)
        assert answer.status == 403
        assert "Set-Cookie" not in answer.headers


async def test_remember_me_decides_how_long_the_cookie_lives(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    answer = await submit(client, "/login", typed("lin"))
    assert answer.cookies["session"]["max-age"] == ""
    answer = await submit(client, "/login", typed("lin", remember="y"))
    assert answer.cookies["session"]["max-age"] == str(30 * 86_400)


async def test_who_is_signed_in_and_fresh_need_not_sign_in(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    await sign_in(client, LIN)
    answer = await client.get("/login?next=/zh/account", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/zh/account")


async def test_another_customers_sign_in_replaces_the_session(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    await customer(db, TOM)
    await sign_in(client, LIN)
    await sign_in(client, TOM)
    page = await (await client.get("/account")).text()
    assert "Tom" in page
    assert LIN.email not in page


async def test_an_account_that_does_not_exist_is_not_made(client: Visitor, new_visitor: Any, db: Database) -> None:
    answer = await submit(client, "/login", typed(EVE.email))
    assert answer.status == 422
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM accounts") == 0
