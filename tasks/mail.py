"""Mails that were promised: each loads what is true now, writes, and sends."""

from __future__ import annotations

from typing import Any

from shop.accounts.models import Account
from shop.accounts.queries import account_by_id, pending_registration
from shop.accounts.registration.service import ACTIVATION_SECONDS, activation_token
from shop.accounts.security.email.service import change_token, change_under_way
from shop.accounts.security.models import NOTICES, Kind
from shop.accounts.security.password.service import reset_token
from shop.i18n import gettext
from shop.outbox import Lease
from tasks.runtime import Workshop, promised


@promised("tasks.mail.send_activation")
async def send_activation(shop: Workshop, held: Lease, *, registration_id: int | None) -> None:
    """Send the link of one registration, under its user name; nothing when the address is confirmed, or nobody waits for it."""
    if registration_id is None:
        return
    async with shop.db.read() as conn:
        registration = await pending_registration(conn, registration_id)
    account = await _account(shop, registration.account_id if registration else None)
    if registration is None or account is None or account.activated_at:
        return
    lang = shop.spoken(registration.language)
    link = shop.urls.absolute("accounts.activation", lang, token=activation_token(shop.tokens, registration))
    words = {"link": link, "days": ACTIVATION_SECONDS // 86_400}
    receiver, name = account.email, registration.username
    await shop.mailer.send("activation", to=receiver, name=name, lang=lang, reference=held.reference, **words)


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


@promised("tasks.mail.send_password_reset")
async def send_password_reset(shop: Workshop, held: Lease, *, account_id: int | None) -> None:
    """Send the link that sets a new password; nothing for a promise to nobody."""
    account = await _account(shop, account_id)
    if account is not None:
        link = _link(shop, account, "accounts.password_reset_link", token=reset_token(shop.tokens, account))
        await _send(shop, held, account, "password_reset", link=link)


@promised("tasks.mail.send_email_confirmation")
async def send_email_confirmation(shop: Workshop, held: Lease, *, account_id: int) -> None:
    """Send the link that confirms a new address to that address; nothing when the wish is gone."""
    account = await _account(shop, account_id)
    async with shop.db.read() as conn:
        change = await change_under_way(conn, account_id)
    if account is not None and change is not None:
        link = _link(shop, account, "accounts.email_confirmation", token=change_token(shop.tokens, change))
        await _send(shop, held, account, "email_confirmation", to=change.email, link=link)


@promised("tasks.mail.send_email_changed")
async def send_email_changed(shop: Workshop, held: Lease, *, account_id: int, old: str) -> None:
    """Tell the old address that it is no longer the account's."""
    account = await _account(shop, account_id)
    if account is not None:
        await _send(
            shop, held, account, "email_changed", to=old, link=_link(shop, account, "content.page", slug="contact")
        )


@promised("tasks.mail.send_security_notice")
async def send_security_notice(shop: Workshop, held: Lease, *, account_id: int, kind: str) -> None:
    """Tell the owner what happened to the account, and where to go if it was somebody else."""
    account = await _account(shop, account_id)
    if account is not None:
        what, explanation = (gettext(shop.spoken(account.language), text) for text in NOTICES[Kind(kind)])
        link = _link(shop, account, "accounts.password_reset")
        await _send(shop, held, account, "security_notice", what=what, explanation=explanation, link=link)


@promised("tasks.mail.send_goodbye")
async def send_goodbye(shop: Workshop, held: Lease, *, email: str, name: str, language: str) -> None:
    """Send the last mail of an erased account, to an address only this promise still knows."""
    lang = shop.spoken(language)
    await shop.mailer.send("goodbye", to=email, name=name, lang=lang, reference=held.reference)


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
