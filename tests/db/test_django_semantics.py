"""Django's documented behaviour of query sets, case by case, also where it surprises. What differs stands in docs/models.md.

The headings follow Django's "QuerySet API reference" and "Making queries".
"""

from __future__ import annotations

from typing import Any

import pytest

from shop.db import (
    Connection,
    Count,
    Database,
    DoesNotExist,
    F,
    FieldError,
    Max,
    MultipleObjectsReturned,
    Q,
    Sum,
    UniqueViolation,
)
from tests.db.cast import Brand, Category, Product, Seen, Sku, SkuManager, Status


@pytest.fixture
async def skus(conn: Connection) -> SkuManager:
    """Four SKUs: `c` without a product, `b` and `c` without stock figures; the product of `b` has no brand."""
    category = await Category.objects.using(conn).create(slug="fruit", name="Fruit")
    brand = await Brand.objects.using(conn).create(name="Orchard", country=None)
    products = Product.objects.using(conn)
    apples = await products.create(slug="apples", category=category, brand=brand)
    pears = await products.create(slug="pears", category=category)
    skus = Sku.objects.using(conn)
    await skus.bulk_create(
        [
            Sku(slug="a", product_id=apples.id, price=10, stock=1, reserved=1),
            Sku(slug="b", product_id=pears.id, price=20, stock=None, reserved=5),
            Sku(slug="c", price=20, stock=None, reserved=0, status=Status.OFF),
            Sku(slug="d", product_id=apples.id, price=30, stock=7, reserved=2),
        ]
    )
    return skus


async def slugs(found: Any) -> list[str]:
    return sorted([sku.slug for sku in await found])


# Retrieving: filter, exclude, NULL


async def test_filter_joins_its_conditions_with_and_and_refining_narrows(skus: SkuManager) -> None:
    assert await slugs(skus.filter(price=20, stock=None)) == ["b", "c"]
    assert await slugs(skus.filter(price__gte=20).exclude(slug="d").filter(status="on")) == ["b"]


async def test_filtered_sets_are_unique_and_lazy(skus: SkuManager) -> None:
    every = skus.all()
    narrowed = every.filter(price=10)
    assert await slugs(every) == ["a", "b", "c", "d"]
    await skus.filter(slug="b").update(price=10)
    assert await slugs(narrowed) == ["a", "b"]


async def test_exclude_keeps_the_rows_where_the_column_is_null(skus: SkuManager) -> None:
    # In SQL `NOT (stock = 7)` would drop b and c; in Python None is not 7.
    assert await slugs(skus.exclude(stock=7)) == ["a", "b", "c"]
    assert await slugs(skus.exclude(stock__gt=1)) == ["a", "b", "c"]
    assert await slugs(skus.filter(~Q(stock=7))) == ["a", "b", "c"]


async def test_exclude_of_several_is_not_both_rather_than_neither(skus: SkuManager) -> None:
    assert await slugs(skus.exclude(price=20, status="off")) == ["a", "b", "d"]
    assert await slugs(skus.exclude(price=20).exclude(status="off")) == ["a", "d"]


async def test_exclude_none_and_isnull(skus: SkuManager) -> None:
    assert await slugs(skus.filter(stock=None)) == ["b", "c"]
    assert await slugs(skus.filter(stock__exact=None)) == ["b", "c"]
    assert await slugs(skus.filter(stock__isnull=False)) == ["a", "d"]
    assert await slugs(skus.exclude(stock=None)) == ["a", "d"]
    assert await slugs(skus.exclude(stock__isnull=False)) == ["b", "c"]


async def test_other_lookups_refuse_none(skus: SkuManager) -> None:
    with pytest.raises(FieldError, match=r"Sku\.stock: gt takes no None; say stock__isnull"):
        await skus.filter(stock__gt=None)
    with pytest.raises(FieldError, match=r"stock__isnull takes True or False, not 1"):
        skus.filter(stock__isnull=1)


async def test_a_comparison_with_a_nullable_column_in_exclude(skus: SkuManager) -> None:
    assert await slugs(skus.filter(reserved__gte=F("stock"))) == ["a"]
    assert await slugs(skus.exclude(reserved__gte=F("stock"))) == ["b", "c", "d"]


async def test_excluding_over_a_relation_keeps_rows_without_one(skus: SkuManager) -> None:
    assert await slugs(skus.exclude(product__slug="apples")) == ["b", "c"]
    assert await slugs(skus.exclude(product__brand__name="Orchard")) == ["b", "c"]
    assert await slugs(skus.filter(~Q(product__brand__country="NL"))) == ["a", "b", "c", "d"]


async def test_isnull_over_a_relation_finds_rows_without_one(skus: SkuManager) -> None:
    assert await slugs(skus.filter(product__isnull=True)) == ["c"]
    assert await slugs(skus.filter(product__brand__isnull=True)) == ["b", "c"]
    assert await slugs(skus.filter(product__brand__name__isnull=True)) == ["b", "c"]
    assert await slugs(skus.filter(product__brand__country__isnull=True)) == ["a", "b", "c", "d"]
    assert await slugs(skus.filter(product__brand__country=None)) == ["a", "b", "c", "d"]


async def test_or_does_not_lose_rows_without_a_relation(skus: SkuManager) -> None:
    assert await slugs(skus.filter(Q(product__slug="pears") | Q(price=20))) == ["b", "c"]


# Q


async def test_q_objects_combine(skus: SkuManager) -> None:
    assert await slugs(skus.filter(Q(price=10) | Q(price=30), stock__isnull=False)) == ["a", "d"]
    assert await slugs(skus.filter(~(Q(price=20) | Q(slug="a")))) == ["d"]
    assert await slugs(skus.filter(Q(price=20) & ~Q(slug="b"))) == ["c"]
    assert await slugs(skus.filter(~~Q(price=20))) == ["b", "c"]
    assert await slugs(skus.filter(~(Q(stock=7) & ~Q(slug="x")))) == ["a", "b", "c"]


async def test_an_empty_q_says_nothing(skus: SkuManager) -> None:
    assert await slugs(skus.filter(Q())) == ["a", "b", "c", "d"]
    assert await slugs(skus.filter(~Q())) == ["a", "b", "c", "d"]
    assert await slugs(skus.filter(Q() | Q(slug="a"))) == ["a"]
    assert await slugs(skus.exclude()) == ["a", "b", "c", "d"]


# Lookups


async def test_in_with_an_empty_list_matches_nothing(skus: SkuManager) -> None:
    assert await slugs(skus.filter(id__in=[])) == []
    assert await slugs(skus.exclude(id__in=[])) == ["a", "b", "c", "d"]
    assert await slugs(skus.filter(stock__in=[])) == []
    assert await slugs(skus.exclude(stock__in=[])) == ["a", "b", "c", "d"]
    assert await slugs(skus.filter(Q(stock__in=[]) | Q(slug="a"))) == ["a"]


async def test_in_takes_any_iterable_and_forgets_none(skus: SkuManager) -> None:
    assert await slugs(skus.filter(stock__in=(1, None))) == ["a"]
    assert await slugs(skus.exclude(stock__in={7, None})) == ["a", "b", "c"]
    assert await slugs(skus.filter(status__in=[Status.OFF])) == ["c"]
    assert await slugs(skus.filter(price__in=range(10, 21, 10))) == ["a", "b", "c"]
    assert await slugs(skus.filter(slug__in={"a": 1, "d": 2}.keys())) == ["a", "d"]
    assert await slugs(skus.filter(slug__in=(letter for letter in "ad"))) == ["a", "d"]


async def test_in_takes_a_query_set(skus: SkuManager) -> None:
    dear = skus.filter(price__gte=20)
    assert await slugs(skus.filter(id__in=dear)) == ["b", "c", "d"]
    assert await slugs(skus.filter(price__in=dear.values_list("price", flat=True), slug__lt="d")) == ["b", "c"]
    assert await slugs(skus.filter(id__in=dear.order_by("-price")[:1])) == ["d"]
    # The trap of SQL that Django keeps: NOT IN a list with a NULL is never true.
    assert await slugs(skus.exclude(stock__in=skus.values_list("stock", flat=True))) == ["b", "c"]


async def test_range_is_inclusive(skus: SkuManager) -> None:
    assert await slugs(skus.filter(price__range=(10, 20))) == ["a", "b", "c"]
    assert await slugs(skus.exclude(stock__range=(2, 9))) == ["a", "b", "c"]


async def test_text_lookups_take_wildcards_literally(skus: SkuManager, conn: Connection) -> None:
    await skus.all().delete()
    await skus.bulk_create([Sku(slug=slug, price=1) for slug in ("50%", "50_", "500", "AbC", "a\\b", "abc")])
    assert await slugs(skus.filter(slug__contains="0%")) == ["50%"]
    assert await slugs(skus.filter(slug__startswith="50_")) == ["50_"]
    assert await slugs(skus.filter(slug__endswith="0")) == ["500"]
    assert await slugs(skus.filter(slug__contains="\\")) == ["a\\b"]
    assert await slugs(skus.filter(slug__contains="b")) == ["AbC", "a\\b", "abc"]
    assert await slugs(skus.filter(slug__icontains="B")) == ["AbC", "a\\b", "abc"]
    assert await slugs(skus.filter(slug__iexact="aBc")) == ["AbC", "abc"]
    assert await slugs(skus.filter(slug__iexact="50_")) == ["50_"]
    assert await slugs(skus.filter(slug__contains="")) == ["50%", "500", "50_", "AbC", "a\\b", "abc"]


async def test_pk_and_relations_by_object_or_value(skus: SkuManager, conn: Connection) -> None:
    apples = await Product.objects.using(conn).get(slug="apples")
    expected = ["a", "d"]
    assert await slugs(skus.filter(product=apples)) == expected
    assert await slugs(skus.filter(product=apples.id)) == expected
    assert await slugs(skus.filter(product_id=apples.id)) == expected
    assert await slugs(skus.filter(product__id=apples.id)) == expected
    assert await slugs(skus.filter(product__pk__in=[apples.id])) == expected
    assert (await skus.get(pk=1)).slug == "a"


# Field errors


async def test_wrong_names_are_told_with_the_right_ones(skus: SkuManager) -> None:
    with pytest.raises(FieldError, match=r"Sku has no field 'cost'; it has id, slug, product_id, price,"):
        await skus.filter(cost=1)
    with pytest.raises(FieldError, match=r"Sku\.price has no lookup 'near'; there are: exact, lt"):
        await skus.filter(price__near=1)
    with pytest.raises(FieldError, match=r"Sku\.price has no lookup 'gt__lt'"):
        await skus.filter(price__gt__lt=1)
    with pytest.raises(FieldError, match=r"Product has no field 'nme'"):
        await skus.order_by("product__nme")
    with pytest.raises(FieldError, match=r"Category\.products leads to many rows: say \.where\(exists"):
        await skus.filter(product__category__products__slug="x")
    with pytest.raises(FieldError, match=r"Sku has no field 'cost'"):
        await skus.update(cost=1)
    with pytest.raises(FieldError, match=r"Sku has no field 'cost'"):
        Sku(cost=1)


@pytest.mark.parametrize(
    ("lookups", "message"),
    [
        ({"price": "10"}, r"Sku\.price takes int, not '10' \(str\)"),
        ({"price": True}, r"Sku\.price takes int, not True \(bool\)"),
        ({"price__in": [1, "2"]}, r"Sku\.price takes int, not '2' \(str\)"),
        ({"slug": 7}, r"Sku\.slug takes str, not 7 \(int\)"),
        ({"slug__contains": 7}, r"Sku\.slug takes str, not 7 \(int\)"),
        ({"price__contains": "7"}, r"Sku\.price: contains compares text with a text"),
        ({"status": "gone"}, r"Sku\.status takes Status, not 'gone' \(str\)"),
        ({"added_at__lt": "2026-01-01"}, r"Sku\.added_at takes datetime, not '2026-01-01' \(str\)"),
        ({"price__in": 7}, r"Sku\.price: in takes a list or a query set"),
    ],
)
async def test_wrong_types_are_told_by_model_and_field(skus: SkuManager, lookups: Any, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        await skus.filter(**lookups)


async def test_what_would_block_in_django_says_how_to_ask(skus: SkuManager) -> None:
    with pytest.raises(TypeError, match=r"Sku: say `async for`"):
        list(skus)
    with pytest.raises(TypeError, match=r"Sku: say `await ….exists\(\)`"):
        bool(skus)
    with pytest.raises(TypeError):
        1 in skus  # noqa: B015


# Slicing


async def test_slices_become_limit_and_offset(skus: SkuManager) -> None:
    ordered = skus.order_by("slug")
    assert [sku.slug for sku in await ordered[:2]] == ["a", "b"]
    assert [sku.slug for sku in await ordered[1:3]] == ["b", "c"]
    assert [sku.slug for sku in await ordered[2:]] == ["c", "d"]
    assert [sku.slug for sku in await ordered[1:][1:3]] == ["c", "d"]
    assert [sku.slug for sku in await ordered[:3][2:9]] == ["c"]
    assert await ordered[3:1] == []
    assert (await ordered[0]).slug == "a"
    assert (await ordered[1:][1]).slug == "c"
    assert await ordered[1:3].count() == 2
    assert await ordered[4:].exists() is False
    with pytest.raises(IndexError):
        await ordered[4]


@pytest.mark.parametrize("key", [-1, slice(-1, None), slice(None, -2), slice(0, "x"), slice(True, 3)])
async def test_negative_and_odd_slices_are_refused(skus: SkuManager, key: Any) -> None:
    with pytest.raises(ValueError, match="Sku: a slice takes whole numbers from 0 on"):
        skus.all()[key]


async def test_a_sliced_set_cannot_be_changed_any_more(skus: SkuManager) -> None:
    sliced = skus.order_by("slug")[:2]
    for change in (
        lambda: sliced.filter(price=1),
        lambda: sliced.exclude(price=1),
        lambda: sliced.order_by("price"),
        lambda: sliced.reverse(),
    ):
        with pytest.raises(TypeError, match="once a slice has been taken"):
            change()
    for ask in (
        sliced.get(slug="a"),
        sliced.last(),
        sliced.latest("price"),
        sliced.update(price=1),
        sliced.delete(),
        sliced.in_bulk([1]),
    ):
        with pytest.raises(TypeError, match="once a slice has been taken"):
            await ask
    assert (await skus.order_by("slug")[:1].get()).slug == "a"
    assert await skus.filter(price=1).count() == 0


# order_by


async def test_ordering_replaces_what_was_before_and_nulls_are_greatest(skus: SkuManager) -> None:
    assert [sku.slug for sku in await skus.order_by("price").order_by("-slug")] == ["d", "c", "b", "a"]
    assert [sku.slug for sku in await skus.order_by("stock", "slug")] == ["a", "d", "b", "c"]
    assert [sku.slug for sku in await skus.order_by("-stock", "slug")] == ["b", "c", "d", "a"]
    assert [sku.slug for sku in await skus.order_by(F("stock").desc(nulls_last=True), "slug")] == ["d", "a", "b", "c"]
    assert [sku.slug for sku in await skus.order_by("stock", "slug").reverse()] == ["c", "b", "d", "a"]


async def test_ordering_through_relations(skus: SkuManager) -> None:
    assert [sku.slug for sku in await skus.order_by("-product__slug", "slug")] == ["c", "b", "a", "d"]
    assert [sku.slug for sku in await skus.order_by("product", "slug")] == ["a", "d", "b", "c"]
    assert [sku.slug for sku in await skus.order_by("product__brand__name", "slug")] == ["a", "d", "b", "c"]


# Methods that return one object


async def test_get(skus: SkuManager) -> None:
    assert (await skus.get(slug="a")).price == 10
    assert (await skus.filter(slug="a").get()).price == 10
    assert (await skus.get(Q(slug="a") | Q(slug="x"), price=10)).slug == "a"
    with pytest.raises(Sku.DoesNotExist, match=r"there is no Sku with slug='x'") as missed:
        await skus.get(slug="x")
    assert isinstance(missed.value, DoesNotExist)
    assert not isinstance(missed.value, Product.DoesNotExist)
    with pytest.raises(Sku.MultipleObjectsReturned, match=r"more than one Sku has price=20") as several:
        await skus.get(price=20)
    assert isinstance(several.value, MultipleObjectsReturned)


async def test_first_and_last_go_by_primary_key_unless_told(skus: SkuManager) -> None:
    first, last = await skus.first(), await skus.last()
    assert (first and first.slug, last and last.slug) == ("a", "d")
    first, last = await skus.order_by("-price").first(), await skus.order_by("-price").last()
    assert (first and first.slug, last and last.slug) == ("d", "a")
    assert await skus.filter(price=1).first() is None
    assert await skus.filter(price=1).last() is None


async def test_latest_and_earliest(skus: SkuManager) -> None:
    assert (await skus.latest("price")).slug == "d"
    assert (await skus.earliest("price")).slug == "a"
    assert (await skus.latest("price", "slug")).slug == "d"
    assert (await skus.earliest("-price")).slug == "d"
    # NULL is the greatest in PostgreSQL, so the latest may be a row without a value.
    assert (await skus.latest("stock", "slug")).slug == "c"
    with pytest.raises(Sku.DoesNotExist):
        await skus.filter(price=1).latest("price")
    with pytest.raises(ValueError, match="need the fields to go by"):
        await skus.latest()


async def test_in_bulk(skus: SkuManager) -> None:
    assert {key: sku.slug for key, sku in (await skus.in_bulk([1, 3, 99])).items()} == {1: "a", 3: "c"}
    assert {key: sku.id for key, sku in (await skus.in_bulk(["d"], field_name="slug")).items()} == {"d": 4}
    assert len(await skus.in_bulk()) == 4
    assert await skus.in_bulk([]) == {}
    with pytest.raises(ValueError, match=r"Sku\.price is not unique"):
        await skus.in_bulk([10], field_name="price")


# values, distinct, aggregates


async def test_values_and_distinct(skus: SkuManager) -> None:
    assert await skus.values("price").distinct().order_by("price") == [{"price": 10}, {"price": 20}, {"price": 30}]
    assert await skus.values_list("price", flat=True).distinct().order_by("-price") == [30, 20, 10]
    assert await skus.values("price").distinct().count() == 3
    # Columns of order_by are selected too, so rows that look equal differ by them.
    assert await skus.values_list("price", flat=True).distinct().order_by("price", "slug") == [10, 20, 20, 30]
    with pytest.raises(TypeError, match="takes one field"):
        skus.values_list("price", "slug", flat=True)


async def test_values_before_annotate_groups_by_them(skus: SkuManager) -> None:
    grouped = skus.values("price").annotate(n=Count("id")).order_by("price")
    assert await grouped == [{"price": 10, "n": 1}, {"price": 20, "n": 2}, {"price": 30, "n": 1}]
    assert await grouped.filter(n__gt=1) == [{"price": 20, "n": 2}]
    assert await grouped.exclude(n__gt=1) == [{"price": 10, "n": 1}, {"price": 30, "n": 1}]
    assert await grouped.filter(Q(n__gt=1) | Q(price=10)) == [{"price": 10, "n": 1}, {"price": 20, "n": 2}]
    assert await grouped.filter(slug__lt="c") == [{"price": 10, "n": 1}, {"price": 20, "n": 1}]
    assert await grouped.values_list("n", flat=True) == [1, 2, 1]
    assert await grouped.exclude(product__category__slug="x").filter(product__isnull=True) == [{"price": 20, "n": 1}]
    assert await grouped.exclude(product__category__slug="x") == await grouped


async def test_annotate_before_values_does_not_group(skus: SkuManager) -> None:
    rows = await skus.annotate(n=Count("id")).values("price", "n").order_by("id")
    assert rows == [{"price": price, "n": 1} for price in (10, 20, 20, 30)]


async def test_order_by_takes_part_in_grouping(skus: SkuManager) -> None:
    # Django's warning: an ordering column splits the groups.
    rows = await skus.values("price").annotate(n=Count("id")).order_by("slug")
    assert rows == [{"price": price, "n": 1} for price in (10, 20, 20, 30)]


async def test_aggregates_over_nothing(skus: SkuManager) -> None:
    assert await skus.filter(price=1).aggregate(Sum("price"), Max("price"), Count("id")) == {
        "price__sum": None,
        "price__max": None,
        "id__count": 0,
    }
    assert await skus.aggregate() == {}


async def test_an_annotation_may_not_hide_a_field(skus: SkuManager) -> None:
    with pytest.raises(ValueError, match="Sku has a field 'price' already"):
        skus.annotate(price=Count("id"))
    with pytest.raises(FieldError, match="needs a name"):
        await skus.aggregate(Sum(F("price") * 2))


async def test_groups_have_no_first_without_an_order(skus: SkuManager) -> None:
    with pytest.raises(TypeError, match="groups have no first or last"):
        await skus.values("price").annotate(n=Count("id")).first()


# Writing


async def test_update_returns_the_matched_rows_and_ignores_order(skus: SkuManager) -> None:
    assert await skus.filter(price=20).order_by("slug").update(price=F("price") + 1, stock=None) == 2
    assert await skus.filter(price=21).update(price=21) == 2
    assert await skus.update() == 0
    with pytest.raises(FieldError, match=r"Sku\.price can be written only from columns of its own row"):
        await skus.update(price=F("product__slug"))


async def test_update_through_a_relation(skus: SkuManager) -> None:
    assert await skus.filter(product__brand__name="Orchard").update(price=1) == 2
    assert await slugs(skus.filter(price=1)) == ["a", "d"]


async def test_a_manager_itself_is_never_deleted(skus: SkuManager, conn: Connection) -> None:
    with pytest.raises(TypeError, match=r"say \.all\(\)\.delete\(\)"):
        await skus.delete()
    with pytest.raises(TypeError, match="cannot delete after distinct"):
        await skus.distinct().delete()
    with pytest.raises(TypeError, match="loads objects"):
        await skus.values("id").delete()
    assert await skus.count() == 4
    assert await skus.filter(stock=None).delete() == 2
    assert await skus.all().delete() == 2


async def test_get_or_create(skus: SkuManager, own: Database) -> None:
    made, created = await skus.get_or_create({"price": 9}, slug="e")
    assert (made.price, created) == (9, True)
    found, created = await skus.get_or_create({"price": 1}, slug="e")
    assert (found.price, found == made, created) == (9, True, False)
    with pytest.raises(UniqueViolation, match="another Sku has the same slug"):
        await skus.get_or_create({"price": 1}, slug="e", stock=99)
    with pytest.raises(FieldError, match="Sku has no unique constraint on price"):
        await skus.get_or_create(price=10)
    called, _ = await skus.get_or_create({"price": lambda: 4}, slug__exact="f")
    assert (called.slug, called.price) == ("f", 4)


async def test_update_or_create(skus: SkuManager) -> None:
    changed, created = await skus.update_or_create({"price": 11}, slug="a")
    assert (changed.price, changed.stock, created) == (11, 1, False)
    made, created = await skus.update_or_create({"price": 12}, slug="e")
    assert (made.price, created) == (12, True)
    made, created = await skus.update_or_create({"stock": 1}, {"price": 13}, slug="f")
    assert (made.price, made.stock, created) == (13, None, True)
    changed, created = await skus.update_or_create({"stock": F("price") * 2}, {"price": 13}, slug="f")
    assert (changed.stock, created) == (26, False)


async def test_bulk_create_keeps_the_order_and_fills_in_the_keys(skus: SkuManager) -> None:
    made = await skus.bulk_create([Sku(slug="y", price=1), Sku(slug="x", price=2, reserved=3)])
    assert [(sku.id, sku.slug, sku.reserved, sku.status) for sku in made] == [
        (5, "y", 0, Status.ON),
        (6, "x", 3, Status.ON),
    ]
    assert await skus.bulk_create([]) == []
    again = await skus.bulk_create([Sku(slug="x", price=9), Sku(slug="z", price=9)], ignore_conflicts=True)
    assert [sku.pk for sku in again] == [None, None]
    assert await slugs(skus.filter(price=9)) == ["z"]


async def test_create_returns_what_the_database_has(skus: SkuManager, conn: Connection) -> None:
    made = await skus.create(slug="new", price=5, status=Status.OFF, notes={"a": [1, None]})
    assert (made.id, made.reserved, made.status, made.notes) == (5, 0, Status.OFF, {"a": [1, None]})
    assert made == await skus.get(pk=5)
    with pytest.raises(FieldError, match="a new Sku has no columns yet"):
        await skus.create(slug="n", price=F("stock"))
    assert (await Seen.objects.using(conn).create(visitor="ann", sku_id=1, place=1)).times == 1


# Equality


async def test_objects_are_equal_by_model_and_key(skus: SkuManager, conn: Connection) -> None:
    assert await skus.get(slug="a") == await skus.get(pk=1)
    assert await skus.get(pk=1) != await Product.objects.using(conn).get(pk=1)
    assert len({await skus.get(pk=1), await skus.get(slug="a")}) == 1
    assert Sku(slug="x") != Sku(slug="x")
    with pytest.raises(TypeError, match="cannot be hashed"):
        hash(Sku(slug="x"))
    assert repr(await skus.get(pk=1)) == "<Sku id=1>"


# Locking


async def test_select_for_update_needs_a_transaction(own: Database) -> None:
    async with own.read() as conn:
        with pytest.raises(RuntimeError, match="needs a transaction"):
            await Sku.objects.using(conn).select_for_update()
    with pytest.raises(ValueError, match="either"):
        Sku.objects.select_for_update(skip_locked=True, nowait=True)


async def test_without_a_connection_nothing_is_asked() -> None:
    with pytest.raises(RuntimeError, match=r"Sku\.objects needs a connection: say \.using\(conn\)"):
        await Sku.objects.filter(price=1)
