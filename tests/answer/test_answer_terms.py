"""Words, their stems and weights, by hand."""

from __future__ import annotations

from math import log

import pytest

from instill.answer.asked.must_be_spoken_of import Evidence, missing_pins, pins_of
from instill.answer.terms import content_words, coverage, normalise, rarity, stem, terms, word_set


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        # Too short, or no plain letters: as it is.
        ("ties", "tie"), ("its", "its"), ("cars", "car"), ("b2bs", "b2bs"), ("cafés", "cafés"),
        # Plurals.
        ("flies", "fly"), ("glasses", "glass"), ("wishes", "wish"), ("churches", "church"), ("boxes", "box"),
        ("quizzes", "quizz"), ("glass", "glass"), ("status", "status"), ("basis", "basis"), ("oxen", "oxen"),
        # Adverbs.
        ("nicely", "nice"), ("truly", "truly"), ("quickly", "quick"), ("family", "fami"),
        # Verbs; a doubled letter is one, but for l, s and z; what is left has three letters and a vowel.
        ("planning", "plan"), ("planned", "plan"), ("falling", "fall"), ("missed", "miss"), ("buzzing", "buzz"),
        ("using", "using"), ("acting", "act"), ("string", "string"), ("crying", "cry"), ("added", "ad"),
        ("used", "used"), ("owed", "owed"), ("acted", "act"),
        # A silent e.
        ("large", "larg"), ("rate", "rate"), ("table", "table"), ("race", "race"), ("races", "race"),
        ("places", "plac"),
    ],
)  # fmt: skip
def test_stems(word: str, expected: str) -> None:
    assert stem(word) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The cat's cats", ["cat", "cat"]),
        ("They'll we've what’s", []),
        ("O'Neil Neil’s", ["oneil", "neil"]),
        ("ＲＥＮＴ Rent", ["rent", "rent"]),
        ("検索する", ["検索", "索す", "する"]),
        ("京", ["京"]),
        ("東京tower", ["東京", "tower"]),
        ("v2.0_rc", ["v2", "0", "rc"]),
        ("", []),
    ],
)
def test_terms(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_function_words_stay_where_they_are_asked_for() -> None:
    assert terms("The cat is here", keep_stop=True) == ["the", "cat", "is", "here"]
    assert terms("The cat is here") == ["cat", "here"] or terms("The cat is here") == ["cat"]
    assert content_words("The Goals and the goals of Goal setting") == ["goals", "goal", "setting"]
    assert word_set(" a  b a") == {"a", "b"}
    assert normalise("ﬁ Straße É") == "fi strasse é"


def test_a_term_that_few_texts_hold_weighs_more() -> None:
    found = rarity(["a", "b", "c", "c"], [{"a", "b"}, {"a"}, {"a"}])
    assert found == pytest.approx({"a": log(1 + 3.5 / 3.5), "b": log(1 + 3.5 / 1.5), "c": log(1 + 3.5 / 0.5)})
    assert rarity(["a"], []) == pytest.approx({"a": log(2)})


def test_the_share_of_the_weight_that_is_found() -> None:
    assert coverage({"a": 3.0, "b": 1.0}, {"a", "x"}) == 0.75
    assert coverage({"a": 3.0, "b": 1.0}, {"a", "b"}) == 1.0
    assert coverage({"a": 3.0}, set()) == coverage({}, {"a"}) == 0.0


def test_a_number_with_a_letter_in_brackets_is_one_word() -> None:
    assert terms("a 401(k) plan") == terms("a 401K plan") == ["401k", "plan"]
    assert terms("section 3(a)") == ["section", "3"]
    assert not missing_pins(pins_of("Is there a 401(k) match?"), Evidence(["Our 401k Plan."]))
    assert not missing_pins(pins_of("Is there a 401k match?"), Evidence(["A 401(k) for you."]))
    assert missing_pins(pins_of("Is there a 401(k) match?"), Evidence(["401 responses come from it."]))
