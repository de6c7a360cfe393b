"""The oracle of the faults can find: each lie that is planted here breaks exactly its own invariant."""

from __future__ import annotations

from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any, cast

import psycopg2
import pytest

from shop.db import Database
from shop.embedded import DATABASE, Postgres
from tests.faults import oracle
from tests.faults.__main__ import Row
from tests.faults.cells import CELLS, nothing
from tests.faults.place import Place
from tests.faults.shoppers import Answer, Journal
from tests.orders.market import Market
from tests.world import PASSWORD


def mail(to: str, message_id: str) -> EmailMessage:
    made = EmailMessage()
    made["To"], made["Message-ID"] = to, message_id
    return made


@pytest.fixture
def place(postgres: Postgres, db: Database) -> Place:
    """A place of which only the database, the mails and the logs are asked."""

    def superuser() -> Any:
        connection = psycopg2.connect(postgres.superuser_url, dbname=DATABASE)
        connection.autocommit = True
        return connection

    stub = SimpleNamespace(superuser=superuser, mail=SimpleNamespace(mails=[]), logs=lambda: "nothing to see")
    return cast("Place", stub)


async def test_i1_to_i15_are_found_when_they_are_broken(place: Place, db: Database) -> None:
    journal = Journal()
    assert oracle.broken(place, journal, 0) == {}
    market = await Market.open(db)
    sku = await market.sku(5)
    async with db.transaction() as conn:
        await conn.execute("UPDATE skus SET stock = 4 WHERE id = %(id)s", {"id": sku})
        await conn.execute("INSERT INTO outbox (task, args, buried_at) VALUES ('tasks.mail.x', '{}', now())")
    journal.checkouts["8a6e0804-2bd0-4672-b79d-d97027f9071a"] = 303
    journal.registrations["gone@example.com"] = 303
    place.mail.mails += [mail("lin@example.com", "<1@x>")] * 2
    journal.note("/", Answer(500), 3.0, False)
    journal.note("/", Answer(503), 3.0, False)
    journal.note("/", Answer(200, seconds=4.1), 3.0, False)
    journal.wrong.append("I10 / shows {'canary001x'} to canary002x")
    place.logs = lambda: f"password={PASSWORD}"  # type: ignore[method-assign]
    found = oracle.broken(place, journal, 0)
    assert set(found) == {"I1", "I5", "I6", "I8", "I10", "I12", "I15"}
    assert found["I5"] == "1 without a mail, 1 extra mails in 0 crashes"
    assert found["I8"] == "2 answered and lost, 0 there twice"
    assert found["I12"].startswith("3 times")


def test_a_row_tells_what_did_not_hold() -> None:
    cell = CELLS[0]
    assert cell.inject is nothing
    assert Row(cell, 1, mail=0.1).problems == []
    assert Row(cell, 1, recovery=2, cut=1).problems == [
        "well after 2.0 s only",
        "promises left after a minute",
        "1 requests cut off",
    ]
    assert len({one.id for one in CELLS}) == len(CELLS)
