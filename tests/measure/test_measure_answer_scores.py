"""Scores of answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.measure.answer_scores import auc, exact_match, normalised, token_f1

NUMBERS = st.lists(st.integers(-5, 5).map(float), max_size=30)


@given(NUMBERS, NUMBERS)
def test_auc_is_the_share_of_pairs_in_order(yes: list[float], no: list[float]) -> None:
    found = auc(np.array(yes), np.array(no))
    if not yes or not no:
        assert np.isnan(found)
        return
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in yes for b in no]
    assert found == pytest.approx(sum(pairs) / len(pairs))


@pytest.mark.parametrize(
    ("answer", "golds", "exact", "f1"),
    [
        ("The Eiffel Tower.", ["eiffel tower"], 1.0, 1.0),
        ("in Paris, France", ["Paris"], 0.0, 0.5),
        ("", ["Paris"], 0.0, 0.0),
        ("", [""], 1.0, 1.0),
        ("a", ["the"], 1.0, 1.0),
        ("Rome", ["Paris", "Rome"], 1.0, 1.0),
        ("Rome", [], 0.0, 0.0),
        ("one one two", ["one two two"], 0.0, 2 / 3),
    ],
)
def test_exact_match_and_overlap(answer: str, golds: list[str], exact: float, f1: float) -> None:
    assert exact_match(answer, golds) == exact
    assert token_f1(answer, golds) == pytest.approx(f1)


def test_what_is_compared() -> None:
    assert normalised("An  A-B, the c!") == "ab c"
    assert normalised("theatre") == "theatre"
    assert token_f1("b c", ["a b c d e", "x"]) == pytest.approx(2 / 3)  # all of "b c", half of "b c d e"
    assert token_f1("x y z", ["x"]) == 0.5
    assert token_f1("x", ["y"]) == 0.0


def test_auc_of_numbers_that_are_all_apart_or_all_the_same() -> None:
    assert auc(np.array([2.0]), np.array([1.0, 0.0])) == 1.0
    assert auc(np.array([0.0]), np.array([1.0, 2.0])) == 0.0
    assert auc(np.array([1.0, 1.0]), np.array([1.0])) == 0.5
