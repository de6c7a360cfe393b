"""A large shop for measuring: the demo's goods again and again, from many farms, in statements of many rows."""

import asyncio
import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson

from shop.catalog.words.service import entry_of, keep_vocabulary
from shop.commands.demo_goods import DemoShop, both, latin, skus_of
from shop.db import Connection, Database, DbTimeout

BATCH = 250
PATIENCE = 5

KINDS = (
    ("Organic", "有机"),
    ("Large", "大号"),
    ("Small", "小号"),
    ("Early", "早熟"),
    ("Late", "晚熟"),
    ("Mountain", "高山"),
    ("Valley", "河谷"),
    ("Choice", "精选"),
    ("Everyday", "实惠"),
    ("Heritage", "老品种"),
)
FARMS_FIRST = (("Green", "青"), ("White", "白"), ("East", "东"), ("Stone", "石"), ("Clear", "清"), ("Long", "龙"))
FARMS_LAST = (("Hill", "山"), ("Brook", "溪"), ("Field", "田"), ("Bridge", "桥"), ("Grove", "林"), ("Lake", "湖"))

Row = dict[str, Any]


async def fill_up(database: Database, demo: DemoShop, wanted: int) -> int:
    """Adds goods until the shop has `wanted` products; how many were added. Commits after each batch."""
    async with database.read() as conn:
        known = await _known(conn, demo)
    missing = wanted - known["products"]
    rows = islice(_goods(demo, known), max(0, missing))
    added = 0
    while batch := list(islice(rows, BATCH)):
        await _write_patiently(database, batch)
        added += len(batch)
        print(f"\r{added} of {missing} products", end="", flush=True)
    if added:
        print()
    return added


async def _write_patiently(database: Database, batch: list[Row]) -> None:
    """Writes a batch, again when a busy machine did not manage it within the budget of a statement."""
    for _ in range(PATIENCE):
        try:
            async with database.transaction() as conn:
                return await _write(conn, batch)
        except DbTimeout:
            await asyncio.sleep(1)
    raise DbTimeout(f"{len(batch)} rows were not written in {PATIENCE} tries")


async def _known(conn: Connection, demo: DemoShop) -> Row:
    categories = await conn.fetch_all("SELECT id, name FROM categories")
    origins = await conn.fetch_all("SELECT id, code FROM origins")
    slugs = [latin(goods["name"][0]) for stall in demo.stalls for goods in stall["goods"]]
    pictures = await conn.fetch_all(PICTURES, {"slugs": slugs})
    return {
        "products": await conn.fetch_value("SELECT count(*) FROM products"),
        "categories": {row.name["en"]: row for row in categories},
        "origins": {row.code: row.id for row in origins},
        "pictures": {row.name: row.fingerprint for row in pictures},
    }


def _goods(demo: DemoShop, known: Row) -> Iterator[Row]:
    """Goods without end, the same at every run; numbering goes on where the shop ends."""
    chance = random.Random(7)  # noqa: S311
    number = known["products"]
    everything = [(stall["category"]["name"], goods) for stall in demo.stalls for goods in stall["goods"]]
    while True:
        for category, goods in everything:
            number += 1
            yield _one(number, known["categories"][category[0]], goods, known, chance)


def _one(number: int, category: Any, goods: Row, known: Row, chance: random.Random) -> Row:
    kind, first, last = chance.choice(KINDS), chance.choice(FARMS_FIRST), chance.choice(FARMS_LAST)
    base = both(goods["name"])
    name = {
        "en": f"{kind[0]} {base['en'].lower()}, {first[0]} {last[0]} {number}",
        "zh": f"{kind[1]}{base['zh']} {first[1]}{last[1]}农场{number}号",
    }
    sku = next(skus_of(goods, known["origins"]))
    words = entry_of(name, both(goods["line"]), [category.name])
    return {
        "category_id": category.id,
        "name": name,
        "subtitle": both(goods["line"]),
        "slugs": {"en": f"{latin(base['en'])}-{number}", "zh": f"{latin(base['en'])}-{number}-zh"},
        "keeping": goods.get("cold", "ambient"),
        "days": goods["days"],
        "code": f"{sku.code}-{number}",
        "unit": dict(sku.unit),
        "price": max(10, sku.price * chance.randint(60, 160) // 1000 * 10),
        "weight": sku.weight,
        "by_weight": sku.sold_by_weight,
        "stock": chance.choice((0, 3, 20, 60, 200)),
        "sold": chance.randint(0, 5000),
        "origin_id": sku.origin_id,
        "allergens": list(sku.allergens),
        "fingerprint": known["pictures"].get(goods["name"][0]),
        **words,
    }


async def _write(conn: Connection, rows: list[Row]) -> None:
    ids = await conn.fetch_all(NUMBERS, {"n": len(rows)})
    for row, taken in zip(rows, ids, strict=True):
        row["id"] = taken.id
    values = {"rows": orjson.dumps(rows).decode()}
    for statement in (ADD_PRODUCTS, ADD_SLUGS, ADD_SKUS, ADD_PICTURES, ADD_WORDS):
        await conn.execute(statement, values)
    await keep_vocabulary(conn, (name for row in rows for name in row["name"].values()))


PICTURES = """
SELECT p.name->>'en' AS name, (
    SELECT fingerprint FROM pictures WHERE product_id = p.id ORDER BY position LIMIT 1) AS fingerprint
FROM product_slugs u JOIN products p ON p.id = u.product_id WHERE u.lang = 'en' AND u.slug = ANY(%(slugs)s)
"""
NUMBERS = "SELECT nextval(pg_get_serial_sequence('products', 'id')) AS id FROM generate_series(1, %(n)s)"
ADD_PRODUCTS = """
INSERT INTO products (id, category_id, name, subtitle, slugs, keeping, shelf_life_days, status)
OVERRIDING SYSTEM VALUE
SELECT id, category_id, name, subtitle, slugs, keeping, days, 'online' FROM jsonb_to_recordset(%(rows)s::jsonb)
    AS r(id bigint, category_id bigint, name jsonb, subtitle jsonb, slugs jsonb, keeping text, days bigint)
"""
ADD_SLUGS = """
INSERT INTO product_slugs (slug, lang, product_id)
SELECT s.value, s.key, r.id FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(id bigint, slugs jsonb), jsonb_each_text(r.slugs) s
"""
ADD_SKUS = """
INSERT INTO skus (product_id, category_id, keeping, code, unit, price, weight, sold_by_weight, stock, sold, origin_id, allergens)
SELECT id, category_id, keeping, code, unit, price, weight, by_weight, stock, sold, origin_id, allergens
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(id bigint, category_id bigint, keeping text, code text, unit jsonb, price bigint,
    weight bigint, by_weight boolean, stock bigint, sold bigint, origin_id bigint, allergens text[])
"""
ADD_PICTURES = """
INSERT INTO pictures (product_id, fingerprint, alt)
SELECT id, fingerprint, name FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(id bigint, fingerprint text, name jsonb)
WHERE fingerprint IS NOT NULL
"""
ADD_WORDS = """
INSERT INTO product_words (product_id, name_keys, name_words, words)
SELECT id, keys, array_to_tsvector(names), array_to_tsvector(words)
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(id bigint, keys text[], names text[], words text[])
"""
