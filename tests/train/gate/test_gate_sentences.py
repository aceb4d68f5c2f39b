"""What a condition says is true of the numbers as they are printed."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.measure.numbers_in_sentences import beside, digits_beside, limit_text, percent_beside, percent_text
from instill.measure.statistics.exact_share import share_interval
from instill.measure.statistics.interval_type import Interval
from instill.train.gate.decision_rules import SLACK, gain_outcome, loss_outcome, paired, rows_for_gain
from instill.train.gate.sentences import gain_sentence, loss_sentence, share_sentence

ENDS = st.tuples(st.floats(-1, 1), st.floats(0, 0.5), st.floats(0, 0.5))
LIMITS = st.sampled_from([0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.123456, 1 - 0.98]) | st.floats(1e-4, 1).map(
    lambda each: round(each, 6)
)
GAINS = st.sampled_from([0.0, 0.02, 0.1, 0.2]) | st.floats(1e-4, 0.9).map(lambda each: round(each, 6))
NUMBER = r"-?[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?"


def made(ends: tuple[float, float, float], near: float | None = None) -> Interval:
    mean = ends[0] if near is None else near + ends[0] / 1000
    return Interval(mean, mean - ends[1], mean + ends[2])


def number_in(pattern: str, said: str) -> float:
    found = re.search(pattern.replace("NUMBER", f"({NUMBER})"), said)
    assert found, said
    return float(found[1])


def printed(said: str) -> tuple[float, float, float]:
    """Mean and ends, as they are printed."""
    found = re.search(rf"of ({NUMBER}) \[({NUMBER}), ({NUMBER})\]", said)
    assert found, said
    return float(found[1]), float(found[2]), float(found[3])


def test_the_case_that_was_printed() -> None:
    found = Interval(0.025, -0.012, 0.058)
    assert loss_outcome(found, 0.02) == "passed"
    assert loss_sentence("The rise of the score", found, 0.02, "passed", 200, 0, (0.5, 0.525)) == (
        "The rise of the score of 0.025 [-0.012, 0.058] (from 0.500 to 0.525) is above 0.02, but may be chance; "
        "more than 0.06 is ruled out."
    )


def test_an_interval_of_what_did_not_change_is_explained() -> None:
    found = paired([0.0] * 20)
    assert gain_sentence(found, 0.0, gain_outcome(found, 0.0), 20, 0, (0.0, 0.0)) == (
        "The gain of 0.000 [-0.169, 0.169] (from 0.000 to 0.000) is not above 0. (Base and candidate score the same; "
        "20 rows leave room for a difference of up to 0.169.)"
    )
    assert loss_sentence("The drop", found, 0.02, loss_outcome(found, 0.02), 20, 60, (0.5, 0.5)) == (
        "The drop of 0.000 [-0.169, 0.169] (from 0.500 to 0.500): 20 rows cannot show whether it stays within 0.02; "
        "about 60 are needed. (Base and candidate score the same; 20 rows leave room for a difference of up to 0.169.)"
    )


@settings(deadline=None)
@given(ENDS, LIMITS, st.booleans())
def test_what_is_said_of_a_loss_holds_for_the_printed_numbers(
    ends: tuple[float, float, float], tolerance: float, near: bool
) -> None:
    found = made(ends, tolerance if near else None)
    outcome = loss_outcome(found, tolerance)
    said = loss_sentence("The drop", found, tolerance, outcome, 50, 100, (0.0, 0.0))
    mean, low, high = printed(said)
    limit = float(limit_text(tolerance))
    assert low <= mean <= high
    if "is within" in said:
        assert outcome == "passed"
        assert mean <= limit
    elif "is above" in said:
        assert outcome == "passed"
        assert mean > limit
        assert high <= number_in("more than NUMBER is ruled out", said)
    elif "exceeds" in said:
        assert outcome == "failed"
        assert mean > limit
        assert low > 0 or found.low <= 1e-9
    else:
        assert outcome == "undecided"
        assert "rows cannot show whether it stays within" in said


@settings(deadline=None)
@given(ENDS, GAINS, st.booleans())
def test_what_is_said_of_a_gain_holds_for_the_printed_numbers(
    ends: tuple[float, float, float], at_least: float, near: bool
) -> None:
    found = made(ends, at_least if near else None)
    outcome = gain_outcome(found, at_least)
    said = gain_sentence(found, at_least, outcome, 50, 100, (0.0, found.mean))
    mean, low, _ = printed(said)
    limit = float(limit_text(at_least))
    if outcome == "failed":
        assert "is not above" in said
        assert mean <= limit
        assert ("score the same" in said) == (found.mean == 0 < found.high)
        return
    assert mean > limit
    if outcome == "passed":
        assert said.endswith(f"is above {limit_text(at_least)}.")
        assert low > limit or found.low - at_least <= 1e-9
    else:
        assert low < number_in("must be NUMBER or more", said) or abs(found.mean - at_least) < 1e-6


@settings(deadline=None)
@given(st.integers(1, 400), st.floats(0, 0.2), LIMITS.filter(lambda each: each < 0.3))
def test_what_is_said_of_a_share_holds_for_the_printed_numbers(rows: int, portion: float, tolerance: float) -> None:
    bad = round(portion * rows)
    found = share_interval(bad, rows)
    outcome = loss_outcome(found, tolerance)
    said = share_sentence("replies are empty", bad, rows, found, tolerance, outcome, 99)
    mean, limit = number_in(r"\(NUMBER\)", said), float(limit_text(tolerance))
    if outcome == "failed":
        assert mean > limit
    elif "may be chance" in said:
        assert outcome == "passed"
        assert mean > limit
        assert found.high <= SLACK * tolerance + 1e-9
    elif outcome == "passed":
        assert mean <= limit


@given(st.floats(-2, 2), LIMITS)
def test_a_number_beside_its_limit_is_above_below_or_equal_as_printed(value: float, limit: float) -> None:
    limit = float(limit_text(limit))
    order = 0 if abs(value - limit) <= 1e-9 else np.sign(value - limit)
    for each, wanted in ((value, order), (limit, 0), (limit + 2e-8, 1), (limit - 2e-8, -1)):
        assert np.sign(float(beside(each, limit)) - limit) == wanted
    assert 3 <= digits_beside((value, limit)) <= 12


@given(st.floats(0, 1), st.sampled_from([0.05, 0.1, 0.125, 0.01]))
def test_a_percentage_beside_its_limit_is_above_below_or_equal_as_printed(value: float, limit: float) -> None:
    shown, said = (float(each.removesuffix("%")) for each in (percent_beside(value, limit), percent_text(limit)))
    assert np.sign(shown - said) == np.sign(value - limit) or abs(value - limit) < 1e-10


def test_six_rows_are_not_enough_and_what_is_enough_is_said() -> None:
    for rows in range(1, 9):
        found = paired([1.0] * rows)
        assert gain_outcome(found, 0.0) == "undecided", rows
        assert rows_for_gain([1.0] * rows, 0.0) == 9
        said = gain_sentence(found, 0.0, "undecided", rows, 9, (0.0, 1.0))
        assert f"{rows} rows do not prove it" in said
        assert said.endswith("About 9 rows would do; fewer than 9 never do.")
    assert gain_outcome(paired([1.0] * 9), 0.0) == "passed"
    # Ten rows about two facts are two.
    assert gain_outcome(paired([1.0] * 10, ["a", "b"] * 5), 0.0) == "undecided"


def test_a_gain_that_passes_is_found_again_in_four_of_five_cases() -> None:
    chance = np.random.default_rng(0)
    for won in range(1, 31):  # The weakest gain on 60 rows that passes, drawn anew.
        differences = [1.0] * won + [-1.0] * 3 + [0.0] * (57 - won)
        if gain_outcome(paired(differences), 0.0) == "passed":
            break
    again = [paired(list(chance.choice(differences, 60))).low > 0 for _ in range(200)]
    assert 0.74 * 200 <= sum(again) <= 0.95 * 200
    assert gain_outcome(paired([*differences[1:], 0.0]), 0.0) == "undecided"


def test_as_many_rows_as_are_said_are_enough() -> None:
    few = [1.0, 1.0, 0.0, 1.0, -1.0, 1.0, 0.0, 1.0, 0.0, 0.0]
    assert gain_outcome(paired(few), 0.0) == "undecided"
    needed = rows_for_gain(few, 0.0)
    assert 20 <= needed <= 40
    assert gain_outcome(paired(few * (needed // 10 + 1)), 0.0) == "passed"
    assert gain_outcome(paired(few * (needed // 10 - 1)), 0.0) == "undecided"
