"""What can be told about mails: those in the room, and promises that wait or were given up."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Final

from shop.db import Connection
from shop.outbox import Outbox

SHOWN: Final = 200
MAIL_ID: Final = re.compile(r"[0-9]{19}")

# Looks into the arguments of promises (->>), which managers do not.
UNDELIVERED: Final = """
    SELECT EXISTS (SELECT FROM outbox WHERE buried_at IS NOT NULL AND split_part(task, '.', 2) = 'mail'
        AND (args->>'account_id' = %(account_id)s::text OR (args->>'order_id')::bigint IN (
            SELECT id FROM orders WHERE account_id = %(account_id)s)))"""


@dataclass(frozen=True)
class Mail:
    """One mail as it left the shop; `id` sorts by time."""

    id: str
    source: str
    headers: tuple[tuple[str, str], ...]
    subject: str
    sender: str
    receiver: str
    sent_at: datetime | None
    text: str
    html: str


async def mails(folder: Path) -> list[Mail]:
    """The newest mails of the room, newest first."""
    return await asyncio.to_thread(_mails, folder)


async def mail_by_id(folder: Path, mail_id: str) -> Mail | None:
    """The mail with this id, if the room has it."""
    return await asyncio.to_thread(_mail, folder, mail_id)


async def open_promises(conn: Connection) -> list[Outbox]:
    """Mails that were promised and are not sent, newest first; `is_dead` ones are given up, `last_error` says why."""
    return await Outbox.objects.using(conn).filter(task__startswith="tasks.mail.").order_by("-id")[:SHOWN]


async def has_undelivered(conn: Connection, account_id: int) -> bool:
    """Whether a mail to this customer was given up."""
    return bool(await conn.fetch_value(UNDELIVERED, {"account_id": account_id}))


def _mails(folder: Path) -> list[Mail]:
    names = sorted((path.stem for path in folder.glob("*.eml")), reverse=True)[:SHOWN]
    return [mail for name in names if (mail := _mail(folder, name))]


def _mail(folder: Path, mail_id: str) -> Mail | None:
    if not MAIL_ID.fullmatch(mail_id):
        return None
    try:
        source = (folder / f"{mail_id}.eml").read_bytes()
    except FileNotFoundError:
        return None
    message = message_from_bytes(source, policy=policy.SMTP)
    return Mail(
        id=mail_id,
        source=source.decode("utf-8", "replace"),
        headers=tuple((name, str(value)) for name, value in message.items()),
        subject=str(message["Subject"] or ""),
        sender=str(message["From"] or ""),
        receiver=str(message["To"] or ""),
        sent_at=message["Date"].datetime if message["Date"] else None,
        text=_part(message, "plain"),
        html=_part(message, "html"),
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part is not None else ""
