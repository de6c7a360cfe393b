"""Keeps the words of goods: called by whatever writes a name."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shop.db import Connection
from shop.words import keys_of, readings_at_hand, spellings_of, variants, words_of


async def refresh_words(conn: Connection, product_ids: Sequence[int]) -> None:
    """Makes the words of these products anew from their texts and the names of their category and those above it."""
    await readings_at_hand()
    rows = await conn.fetch_all(TEXTS, {"ids": list(product_ids)})
    for row in rows:
        await conn.execute(KEEP, {"id": row.id, **entry_of(row.name, row.subtitle, row.categories)})
    await keep_vocabulary(conn, (name for row in rows for name in row.name.values()))


def entry_of(
    name: Mapping[str, str], subtitle: Mapping[str, str], categories: Iterable[Mapping[str, str]]
) -> dict[str, Any]:
    """What is kept of a product: exact names, words of the names, all words; each sorted and once."""
    names = {word for text in name.values() for word in words_of(text)}
    around = [subtitle, *categories]
    others = {word for texts in around for text in texts.values() for word in words_of(text)}
    keys = {key for text in name.values() for key in keys_of(text)}
    return {"keys": sorted(keys), "names": sorted(names), "words": sorted(names | others)}


async def keep_vocabulary(conn: Connection, names: Iterable[str]) -> None:
    """Adds the spellings of these names to what typing errors are compared with."""
    await readings_at_hand()
    words = {word for name in names for word in spellings_of(name)}
    pairs = sorted({(variant, word) for word in words for variant in variants(word)})
    values = {"variants": [variant for variant, _ in pairs], "words": [word for _, word in pairs]}
    await conn.execute(LEARN, values)


# For each product the way up the tree (WITH RECURSIVE).
TEXTS = """
SELECT p.id, p.name, p.subtitle, ARRAY(
    WITH RECURSIVE up (id, parent_id, name) AS (
        SELECT id, parent_id, name FROM categories WHERE id = p.category_id
        UNION SELECT c.id, c.parent_id, c.name FROM categories c JOIN up ON c.id = up.parent_id)
    SELECT name FROM up) AS categories
FROM products p WHERE p.id = ANY(%(ids)s)
"""
# Word lists become tsvectors by a function of the server.
KEEP = """
INSERT INTO product_words (product_id, name_keys, name_words, words)
VALUES (%(id)s, %(keys)s, array_to_tsvector(%(names)s), array_to_tsvector(%(words)s))
ON CONFLICT (product_id) DO UPDATE SET name_keys = excluded.name_keys, name_words = excluded.name_words,
    words = excluded.words
"""
# Thousands of pairs as two parameters (unnest).
LEARN = """
INSERT INTO vocabulary (variant, word) SELECT unnest(%(variants)s::text[]), unnest(%(words)s::text[]) ON CONFLICT DO NOTHING
"""
