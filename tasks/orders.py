"""What orders promise: mails to buyers and to the shop, and the sweeping of holds that ended."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from shop import outbox
from shop.accounts.models import Account
from shop.accounts.queries import account_by_id
from shop.cart.models import GUEST_DAYS
from shop.cart.service import forget_old_guests
from shop.delivery.service import make_windows
from shop.mailroom.service import forget_old_mails
from shop.money import format_money
from shop.orders.holds import keep_holding
from shop.orders.links import order_link
from shop.orders.mails import ANSWERS, NEWS, told_in_mail
from shop.orders.models import Order
from shop.orders.personal_data import forget_erased
from shop.orders.queries import answer_to_return, lines_of, order_by_id
from shop.orders.recipients import recipients_of
from shop.orders.service import ended_holds, finish_old, release
from shop.outbox import Lease
from shop.payments.queries import open_payment
from tasks.payments import LONGER_SECONDS, LONGEST_SECONDS, ask_before_release
from tasks.runtime import Workshop, promised

HOLDS_AT_ONCE: Final = 500
FINISHED_AFTER_DAYS: Final = 14


@promised("tasks.mail.send_order_placed")
async def send_order_placed(shop: Workshop, held: Lease, *, order_id: int) -> None:
    """Confirm an order to its buyer."""
    await _tell(shop, held, order_id, "placed")


@promised("tasks.mail.send_order_paid")
async def send_order_paid(shop: Workshop, held: Lease, *, order_id: int) -> None:
    """Tell the buyer that the money has arrived."""
    await _tell(shop, held, order_id, "paid")


@promised("tasks.mail.send_order_shipped")
async def send_order_shipped(shop: Workshop, held: Lease, *, order_id: int) -> None:
    """Tell the buyer that the goods are on their way."""
    await _tell(shop, held, order_id, "shipped")


@promised("tasks.mail.send_order_cancelled")
async def send_order_cancelled(shop: Workshop, held: Lease, *, order_id: int) -> None:
    """Tell the buyer that nothing will come."""
    await _tell(shop, held, order_id, "cancelled")


@promised("tasks.mail.send_order_refunded")
async def send_order_refunded(shop: Workshop, held: Lease, *, order_id: int, amount: int) -> None:
    """Tell the buyer how much went back (minor units)."""
    await _tell(shop, held, order_id, "refunded", amount=amount)


@promised("tasks.mail.send_return_accepted")
async def send_return_accepted(shop: Workshop, held: Lease, *, order_id: int) -> None:
    """Tell the buyer that the goods are taken back."""
    await _answer(shop, held, order_id, "return_accepted")


@promised("tasks.mail.send_return_refused")
async def send_return_refused(shop: Workshop, held: Lease, *, order_id: int) -> None:
    """Tell the buyer that they are not, and why."""
    await _answer(shop, held, order_id, "return_refused")


@promised("tasks.mail.send_new_order")
async def send_new_order(shop: Workshop, held: Lease, *, order_id: int) -> None:
    """Promise a mail about a new order to each of the shop's own addresses."""
    async with shop.db.transaction() as conn:
        addresses = await recipients_of(conn, shop.settings.order_mails)
        mails = [("tasks.mail.send_to_shop", {"order_id": order_id, "to": to}) for to in addresses]
        await outbox.promise_all(conn, mails)


@promised("tasks.mail.send_to_shop")
async def send_to_shop(
    shop: Workshop, held: Lease, *, order_id: int, to: str, news: str = "new", amount: int | None = None
) -> None:
    """Tell one of the shop's addresses what was ordered, or what has to be done about an order."""
    await _tell(shop, held, order_id, news, to=to, amount=amount)


@promised("tasks.orders.sweep")
async def sweep(shop: Workshop, held: Lease) -> None:
    """Release holds that have ended, make the windows of the coming week, finish and forget what is past."""
    await ask_before_release(shop)
    for _ in range(HOLDS_AT_ONCE):
        if not await _release_one(shop):
            break
    timezone = shop.settings.timezone
    async with shop.db.transaction() as conn:
        await make_windows(conn, datetime.now(timezone).date(), timezone)
        await finish_old(conn, FINISHED_AFTER_DAYS)
        await forget_old_guests(conn, GUEST_DAYS)
        await forget_erased(conn)
        await forget_old_mails(conn)


async def _release_one(shop: Workshop) -> bool:
    """Release one hold that has ended; False when there is none left.

    surprise: one a transaction, for two would lock the second's window after the first's goods, against the order of locks.
    """
    async with shop.db.transaction() as conn:
        ended = await ended_holds(conn, 1)
        if not ended:
            return False
        # Money may come at any moment until the provider says otherwise; an hour after the order we wait no longer.
        is_open = await open_payment(conn, ended[0]) is not None
        if is_open and await keep_holding(conn, ended[0], LONGER_SECONDS, at_most=LONGEST_SECONDS):
            return True
        return await release(conn, ended[0])


async def _tell(
    shop: Workshop, held: Lease, order_id: int, news: str, *, to: str | None = None, amount: int | None = None
) -> None:
    async with shop.db.read() as conn:
        order = await order_by_id(conn, order_id)
        if order is None:
            return
        lines = await lines_of(conn, order_id)
        account = await account_by_id(conn, order.account_id) if order.account_id else None
    lang = shop.urls.languages[0] if to else shop.spoken(order.lang)
    email = to or _address(order, account)
    subject, opening = NEWS[news]
    await shop.mailer.send(
        "order",
        to=email,
        name=order.address.get("receiver", ""),
        lang=lang,
        reference=held.reference,
        subject=subject,
        opening=opening,
        number=order.number,
        amount=format_money(amount, order.currency, lang) if amount else "",
        link=order_link(shop.urls, shop.tokens, order, lang),
        **told_in_mail(order, lines, lang, shop.settings.timezone),
    )


async def _answer(shop: Workshop, held: Lease, order_id: int, answer: str) -> None:
    async with shop.db.read() as conn:
        order = await order_by_id(conn, order_id)
        if order is None:
            return
        reason = await answer_to_return(conn, order_id)
        account = await account_by_id(conn, order.account_id) if order.account_id else None
    lang, (subject, opening) = shop.spoken(order.lang), ANSWERS[answer]
    await shop.mailer.send(
        "return_answer",
        to=_address(order, account),
        name=order.address.get("receiver", ""),
        lang=lang,
        reference=held.reference,
        subject=subject,
        opening=opening,
        number=order.number,
        reason=reason,
        link=order_link(shop.urls, shop.tokens, order, lang),
    )


def _address(order: Order, account: Account | None) -> str:
    """Where the buyer reads mail now."""
    return account.email if account and not account.erased_at else order.email
