"""What a basket comes to: Σ lines − discount + freight = total, in minor units, by one rule for every page and order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shop.coupons.models import Discount, DiscountKind
from shop.coupons.queries import Rule
from shop.delivery.models import Zone
from shop.money import share


@dataclass(frozen=True, slots=True)
class PricedLine:
    """So many of a SKU at today's price; `tax_rate` in hundredths of a percent, contained in the price."""

    sku_id: int
    category_id: int
    quantity: int
    unit_price: int
    tax_rate: int

    @property
    def amount(self) -> int:
        return self.quantity * self.unit_price


@dataclass(frozen=True, slots=True)
class Applied:
    """A cart rule that took something off."""

    rule: Rule
    amount: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The sum of a basket; `discounts` is what each line bears of the whole discount, in the order of the lines."""

    goods: int
    applied: tuple[Applied, ...]
    coupon_discount: int
    discounts: tuple[int, ...]
    freight: int

    @property
    def discount(self) -> int:
        return sum(self.discounts)

    @property
    def total(self) -> int:
        return self.goods - self.discount + self.freight


def totals(lines: Sequence[PricedLine], rules: Iterable[Rule], coupon: Discount | None, zone: Zone | None) -> Totals:
    """Rules first, one after another on what is left, then the coupon; discounts never touch the freight or go below 0."""
    goods = sum(line.amount for line in lines)
    left = [line.amount for line in lines]
    applied = tuple(done for rule in rules if (done := _apply(rule, lines, left)) is not None)
    coupon_discount = _take(left, range(len(left)), coupon) if coupon else 0
    discounts = tuple(line.amount - rest for line, rest in zip(lines, left, strict=True))
    freight = zone.freight_for(goods) if zone and lines else 0
    return Totals(goods, applied, coupon_discount, discounts, freight)


def included_tax(gross: int, rate: int) -> int:
    """The tax contained in a sum at a rate in hundredths of a percent."""
    return share(gross, rate, 10_000 + rate)


def tax_by_rate(amounts: Iterable[tuple[int, int]]) -> Mapping[int, tuple[int, int]]:
    """(sum, tax in it) by rate of (rate, sum) pairs, rounded once per rate as on a receipt; the highest rate first."""
    sums: dict[int, int] = {}
    for rate, amount in amounts:
        sums[rate] = sums.get(rate, 0) + amount
    return {rate: (sums[rate], included_tax(sums[rate], rate)) for rate in sorted(sums, reverse=True)}


def _apply(rule: Rule, lines: Sequence[PricedLine], left: list[int]) -> Applied | None:
    covered = [n for n, line in enumerate(lines) if rule.covers(line.sku_id, line.category_id)]
    if not covered or sum(lines[n].quantity for n in covered) < rule.from_quantity:
        return None
    if sum(lines[n].amount for n in covered) < rule.from_sum:
        return None
    amount = _take(left, covered, rule.discount)
    return Applied(rule, amount) if amount else None


def _take(left: list[int], which: Iterable[int], discount: Discount) -> int:
    """Takes a discount off these entries of `left`, each its share; how much it was."""
    places = [n for n in which if left[n] > 0]
    base = sum(left[n] for n in places)
    wanted = share(base, discount.value, 100) if discount.kind is DiscountKind.PERCENT else discount.value
    amount = min(wanted, base)
    rest, below = amount, base
    for n in places:
        # What is left to take, split by what is left to take it from: the shares always add up, to the last unit.
        part = share(left[n], rest, below)
        below -= left[n]
        left[n] -= part
        rest -= part
    return amount
