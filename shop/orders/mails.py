"""The words of mails about orders; the worker sends them, and the back office shows what they say."""

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from shop.i18n import N_, format_span, text_in
from shop.money import format_money
from shop.orders.models import Order, OrderLine

# Subject and first sentence of each mail.
NEWS: Final[Mapping[str, tuple[str, str]]] = {
    "placed": (N_("Your order %(number)s"), N_("Thank you! We have your order.")),
    "paid": (N_("Your order %(number)s is paid"), N_("Your payment has arrived. We are getting your goods together.")),
    "shipped": (N_("Your order %(number)s is on its way"), N_("Your goods are on their way to you.")),
    "cancelled": (
        N_("Your order %(number)s was cancelled"),
        N_("The order was cancelled. What you may have paid for it goes back to you by itself."),
    ),
    "refunded": (N_("Money back for your order %(number)s"), N_("We have sent money back to you.")),
    "cash_due": (
        N_("Give back cash for order %(number)s"),
        N_("This order was paid in cash and came back. Give the money back and note it at the order."),
    ),
    "new": (N_("New order %(number)s"), N_("Somebody has ordered. Here is what is wanted:")),
}

# The same of the answer to a return.
ANSWERS: Final[Mapping[str, tuple[str, str]]] = {
    "return_accepted": (
        N_("Your return of order %(number)s is accepted"),
        N_("We take the goods back. The money follows as soon as they are here."),
    ),
    "return_refused": (N_("The return of your order %(number)s"), N_("We could not accept the return.")),
}


def told_in_mail(order: Order, lines: list[OrderLine], lang: str, timezone: ZoneInfo) -> dict[str, Any]:
    """What the mail lists, already written as people read it."""

    def money(amount: int) -> str:
        return format_money(amount, order.currency, lang)

    sums = [(N_("Discount"), -order.discount), (N_("Delivery"), order.freight), (N_("Total"), order.total)]
    where = [order.address.get(part) or "" for part in ("receiver", "phone", "province", "city", "district", "street")]
    return {
        "lines": [
            (f"{line.quantity} × {text_in(line.name, lang)}, {text_in(line.unit, lang)}", money(line.amount))
            for line in lines
        ],
        "sums": [(name, money(sum_)) for name, sum_ in sums if sum_ or name != "Discount"],
        "when": format_span(lang, order.starts_at, order.ends_at, timezone),
        "where": ", ".join([text_in(order.zone_name, lang), *filter(None, where)]),
    }
