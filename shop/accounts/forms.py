"""Fields that several forms of the account share: user name, e-mail, new password."""

from __future__ import annotations

from typing import Final

import wtforms

from shop.accounts.models import LONGEST_NAME, SHORTEST_NAME, USERNAME, identity_key, is_email, narrowed
from shop.common_passwords import is_common
from shop.i18n import N_
from shop.web.forms import Check, at_most, matches, refuse, required, stripped

SHORTEST_PASSWORD: Final = 8
LONGEST_PASSWORD: Final = 128


def username_field() -> wtforms.StringField:
    """A new user name; it may be Chinese."""
    return wtforms.StringField(
        N_("User name"),
        [
            required(N_("Choose a user name.")),
            _short_enough(SHORTEST_NAME, LONGEST_NAME),
            matches(USERNAME, N_("Use letters, digits, dots, hyphens and underscores only.")),
        ],
        filters=[stripped],
        description=N_("Other customers see it next to your reviews."),
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )


def email_field(label: str = N_("E-mail address")) -> wtforms.EmailField:
    """An address to which mail can be sent."""
    return wtforms.EmailField(
        label,
        [required(N_("Enter your e-mail address.")), at_most(254), _is_email],
        filters=[narrowed],
        render_kw={"autocomplete": "email", "inputmode": "email"},
    )


def new_password_field(label: str = N_("Password")) -> wtforms.PasswordField:
    """A password to be set; it is never shown again, and pasting it is welcome."""
    return wtforms.PasswordField(
        label,
        [required(N_("Choose a password.")), is_good_password],
        description=N_("At least 8 characters. Length protects better than odd letters."),
    )


def _is_email(form: wtforms.Form, field: wtforms.Field) -> None:
    if not is_email(field.data or ""):
        refuse(field, N_("Enter an e-mail address like name@example.com."))


def is_good_password(form: wtforms.Form, field: wtforms.Field) -> None:
    """Long enough, not what everybody tries first, and not what the account is called."""
    password = field.data or ""
    if len(password) < SHORTEST_PASSWORD:
        refuse(field, N_("Use at least %(letters)d characters."), letters=SHORTEST_PASSWORD)
    if len(password) > LONGEST_PASSWORD:
        refuse(field, N_("Use at most %(letters)d characters."), letters=LONGEST_PASSWORD)
    if is_common(password) or len(set(password)) == 1:
        refuse(field, N_("Too many people use this password. Choose one that is harder to guess."))
    if identity_key(password) in _names_in(form):
        refuse(field, N_("Choose a password that is not your user name or e-mail address."))


def _names_in(form: wtforms.Form) -> set[str]:
    typed = [form[name].data or "" for name in ("username", "email") if name in form]
    names = [*typed, *getattr(form, "names", ())]
    return {identity_key(part) for name in names for part in (name, name.partition("@")[0])} - {""}


def _short_enough(fewest: int, most: int) -> Check:
    def check(form: wtforms.Form, field: wtforms.Field) -> None:
        if not fewest <= len(field.data or "") <= most:
            refuse(field, N_("Use %(fewest)d to %(most)d characters."), fewest=fewest, most=most)

    check.field_flags = {"maxlength": most}  # type: ignore[attr-defined]
    return check
