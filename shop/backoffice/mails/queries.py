"""What the staff see of mails."""

from __future__ import annotations

from collections.abc import Iterable

from shop.accounts.models import Account
from shop.db import Connection
from shop.db.keyset import Page
from shop.mailroom.models import MAILS, SentMail
from shop.outbox import Outbox


async def open_mails(conn: Connection, size: int, *, only_dead: bool, after: str | None = None) -> Page[Outbox]:
    """Mails that were promised and are not sent, newest first; given up ones among them or alone."""
    found = Outbox.objects.using(conn).filter(task__startswith=MAILS).order_by("-id")
    if only_dead:
        found = found.filter(buried_at__isnull=False)
    return await found.page(size, after=after)


async def sent_mails(conn: Connection, size: int, *, after: str | None = None) -> Page[SentMail]:
    """Mails that left, newest first."""
    return await SentMail.objects.using(conn).order_by("-id").page(size, after=after)


async def mail_by_id(conn: Connection, mail_id: int) -> Outbox | None:
    """A mail that is not sent yet."""
    return await Outbox.objects.using(conn).filter(id=mail_id, task__startswith=MAILS).first()


async def customers_of(conn: Connection, mails: Iterable[Outbox | SentMail]) -> set[int]:
    """Those of the customers these mails are about who have a page: the erased have none."""
    asked = [mail.args["account_id"] for mail in mails if mail.args.get("account_id")]
    found = Account.objects.using(conn).filter(id__in=asked, erased_at=None)
    return set(await found.values_list("id", flat=True))


async def count_dead(conn: Connection) -> int:
    """How many mails were given up."""
    return await Outbox.objects.using(conn).filter(task__startswith=MAILS, buried_at__isnull=False).count()
