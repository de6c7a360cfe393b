"""Which mails, and what they are called."""

import wtforms

from shop.backoffice.forms import FilterForm
from shop.i18n import N_

STATES = {"open": N_("Not sent yet"), "dead": N_("Given up"), "sent": N_("Sent")}
MAIL_WORDS = {
    "send_activation": N_("Activation"),
    "send_already_registered": N_("Address known already"),
    "send_password_reset": N_("New password"),
    "send_email_confirmation": N_("Confirmation of a new address"),
    "send_email_changed": N_("Address changed"),
    "send_security_notice": N_("Safety of the account"),
    "send_goodbye": N_("Goodbye"),
    "send_order_placed": N_("Order confirmation"),
    "send_order_paid": N_("Order paid"),
    "send_order_shipped": N_("Order on its way"),
    "send_order_cancelled": N_("Order cancelled"),
    "send_order_refunded": N_("Money back"),
    "send_return_accepted": N_("Return accepted"),
    "send_return_refused": N_("Return not accepted"),
    "send_new_order": N_("New order, to the shop"),
    "send_to_shop": N_("To the shop about an order"),
    "send_staff_invitation": N_("Invitation of staff"),
    "send_staff_second_factor": N_("Second factor of staff"),
}


class MailsForm(FilterForm):
    """By state."""

    state = wtforms.SelectField(N_("State"), choices=STATES, default="open")
