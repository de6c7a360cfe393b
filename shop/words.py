"""Words for searching, the same when goods are written and when people ask: Chinese bigrams, pinyin, initials, Latin stems.

Each word carries its kind in front: `c.西红` a Chinese character or pair, `l.apple` a Latin word, `p.xihongshi` a pinyin reading,
`i.xhs` its initials. Readings are kept from every character on, so that a prefix of one finds the middle of a name.
"""

import asyncio
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache

LONGEST = 100
LONGEST_READING = 12
# Readings of the market that the library's dictionary does not know: here 长 is "long", not "grow".
OURS = {"长茄": [["cháng"], ["qié"]], "长豆": [["cháng"], ["dòu"]], "长粒": [["cháng"], ["lì"]]}

_PARTS = re.compile(r"[a-z0-9]+|[\u3400-\u9fff]+")
_CHINESE = re.compile(r"[\u3400-\u9fff]+")


def normal(text: str) -> str:
    """What was typed, without what cannot be searched: one case, one width, no accents or control characters, 100 letters."""
    folded = unicodedata.normalize("NFKD", text[: 4 * LONGEST]).casefold()
    kept = "".join(c if unicodedata.category(c)[0] in "LNZ" else " " for c in folded if not unicodedata.combining(c))
    return " ".join(unicodedata.normalize("NFKC", kept).split())[:LONGEST].strip()


def parts(text: str) -> list[str]:
    """The Latin words and Chinese runs of a text, in order."""
    return _PARTS.findall(normal(text))


def is_chinese(part: str) -> bool:
    """Whether a part is a run of Chinese characters."""
    return _CHINESE.fullmatch(part) is not None


def stem(word: str) -> str:
    """An English word without its plural."""
    if len(word) <= 3 or word.endswith("ss"):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(("oes", "ches", "shes", "sses", "xes")):
        return word[:-2]
    return word.removesuffix("s")


def words_of(text: str) -> set[str]:
    """Every word under which a text is found."""
    found: set[str] = set()
    for part in parts(text):
        found.update(_of_run(part) if is_chinese(part) else (f"l.{stem(part)}", f"l.{part}"))
    return found


def key_of(text: str) -> str:
    """A name as it is compared for being exactly what was asked: stems and characters, nothing between."""
    return "".join(part if is_chinese(part) else stem(part) for part in parts(text))


def keys_of(name: str) -> set[str]:
    """What may be typed for exactly this name: itself, its reading, its initials."""
    keys = {key_of(name)}
    runs = parts(name)
    if runs and all(is_chinese(run) for run in runs):
        syllables = [syllable for run in runs for syllable in reading(run)]
        keys |= {"".join(syllables), "".join(syllable[0] for syllable in syllables)}
    return keys - {""}


def spellings_of(name: str) -> set[str]:
    """The words of a name that a typing error may be meant for: Latin words, short readings."""
    latin = [part for part in parts(name) if not is_chinese(part) and not part.isdigit()]
    found = {word for part in latin for word in (part, stem(part)) if len(word) >= 4}
    found |= {"".join(reading(run)) for run in parts(name) if is_chinese(run) and 2 <= len(run) <= 4}
    return found


def pairs(run: str) -> Iterator[str]:
    """The characters of a Chinese run two by two; a single one by itself."""
    if len(run) == 1:
        yield run
    for start in range(len(run) - 1):
        yield run[start : start + 2]


@lru_cache(20_000)
def reading(run: str) -> tuple[str, ...]:
    """The pinyin of a Chinese run, one syllable a character, without tones."""
    return tuple(re.sub(r"[^a-z]", "", syllable.replace("ü", "v")) or "x" for syllable in _pinyin(run))


def variants(word: str, depth: int = 1) -> set[str]:
    """The word, and the word with up to `depth` letters missing: two words one slip apart share a variant."""
    found = frontier = {word}
    for _ in range(depth):
        frontier = {w[:i] + w[i + 1 :] for w in frontier for i in range(len(w))}
        found = found | frontier
    return found


def slips_between(one: str, other: str, most: int = 2) -> int:
    """How many letters are missing, too many, wrong or swapped between two words, counted up to `most` + 1."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, last, row = row, before, [i, *[0] * len(other)]
        for j, b in enumerate(other, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                row[j] = min(row[j], last[j - 2] + 1)
    return min(row[-1], most + 1)


def _of_run(run: str) -> Iterator[str]:
    yield from (f"c.{character}" for character in run)
    yield from (f"c.{pair}" for pair in pairs(run))
    syllables = reading(run)
    for start in range(len(syllables)):
        rest = syllables[start : start + LONGEST_READING]
        yield f"p.{''.join(rest)}"
        yield f"i.{''.join(syllable[0] for syllable in rest)}"


def _pinyin(run: str) -> Iterable[str]:
    return _dictionary()(run) if run else ()


async def readings_at_hand() -> None:
    """Read the dictionary, if nobody has: to be awaited before words are made where a loop runs."""
    await asyncio.to_thread(_dictionary)


@cache
def _dictionary() -> Callable[[str], Iterable[str]]:
    """The library with its phrases: half a second and 60 MB, which a process that only shows goods never needs."""
    from pypinyin import Style, lazy_pinyin, load_phrases_dict

    load_phrases_dict(OURS)
    return lambda run: lazy_pinyin(run, style=Style.NORMAL, errors="ignore", v_to_u=False)


def canonical(text: str) -> str:
    """A text as its words, without plurals: the form in which synonyms are kept."""
    return " ".join(part if is_chinese(part) else stem(part) for part in parts(text))
