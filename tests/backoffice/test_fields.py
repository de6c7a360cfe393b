"""Money and moments as staff type them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from multidict import MultiDict

from shop.backoffice.forms import ShopForm
from shop.web.fields import MomentField, MoneyField

FACTS = {"currency": "CNY", "zone": ZoneInfo("Asia/Shanghai")}


class Offer(ShopForm):
    price = MoneyField("Price")
    since = MomentField("From")


def typed(**fields: str) -> Offer:
    return Offer(MultiDict(fields), facts=FACTS)


@pytest.mark.parametrize(
    ("text", "minor"), [("12.50", 1250), ("12,5", 1250), (" 3 ", 300), ("0", 0), ("", None), ("1000000", 100_000_000)]
)
def test_an_amount_becomes_minor_units(text: str, minor: int | None) -> None:
    form = typed(price=text)
    assert form.validate()
    assert form.price.data == minor


@pytest.mark.parametrize("text", ["-1", "1e3", "NaN", "1.005", "1 000", "١", "1000000.01", "=1+1", "9" * 40])
def test_what_is_no_amount_is_refused_and_stays_in_its_field(text: str) -> None:
    form = typed(price=text)
    assert not form.validate()
    assert form.price.errors == ["This has to be an amount such as 12.50."]
    assert form.price._value() == text


def test_a_moment_is_on_the_clock_of_the_shop() -> None:
    form = typed(since="2026-11-22T08:00")
    assert form.validate()
    assert form.since.data == datetime(2026, 11, 22, 0, 0, tzinfo=UTC)
    shown = Offer(facts=FACTS, data={"since": form.since.data, "price": 990})
    assert (shown.since._value(), shown.price._value()) == ("2026-11-22T08:00", "9.90")
    assert not typed(since="tomorrow").validate()
    assert typed(since="").validate()
