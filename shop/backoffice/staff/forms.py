"""Searching the staff, inviting somebody, changing what they may do."""

from __future__ import annotations

import wtforms

from shop.accounts.forms import email_field
from shop.backoffice.forms import ListForm, VersionedForm
from shop.i18n import N_
from shop.web.forms import Form, at_most, required, stripped

STATES = {"": N_("All"), "active": N_("Active"), "invited": N_("Invited"), "disabled": N_("Disabled")}
LANGUAGES = {"en": "English", "zh": "中文"}


def name_field() -> wtforms.StringField:
    """What somebody is called by the others."""
    return wtforms.StringField(
        N_("Name"), [required(N_("Enter a name.")), at_most(60)], filters=[stripped], render_kw={"autocomplete": "off"}
    )


class StaffListForm(ListForm):
    """The list, narrowed."""

    state = wtforms.SelectField(N_("State"), choices=STATES, default="")
    role = wtforms.SelectField(N_("Role"), default="", validate_choice=False)


class InvitationForm(Form):
    """Somebody new."""

    name = name_field()
    email = email_field()
    role = wtforms.SelectField(N_("Role"), coerce=int)
    language = wtforms.SelectField(N_("Language of mails"), choices=LANGUAGES)


class MemberForm(VersionedForm):
    """One of the staff; the address stays, for it is what they sign in with."""

    name = name_field()
    role = wtforms.SelectField(N_("Role"), coerce=int)
    language = wtforms.SelectField(N_("Language of mails"), choices=LANGUAGES)
