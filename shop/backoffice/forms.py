"""What the forms of all sections share: searching a list, and the version that is being edited."""

from __future__ import annotations

from typing import Any, Final, Self

import wtforms
from aiohttp import web
from multidict import MultiDict

from shop.i18n import N_
from shop.web.bodies import posted
from shop.web.fields import facts_of
from shop.web.forms import Form, at_most, stripped
from shop.web.rendering import language_of

VERSION: Final = "version"


class FilterForm(Form):
    """What narrows a page, sent by GET. Read it from the query with `of`."""

    @classmethod
    def of(cls, request: web.Request) -> Self:
        """The form as the address says; what does not fit is as if it were not there."""
        form = cls(MultiDict(request.query), lang=language_of(request), facts=facts_of(request))
        if not form.validate():
            for field in form:
                if field.errors:
                    field.data, field.errors = None, ()
        return form


class ListForm(FilterForm):
    """The search field of a list; add SelectFields for its filters."""

    q = wtforms.SearchField(N_("Search"), [at_most(100)], filters=[stripped])


class VersionedForm(Form):
    """A form that edits a row: `version` is the one that was shown, and saving names it."""

    version = wtforms.IntegerField(widget=wtforms.widgets.HiddenInput(), default=0)

    @property
    def edited(self) -> int:
        """The version that was shown; 0, which no row has, for one that is no number."""
        return int(self.version.data or 0)


class ShopForm(VersionedForm):
    """A form with MoneyFields or MomentFields: it knows the shop's currency and time zone."""

    @classmethod
    async def read(cls, request: web.Request, **options: Any) -> Self:
        """The form as it was sent."""
        return cls(await posted(request), lang=language_of(request), facts=facts_of(request), **options)

    @classmethod
    def blank(cls, request: web.Request, **options: Any) -> Self:
        """The form to fill in; `data` holds what stands in it already: minor units, aware datetimes."""
        return cls(lang=language_of(request), facts=facts_of(request), **options)
