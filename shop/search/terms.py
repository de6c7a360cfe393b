"""From what was typed to what the database is asked. A query is made of our own words only, so nothing typed is ever syntax."""

import itertools
from collections.abc import Iterable, Sequence

from shop.words import is_chinese, pairs, parts, stem

LONGEST_SYNONYM = 6
MOST_WORDINGS = 8


def exactly(wording: Sequence[str]) -> str:
    """Every part of it as a whole word, reading or initials."""
    return " & ".join(_whole(part) for part in wording)


def beginning(wording: Sequence[str]) -> str:
    """Every part of it as the beginning of a word, reading or initials."""
    return " & ".join(_begun(part) for part in wording)


def some_of(wording: Sequence[str]) -> str:
    """Any part of it, and of Chinese any pair of characters."""
    found = [_pair(pair) for part in wording if is_chinese(part) for pair in pairs(part)]
    found += [_begun(part) for part in wording if not is_chinese(part) and len(part) > 2]
    return " | ".join(found)


def any_of(queries: Iterable[str]) -> str:
    """One query for several wordings."""
    return " | ".join(f"({query})" for query in dict.fromkeys(queries) if query)


def phrases_in(wording: Sequence[str]) -> list[str]:
    """What of it could be a synonym: words, two neighbours, stretches of Chinese; in canonical form."""
    stems = [part if is_chinese(part) else stem(part) for part in wording]
    found = [*stems, *(f"{one} {other}" for one, other in itertools.pairwise(stems))]
    for run in filter(is_chinese, stems):
        for start in range(len(run)):
            found += [run[start:end] for end in range(start + 1, min(len(run), start + LONGEST_SYNONYM) + 1)]
    return list(dict.fromkeys(found))


def wordings(typed: str, synonyms: Iterable[tuple[Sequence[str], Sequence[str]]]) -> list[list[str]]:
    """What was typed, and what it says with one synonym put for another or for a reading of one; each as its parts."""
    said = parts(typed)
    found = [said]
    for words, readings in synonyms:
        for word in (*words, *readings):
            for other in words:
                if other != word and (put := _replaced(said, word, other)) is not None:
                    found.append(put)
    return found[:MOST_WORDINGS]


def _replaced(said: Sequence[str], word: str, other: str) -> list[str] | None:
    sought = parts(word)
    size = len(sought)
    for at in range(len(said) - size + 1):
        if [stem(part) for part in said[at : at + size]] == [stem(part) for part in sought]:
            return [*said[:at], *parts(other), *said[at + size :]]
    for at, run in enumerate(said):
        if size == 1 and is_chinese(run) and word in run:
            before, _, after = run.partition(word)
            return [part for part in (*said[:at], before, *parts(other), after, *said[at + 1 :]) if part]
    return None


def _whole(part: str) -> str:
    if is_chinese(part):
        return " & ".join(_pair(pair) for pair in pairs(part))
    initials = f" | 'i.{part}'" if len(part) > 1 else ""
    return f"('l.{stem(part)}' | 'p.{part}'{initials})"


def _begun(part: str) -> str:
    if is_chinese(part) or len(part) == 1:
        return _whole(part)
    root = stem(part)
    latin = f"'l.{root}':*" if part.startswith(root) else f"'l.{root}':* | 'l.{part}':*"
    return f"({latin} | 'p.{part}':* | 'i.{part}':*)"


def _pair(pair: str) -> str:
    return f"'c.{pair}'"
