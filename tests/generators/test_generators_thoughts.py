from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.generators.thoughts import ThoughtFilter


def shown(pieces: list[str]) -> str:
    seen = ThoughtFilter()
    return "".join([*(seen.feed(piece) for piece in pieces), seen.end()])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>a</think>b", "b"),
        ("<think>a</think>\n\nb <think>c</think>d", "b d"),
        ("no thoughts", "no thoughts"),
        ("1 < 2 and <thin ice", "1 < 2 and <thin ice"),
        ("<think>never closed", ""),
        ("said<think>x", "said"),
        ("<", "<"),
        ("", ""),
    ],
)
@given(cuts=st.lists(st.integers(0, 30), max_size=6))
def test_the_same_however_it_is_cut(text: str, expected: str, cuts: list[int]) -> None:
    places = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    pieces = [text[start:end] for start, end in pairwise(places)]
    assert shown(pieces) == expected


@given(st.lists(st.text(alphabet="ab<>/think ", max_size=8), max_size=8))
def test_text_without_a_tag_comes_through(pieces: list[str]) -> None:
    text = "".join(pieces)
    if "<think>" not in text:
        assert shown(pieces) == text.lstrip()
