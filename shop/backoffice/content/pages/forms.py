"""A content page as it is typed."""

from __future__ import annotations

from typing import Any

import wtforms

from shop.backoffice.categories.forms import name_field, slug_field
from shop.backoffice.forms import VersionedForm
from shop.i18n import N_
from shop.web.forms import at_most, required
from shop.web.rich_text import RichTextField

LONGEST_BODY = 100_000


class PageForm(VersionedForm):
    """Its title and text in both languages, and where it is found."""

    title_en = name_field(N_("Title in English"), required(N_("Enter a title.")))
    title_zh = name_field(N_("Title in Chinese"), required(N_("Enter a title.")))
    slug = slug_field(N_("Web address"))
    body_en = RichTextField(N_("Text in English"), [at_most(LONGEST_BODY)])
    body_zh = RichTextField(N_("Text in Chinese"), [at_most(LONGEST_BODY)])
    is_published = wtforms.BooleanField(N_("Published"), default=True)

    @property
    def values(self) -> dict[str, Any]:
        """What is saved, all but the address."""
        texts = {
            name: {lang: self[f"{name}_{lang}"].data for lang in ("en", "zh") if self[f"{name}_{lang}"].data}
            for name in ("title", "body")
        }
        return {**texts, "is_published": self.is_published.data}
