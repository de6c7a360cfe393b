"""A category as it is typed."""

from __future__ import annotations

import wtforms

from shop.backoffice.forms import VersionedForm
from shop.catalog.service import LONGEST_SLUG, SLUG
from shop.i18n import N_
from shop.web.forms import Check, at_most, refuse, required, stripped

LONGEST_TEXT = 200
SLUG_HINT = N_(
    "The end of the address of its page. Left empty, it is made from the name; an old address leads on to the new one."
)


def name_field(label: str, *checks: Check) -> wtforms.StringField:
    """One line of text in one language."""
    return wtforms.StringField(label, [*checks, at_most(LONGEST_TEXT)], filters=[stripped])


def slug_field(label: str) -> wtforms.StringField:
    """The end of an address, or nothing."""
    return wtforms.StringField(
        label,
        [at_most(LONGEST_SLUG), _is_slug],
        filters=[stripped],
        render_kw={"autocapitalize": "none", "spellcheck": "false"},
    )


def _is_slug(form: wtforms.Form, field: wtforms.Field) -> None:
    if field.data and not SLUG.fullmatch(field.data):
        refuse(field, N_("An address is lower-case Latin letters and digits with single hyphens between."))


class CategoryForm(VersionedForm):
    """Its texts and addresses in both languages, its place, and whether it is shown."""

    name_en = name_field(N_("Name in English"), required(N_("Enter a name.")))
    name_zh = name_field(N_("Name in Chinese"), required(N_("Enter a name.")))
    slug_en = slug_field(N_("Web address in English"))
    slug_zh = slug_field(N_("Web address in Chinese"))
    description_en = wtforms.TextAreaField(N_("Description in English"), [at_most(2000)], filters=[stripped])
    description_zh = wtforms.TextAreaField(N_("Description in Chinese"), [at_most(2000)], filters=[stripped])
    parent = wtforms.SelectField(N_("Below"), coerce=int, default=0)
    is_visible = wtforms.BooleanField(N_("Shown in the shop"), default=True)
