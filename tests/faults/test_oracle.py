"""The oracle of the faults can find: each lie that is planted here breaks exactly its own promise."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psycopg2
import pytest

from shop.db import Database
from shop.embedded import DATABASE, Postgres
from shop.media.local import LocalStore
from shop.media.names import original
from shop.media.renditions import Renditions
from shop.media.service import record_picture
from tests.faults import oracle, running, vitals
from tests.faults.journal import Answer, Journal
from tests.faults.scratch import Scratch
from tests.orders.market import Market
from tests.payments.counter import TOTAL, begun, hear, notice, unpaid_order
from tests.world import LIN, PASSWORD, customer

FINGERPRINT = hashlib.sha256(b"whole").hexdigest()
NAME = original(FINGERPRINT)
Ledger = list[dict[str, Any]]


class Witnesses(SimpleNamespace):
    """What the oracle asks of a shop, without processes; `ledger` is the bank's."""

    mails: Any
    folder: Path
    journal: Journal
    ledger: Ledger

    def logs(self) -> str:
        return "nothing to see"


def mail(to: str, message_id: str) -> EmailMessage:
    made = EmailMessage()
    made["To"], made["Message-ID"] = to, message_id
    return made


@pytest.fixture
async def shop(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Witnesses:
    """Lin has registered and got her mail, bought two apples and paid for them, and a picture is there: all of it true."""
    market = await Market.open(db)
    await customer(db, LIN)
    placed = await unpaid_order(market)
    payment = await begun(market, placed.order_id)
    await hear(market, notice(payment))
    made = Witnesses(mails=SimpleNamespace(mails=[mail(LIN.email, "<1@x>")]), folder=tmp_path, journal=Journal())
    made.ledger = [
        {"reference": payment.reference, "trade_no": f"T-{payment.reference}", "amount": TOTAL, "refunded": 0}
    ]
    made.journal.registered[LIN.email] = 303
    async with db.transaction() as conn:
        order = await conn.fetch_one("SELECT checkout_id::text, number FROM orders")
        line = await conn.fetch_one("SELECT sku_id, quantity FROM order_lines")
        assert order is not None
        assert line is not None
        files = {NAME: b"whole"}
        await LocalStore(tmp_path / "media").put(NAME, b"whole")
        await record_picture(conn, Renditions(FINGERPRINT, 1, 1, files))
    made.journal.wanted[order.checkout_id] = {line.sku_id: line.quantity}
    made.journal.note(order.checkout_id, 303, order.number)
    made.journal.paid.add(order.number)

    async def ledger_of(_shop: Any) -> Ledger:
        return made.ledger

    monkeypatch.setattr(oracle, "ledger_of", ledger_of)
    return made


async def found(shop: Witnesses, db: Database) -> dict[str, list[str]]:
    """What the oracle finds, the bank's side included, without waiting for anything."""
    told = await oracle.broken(cast("Scratch", shop), db, crashes=0)
    async with db.read() as conn:
        told["I3"] += await oracle.unsettled(conn, shop.ledger, shop.journal)
    return {name: what for name, what in told.items() if what}


async def test_a_sound_shop_breaks_no_promise(shop: Witnesses, db: Database) -> None:
    assert await found(shop, db) == {}
    rest = oracle.AtRest(cast("Scratch", shop), db)
    async with db.transaction() as conn:
        await conn.execute("DELETE FROM outbox")
    await rest.wait()
    assert (rest.open, rest.unsettled) == ([], [])
    assert (rest.mail, rest.money) == (0, 0)


@pytest.mark.parametrize(
    ("names", "sql"),
    [
        ("I1", "UPDATE skus SET stock = stock - 1"),
        ("I2 I3", "UPDATE payments SET amount = amount + 1"),
        ("I3", "UPDATE payments SET refunded = 1"),
        ("I4", "UPDATE order_lines SET unit_price = unit_price + 1"),
        ("I6", "INSERT INTO outbox (task, args, buried_at) VALUES ('tasks.mail.x', '{}', now())"),
        ("I7", "UPDATE delivery_windows SET taken = taken + 1"),
        ("I8", "DELETE FROM accounts; DELETE FROM reserved_usernames"),
        ("I9", "DELETE FROM order_events WHERE machine = 'fulfilment'"),
        ("I13", "DELETE FROM media_objects"),
    ],
)
async def test_i1_to_i13_a_lie_in_the_database_is_found_by_its_number(
    shop: Witnesses, db: Database, postgres: Postgres, names: str, sql: str
) -> None:
    connection = psycopg2.connect(postgres.superuser_url, dbname=DATABASE)
    with connection, connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql)
    connection.close()
    assert " ".join(await found(shop, db)) == names


def told_too_much(shop: Witnesses) -> None:
    shop.logs = lambda: f"password={PASSWORD}"  # type: ignore[method-assign]


LIES: list[tuple[str, Callable[[Witnesses], object]]] = [
    # The bank took the money twice and gave nothing back.
    ("I2 I3", lambda shop: shop.ledger.append({**shop.ledger[0], "trade_no": "T-twice"})),
    # The bank gave everything back, and our order is still paid.
    ("I2 I3", lambda shop: shop.ledger[0].update(refunded=TOTAL)),
    # The bank knows nothing of money that we believe in.
    ("I3", lambda shop: shop.ledger.clear()),
    ("I3", lambda shop: shop.ledger[0].update(trade_no="T-other")),
    ("I5", lambda shop: shop.mails.mails.clear()),
    ("I5", lambda shop: shop.mails.mails.append(shop.mails.mails[0])),
    ("I8", lambda shop: next(iter(shop.journal.answers.values())).append((303, "X"))),
    ("I8", lambda shop: next(iter(shop.journal.wanted.values())).update({0: 1})),
    ("I8", lambda shop: shop.journal.answers.update({key: [(409, "")] for key in shop.journal.wanted})),
    ("I8", lambda shop: shop.journal.cancelled.update(shop.journal.paid)),
    ("I10", lambda shop: shop.journal.foreign.append("/ shows {'canary001x'} to canary002x")),
    ("I12", lambda shop: shop.journal.count("/", Answer(500), 3.0)),
    ("I12", lambda shop: shop.journal.count("/", Answer(503), 3.0)),
    ("I13", lambda shop: (shop.folder / "media" / FINGERPRINT[:2] / NAME).write_bytes(b"who")),
    ("I13", lambda shop: (shop.folder / "media" / FINGERPRINT[:2] / NAME).unlink()),
    ("I15", told_too_much),
]


async def test_i2_to_i15_a_lie_elsewhere_is_found_by_its_number(shop: Witnesses, db: Database) -> None:
    """Of the bank, the mails, the journal, the store or the logs; each is told to a shop that is sound else."""
    store, sound = LocalStore(shop.folder / "media"), (list(shop.ledger), list(shop.mails.mails), shop.journal)
    for names, lie in LIES:
        shop.ledger, shop.mails.mails = [dict(row) for row in sound[0]], list(sound[1])
        shop.journal = copied(sound[2])
        await store.put(NAME, b"whole")
        lie(shop)
        assert " ".join(await found(shop, db)) == names, names


def copied(journal: Journal) -> Journal:
    """A journal that says the same, and is another."""
    made = Journal(paid=set(journal.paid), registered=dict(journal.registered))
    made.wanted = {key: dict(wanted) for key, wanted in journal.wanted.items()}
    made.answers = {key: list(answers) for key, answers in journal.answers.items()}
    return made


async def test_i3_money_that_came_for_an_order_that_is_due_is_told(shop: Witnesses, db: Database) -> None:
    market = await Market.open(db)
    placed = await unpaid_order(market)
    async with db.read() as conn:
        number = await conn.fetch_value("SELECT number FROM orders WHERE id = %(id)s", {"id": placed.order_id})
        shop.journal.paid.add(number)
        assert await oracle.unsettled(conn, shop.ledger, shop.journal) == [f"{number} was paid at the bank and is due"]


async def test_i11_a_cookie_that_still_opens_is_told() -> None:
    class Ghost:
        """Is never signed out, whatever it is told."""

        def __init__(self) -> None:
            self.jar = Jar()

        is_signed_in = False

        async def sign_in(self) -> bool:
            return True

        async def get(self, _path: str) -> Answer:
            return Answer(200)

        async def send(self, _path: str, _said: object) -> Answer:
            return Answer(303)

        async def leave(self) -> None:
            pass

    ghost = Ghost()
    crowd = cast("Any", SimpleNamespace(shopper=lambda *_given, **_named: ghost))
    assert await running.logged_out_stays_out(crowd) == ["signed out with 303, then /account is 200"]


class Jar(list[Any]):
    """Takes any cookie."""

    def update_cookies(self, _kept: object) -> None:
        pass


async def test_i14_what_never_calms_down_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vitals, "CALM_SECONDS", 0)
    monkeypatch.setattr(vitals, "vitals", lambda _shop: vitals.Vitals(files=400, memory=100.0, connections=20))
    before = vitals.Vitals(files=100, memory=100.0, connections=20)
    shop = cast("Scratch", None)
    assert await vitals.calmed_down(shop, vitals.Vitals(files=380, memory=100.0, connections=20)) == []
    assert await vitals.calmed_down(shop, before) == [f"{before} became {vitals.vitals(shop)}"]


def test_i12_what_came_late_is_not_mixed_with_what_is_wrong() -> None:
    journal = Journal()
    journal.count("/", Answer(200, seconds=4.1), 3.0)
    journal.count("/", Answer(200, seconds=3.9), 3.0)
    journal.count("/checkout", Answer(503, has_retry=True), 8.0)
    assert (journal.late, journal.wrong) == (["/: 4.1 s"], [])
    assert (journal.ok, journal.degraded, journal.slowest) == (2, 1, 4.1)
