"""The mail room: what waits, why a mail was given up, what it would say, and another try with a new link."""

from typing import Any
from uuid import uuid4

from shop import outbox
from shop.accounts.registration.service import promise_activation_again
from shop.db import Database
from shop.mailroom.models import SentMail
from shop.mailroom.service import forget_old_mails, keep_sent
from shop.orders.placing.models import Placed
from shop.outbox import Lease
from tests.backoffice.cast import at_work, employee, token_of
from tests.conftest import Visitor
from tests.orders.market import Market
from tests.world import LIN, MEI, TOM, customer


async def post(client: Visitor, mail: int) -> tuple[int, str]:
    path = f"/backoffice/mails/{mail}/resending"
    async with client.post(path, headers=await token_of(client)) as answer:
        return answer.status, await answer.text()


async def look(client: Visitor, path: str) -> str:
    async with client.get(path) as answer:
        assert answer.status == 200
        return await answer.text()


async def logged(db: Database) -> list[tuple[str, str, dict[str, Any]]]:
    async with db.read() as conn:
        rows = await conn.fetch_all("SELECT action, object, changes FROM audit_log ORDER BY id")
    return [(row.action, row.object, row.changes) for row in rows]


async def given_up(db: Database, task: str, **args: Any) -> int:
    async with db.transaction() as conn:
        mail = await outbox.promise(conn, task, **args)
        held = await outbox.lease(conn, mail)
        assert held is not None
        await outbox.bury(conn, held, "MailRefused: 550 no such user")
    return mail


async def test_a_dead_letter_is_seen_with_its_reason_and_tried_again_once(db: Database, client: Visitor) -> None:
    await at_work(client, db, "customers")
    lin = await customer(db)
    waiting, dead = 0, await given_up(db, "tasks.mail.send_password_reset", account_id=lin.id)
    async with db.transaction() as conn:
        waiting = await outbox.promise(conn, "tasks.mail.send_already_registered", account_id=lin.id)
        other = await outbox.promise(conn, "tasks.orders.sweep")
    page = await look(client, "/backoffice/mails")
    assert all(told in page for told in ("550 no such user", "New password", "Address known already"))
    assert "Address known already" not in (await look(client, "/backoffice/mails?state=dead")).partition("<table")[2]
    assert (await client.get(f"/backoffice/mails/{other}")).status == 404
    assert "It was not given up" in (await post(client, waiting))[1]
    assert (await post(client, other))[0] == 404
    for told in ("It is tried again now.", "It was not given up"):
        assert told in (await post(client, dead))[1]
    async with db.read() as conn:
        row = await conn.fetch_one("SELECT buried_at, attempts FROM outbox WHERE id = %(id)s", {"id": dead})
    assert row is not None
    assert (row.buried_at, row.attempts) == (None, 0)
    assert await logged(db) == [("mail.resent", f"mail:{dead}", {"task": [None, "tasks.mail.send_password_reset"]})]


async def test_a_mail_about_somebody_erased_leads_nowhere(db: Database, client: Visitor) -> None:
    await at_work(client, db, "customers")
    lin = await customer(db)
    await given_up(db, "tasks.mail.send_password_reset", account_id=lin.id)
    link = f'href="/backoffice/customers/{lin.id}"'
    assert link in await look(client, "/backoffice/mails")
    async with db.transaction() as conn:
        await conn.execute("UPDATE accounts SET erased_at = now() WHERE id = %(id)s", {"id": lin.id})
    page = await look(client, "/backoffice/mails")
    assert f"Customer {lin.id}" in page
    assert link not in page


async def test_every_mail_is_previewed_without_a_link_that_works(db: Database, client: Visitor) -> None:
    await at_work(client, db, "customers")
    lin, _mei, tom = await customer(db), await customer(db, MEI), await customer(db, TOM, active=False)
    pan = await employee(db, "orders", name="Pan")
    market = await Market.open(db)
    placed = await market.buy_one(market.wish((await market.sku(5), 1), total=2000, email="guest@example.com"))
    assert isinstance(placed, Placed)
    async with db.transaction() as conn:
        await conn.execute("DELETE FROM outbox")
        await promise_activation_again(conn, TOM.email)
        parameters: dict[str, dict[str, Any]] = {
            "send_already_registered": {"account_id": lin.id},
            "send_password_reset": {"account_id": lin.id},
            "send_email_confirmation": {"account_id": lin.id},
            "send_email_changed": {"account_id": lin.id, "old": "old@example.com"},
            "send_security_notice": {"account_id": lin.id, "kind": "password_changed"},
            "send_order_placed": {"order_id": placed.order_id},
            "send_order_refunded": {"order_id": placed.order_id, "amount": 500},
            "send_to_shop": {"order_id": placed.order_id, "to": "boss@shop.example", "news": "new"},
            "send_new_order": {"order_id": placed.order_id},
            "send_return_accepted": {"order_id": placed.order_id},
            "send_return_refused": {"order_id": placed.order_id},
            "send_staff_invitation": {"staff_id": pan.id},
            "send_staff_second_factor": {"staff_id": pan.id},
            "send_goodbye": {"email": "gone@example.com", "name": "Gone", "language": "en"},
        }
        for task, args in parameters.items():
            await outbox.promise(conn, f"tasks.mail.{task}", **args)
        mails = {row.id: row for row in await conn.fetch_all("SELECT id, task, args FROM outbox ORDER BY id")}
    assert tom.id
    for number, row in mails.items():
        page = (await look(client, f"/backoffice/mails/{number}")).partition('id="content"')[2]
        nobody = row.task.endswith("goodbye") or row.args == {"registration_id": None}
        assert ("[The link is made when the mail is sent.]" in page) is not nobody, row.task
        assert all(
            hidden not in page
            for hidden in ("old@example.com", "boss@", "gone@", "?key=", "/activation/", "/invitations/")
        )
        assert ("Hello Pan!" in page) is ("staff" in row.task), row.task
    assert "¥5.00" in await look(client, f"/backoffice/mails/{max(n for n in mails if 'refunded' in mails[n].task)}")


async def test_what_was_sent_is_kept_without_addresses_for_some_time(db: Database, client: Visitor) -> None:
    await at_work(client, db, "customers")
    lin = await customer(db)
    told = {"account_id": lin.id, "old": "old@example.com"}
    held = Lease(1, uuid4(), uuid4(), "tasks.mail.send_email_changed", told, 1)
    async with db.transaction() as conn:
        for _ in range(2):
            await keep_sent(conn, held)
        await keep_sent(conn, Lease(2, uuid4(), uuid4(), "tasks.orders.sweep", {}, 1))
        await keep_sent(conn, Lease(3, uuid4(), uuid4(), "tasks.mail.send_password_reset", {"account_id": None}, 1))
        kept = await SentMail.objects.using(conn).get()
    assert (kept.reference, kept.task, kept.args) == (held.reference, held.task, {"account_id": lin.id})
    assert "Address changed" in (await look(client, "/backoffice/mails?state=sent")).partition("<table")[2]
    page = await look(client, f"/backoffice/mails/sent/{kept.id}")
    assert "old@example.com" not in page
    assert LIN.username in page
    async with db.transaction() as conn:
        assert await forget_old_mails(conn) == 0
        await conn.execute("UPDATE mails_sent SET sent_at = now() - interval '91 days'")
        assert await forget_old_mails(conn) == 1


async def test_the_start_page_counts_what_one_may_see(db: Database, client: Visitor, new_visitor: Any) -> None:
    lin, market = await customer(db), await Market.open(db)
    await market.buy_one(market.cash_wish(lin.id, (await market.sku(5), 1), total=2000))
    await given_up(db, "tasks.mail.send_password_reset", account_id=lin.id)
    packer, helper = client, await new_visitor()
    await at_work(packer, db, "orders")
    await at_work(helper, db, "customers", name="Tom")
    page = await look(packer, "/backoffice")
    assert '<strong class="waiting__count">1</strong> Orders to pack' in page
    assert "Mails given up" not in page
    page = await look(helper, "/backoffice")
    assert '<strong class="waiting__count">1</strong> Mails given up' in page
    assert '<strong class="waiting__count">0</strong> Reviews to read' in page
    assert "Orders to pack" not in page
