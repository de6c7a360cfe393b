"""What the fields of the log mean: the forms they were typed in know it, and a table what no form has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from typing import Any, Final

import wtforms
from wtforms.fields.core import UnboundField

from shop.backoffice.categories.forms import CategoryForm
from shop.backoffice.content.blocks.forms import KINDS as BLOCK_KINDS
from shop.backoffice.content.blocks.forms import BlockForm
from shop.backoffice.content.pages.forms import PageForm
from shop.backoffice.coupons.forms import CouponForm
from shop.backoffice.delivery.forms import AreaForm, ZoneForm
from shop.backoffice.delivery.plan.forms import CapacityForm, ClockField, PlanForm
from shop.backoffice.goods.editor.forms import ProductForm
from shop.backoffice.goods.skus.forms import SkuForm
from shop.backoffice.mails.forms import MAIL_WORDS
from shop.backoffice.orders.forms import FULFILMENT_WORDS, PAYMENT_WORDS, CancellationForm, NoteForm
from shop.backoffice.origins.forms import OriginForm
from shop.backoffice.reviews.forms import ReviewsForm
from shop.backoffice.roles.forms import RoleForm
from shop.backoffice.rules.forms import RuleForm
from shop.backoffice.settings.forms import PauseForm, RecipientsForm
from shop.backoffice.settings.payments.forms import MethodsForm
from shop.backoffice.settings.profile.forms import IdentityForm, SenderForm
from shop.backoffice.settings.taxes.forms import TaxClassForm
from shop.backoffice.staff.forms import MemberForm
from shop.backoffice.synonyms.forms import SynonymsForm
from shop.i18n import N_
from shop.web.fields import MomentField, MoneyField
from shop.web.rich_text import RichTextField


class Shape(StrEnum):
    """How a value is read: an amount, a moment, a row of the database, a place counted from nought …"""

    TEXT = "text"
    MONEY = "money"
    MOMENT = "moment"
    CLOCK = "clock"
    RICH = "rich"
    ROW = "row"
    PLACE = "place"
    RATE = "rate"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a field is called, how its values are read, and the words for some of them, to be translated; its rank beside others."""

    label: str
    shape: Shape = Shape.TEXT
    words: Mapping[str, str] = field(default_factory=dict)
    rank: int = 0


SHAPES: Final[Mapping[type[wtforms.Field], Shape]] = {
    ClockField: Shape.CLOCK,
    MomentField: Shape.MOMENT,
    MoneyField: Shape.MONEY,
    RichTextField: Shape.RICH,
}
# By what an entry is about: an object ("setting:mail_sender"), else the first half of the action, else the kind of the object.
FORMS: Final[Mapping[str, tuple[type[wtforms.Form], ...]]] = {
    "block": (BlockForm,),
    "category": (CategoryForm,),
    "coupon": (CouponForm,),
    "order": (CancellationForm, NoteForm),
    "origin": (OriginForm,),
    "page": (PageForm,),
    "plan": (PlanForm,),
    "product": (ProductForm,),
    "review": (ReviewsForm,),
    "role": (RoleForm,),
    "rule": (RuleForm,),
    "setting": (IdentityForm, MethodsForm, PauseForm, RecipientsForm),
    "setting:mail_sender": (SenderForm,),
    "sku": (SkuForm,),
    "staff": (MemberForm,),
    "synonym": (SynonymsForm,),
    "tax": (TaxClassForm,),
    "window": (CapacityForm,),
    "zone": (ZoneForm, AreaForm),
}
PICTURE: Final = Meaning(N_("Picture"))
PLACE: Final = Meaning(N_("Place in the row"), Shape.PLACE)
SEQUENCE: Final = Meaning(N_("Sequence"), Shape.ROW)
# What no form has, or has otherwise.
OTHERS: Final[Mapping[str, Mapping[str, Meaning]]] = {
    "block": {
        "kind": Meaning(N_("Kind of block"), words={kind.value: words for kind, words in BLOCK_KINDS.items()}),
        "order": SEQUENCE,
        "picture": PICTURE,
        "pictured": Meaning(N_("Goods with pictures"), Shape.ROW),
        "product": Meaning(N_("Leads to the product"), Shape.ROW),
        "worded": Meaning(N_("Goods as words"), Shape.ROW),
    },
    "category": {"picture": PICTURE, "place": PLACE},
    "customer": {"deactivated": Meaning(N_("Deactivated"))},
    "mail": {"task": Meaning(N_("Mail"), words={f"tasks.mail.{task}": words for task, words in MAIL_WORDS.items()})},
    "order": {
        "fulfilment": Meaning(N_("State of the order"), words=FULFILMENT_WORDS),
        "payment": Meaning(N_("State of the payment"), words=PAYMENT_WORDS),
        "given_back": Meaning(N_("Given back"), Shape.MONEY),
        "goods": Meaning(
            N_("What becomes of the goods"),
            words={"restored": N_("Put it back on the shelf"), "written_off": N_("Write it off")},
        ),
    },
    "origin": {"code": Meaning(N_("Code in tables"))},
    "page": {"order": SEQUENCE},
    "picture": {
        "height": Meaning(N_("Height in pixels")),
        "size": Meaning(N_("Size in bytes")),
        "width": Meaning(N_("Width in pixels")),
    },
    "product": {"from": Meaning(N_("Copy of")), "pictures": Meaning(N_("Pictures"))},
    "rule": {
        "category": Meaning(N_("Off a category"), Shape.ROW),
        "sku_ids": Meaning(N_("Off these goods"), Shape.ROW),
    },
    "setting": {
        "customers": Meaning(N_("Customers")),
        "order": Meaning(
            N_("Ways to pay"),
            words={"alipay": N_("Alipay"), "cash": N_("Cash on delivery"), "sandbox": N_("Test bank")},
        ),
        "orders": Meaning(N_("Orders")),
        "picture": PICTURE,
        "products": Meaning(N_("Products")),
    },
    "sku": {"place": PLACE, "stock": Meaning(N_("Stock"))},
    "tax": {"rate": Meaning(N_("Rate in percent"), Shape.RATE)},
    "window": {"starts_at": Meaning(N_("From"), Shape.MOMENT)},
    "zone": {"area": Meaning(N_("Area")), "order": SEQUENCE},
}
# Names under which the log keeps what a form calls otherwise.
FORM_NAMES: Final[Mapping[str, str]] = {
    "category_id": "category",
    "counter_en": "address_en",
    "counter_zh": "address_zh",
    "names_en": "name_en",
    "names_zh": "name_zh",
    "note": "text",
    "opening_hours_en": "hours_en",
    "opening_hours_zh": "hours_zh",
    "page_id": "page",
    "product_id": "product",
    "recipients": "addresses",
    "sender": "address",
    "shop_address_en": "address_en",
    "shop_address_zh": "address_zh",
    "shop_mail": "email",
    "shop_phone": "phone",
}


def meaning_of(action: str, object: str, name: str) -> Meaning | None:
    """What a field of an entry means; None for one that nobody knows (any more)."""
    known = FORM_NAMES.get(name, name)
    for about in (object, action.partition(".")[0], object.partition(":")[0]):
        if (about in FORMS or about in OTHERS) and (found := _meanings(about).get(known)):
            return found
    return None


@cache
def _meanings(about: str) -> Mapping[str, Meaning]:
    """Every field that is known, in the order of its form."""
    of_forms = {name: meaning for form in reversed(FORMS.get(about, ())) for name, meaning in _fields_of(form)}
    known = {**of_forms, **OTHERS.get(about, {})}
    return {name: replace(meaning, rank=rank) for rank, (name, meaning) in enumerate(known.items())}


def _fields_of(form: type[wtforms.Form]) -> list[tuple[str, Meaning]]:
    """The fields that have a label, as they were declared."""
    declared = [(name, one) for name in dir(form) if isinstance(one := getattr(form, name), UnboundField) and one.args]
    return [(name, _meaning(one)) for name, one in sorted(declared, key=lambda each: each[1].creation_counter)]


def _meaning(declared: UnboundField[Any]) -> Meaning:
    options = declared.kwargs
    words = {str(value): words for value, words in dict(options.get("choices") or {}).items()}
    is_row = options.get("coerce") is int and not words
    shape = Shape.ROW if is_row else SHAPES.get(declared.field_class, Shape.TEXT)
    return Meaning(str(declared.args[0]), shape, words)
