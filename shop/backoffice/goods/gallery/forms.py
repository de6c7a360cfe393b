"""The words of a gallery: two fields a picture."""

from __future__ import annotations

from collections.abc import Sequence

from shop.backoffice.categories.forms import name_field
from shop.backoffice.forms import VersionedForm
from shop.catalog.pictures.models import ProductPicture
from shop.i18n import N_

LABELS = {"en": N_("What it shows, in English"), "zh": N_("What it shows, in Chinese")}


def gallery_form(pictures: Sequence[ProductPicture]) -> type[VersionedForm]:
    """A form with the words of these pictures, `alt_{id}_{lang}`."""
    fields = {f"alt_{picture.id}_{lang}": name_field(label) for picture in pictures for lang, label in LABELS.items()}
    return type("GalleryForm", (VersionedForm,), fields)
