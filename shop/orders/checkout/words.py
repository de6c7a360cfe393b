"""What the till's answers are called on the checkout page."""

from collections.abc import Mapping
from typing import Final

from shop.i18n import N_
from shop.orders.placing.models import Reason

PLAIN: Final[Mapping[Reason, str]] = {
    Reason.EMPTY: N_("Your basket is empty."),
    Reason.BASKET_CHANGED: N_("Your basket has changed since this page was opened. Have a look and order again."),
    Reason.CHECKOUT_REUSED: N_("This page was used for another order already. Check everything and order again."),
    Reason.WINDOW_CLOSED: N_("This delivery time can no longer be chosen. Choose another one."),
    Reason.WINDOW_FULL: N_("Somebody was quicker: this delivery time is full. Choose another one."),
    Reason.BELOW_MINIMUM: N_("Your basket is not large enough for delivery to this place."),
    Reason.COUPON: N_("Your coupon does not count any more. Remove it in the basket, then order again."),
    Reason.TOO_MANY_UNPAID: N_("Too many of your orders are waiting for payment. Pay or cancel one of them first."),
    Reason.PAUSED: N_("The shop takes no orders at the moment. Nothing was ordered; your basket is kept."),
    Reason.METHOD_NOT_OFFERED: N_("This way to pay is not offered for this order. Choose another one."),
    Reason.CASH_NOT_ALLOWED: N_("This order cannot be paid in cash. Choose another way to pay."),
}
ORDERED_ALREADY: Final = N_("This page has led to an order already, and was changed since. Nothing more was ordered.")
WITH_GOODS: Final[Mapping[Reason, str]] = {
    Reason.NOT_SOLD: N_("No longer on sale: %(goods)s."),
    Reason.OUT_OF_STOCK: N_("Somebody was quicker. There is not enough left of: %(goods)s."),
    Reason.TOO_MANY_UNITS: N_("This is more than one order can have: %(goods)s."),
}
