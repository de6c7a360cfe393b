"""Keeping what was sent, for some time."""

from __future__ import annotations

from datetime import timedelta

from shop.db import Connection, Now
from shop.mailroom.models import KEPT, KEPT_DAYS, MAILS, SentMail
from shop.outbox import Lease

# Promises other mails and sends none itself.
FORWARDING = "tasks.mail.send_new_order"


async def keep_sent(conn: Connection, held: Lease) -> None:
    """Note, in the transaction that closes a promise, that its mail has left; nothing for other promises and those to nobody."""
    if not held.task.startswith(MAILS) or held.task == FORWARDING or None in held.args.values():
        return
    kept = {name: value for name, value in held.args.items() if name in KEPT}
    await SentMail.objects.using(conn).get_or_create({"task": held.task, "args": kept}, reference=held.reference)


async def forget_old_mails(conn: Connection) -> int:
    """Forget what was sent long ago; how many."""
    return await SentMail.objects.using(conn).filter(sent_at__lt=Now() - timedelta(days=KEPT_DAYS)).delete()
