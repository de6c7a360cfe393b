"""filter, exclude, order_by, slices, aggregates and pages over generated rows, compared with plain Python."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.db import Avg, Connection, Count, Database, F, Max, Min, Q, Sum
from tests.db.cast import Category, Product, Sku, Status

NUMBERS = st.integers(0, 4)
MAYBE = st.none() | NUMBERS
TEXT = st.text(alphabet="aAb%_\\é", max_size=3)
CATEGORIES = ("a", "B", "a%")


class Made(NamedTuple):
    """A row as generated; the slug gets the number of the row, so that it is unique."""

    text: str
    price: int
    stock: int | None
    reserved: int
    status: Status
    category: int | None  # which of CATEGORIES its product is in; None without a product


ROWS = st.lists(
    st.builds(Made, TEXT, NUMBERS, MAYBE, NUMBERS, st.sampled_from(Status), st.none() | st.integers(0, 2)), max_size=6
)

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "exact": operator.eq,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
TEXTS: dict[str, Callable[[str, str], bool]] = {
    "exact": operator.eq,
    "iexact": lambda a, b: a.lower() == b.lower(),
    "contains": lambda a, b: b in a,
    "icontains": lambda a, b: b.lower() in a.lower(),
    "startswith": str.startswith,
    "endswith": str.endswith,
}

Leaf = tuple[str, Any]


def number_leaves(name: str) -> st.SearchStrategy[Leaf]:
    return st.one_of(
        st.tuples(st.sampled_from([f"{name}__{lookup}" for lookup in COMPARE]), NUMBERS),
        st.tuples(st.just(f"{name}__in"), st.lists(MAYBE, max_size=3)),
        st.tuples(st.just(f"{name}__range"), st.tuples(NUMBERS, NUMBERS)),
        st.tuples(st.just(f"{name}__isnull"), st.booleans()),
        st.tuples(
            st.sampled_from([f"{name}__{lookup}" for lookup in COMPARE]), st.sampled_from(["price", "reserved"]).map(F)
        ),
        st.tuples(st.just(name), st.none()),
    )


LEAVES: st.SearchStrategy[Leaf] = st.one_of(
    number_leaves("price"),
    number_leaves("stock"),
    st.tuples(st.sampled_from([f"slug__{lookup}" for lookup in TEXTS if lookup != "endswith"]), TEXT),
    st.tuples(st.sampled_from([f"product__category__name__{lookup}" for lookup in TEXTS]), TEXT),
    st.tuples(st.just("product__category__name__isnull"), st.booleans()),
    st.tuples(st.just("product__isnull"), st.booleans()),
    st.tuples(st.just("status"), st.sampled_from(Status)),
)


def combined(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.just("and"), inner, inner),
        st.tuples(st.just("or"), inner, inner),
    )


CONDITIONS = st.recursive(LEAVES.map(lambda leaf: ("leaf", *leaf)), combined, max_leaves=5)
ORDERS = st.lists(
    st.sampled_from(["price", "-price", "stock", "-stock", "status", "-product__category__slug"]),
    max_size=3,
    unique=True,
)


def as_q(condition: Any) -> Q:
    match condition:
        case ("leaf", path, value):
            return Q(**{path: value})
        case ("not", inner):
            return ~as_q(inner)
        case ("and", left, right):
            return as_q(left) & as_q(right)
    return as_q(condition[1]) | as_q(condition[2])


def value_of(sku: Sku, path: str) -> Any:
    value: Any = sku
    for name in path.split("__"):
        value = None if value is None else getattr(value, name)
    return value


def holds(condition: Any, sku: Sku) -> bool | None:
    """SQL's answer, where a comparison with NULL is neither true nor false, but a negated one is, as Django has it."""
    return _holds(condition, sku, odd=False)


def _holds(condition: Any, sku: Sku, *, odd: bool) -> bool | None:
    match condition:
        case ("leaf", path, value):
            answer = _leaf(path, value, sku)
            return False if odd and answer is None else answer
        case ("not", inner):
            answer = _holds(inner, sku, odd=not odd)
            return None if answer is None else not answer
    left, right = (_holds(part, sku, odd=odd) for part in condition[1:])
    if condition[0] == "and":
        return False if left is False or right is False else None if None in (left, right) else True
    return True if left or right else None if None in (left, right) else False


def _leaf(path: str, value: Any, sku: Sku) -> bool | None:
    name, lookup = re.fullmatch(
        r"(.*?)(?:__(exact|iexact|lte?|gte?|in|range|isnull|i?contains|startswith|endswith))?", path
    ).groups()  # type: ignore[union-attr]
    mine = value_of(sku, name)
    if lookup == "isnull":
        return (mine is None) == value
    if value is None:
        return mine is None
    if isinstance(value, F):
        value = value_of(sku, value.name)
    if lookup == "in":
        # An empty array contains nothing, not even perhaps.
        known = [one for one in value if one is not None]
        return None if mine is None and known else mine in known
    if mine is None or value is None:
        return None
    if lookup == "range":
        return bool(value[0] <= mine <= value[1])
    compare = TEXTS if isinstance(mine, str) and lookup in TEXTS else COMPARE
    return compare[lookup or "exact"](mine, value)


async def stored(conn: Connection, rows: list[Made]) -> list[Sku]:
    """The rows in the database, with their products and categories, in primary-key order."""
    await Sku.objects.using(conn).all().delete()
    if not await Category.objects.using(conn).exists():
        for name in CATEGORIES:
            category = await Category.objects.using(conn).create(slug=name, name=name)
            await Product.objects.using(conn).create(slug=name, category=category)
    products = await Product.objects.using(conn).order_by("id")
    made = [
        Sku(
            slug=f"{row.text}{number}",
            price=row.price,
            stock=row.stock,
            reserved=row.reserved,
            status=row.status,
            product_id=None if row.category is None else products[row.category].id,
        )
        for number, row in enumerate(rows)
    ]
    await Sku.objects.using(conn).bulk_create(made)
    return await Sku.objects.using(conn).select_related("product__category").order_by("id")


def sorted_as(orders: list[str], skus: list[Sku]) -> list[Sku]:
    """Stable sorts from the last column to the first; NULL is greater than everything."""
    for order in reversed([*orders, "id"]):
        name = order.removeprefix("-")
        with_value = [sku for sku in skus if value_of(sku, name) is not None]
        without = [sku for sku in skus if value_of(sku, name) is None]
        with_value.sort(key=lambda sku: value_of(sku, name), reverse=order.startswith("-"))
        skus = without + with_value if order.startswith("-") else with_value + without
    return skus


quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(
    rows=ROWS,
    condition=CONDITIONS,
    orders=ORDERS,
    low=st.integers(0, 3),
    size=st.none() | st.integers(0, 4),
    negated=st.booleans(),
)
async def test_filter_exclude_order_and_slice_mean_what_python_means(
    own_database: Database,
    own_tables: None,
    rows: list[Made],
    condition: Any,
    orders: list[str],
    low: int,
    size: int | None,
    negated: bool,
) -> None:
    async with own_database.transaction() as conn:
        every = await stored(conn, rows)
        skus = Sku.objects.using(conn)
        found = (skus.exclude if negated else skus.filter)(as_q(condition)).order_by(*orders, "id")
        expected = [sku for sku in every if holds(("not", condition) if negated else condition, sku)]
        expected = sorted_as(orders, expected)
        assert [sku.id for sku in await found] == [sku.id for sku in expected]
        part = slice(low, None if size is None else low + size)
        assert [sku.id for sku in await found[part]] == [sku.id for sku in expected[part]]
        assert await found[part].count() == len(expected[part])
        assert await found.exists() == bool(expected)


@quick
@given(rows=ROWS, condition=CONDITIONS, size=st.integers(1, 3), orders=ORDERS)
async def test_pages_by_key_walk_through_everything_once(
    own_database: Database, own_tables: None, rows: list[Made], condition: Any, size: int, orders: list[str]
) -> None:
    async with own_database.transaction() as conn:
        every = await stored(conn, rows)
        found = Sku.objects.using(conn).filter(as_q(condition)).select_related("product__category").order_by(*orders)
        walked: list[int] = []
        after: str | None = None
        for _ in range(len(every) + 1):
            page = await found.page(size, after=after)
            walked += [sku.id for sku in page.items]
            after = page.next
            if after is None:
                break
        expected = sorted_as([*orders], [sku for sku in every if holds(condition, sku)])
        assert walked == [sku.id for sku in expected]


@quick
@given(rows=ROWS, condition=CONDITIONS)
async def test_aggregates_mean_what_python_means(
    own_database: Database, own_tables: None, rows: list[Made], condition: Any
) -> None:
    async with own_database.transaction() as conn:
        expected = [sku for sku in await stored(conn, rows) if holds(condition, sku)]
        found = Sku.objects.using(conn).filter(as_q(condition))
        stocks = [sku.stock for sku in expected if sku.stock is not None]
        assert await found.aggregate(
            Sum("stock"), Min("stock"), Max("stock"), Count("stock"), n=Count("*"), kinds=Count("stock", distinct=True)
        ) == {
            "stock__sum": sum(stocks) if stocks else None,
            "stock__min": min(stocks, default=None),
            "stock__max": max(stocks, default=None),
            "stock__count": len(stocks),
            "n": len(expected),
            "kinds": len(set(stocks)),
        }
        mean = (await found.aggregate(mean=Avg("stock")))["mean"]
        assert mean is None if not stocks else abs(mean - sum(stocks) / len(stocks)) < 1e-9
        counts: dict[int, int] = {}
        for sku in expected:
            counts[sku.price] = counts.get(sku.price, 0) + 1
        groups = await found.values("price").annotate(n=Count("id")).order_by("price")
        assert [(row["price"], row["n"]) for row in groups] == sorted(counts.items())
