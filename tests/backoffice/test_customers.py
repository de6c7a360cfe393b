"""Customers in the back office: found, looked at, closed and opened again; nothing on the page opens an account."""

from typing import Any

from shop.accounts.models import Account, PendingRegistration
from shop.db import Database
from tests.backoffice.cast import at_work, token_of
from tests.conftest import Visitor
from tests.orders.market import Market
from tests.world import LIN, MEI, PASSWORD, TOM, customer, sign_in, submit


async def post(client: Visitor, path: str) -> tuple[int, str]:
    async with client.post(f"/backoffice/customers/{path}", headers=await token_of(client)) as answer:
        return answer.status, await answer.text()


async def look(client: Visitor, path: str) -> str:
    async with client.get(f"/backoffice/customers{path}") as answer:
        assert answer.status == 200
        return await answer.text()


async def logged(db: Database) -> list[tuple[str, str, dict[str, Any]]]:
    async with db.read() as conn:
        rows = await conn.fetch_all("SELECT action, object, changes FROM audit_log ORDER BY id")
    return [(row.action, row.object, row.changes) for row in rows]


async def promised(db: Database) -> list[dict[str, Any]]:
    async with db.read() as conn:
        return [row.args for row in await conn.fetch_all("SELECT args FROM outbox ORDER BY id")]


async def test_customers_are_found_by_name_address_and_state(db: Database, client: Visitor) -> None:
    await at_work(client, db, "customers")
    await customer(db, LIN)
    await customer(db, MEI)
    await customer(db, TOM, active=False)
    for query, found in {
        "": {LIN, MEI, TOM},
        "?q=LIN": {LIN},
        "?q=梅": {MEI},
        "?q=example.org": {TOM},
        "?q=%25": set(),
        "?state=waiting": {TOM},
        "?state=active": {LIN, MEI},
        "?state=closed": set(),
    }.items():
        page = await look(client, query)
        assert {one for one in (LIN, MEI, TOM) if one.email in page} == found, query


async def test_a_closed_account_is_signed_out_everywhere_until_it_is_opened_again(
    db: Database, client: Visitor, new_visitor: Any
) -> None:
    lin = await customer(db)
    shopper = await new_visitor()
    await sign_in(shopper)
    assert (await shopper.get("/account", allow_redirects=False)).status == 200
    await at_work(client, db, "customers")
    market = await Market.open(db)
    sku = await market.sku(5)
    await market.buy_one(market.cash_wish(lin.id, (sku, 1), total=2000))

    page = await look(client, f"/{lin.id}")
    assert all(told in page for told in (LIN.email, "20.00", "ordered"))
    assert "/backoffice/orders/" not in page
    async with db.read() as conn:
        account = await Account.objects.using(conn).get(id=lin.id)
        id_hash = await conn.fetch_value("SELECT encode(id_hash, 'hex') FROM sessions")
    assert account.password_hash not in page
    assert id_hash not in page

    assert "signed out everywhere at once" in await look(client, f"/{lin.id}/closing")
    assert "The account is deactivated" in (await post(client, f"{lin.id}/closing"))[1]
    assert "Nothing was changed." in (await post(client, f"{lin.id}/closing"))[1]
    assert (await shopper.get("/account", allow_redirects=False)).status == 303
    fresh = await new_visitor()
    assert (await submit(fresh, "/login", {"login": LIN.username, "password": PASSWORD})).status == 422
    told = len(await promised(db))
    assert (await submit(fresh, "/password-reset", {"email": LIN.email})).status < 400
    assert (await promised(db))[told:] == [{"account_id": None}]

    assert "The account is open again." in (await post(client, f"{lin.id}/opening"))[1]
    assert "Nothing was changed." in (await post(client, f"{lin.id}/opening"))[1]
    await sign_in(fresh)
    who, hidden = f"customer:{lin.id}", {"deactivated": ["•", "•"]}
    assert await logged(db) == [("customer.deactivated", who, hidden), ("customer.enabled", who, hidden)]


async def test_the_activation_mail_goes_out_again_to_who_waits_for_it(db: Database, client: Visitor) -> None:
    await at_work(client, db, "customers")
    lin, tom = await customer(db), await customer(db, TOM, active=False)
    assert "Nothing was changed." in (await post(client, f"{lin.id}/activation"))[1]
    assert await promised(db) == []
    assert "with a new link" in (await post(client, f"{tom.id}/activation"))[1]
    async with db.read() as conn:
        waiting = await PendingRegistration.objects.using(conn).get(account_id=tom.id)
    assert {"registration_id": waiting.id} in await promised(db)
    assert await logged(db) == [("customer.resent", f"customer:{tom.id}", {})]


async def test_an_erased_customer_cannot_be_found(db: Database, client: Visitor) -> None:
    await at_work(client, db, "customers")
    lin = await customer(db)
    async with db.transaction() as conn:
        await conn.execute("UPDATE accounts SET erased_at = now() WHERE id = %(id)s", {"id": lin.id})
    assert LIN.email not in await look(client, "")
    assert (await client.get(f"/backoffice/customers/{lin.id}")).status == 404
    assert (await post(client, f"{lin.id}/closing"))[0] == 404
    assert await logged(db) == []
