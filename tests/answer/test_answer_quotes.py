from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.answer.said.quotes import LONGEST_QUOTE, find_quote

SOURCE = (
    "The **mill’s** first owner – a Mr. O’Neil – said: “Flour is\nmoney.” He sold 1,200 sacks "
    "a year; the rest\n\nwas ground for the village. Ténacité paid off, it seems… In 1901 the mill burnt down."
)


def found(quote: str, text: str = SOURCE) -> str | None:
    span = find_quote(quote, text)
    return None if span is None else text[span[0] : span[1]]


@pytest.mark.parametrize(
    ("quote", "expected"),
    [
        ("the mill's first owner - a Mr. O'Neil", "The **mill’s** first owner – a Mr. O’Neil"),
        ('"Flour is money."', "Flour is\nmoney.”"),
        ("the rest was ground for the village", "the rest\n\nwas ground for the village."),
        ("He sold 1,200 sacks a year", "He sold 1,200 sacks a year"),
        (
            "Te\u0301nacite\u0301 paid off",
            None,
        ),  # other code points: not the same characters, refused rather than guessed
        ("Ténacité paid off, it seems...", "Ténacité paid off, it seems…"),
        ("first owner ... said: “Flour", "first owner – a Mr. O’Neil – said: “Flour"),
        ("He sold 1,300 sacks", None),
        ("sold 200 sacks", None),
        ("ill’s first", None),
        ("the mill was rebuilt", None),
        ("", None),
        ("...", None),
        ("burnt down. In 1901", None),
    ],
)
def test_quotes(quote: str, expected: str | None) -> None:
    assert found(quote) == expected


WORDS = st.lists(st.from_regex(r"[A-Za-z0-9äé中]{1,8}[,.;:]?", fullmatch=True), min_size=1, max_size=30)


@given(WORDS, st.data())
def test_a_respaced_quote_is_found_and_is_verbatim(words: list[str], data: st.DataObject) -> None:
    gaps = data.draw(st.lists(st.sampled_from([" ", "\n", "  ", " \n "]), min_size=len(words), max_size=len(words)))
    text = "".join(word + gap for word, gap in zip(words, gaps, strict=True))
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, len(words) - 1))
    quote = " ".join(words[first : last + 1])
    span = find_quote(quote, text)
    if span is None:
        assert len(re.sub(r"[\s.,;:]", "", quote)) < 2
        return
    cited = text[span[0] : span[1]]
    assert re.sub(r"[\s.,;:]", "", cited).casefold() == re.sub(r"[\s.,;:]", "", quote).casefold()


@given(st.text(), st.text())
def test_never_raises_and_stays_inside(quote: str, text: str) -> None:
    span = find_quote(quote, text)
    if span is not None:
        assert 0 <= span[0] < span[1] <= len(text)


@pytest.mark.parametrize(
    ("quote", "expected"),
    [
        ("the first own", None),
        ("the first owner", "The first owner"),
        ("rst owner", None),
        ("first", "first"),
        ("In 19", None),
        ("In 1901", "In 1901"),
        ("901", None),
        ("mill 7", None),
        ("mill 7b", "mill 7b."),
        ("the firs ... owner", None),
        ("the first ... own", None),
        ("the first ... wner", None),
        # A part of one character quotes nothing; nor does a mark alone.
        ("b", None),
        ("a", None),
        ("first ... b", None),
    ],
)
def test_no_quote_begins_or_ends_inside_a_word(quote: str, expected: str | None) -> None:
    assert found(quote, "The first owner sold mill 7b. In 1901 a fire came") == expected


def test_a_later_place_is_taken_where_the_first_is_inside_a_word() -> None:
    assert find_quote("mill", "Millers of windmill, mills: the mill stood") == (32, 36)
    assert find_quote("owner ... mill", "The owner of windmills had a mill here") == (4, 33)
    # The same letters again, one on: every place is looked at.
    assert find_quote("aba", "ababa aba") == (6, 9)


def test_scripts_without_spaces_are_quoted_from_anywhere() -> None:
    assert found("水車小屋", "彼の水車小屋が燃えた。") == "水車小屋"
    # A Latin word beside them is still a word.
    assert found("ill", "彼のmillが燃えた。") is None
    assert found("mill", "彼の mill が燃えた。") == "mill"


@given(st.lists(st.from_regex(r"[A-Za-z0-9]{2,8}", fullmatch=True), min_size=1, max_size=12), st.data())
def test_any_quote_ends_where_words_end(words: list[str], data: st.DataObject) -> None:
    text = " ".join(words)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    span = find_quote(text[start:end], text)
    if span is not None:
        assert span[0] == 0 or text[span[0] - 1] == " "
        assert span[1] == len(text) or text[span[1]] == " "
        assert text[slice(*span)].replace(" ", "").casefold() == text[start:end].replace(" ", "").casefold()


@pytest.mark.parametrize(("between", "is_found"), [(LONGEST_QUOTE - 8, True), (LONGEST_QUOTE - 7, False)])
def test_a_quote_with_an_ellipsis_spans_at_most_600_characters(between: int, is_found: bool) -> None:
    assert LONGEST_QUOTE == 600
    text = "ab: open" + "-" * between + "shut :cd"
    assert (find_quote("open ... shut", text) is not None) == is_found


def test_a_quote_without_an_ellipsis_may_be_longer() -> None:
    text = "word " * 200
    assert find_quote(text, text) == (0, 999)


@pytest.mark.parametrize(
    ("quote", "text", "expected"),
    [
        # The parts of a quote stand in its order, and do not overlap.
        ("one ... two", "two and one", None),
        ("one ... one", "one and one.", "one and one."),
        ("one ... one", "one and two", None),
        ("one [...] three", "one two three", "one two three"),
        ("one […] three", "one two three", "one two three"),
        ("one .... three", "one two three", "one two three"),
        ("... two three", "one two three", "two three"),
        ("two ...", "one two three", "two"),
        # Marks that follow are shown with it, others are not.
        ('say "no" now', "They say “no” now!” Then", "say “no” now!”"),
        ("the end", "the end, they say", "the end"),
        ("the end", "the **end**. More", "the **end**."),
        ("the end.", "the end… more", "the end…"),
        ("THE ﬁne end;", "the fine end", "the fine end"),
    ],
)
def test_ellipses_and_marks(quote: str, text: str, expected: str | None) -> None:
    assert found(quote, text) == expected
