"""Sums of baskets: by example, and for any basket at all."""

from hypothesis import given
from hypothesis import strategies as st

from shop.cart.pricing import PricedLine, included_tax, tax_by_rate, totals
from shop.coupons.models import Discount, DiscountKind
from shop.coupons.queries import Rule
from shop.delivery.models import Zone, ZoneKind

FIXED, PERCENT = DiscountKind.FIXED, DiscountKind.PERCENT
ZONE = Zone(id=1, kind=ZoneKind.DELIVERY, freight=1000, free_from=9900, minimum_order=0)


def line(sku_id: int, quantity: int, unit_price: int, category_id: int = 1) -> PricedLine:
    return PricedLine(sku_id, category_id, quantity, unit_price, 900)


def rule(
    kind: DiscountKind, value: int, *, quantity: int = 1, worth: int = 0, categories: set[int] | None = None
) -> Rule:
    return Rule(1, {"en": "Offer"}, Discount(kind, value), frozenset(categories or {1}), frozenset(), quantity, worth)


def test_lines_and_freight_make_the_total() -> None:
    sums = totals([line(1, 2, 1000), line(2, 1, 250)], [], None, ZONE)
    assert (sums.goods, sums.discount, sums.freight, sums.total) == (2250, 0, 1000, 3250)


def test_freight_is_free_from_a_sum_of_goods_before_discounts() -> None:
    assert totals([line(1, 1, 9899)], [], None, ZONE).freight == 1000
    assert totals([line(1, 1, 9900)], [], Discount(FIXED, 5000), ZONE).freight == 0


def test_a_rule_needs_its_quantity_and_its_sum() -> None:
    three = rule(PERCENT, 10, quantity=3, worth=3000)
    assert totals([line(1, 2, 5000)], [three], None, ZONE).discount == 0
    assert totals([line(1, 3, 999)], [three], None, ZONE).discount == 0
    assert totals([line(1, 3, 1000)], [three], None, ZONE).discount == 300
    assert totals([line(1, 2, 1000), line(2, 1, 1000)], [three], None, ZONE).discount == 300


def test_a_rule_touches_only_what_it_covers() -> None:
    sums = totals([line(1, 1, 1000, 1), line(2, 1, 1000, 2)], [rule(FIXED, 300, categories={2})], None, ZONE)
    assert sums.discounts == (0, 300)


def test_the_coupon_comes_after_the_rules() -> None:
    sums = totals([line(1, 1, 1000)], [rule(PERCENT, 50)], Discount(PERCENT, 50), None)
    assert (sums.applied[0].amount, sums.coupon_discount, sums.total) == (500, 250, 250)


def test_s38_stacked_discounts_end_at_nothing_and_leave_the_freight() -> None:
    sums = totals([line(1, 1, 1000)], [rule(FIXED, 900), rule(FIXED, 900)], Discount(FIXED, 900), ZONE)
    assert (sums.discount, sums.total) == (1000, 1000)


def test_halves_round_up_and_shares_add_up() -> None:
    assert totals([line(1, 1, 5)], [], Discount(PERCENT, 50), None).discount == 3
    assert totals([line(n, 1, 1) for n in range(3)], [], Discount(FIXED, 2), None).discounts == (1, 1, 0)


def test_tax_is_in_the_price_and_rounded_once_per_rate() -> None:
    assert included_tax(11300, 1300) == 1300
    assert tax_by_rate([(900, 5450), (900, 5450), (1300, 11300)]) == {1300: (11300, 1300), 900: (10900, 900)}


lines_of = st.lists(
    st.builds(
        PricedLine, st.integers(1, 9), st.integers(1, 3), st.integers(1, 99), st.integers(1, 10**7), st.just(900)
    ),
    min_size=1,
    max_size=8,
)
discounts_of = st.one_of(
    st.builds(Discount, st.just(FIXED), st.integers(1, 10**9)),
    st.builds(Discount, st.just(PERCENT), st.integers(1, 100)),
)
rules_of = st.lists(
    st.builds(
        Rule,
        st.just(1),
        st.just({}),
        discounts_of,
        st.frozensets(st.integers(1, 3)),
        st.frozensets(st.integers(1, 9)),
        st.integers(1, 50),
        st.integers(0, 10**6),
    ),
    max_size=4,
)


@given(lines_of, rules_of, st.none() | discounts_of)
def test_s38_any_basket_adds_up_and_costs_between_its_freight_and_its_list_price(
    lines: list[PricedLine], rules: list[Rule], coupon: Discount | None
) -> None:
    sums = totals(lines, rules, coupon, ZONE)
    assert sums.total == sum(line.amount for line in lines) - sums.discount + sums.freight
    assert sums.discount == sum(done.amount for done in sums.applied) + sums.coupon_discount
    assert all(0 <= part <= line.amount for part, line in zip(sums.discounts, lines, strict=True))
    assert sums.freight <= sums.total <= sums.goods + sums.freight
