"""From a registration to the mail in somebody's hands, through real servers and processes."""

from __future__ import annotations

from shop.db import Database
from tests.tasks.conftest import Registered, outbox_rows, until
from tests.tasks.crew import Crew, MailServer


async def test_a_registration_becomes_a_mail(
    db: Database, registered: Registered, crew: Crew, mail_server: MailServer
) -> None:
    crew.relay()
    crew.worker()
    await registered("lin", language="zh")
    await until(lambda: mail_server.mails)
    (mail,) = mail_server.mails
    assert mail["To"] == "lin <lin@example.com>"
    print(crew.told())
    assert await outbox_rows(db) == 0
