"""Forms: what people type, checked for shape, with labels and messages in their language."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn, Self

import wtforms
from aiohttp import web
from multidict import MultiDict
from wtforms.validators import StopValidation

from shop.i18n import N_, gettext, ngettext
from shop.web.bodies import posted
from shop.web.rendering import language_of

# PostgreSQL keeps no NUL, and half a surrogate pair is no text.
UNUSABLE: Final = re.compile("[\x00\ud800-\udfff]")
# A tab or a line end inside one line comes from a table that was copied; no header of a mail could carry it.
ENDS_AND_TABS: Final = re.compile("[\t-\r\x1c-\x1f\x85\u2028\u2029]+")
NOT_IN_ONE_LINE: Final = re.compile("[\x00-\x1f\x7f]")
Check = Callable[[wtforms.Form, wtforms.Field], None]


class _Words:
    """What WTForms asks for its own few messages."""

    def __init__(self, lang: str) -> None:
        self._lang = lang

    def gettext(self, message: str) -> str:
        return gettext(self._lang, message)

    def ngettext(self, one: str, many: str, n: int) -> str:
        return ngettext(self._lang, one, many, n)


class Form(wtforms.Form):
    """A form in the language of its request; labels, descriptions and choices are marked with N_ where it is declared."""

    class Meta:
        """Which language WTForms speaks."""

        lang = "en"

        def get_translations(self, form: wtforms.Form) -> _Words:
            """The messages of the form's language."""
            return _Words(self.lang)

    def __init__(
        self,
        formdata: MultiDict[str] | None = None,
        *,
        lang: str = "en",
        facts: Mapping[str, object] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(formdata, meta={"lang": lang, **(facts or {})}, **options)
        self.lang = lang
        for field in self:
            _translate(field, lang)
            if _is_one_line(field) and field.data:
                field.data = ENDS_AND_TABS.sub(" ", field.data)

    @classmethod
    async def read(cls, request: web.Request, **options: Any) -> Self:
        """The form as it was sent: a field sent twice counts once, the first time, and unknown ones are dropped."""
        return cls(await posted(request), lang=language_of(request), **options)

    @classmethod
    def blank(cls, request: web.Request, **options: Any) -> Self:
        """The form to fill in; `obj` or `data` hold what stands in it already."""
        return cls(lang=language_of(request), **options)

    def validate(self, extra_validators: Any = None) -> bool:
        """Check every field; what PostgreSQL could not keep is refused here, for all of them."""
        is_valid = super().validate(extra_validators)
        for field in self:
            unusable = NOT_IN_ONE_LINE if _is_one_line(field) else UNUSABLE
            if isinstance(field.data, str) and (unusable.search(field.data) or UNUSABLE.search(field.data)):
                self.wrong(field, N_("This contains characters that cannot be used."))
                is_valid = False
        return is_valid

    def wrong(self, field: wtforms.Field | None, message: str, **values: object) -> None:
        """Add what only the domain could tell to a field, or with None to the form as a whole."""
        text = gettext(self.lang, message, **values)
        if field is None:
            self.form_errors.append(text)
        else:
            field.errors = [*field.errors, text]


def required(message: str) -> Check:
    """Something has to be typed or ticked; spaces are nothing."""

    def check(form: wtforms.Form, field: wtforms.Field) -> None:
        if not field.data or (isinstance(field.data, str) and not field.data.strip()):
            raise StopValidation(field.gettext(message))

    check.field_flags = {"required": True}  # type: ignore[attr-defined]
    return check


def at_most(letters: int) -> Check:
    """Longer text is refused; browsers are told the limit, so that they stop there."""

    def check(form: wtforms.Form, field: wtforms.Field) -> None:
        if len(field.data or "") > letters:
            refuse(field, N_("Use at most %(letters)d characters."), letters=letters)

    check.field_flags = {"maxlength": letters}  # type: ignore[attr-defined]
    return check


def matches(pattern: str, message: str) -> Check:
    """The whole text has to follow a pattern (one that cannot backtrack: no nested quantifiers)."""
    compiled = re.compile(pattern)

    def check(form: wtforms.Form, field: wtforms.Field) -> None:
        if not compiled.fullmatch(field.data or ""):
            refuse(field, message)

    return check


def refuse(field: wtforms.Field, message: str, **values: object) -> NoReturn:
    """End the checks of a field with a message marked by N_."""
    text = field.gettext(message)
    raise StopValidation(text % values if values else text)


def stripped(text: str | None) -> str | None:
    """A filter for fields in which spaces around the text are slips of the hand."""
    return text.strip() if text else text


def _is_one_line(field: wtforms.Field) -> bool:
    """Whether people see what they typed as one line; a password is taken as it is, and what is hidden was not typed."""
    elsewhere = (wtforms.TextAreaField, wtforms.PasswordField, wtforms.HiddenField)
    return isinstance(field, wtforms.StringField) and not isinstance(field, elsewhere)


def _translate(field: wtforms.Field, lang: str) -> None:
    field.label.text = gettext(lang, str(field.label.text))
    if field.description:
        field.description = gettext(lang, str(field.description))
    if isinstance(field, wtforms.SelectField) and field.choices:
        # Declared as a dict from value to label; names of things, which are set later, are no messages.
        choices: Any = field.choices
        field.choices = {value: gettext(lang, label) for value, label in choices.items()}
