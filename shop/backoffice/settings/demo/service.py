"""The demo emptied, in one transaction with its entry in the log."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shop.accounts.models import Account
from shop.accounts.sessions.models import SignedInSession
from shop.accounts.sessions.service import revoke_all
from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.backoffice.staff.models import StaffMember
from shop.cache.account_keys import basket_key, history_key, session_key
from shop.cache.client import RedisAway, RedisClient
from shop.catalog.models import Product
from shop.db import Connection
from shop.demo import MARK, PASSWORD
from shop.facts import fact
from shop.orders.models import Order
from shop.passwords import Passwords

OBJECT: Final = "setting:demo"
# Longer than any other statement of the web role may take, shorter than the page: it makes some dozen tables anew.
LONGER: Final = "SET LOCAL statement_timeout = '6s'"
# What it takes away and what it spares stands in migration 0280; the web role itself has no right to.
EMPTY: Final = "SELECT empty_the_demo()"


class NotTheDemo(Exception):
    """This shop is a real one, or was emptied already."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What Redis may still hold of a customer."""

    tag: str
    sessions: Sequence[bytes]


async def is_demo(conn: Connection) -> bool:
    """Whether the goods and customers of this shop are the demo's."""
    return await fact(conn, MARK) is not None


async def with_known_password(conn: Connection, passwords: Passwords) -> list[str]:
    """The addresses of those of the staff whose password everybody knows; raises TooBusy."""
    staff = await StaffMember.objects.using(conn).filter(activated_at__isnull=False, disabled_at__isnull=True)
    return [one.email for one in staff if (await passwords.verify(PASSWORD, one.password_hash)).is_right]


async def empty(conn: Connection, actor: Actor) -> list[Trace]:
    """Takes goods, customers and orders away, and the mark with them; raises NotTheDemo. Returns what is left of them in Redis."""
    if not await is_demo(conn):
        raise NotTheDemo
    before = {
        "products": await Product.objects.using(conn).count(),
        "customers": await Account.objects.using(conn).count(),
        "orders": await Order.objects.using(conn).count(),
    }
    traces = await _end_sessions(conn)
    await conn.execute(LONGER)
    await conn.execute(EMPTY)
    await audit.record(conn, actor, "setting.emptied", OBJECT, before, dict.fromkeys(before, 0))
    return traces


async def forget(redis: RedisClient, traces: Sequence[Trace]) -> None:
    """Deletes what Redis holds of them; where it is away, that ends by itself."""
    with contextlib.suppress(RedisAway):
        for trace in traces:
            sessions = [session_key(trace.tag, id_hash) for id_hash in trace.sessions]
            await redis.execute("DEL", history_key(trace.tag), basket_key(trace.tag), *sessions)


async def _end_sessions(conn: Connection) -> list[Trace]:
    """Every process hears of each session that it ends, for the rows that tell of it go too."""
    tags = dict(await Account.objects.using(conn).values_list("id", "tag"))
    open_ones: dict[int, list[bytes]] = {account_id: [] for account_id in tags}
    rows = (
        await SignedInSession.objects.using(conn).filter(revoked_at__isnull=True).values_list("account_id", "id_hash")
    )
    for account_id, id_hash in rows:
        open_ones[account_id].append(bytes(id_hash))
    for account_id in [number for number, sessions in open_ones.items() if sessions]:
        await revoke_all(conn, account_id)
    return [Trace(tags[account_id], sessions) for account_id, sessions in open_ones.items()]
