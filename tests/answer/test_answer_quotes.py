from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.answer.quotes import find_quote

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
