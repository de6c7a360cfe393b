"""Mails that were promised: each loads what is true now, writes, and sends."""

from __future__ import annotations

from typing import Any

from shop.accounts.models import Account
from shop.accounts.queries import account_by_id
from shop.accounts.registration.service import ACTIVATION_SECONDS, activation_token
from shop.db.outbox import Lease
from tasks.runtime import Workshop, promised


@promised("tasks.mail.send_activation")
async def send_activation(shop: Workshop, held: Lease, *, account_id: int | None) -> None:
    """Send the link that confirms an e-mail address; nothing when it is confirmed already, or nobody waits for it."""
    account = await _account(shop, account_id)
    if account is None or account.activated_at:
        return
    token = activation_token(shop.tokens, account)
    await _send(
        shop,
        held,
        account,
        "activation",
        link=_link(shop, account, "accounts.activation", token=token),
        days=ACTIVATION_SECONDS // 86_400,
    )


@promised("tasks.mail.send_already_registered")
async def send_already_registered(shop: Workshop, held: Lease, *, account_id: int) -> None:
    """Tell the owner of an address, and nobody else, that it has an account; somebody wanted to register it again."""
    account = await _account(shop, account_id)
    if account is not None:
        links = {
            "login": _link(shop, account, "accounts.login"),
            "reset": _link(shop, account, "accounts.password_reset"),
        }
        await _send(shop, held, account, "already_registered", **links)


async def _account(shop: Workshop, account_id: int | None) -> Account | None:
    """The account as it is now; None for a promise to nobody, and for one that was erased."""
    if account_id is None:
        return None
    async with shop.db.read() as conn:
        account = await account_by_id(conn, account_id)
    return None if account is None or account.erased_at else account


def _link(shop: Workshop, account: Account, page: str, **params: Any) -> str:
    return shop.urls.absolute(page, shop.spoken(account.language), **params)


async def _send(shop: Workshop, held: Lease, account: Account, mail: str, **words: Any) -> None:
    lang = shop.spoken(account.language)
    to = words.pop("to", account.email)
    await shop.mailer.send(mail, to=to, name=account.username, lang=lang, reference=held.reference, **words)
