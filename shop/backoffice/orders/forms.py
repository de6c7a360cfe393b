"""Searching orders, and what is typed about one: why it is cancelled, how much goes back, a note."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import wtforms

from shop.backoffice.forms import FilterForm, ListForm, ShopForm
from shop.i18n import N_
from shop.orders.models import Fulfilment
from shop.payments.models import RefundState, State
from shop.web.fields import MoneyField
from shop.web.forms import Form, at_most, required, stripped

FULFILMENT_WORDS = {
    Fulfilment.PLACED.value: N_("ordered"),
    Fulfilment.PACKED.value: N_("packed"),
    Fulfilment.SHIPPED.value: N_("on its way"),
    Fulfilment.DELIVERED.value: N_("delivered"),
    Fulfilment.FINISHED.value: N_("finished"),
    Fulfilment.CANCELLED.value: N_("cancelled"),
    Fulfilment.RETURNED.value: N_("returned"),
}
PAYMENT_WORDS = {
    "due": N_("not paid yet"),
    "paid": N_("paid"),
    "partly_refunded": N_("partly refunded"),
    "refunded": N_("refunded"),
}
TRY_WORDS = {
    State.OPEN.value: N_("open"),
    State.CAPTURED.value: N_("money has come"),
    State.SURPLUS.value: N_("came twice, goes back"),
    State.CLOSED.value: N_("closed without money"),
    State.MISMATCH.value: N_("does not fit the order"),
}
REFUND_WORDS = {
    RefundState.ASKED.value: N_("on its way"),
    RefundState.DONE.value: N_("gone back"),
    RefundState.REFUSED.value: N_("refused by the bank"),
}
STORY_WORDS = {
    "placed": N_("Ordered"),
    "packed": N_("Packed"),
    "shipped": N_("Sent on its way"),
    "delivered": N_("Handed over"),
    "finished": N_("Finished"),
    "cancelled": N_("Cancelled"),
    "returned": N_("Goods came back"),
    "paid": N_("Paid"),
    "partly_refunded": N_("Part of the money went back"),
    "refunded": N_("All money went back"),
    "return_asked": N_("The customer asks to give it back"),
    "return_accepted": N_("Return approved"),
    "return_refused": N_("Return rejected"),
    "staff_note": N_("Note by staff"),
}
ACTOR_WORDS = {
    "customer": N_("customer"),
    "shop": N_("the shop itself"),
    "staff": N_("staff"),
    "provider": N_("payment provider"),
}
WORDS: Mapping[str, Any] = {
    "fulfilment_words": FULFILMENT_WORDS,
    "payment_words": PAYMENT_WORDS,
    "try_words": TRY_WORDS,
    "refund_words": REFUND_WORDS,
    "step_words": STORY_WORDS,
    "actor_words": ACTOR_WORDS,
}
OPEN, TO_PACK = "open", "to_pack"
STATES = {OPEN: N_("Open orders"), TO_PACK: N_("To be packed"), **FULFILMENT_WORDS, "all": N_("All")}


class OrdersForm(ListForm):
    """The orders, narrowed: by number, e-mail or name, by state, by the day and the window of their delivery."""

    state = wtforms.SelectField(N_("State"), choices=STATES, default=OPEN)
    day = wtforms.DateField(N_("Day of delivery"), [wtforms.validators.Optional()])
    window = wtforms.SelectField(N_("Window"), default="", validate_choice=False)


class WindowForm(FilterForm):
    """Which window the goods are picked for."""

    window = wtforms.SelectField(N_("Window"), default="", validate_choice=False)


class CancellationForm(Form):
    """Why an order is cancelled; the customer is not told."""

    reason = wtforms.StringField(N_("Reason"), [at_most(200)], filters=[stripped])


class NoteForm(Form):
    """What colleagues should know about an order."""

    text = wtforms.TextAreaField(
        N_("Note for colleagues"),
        [required(N_("Write something.")), at_most(1000)],
        filters=[stripped],
        render_kw={"rows": 3},
    )


class RefundForm(ShopForm):
    """How much goes back, and why. `seen` is what had gone back when the form was shown."""

    amount = MoneyField(N_("Amount"))
    reason = wtforms.StringField(
        N_("Reason"), [required(N_("Say why, for whoever keeps the books.")), at_most(200)], filters=[stripped]
    )
    seen = wtforms.IntegerField(widget=wtforms.widgets.HiddenInput(), default=0)
