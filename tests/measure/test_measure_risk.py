"""The promise by simulation, also where the confidence misleads."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, sqrt
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.measure.risk import (
    GRID,
    JudgedAnswer,
    answers_needed,
    choose_threshold,
    curve,
    starts,
)
from instill.measure.statistics.exact_share import binomial_tail, upper_bound


@pytest.mark.parametrize("risk", [0.01, 0.05, 0.1, 0.3])
def test_the_fewest_answers_are_just_enough(risk: float) -> None:
    count = answers_needed(risk)
    assert upper_bound(0, count) <= risk < upper_bound(0, count - 1)


def test_the_curve_counts() -> None:
    answers = [JudgedAnswer(0.9, False), JudgedAnswer(0.9, True), JudgedAnswer(0.25, False), JudgedAnswer(-inf, True)]
    assert [(p.threshold, p.given, p.wrong, p.coverage) for p in curve(answers)] == [
        (0.9, 2, 1, 0.5),
        (0.25, 3, 1, 0.75),
    ]
    assert curve([]) == []


Rate = Callable[[float], float]
RATES: dict[str, Rate] = {
    "a useful confidence": lambda confidence: 0.6 * (1 - confidence),
    "just above what may be": lambda confidence: 0.1001,
    "good at the top only": lambda confidence: 0.03 if confidence > 0.6 else 0.4,
    "a confidence that misleads": lambda confidence: 0.4 if confidence > 0.9 else 0.08,
    "upside down": lambda confidence: 0.25 * confidence,
}


@pytest.mark.parametrize("name", list(RATES))
def test_the_promise_is_kept_in_95_of_100_data_sets(name: str) -> None:
    rate, rng, rounds = RATES[name], Random(11), 200
    grid = [step / 1000 for step in range(1000)]
    below = [0.0]
    for confidence in reversed(grid):
        below.append(below[-1] + rate(confidence + 0.0005))
    broken = found = 0
    for _ in range(rounds):
        confidences = [rng.random() for _ in range(200)]
        answers = [JudgedAnswer(confidence, rng.random() < rate(confidence)) for confidence in confidences]
        choice = choose_threshold(answers, risk=0.1)
        if choice.threshold is not None:
            above = max(1, round(1000 * (1 - choice.threshold)))
            found += 1
            broken += below[above] / above > 0.1
    assert broken / rounds <= 0.05 + 3 * sqrt(0.05 * 0.95 / rounds)
    if name == "good at the top only":
        assert found >= 0.3 * rounds


def test_the_lowest_threshold_is_taken() -> None:
    answers = [JudgedAnswer(0.4 + i / 1000, False) for i in range(400)] + [JudgedAnswer(0.3, True) for _ in range(400)]
    choice = choose_threshold(answers, risk=0.1)
    assert choice.threshold == 0.4
    assert choice.point is not None
    assert (choice.point.given, choice.point.wrong, choice.more) == (400, 0, 0)


def test_too_few_questions_and_too_many_wrong_answers_are_told_apart() -> None:
    few = choose_threshold([JudgedAnswer(0.9, False)] * 20, risk=0.1)
    bad = choose_threshold([JudgedAnswer(i / 400, i % 2 == 0) for i in range(400)], risk=0.1)
    assert (few.threshold, bad.threshold, bad.more) == (None, None, None)
    assert few.more is not None
    assert choose_threshold([JudgedAnswer(0.9, False)] * (20 + few.more), risk=0.1).threshold == 0.9
    assert choose_threshold([], risk=0.1).more == 29


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, 5000), st.sampled_from([0.01, 0.05, 0.1, 0.3]))
def test_a_start_can_be_passed(asked: int, risk: float) -> None:
    found = starts(asked, risk, 0.95)
    assert found == sorted(set(found))
    for count in found:
        assert binomial_tail(0, count, risk) <= 0.05 / len(found)


def test_the_grid_goes_down_from_one_to_nought() -> None:
    assert (GRID[0], GRID[-1], len(GRID)) == (1.0, 0.0, 201)
    with pytest.raises(ValueError, match="go down"):
        choose_threshold([], risk=0.1, grid=(0.1, 0.2))


@pytest.mark.parametrize("risk", [0.0, 1.0, -1.0])
def test_a_share_lies_between_nought_and_one(risk: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        choose_threshold([], risk=risk)
