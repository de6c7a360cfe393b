"""What search can tell: the goods somebody means, the best first. Only goods that are on sale are found."""

from collections.abc import Sequence
from dataclasses import dataclass

from shop.catalog.queries import Card, products_by_ids
from shop.catalog.words.models import Vocabulary
from shop.db import Connection
from shop.search.terms import any_of, beginning, exactly, phrases_in, some_of, wordings
from shop.words import is_chinese, key_of, parts, slips_between, variants

MOST_RESULTS = 240
# At most so many of one kind of match are ranked: nobody reads further, and a word that thousands share stays quick.
MOST_CANDIDATES = 400
MOST_LIKELY = 500
SHORTEST_CORRECTED = 4
TWO_SLIPS_FROM = 8


@dataclass(frozen=True, slots=True)
class Found:
    """Product ids, the best first; `corrected` is what was searched instead, `is_partial` when only some words fit."""

    product_ids: tuple[int, ...] = ()
    corrected: str = ""
    is_partial: bool = False

    @property
    def is_capped(self) -> bool:
        """Whether there may be more."""
        return len(self.product_ids) >= MOST_RESULTS


async def search(conn: Connection, typed: str) -> Found:
    """Everything on sale that was meant: exact names first, then names with these words, then names that begin so, then goods
    about it; if there is none, the same for a likely correction, at last for some of the words."""
    if not parts(typed):
        return Found()
    ids = await _matches(conn, typed, MOST_RESULTS)
    if ids:
        return Found(ids)
    corrected = await correction(conn, typed)
    if corrected and (ids := await _matches(conn, corrected, MOST_RESULTS)):
        return Found(ids, corrected=corrected)
    return Found(await _partial_matches(conn, typed), is_partial=True)


async def suggestions(conn: Connection, typed: str, lang: str, limit: int) -> list[Card]:
    """The goods somebody who has typed so far is likely to mean."""
    if not parts(typed):
        return []
    ids = await _matches(conn, typed, limit)
    if not ids and (corrected := await correction(conn, typed)):
        ids = await _matches(conn, corrected, limit)
    return await products_by_ids(conn, ids, lang)


async def correction(conn: Connection, typed: str) -> str:
    """What was typed with slips of the finger put right by the words of the goods; "" when there is nothing to put right."""
    said = parts(typed)
    doubtful = [part for part in said if not is_chinese(part) and len(part) >= SHORTEST_CORRECTED]
    sought = sorted({variant for part in doubtful for variant in variants(part)})
    if not sought:
        return ""
    likely = Vocabulary.objects.using(conn).filter(variant__in=sought).values_list("word", flat=True)
    known = await likely.distinct()[:MOST_LIKELY]
    better = [_nearest(part, known) if part in doubtful else part for part in said]
    return " ".join(better) if better != said else ""


async def _matches(conn: Connection, typed: str, limit: int) -> tuple[int, ...]:
    rows = await conn.fetch_all(SYNONYMS, {"phrases": phrases_in(parts(typed))})
    ways = wordings(typed, [(row.words, row.readings) for row in rows])
    params = {
        "keys": list({key_of(typed), *("".join(way) for way in ways)}),
        "exactly": any_of(map(exactly, ways)),
        "beginning": any_of(map(beginning, ways)),
        "candidates": MOST_CANDIDATES,
        "n": limit,
    }
    return tuple(row.product_id for row in await conn.fetch_all(MATCHES, params))


async def _partial_matches(conn: Connection, typed: str) -> tuple[int, ...]:
    query = some_of(parts(typed))
    if not query:
        return ()
    params = {"some": query, "candidates": MOST_CANDIDATES, "n": MOST_RESULTS}
    return tuple(row.product_id for row in await conn.fetch_all(PARTIAL_MATCHES, params))


def _nearest(part: str, known: Sequence[str]) -> str:
    most = 2 if len(part) >= TWO_SLIPS_FROM else 1
    ranked = sorted((slips_between(part, word), word[0] != part[0], word) for word in set(known))
    return ranked[0][2] if ranked and ranked[0][0] <= most else part


# Functions of the database (the migration of search) find the candidates; measured by tests/bench/search.py.
MATCHES = """
WITH best AS (
    SELECT product_id, min(tier) AS tier
    FROM products_meant(%(keys)s, %(exactly)s::tsquery, %(beginning)s::tsquery, %(candidates)s) GROUP BY product_id)
SELECT b.product_id FROM best b
JOIN skus s ON s.product_id = b.product_id AND s.is_listed
JOIN products p ON p.id = b.product_id AND p.status = 'online' AND p.deleted_at IS NULL
ORDER BY b.tier, s.stock = 0, s.sold DESC, b.product_id LIMIT %(n)s
"""
# As above.
PARTIAL_MATCHES = """
SELECT f.product_id FROM products_touched(%(some)s::tsquery, %(candidates)s) f
JOIN skus s ON s.product_id = f.product_id AND s.is_listed
JOIN products p ON p.id = f.product_id AND p.status = 'online' AND p.deleted_at IS NULL
ORDER BY f.rank DESC, s.stock = 0, s.sold DESC, f.product_id LIMIT %(n)s
"""
# Arrays that have a word in common (&&).
SYNONYMS = """
SELECT words, readings FROM search_synonyms WHERE words && %(phrases)s OR readings && %(phrases)s ORDER BY id LIMIT 5
"""
