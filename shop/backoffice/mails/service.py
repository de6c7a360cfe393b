"""Another try for a mail that was given up; what it carries, a new link among it, is made when it is sent."""

from __future__ import annotations

from shop import outbox
from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.db import Connection
from shop.outbox import Outbox


async def resend(conn: Connection, actor: Actor, mail: Outbox) -> bool:
    """Make it a promise again, with ten new tries; False when somebody has done so already."""
    if not await outbox.resend(conn, [mail.id]):
        return False
    await audit.record(conn, actor, "mail.resent", f"mail:{mail.id}", None, {"task": mail.task})
    return True
