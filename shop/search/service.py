"""What the shop learns from searches, and is told about words."""

from collections.abc import Sequence

from shop.db import Connection, F, Now
from shop.search.models import Miss, Synonyms
from shop.words import canonical, is_chinese, normal, reading, readings_at_hand

MOST_MISSES = 10_000


async def record_miss(conn: Connection, typed: str, lang: str) -> None:
    """Counts a search that found nothing; when 10,000 different ones are known, no new ones."""
    words = normal(typed)
    known = Miss.objects.using(conn).filter(words=words)
    if words and not await known.update(times=F("times") + 1, last_at=Now()):
        await conn.execute(FIRST_MISS, {"words": words, "lang": lang, "most": MOST_MISSES})


async def add_synonyms(conn: Connection, words: Sequence[str]) -> None:
    """From now on each of these words finds what the others find; raises ValueError for fewer than two."""
    kept = list(dict.fromkeys(canonical(word) for word in words if canonical(word)))
    if len(kept) < 2:
        raise ValueError("synonyms are at least two words")
    await readings_at_hand()
    readings = ["".join(reading(word)) for word in kept if is_chinese(word)]
    await Synonyms.objects.using(conn).create(words=kept, readings=readings)


async def remove_synonyms(conn: Connection, synonyms_id: int) -> bool:
    """From now on each of these words finds only itself; False when there are none with this number."""
    return bool(await Synonyms.objects.using(conn).filter(id=synonyms_id).delete())


async def forget_miss(conn: Connection, words: str) -> bool:
    """No longer counts a search that found nothing: something was done about it, or nothing will be."""
    return bool(await Miss.objects.using(conn).filter(words=words).delete())


# A row on a condition about the whole table (INSERT … SELECT … WHERE).
FIRST_MISS = """
INSERT INTO search_misses (words, lang) SELECT %(words)s, %(lang)s
WHERE (SELECT count(*) FROM (SELECT FROM search_misses LIMIT %(most)s) known) < %(most)s
ON CONFLICT (words) DO UPDATE SET times = search_misses.times + 1, last_at = now()
"""
