"""The words under which goods are found."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.search.terms import beginning, exactly, phrases_in, some_of, wordings
from shop.words import canonical, key_of, keys_of, normal, parts, slips_between, stem, variants, words_of


def test_a_chinese_name_is_found_by_characters_pinyin_and_initials() -> None:
    assert words_of("西红柿") == {
        *("c.西", "c.红", "c.柿", "c.西红", "c.红柿"),
        *("p.xihongshi", "p.hongshi", "p.shi"),
        *("i.xhs", "i.hs", "i.s"),
    }
    assert keys_of("西红柿") == {"西红柿", "xihongshi", "xhs"}


def test_a_latin_name_is_found_without_plural_case_or_accent() -> None:
    assert words_of("Crème BRÛLÉES") == {"l.creme", "l.brulees", "l.brulee"}
    assert key_of("Fuji  Apples!") == key_of("fuji apple") == "fujiapple"
    assert [stem(word) for word in ("tomatoes", "berries", "peaches", "bass", "gas", "eggs")] == [
        "tomato",
        "berry",
        "peach",
        "bass",
        "gas",
        "egg",
    ]


def test_long_aubergines_are_not_growing_ones() -> None:
    assert "p.changqiezi" in words_of("长茄子")


def test_what_cannot_be_searched_is_dropped() -> None:
    assert normal("\x00 %%% Ａｐｐｌｅ\u202e <b>'--\n") == "apple b"
    assert parts("西红柿fanqie'; DROP TABLE") == ["西红柿", "fanqie", "drop", "table"]
    assert len(normal("苹" * 10_000)) == 100


@pytest.mark.parametrize(
    ("one", "other", "slips"),
    [("bananna", "banana", 1), ("brocoli", "broccoli", 1), ("aplpe", "apple", 1), ("pear", "plum", 3), ("tea", "t", 2)],
)
def test_slips_of_the_finger_are_counted(one: str, other: str, slips: int) -> None:
    assert slips_between(one, other) == slips


@given(st.text("abc", min_size=2, max_size=7), st.integers(0, 6), st.sampled_from("abcd"))
def test_two_words_one_slip_apart_share_a_variant(word: str, at: int, letter: str) -> None:
    at = min(at, len(word) - 1)
    for other in (word[:at] + word[at + 1 :], word[:at] + letter + word[at + 1 :], word[:at] + letter + word[at:]):
        assert variants(word) & variants(other)
        assert slips_between(word, other) <= 1


def test_a_query_is_made_of_our_own_words() -> None:
    assert exactly(["西红柿", "egg"]) == "'c.西红' & 'c.红柿' & ('l.egg' | 'p.egg' | 'i.egg')"
    assert beginning(["appl"]) == "('l.appl':* | 'p.appl':* | 'i.appl':*)"
    assert some_of(["新鲜的", "an"]) == "'c.新鲜' | 'c.鲜的'"


def test_a_synonym_is_put_for_what_was_said() -> None:
    group = [canonical(word) for word in ("tomatoes", "番茄", "西红柿")]
    assert group == ["tomato", "番茄", "西红柿"]
    assert wordings("ripe Tomatoes", [(group, [])]) == [
        ["ripe", "tomatoes"],
        ["ripe", "番茄"],
        ["ripe", "西红柿"],
    ]
    assert ["新鲜", "西红柿", "汁"] in wordings("新鲜番茄汁", [(group, [])])
    assert wordings("fanqie", [(group, ["fanqie", "xihongshi"])])[1:] == [["tomato"], ["番茄"], ["西红柿"]]
    assert "番茄" in phrases_in(["新鲜番茄汁"])


@pytest.mark.parametrize(
    "text", ["a" * 50_000, "a " * 25_000, "苹" * 50_000, "\u0301" * 50_000, "ﷺ" * 50_000, "%'" * 25_000]
)
def test_s29_fifty_thousand_evil_letters_cost_no_time(text: str) -> None:
    words_of(text[:10])  # the dictionaries are read once
    started = time.process_time()
    parts(text)
    assert time.process_time() - started < 0.05
