"""Mails that were promised: each loads what is true now, writes, and sends."""

from __future__ import annotations

from typing import Final

from shop.accounts.queries import account_by_id
from shop.db.outbox import Lease
from tasks.runtime import Workshop, promised

ACTIVATION_DAYS: Final = 1


@promised("tasks.mail.send_activation")
async def send_activation(shop: Workshop, held: Lease, *, account_id: int | None) -> None:
    """Send the link that confirms an e-mail address; nothing when it is confirmed already or nobody waits for it."""
    if account_id is None:
        return
    async with shop.db.read() as conn:
        account = await account_by_id(conn, account_id)
    if account is None or account.activated_at or account.erased_at:
        return
    lang = shop.spoken(account.language)
    token = shop.tokens.sign("activation", [account.id, account.link_serial])
    await shop.mailer.send(
        "activation",
        to=account.email,
        name=account.username,
        lang=lang,
        reference=held.reference,
        link=shop.urls.absolute("accounts.activation", lang, token=token),
        days=ACTIVATION_DAYS,
    )
