"""The link that opens an order: plain for members, who sign in, signed and expiring for guests."""

from typing import Final

from shop.orders.models import Order
from shop.tokens import LinkInvalid, Tokens
from shop.urls import Urls

PURPOSE: Final = "order"
SECONDS: Final = 90 * 86_400


def order_key(tokens: Tokens, number: str) -> str:
    """What opens one order for ninety days."""
    return tokens.sign(PURPOSE, number)


def opens(tokens: Tokens, key: str, number: str) -> bool:
    """Whether a key is ours, for this order, and not too old."""
    try:
        return bool(tokens.read(PURPOSE, key, SECONDS) == number)
    except LinkInvalid:
        return False


def order_link(urls: Urls, tokens: Tokens, order: Order, lang: str) -> str:
    """The full link for a mail."""
    query = None if order.account_id else {"key": order_key(tokens, order.number)}
    return urls.absolute("orders.order", lang, query, number=order.number)
