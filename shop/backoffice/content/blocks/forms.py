"""A block of the home page as it is typed."""

from __future__ import annotations

from typing import Any

import wtforms

from shop.backoffice.categories.forms import name_field
from shop.backoffice.forms import FilterForm, ShopForm
from shop.content.models import BlockKind
from shop.i18n import N_
from shop.web.fields import MomentField
from shop.web.forms import at_most, refuse, stripped

TONES = {
    "leaf": N_("Leaf green"),
    "warm": N_("Warm orange"),
    "sky": N_("Sky blue"),
    "berry": N_("Berry red"),
    "sand": N_("Sand"),
}
KINDS = {
    BlockKind.BANNER: N_("Slide of the carousel"),
    BlockKind.PROMOTION: N_("Promotion"),
    BlockKind.SHELF: N_("Shelf"),
}
CODES_HINT = N_("Codes or ends of addresses, separated by spaces or line ends.")


def _codes(label: str) -> wtforms.TextAreaField:
    return wtforms.TextAreaField(label, [at_most(2000)], description=CODES_HINT)


class BlockForm(ShopForm):
    """Words, colour, where it leads, when it is shown; goods are for shelves."""

    title_en = name_field(N_("Title in English"))
    title_zh = name_field(N_("Title in Chinese"))
    text_en = name_field(N_("Text in English"))
    text_zh = name_field(N_("Text in Chinese"))
    tone = wtforms.SelectField(N_("Colour"), choices=TONES, default="leaf")
    category = wtforms.SelectField(N_("Leads to the category"), coerce=int, default=0)
    product = wtforms.StringField(
        N_("Leads to the product"),
        [at_most(120)],
        filters=[stripped],
        description=N_("One of its codes, or the end of its address."),
    )
    page = wtforms.SelectField(N_("Leads to the page"), coerce=int, default=0)
    pictured = _codes(N_("Goods with pictures"))
    worded = _codes(N_("Goods as words"))
    starts_at = MomentField(N_("From"))
    ends_at = MomentField(N_("Until"))
    is_visible = wtforms.BooleanField(N_("Shown on the home page"), default=True)

    def validate_ends_at(self, field: MomentField) -> None:
        """The end comes behind the beginning."""
        if field.data and self.starts_at.data and field.data <= self.starts_at.data:
            refuse(field, N_("This has to be later than the beginning."))

    def fits(self, kind: BlockKind) -> bool:
        """Whether a block of that kind has what it needs; says so at the field if not."""
        if kind is BlockKind.SHELF:
            if not self.category.data:
                self.wrong(self.category, N_("A shelf belongs to a category."))
            return bool(self.category.data)
        for field in (self.title_en, self.title_zh):
            if not field.data:
                self.wrong(field, N_("Enter a title."))
        if sum(map(bool, (self.category.data, self.product.data, self.page.data))) > 1:
            self.wrong(self.category, N_("It can lead to one place only: a category, a product or a page."))
        return not (self.title_en.errors or self.title_zh.errors or self.category.errors)

    def values(self, kind: BlockKind, product_id: int | None) -> dict[str, Any]:
        """What is saved, all but the goods."""
        is_shelf = kind is BlockKind.SHELF
        return {
            **{name: _texts(self, name) for name in ("title", "text")},
            **{name: self[name].data for name in ("tone", "starts_at", "ends_at", "is_visible")},
            "category_id": self.category.data or None,
            "product_id": None if is_shelf else product_id,
            "page_id": None if is_shelf else self.page.data or None,
        }


class PreviewForm(FilterForm):
    """At which moment the home page is looked at."""

    at = MomentField(N_("As it looks at"))


def words_in(text: str | None) -> list[str]:
    """Codes as they were typed, each once."""
    return list(dict.fromkeys((text or "").replace(",", " ").split()))


def _texts(form: BlockForm, name: str) -> dict[str, str]:
    return {lang: form[f"{name}_{lang}"].data for lang in ("en", "zh") if form[f"{name}_{lang}"].data}
