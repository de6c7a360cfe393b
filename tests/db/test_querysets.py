"""The example of the managers, as a feature would write it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import exists

from shop.db import Avg, Connection, Count, F, FieldError, Max, Min, NotLoaded, Now, Q, Sum, statements
from tests.db.cast import Brand, Category, Product, Seen, Sku, Status


@pytest.fixture
async def fruit(conn: Connection) -> list[Sku]:
    """Apples, pears and a melon in two categories, one of them below the other."""
    food = await Category.objects.using(conn).create(slug="food", name="Food")
    fruit = await Category.objects.using(conn).create(slug="fruit", name="Fruit", parent=food)
    brand = await Brand.objects.using(conn).create(name="Orchard", country="NL")
    apples = await Product.objects.using(conn).create(slug="apples", category=fruit, brand=brand)
    pears = await Product.objects.using(conn).create(slug="pears", category_id=fruit.id)
    skus = [
        Sku(slug="apple", product_id=apples.id, price=100, stock=5, reserved=1, weight=Decimal("1.5")),
        Sku(slug="apple-big", product_id=apples.id, price=600, stock=0),
        Sku(slug="pear", product_id=pears.id, price=300, stock=None, status=Status.OFF),
        Sku(slug="melon", price=400, stock=2, reserved=2, notes={"ripe": True}),
    ]
    return await Sku.objects.using(conn).bulk_create(skus)


async def test_the_example_reads_like_the_trade(conn: Connection, fruit: list[Sku]) -> None:
    skus = Sku.objects.using(conn)
    apple = await skus.get(slug="apple")
    assert (apple.id, apple.price, apple.weight, apple.status) == (1, 100, Decimal("1.5"), Status.ON)
    cheap = await skus.filter(price__lt=500).exclude(stock=0).order_by("-price", "id")[:20]
    assert [sku.slug for sku in cheap] == ["melon", "pear", "apple"]
    assert [sku.slug async for sku in skus.filter(product__category__slug="fruit").order_by("id")] == [
        "apple",
        "apple-big",
        "pear",
    ]
    assert await skus.filter(~Q(status="off") & Q(stock__gte=F("reserved"))).count() == 3
    totals = await skus.aggregate(Avg("price"), total=Sum("stock"))
    assert totals == {"price__avg": 350.0, "total": 7}
    rows = await skus.values("product_id").annotate(n=Count("id")).order_by("product_id")
    assert rows == [{"product_id": 1, "n": 2}, {"product_id": 2, "n": 1}, {"product_id": None, "n": 1}]
    assert await skus.filter(id=1, stock__gte=2).update(stock=F("stock") - 2) == 1
    assert await skus.filter(id=1, stock__gte=4).update(stock=F("stock") - 4) == 0
    assert (await skus.get(id=1)).stock == 3
    statement = skus.filter(price__gt=50).where(Sku.c.slug.op("~")("^a")).statement
    assert [row.slug for row in await conn.fetch_all(statement.order_by(Sku.c.id))] == ["apple", "apple-big"]
    assert await skus.filter(price=100).latest("added_at") == apple


async def test_a_manager_of_ones_own_chains(conn: Connection, fruit: list[Sku]) -> None:
    cheap = await Sku.objects.using(conn).filter(status="on").cheap().order_by("slug")
    assert [sku.slug for sku in cheap] == ["apple", "melon"]


async def test_related_objects_come_along(conn: Connection, fruit: list[Sku]) -> None:
    skus = Sku.objects.using(conn).order_by("id")
    apple, _, pear, melon = await skus.select_related("product__category__parent", "product__brand")
    assert apple.product is not None
    assert apple.product.brand is not None
    assert apple.product.category.parent is not None
    assert apple.product.category.parent.slug == "food"
    assert apple.product.brand.name == "Orchard"
    assert pear.product is not None
    assert pear.product.brand is None
    assert melon.product is None
    plain = await skus.get(id=1)
    with pytest.raises(NotLoaded, match=r"Sku.product was not loaded: say select_related\('product'\)"):
        _ = plain.product


async def test_prefetching_asks_once_for_each_relation(conn: Connection, fruit: list[Sku]) -> None:
    (found,) = await Category.objects.using(conn).filter(slug="fruit").prefetch_related("products__skus", "parent")
    assert found.parent is not None
    assert found.parent.slug == "food"
    assert [[sku.slug for sku in product.skus] for product in found.products] == [["apple", "apple-big"], ["pear"]]
    assert found.products[0].category is found
    products = (
        await Product.objects.using(conn)
        .order_by("id")
        .prefetch_related("skus", "category__parent", "category__products", "brand")
    )
    assert [[product.brand and product.brand.name, len(product.skus)] for product in products] == [
        ["Orchard", 2],
        [None, 1],
    ]
    assert [product.category.parent and product.category.parent.slug for product in products] == ["food", "food"]
    assert len(products[0].category.products) == 2


async def test_aggregates(conn: Connection, fruit: list[Sku]) -> None:
    skus = Sku.objects.using(conn)
    answer = await skus.aggregate(
        Count("*"),
        Count("stock"),
        Min("price"),
        Max("price"),
        Sum("weight"),
        worth=Sum(F("price") * F("reserved")),
        brands=Count("product__brand", distinct=True),
        cheap=Count("*", filter=Q(price__lt=400)),
    )
    assert answer == {
        "*__count": 4,
        "stock__count": 3,
        "price__min": 100,
        "price__max": 600,
        "weight__sum": Decimal("1.5"),
        "worth": 900,
        "brands": 1,
        "cheap": 2,
    }
    assert await skus.filter(price__gt=10_000).aggregate(Sum("price"), Count("id")) == {
        "price__sum": None,
        "id__count": 0,
    }
    assert await skus.order_by("price")[:2].aggregate(Sum("price")) == {"price__sum": 400}
    groups = skus.values("status").annotate(n=Count("id"))
    assert await groups.aggregate(Max("n")) == {"n__max": 3}
    assert await groups.count() == 2
    assert await groups.filter(n__gt=1, price__lt=600).order_by("status") == [{"status": Status.ON, "n": 2}]


async def test_annotated_objects(conn: Connection, fruit: list[Sku]) -> None:
    skus = Sku.objects.using(conn).annotate(free=F("stock") - F("reserved")).order_by("-free", "id")
    assert [(sku.slug, vars(sku)["free"]) for sku in await skus.filter(free__gte=0)] == [
        ("apple", 4),
        ("apple-big", 0),
        ("melon", 0),
    ]
    assert await skus.filter(free__gt=0).values_list("slug", "free") == [("apple", 4)]


async def test_values(conn: Connection, fruit: list[Sku]) -> None:
    skus = Sku.objects.using(conn).order_by("id")
    assert await skus.values_list("slug", flat=True)[:2] == ["apple", "apple-big"]
    names = skus.order_by("product__category__name").values_list("product__category__name", flat=True)
    assert await names.distinct() == ["Fruit", None]
    assert await skus.filter(id=4).values("notes", "status", "product__slug") == [
        {"notes": {"ripe": True}, "status": Status.ON, "product__slug": None}
    ]
    assert (await skus.values())[0].keys() == vars(fruit[0]).keys()


async def test_subqueries_and_exists(conn: Connection, fruit: list[Sku]) -> None:
    skus = Sku.objects.using(conn)
    apples = Product.objects.using(conn).filter(slug__startswith="app")
    assert await skus.filter(product__in=apples).count() == 2
    assert await skus.filter(product_id__in=apples.values_list("id", flat=True), price__lt=200).count() == 1
    dear = exists().where(Sku.c.product_id == Product.c.id, Sku.c.price > 500)
    assert [p.slug for p in await Product.objects.using(conn).where(dear)] == ["apples"]
    with pytest.raises(FieldError, match=r"Product.skus leads to many rows: say .where\(exists\(…\)\)"):
        await Product.objects.using(conn).filter(skus__price=1)


async def test_a_known_shape_builds_no_sqlalchemy_object_again(
    conn: Connection, fruit: list[Sku], monkeypatch: pytest.MonkeyPatch
) -> None:
    skus = Sku.objects.using(conn)

    async def ask(price: int, slugs: list[str]) -> tuple[list[str], int, int]:
        found = await skus.filter(price__lt=price, slug__in=slugs).order_by("-price")[: len(slugs)]
        count = await skus.filter(~Q(status="off") & Q(stock__gte=F("reserved"))).count()
        return [sku.slug for sku in found], count, await skus.filter(slug=slugs[0]).update(price=F("price") + price)

    def refuse(*_: object) -> None:
        raise AssertionError("SQLAlchemy is asked")

    assert await ask(500, ["apple"]) == (["apple"], 3, 1)
    monkeypatch.setattr(statements, "Scope", refuse)
    assert await ask(1000, ["pear", "melon", "apple"]) == (["apple", "melon", "pear"], 3, 1)
    with pytest.raises(AssertionError, match="SQLAlchemy is asked"):
        await skus.filter(slug__endswith="never asked before", price__range=(1, 2))


async def test_updates_may_span_and_use_the_servers_clock(conn: Connection, fruit: list[Sku]) -> None:
    skus = Sku.objects.using(conn)
    changed = await skus.filter(product__category__slug="fruit").update(
        price=F("price") * 2 + 1, added_at=Now(), status=Status.OFF, product=None
    )
    assert changed == 3
    assert await skus.order_by("id").values_list("price", "product_id", "status") == [
        (201, None, "off"),
        (1201, None, "off"),
        (601, None, "off"),
        (400, None, "on"),
    ]
    assert await skus.filter(added_at__lte=Now() + timedelta(seconds=1)).count() == 4
    assert await skus.filter(product__category__slug="fruit").delete() == 0
    assert await skus.filter(price__gt=500).delete() == 2


async def test_keys_of_two_columns(conn: Connection, fruit: list[Sku]) -> None:
    seen = Seen.objects.using(conn)
    first = await seen.create(visitor="ann", sku_id=1, place=1)
    assert (first.pk, first.times) == (("ann", 1), 1)
    again, made = await seen.update_or_create({"times": F("times") + 1}, {"place": 9}, visitor="ann", sku_id=1)
    assert (again.times, made, again == first) == (2, False, True)
    other, made = await seen.update_or_create({"times": F("times") + 1}, {"place": 2}, visitor="ann", sku_id=2)
    assert (other.times, other.place, made) == (1, 2, True)


async def test_pages_by_key(conn: Connection, fruit: list[Sku]) -> None:
    skus = Sku.objects.using(conn)
    for order in (("price",), ("-stock", "price"), ("stock",), ("status", "-price"), ("product__slug",), ("-weight",)):
        whole = [sku.id for sku in await skus.order_by(*order, "id")]
        walked: list[int] = []
        after = None
        while True:
            page = await skus.order_by(*order).select_related("product").page(1, after=after)
            walked += [sku.id for sku in page.items]
            after = page.next
            if after is None:
                break
        assert walked == whole, order
