"""Answering a return, and what becomes of the goods."""

from __future__ import annotations

import wtforms

from shop.i18n import N_
from shop.web.forms import Form, at_most, stripped

ANSWERS = {"yes": N_("Approve"), "no": N_("Reject")}
FATES = {"restock": N_("Put it back on the shelf"), "write_off": N_("Write it off")}


class AnswerForm(Form):
    """Yes or no."""

    answer = wtforms.RadioField(N_("Answer"), choices=ANSWERS)
    reason = wtforms.StringField(N_("Reason"), [at_most(200)], filters=[stripped])


class ReceiptForm(Form):
    """The goods are here; fresh goods are mostly written off."""

    fate = wtforms.RadioField(N_("What becomes of the goods"), choices=FATES)
