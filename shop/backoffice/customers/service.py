"""What the staff do about an account, each with its entry in the log; of a customer the log names fields only."""

from __future__ import annotations

from shop.accounts import service as accounts
from shop.accounts.models import Account
from shop.accounts.registration.service import promise_activation_again
from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.backoffice.customers.queries import waiting_registrations
from shop.db import Connection


class NothingToDo(Exception):
    """The account is in that state already, or nothing waits; nothing has changed."""


async def close(conn: Connection, actor: Actor, account: Account) -> None:
    """End all sessions and let nobody in; raises NothingToDo."""
    if not await accounts.deactivate(conn, account.id):
        raise NothingToDo
    told = {"deactivated": True}
    await audit.record(conn, actor, "customer.deactivated", f"customer:{account.id}", {"deactivated": False}, told)


async def reopen(conn: Connection, actor: Actor, account: Account) -> None:
    """Let the owner in again; raises NothingToDo."""
    if not await accounts.reactivate(conn, account.id):
        raise NothingToDo
    told = {"deactivated": False}
    await audit.record(conn, actor, "customer.enabled", f"customer:{account.id}", {"deactivated": True}, told)


async def send_activation(conn: Connection, actor: Actor, account: Account) -> None:
    """Promise the mail that confirms the address once more, with a new link; raises NothingToDo."""
    if account.activated_at or account.deactivated_at or not await waiting_registrations(conn, account.id):
        raise NothingToDo
    await promise_activation_again(conn, account.email)
    await audit.record(conn, actor, "customer.resent", f"customer:{account.id}")
