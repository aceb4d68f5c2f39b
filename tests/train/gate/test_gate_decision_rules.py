"""The rule of decision: how often chance rejects a good candidate or lets a bad one through, by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.measure.statistics.exact_share import share_interval
from instill.measure.statistics.interval_type import Interval
from instill.train.gate.decision_rules import (
    SLACK,
    Decision,
    gain_outcome,
    level_of_tries,
    loss_outcome,
    paired,
    per_token,
    rows_for_gain,
    rows_for_loss,
    rows_for_share,
    rows_for_tokens,
)

TOLERANCE = 0.03
RUNS = 100


def outcomes(rows: int, lost: float, *, noise: float = 0.05, seed: int = 0) -> list[Decision]:
    """Of candidates that truly lose `lost`: a share `noise` of rows is won by chance, and `noise + lost` is lost."""
    chance = np.random.default_rng(seed)
    shares = [noise + lost, noise, 1 - 2 * noise - lost]
    drawn = chance.choice([1.0, -1.0, 0.0], (RUNS, rows), p=shares)
    return [loss_outcome(paired(list(each)), TOLERANCE) for each in drawn]


@pytest.mark.parametrize("rows", [10, 40, 200])
def test_a_candidate_like_its_base_seldom_fails(rows: int) -> None:
    assert outcomes(rows, 0.0).count("failed") <= 6


def test_with_enough_rows_a_candidate_like_its_base_passes() -> None:
    needed = rows_for_loss([1.0, -1.0] * 5 + [0.0] * 90, TOLERANCE)
    assert needed == pytest.approx(0.1 * (1.96 / (1.5 * TOLERANCE)) ** 2, rel=0.3)
    assert outcomes(needed, 0.0).count("passed") >= 94


@pytest.mark.parametrize("rows", [10, 40, 200])
def test_a_loss_of_three_tolerances_hardly_ever_passes(rows: int) -> None:
    assert outcomes(rows, SLACK * TOLERANCE).count("passed") <= 6


def test_with_enough_rows_a_loss_of_three_tolerances_fails() -> None:
    assert outcomes(300, SLACK * TOLERANCE).count("failed") >= 94


@settings(max_examples=200, deadline=None)
@given(st.floats(-1, 1), st.floats(1e-3, 1.49 * TOLERANCE))
def test_an_interval_no_wider_than_three_tolerances_always_decides(mean: float, half: float) -> None:
    assert loss_outcome(Interval(mean, mean - half, mean + half), TOLERANCE) != "undecided"


def test_few_rows_without_any_change_prove_nothing() -> None:
    assert loss_outcome(paired([0.0] * 20), TOLERANCE) == "undecided"
    assert loss_outcome(paired([0.0] * rows_for_loss([0.0] * 20, TOLERANCE)), TOLERANCE) == "passed"


def test_a_few_rows_that_all_fall_are_enough_to_fail() -> None:
    assert loss_outcome(paired([1.0] * 8), TOLERANCE) == "failed"


def grouped_outcomes(lost: float, *, level: float = 0.95, facts: int = 30, each: int = 5) -> list[Decision]:
    """Facts that are lost or won as a whole, with `each` questions about every one."""
    chance = np.random.default_rng(1)
    names = [f"fact {number // each}" for number in range(facts * each)]
    found = []
    for _ in range(RUNS):
        by_fact = chance.choice([1.0, -1.0, 0.0], facts, p=[0.05 + lost, 0.05, 0.9 - lost])
        found.append(loss_outcome(paired(list(np.repeat(by_fact, each)), names, level=level), TOLERANCE))
    return found


def test_questions_about_one_fact_count_as_one() -> None:
    assert grouped_outcomes(0.0).count("failed") <= 6
    assert grouped_outcomes(SLACK * TOLERANCE).count("passed") <= 6


def test_rows_that_hang_together_need_more_of_them() -> None:
    differences, names = [1.0] * 5 + [-1.0] * 5 + [0.0] * 90, [f"fact {number // 5}" for number in range(100)]
    apart, together = rows_for_loss(differences, TOLERANCE), rows_for_loss(differences, TOLERANCE, names)
    assert 2 * apart < together < 10 * apart


@pytest.mark.parametrize("tries", [1, 3])
def test_several_tries_together_let_no_more_through_than_one(tries: int) -> None:
    chance, passed = np.random.default_rng(2), 0
    for _ in range(400):  # Each try loses three tolerances, with luck of its own.
        drawn = chance.choice(
            [1.0, -1.0, 0.0], (tries, 200), p=[0.05 + SLACK * TOLERANCE, 0.05, 0.9 - SLACK * TOLERANCE]
        )
        said = [loss_outcome(paired(list(each), level=level_of_tries(tries)), TOLERANCE) for each in drawn]
        passed += "passed" in said
    assert passed <= 0.05 * 400


def test_a_gain_must_be_proven() -> None:
    assert gain_outcome(paired([1.0] * 20 + [0.0] * 20), 0.2) == "passed"
    few = [1.0, 0.0, 0.0]
    assert gain_outcome(paired(few), 0.0) == "undecided"
    assert 10 < rows_for_gain(few, 0.0) < 40
    chance = np.random.default_rng(0)
    lucky = [gain_outcome(paired(list(chance.choice([1.0, -1.0, 0.0], 60))), 0.0) for _ in range(RUNS)]
    assert lucky.count("passed") <= 6


def test_a_share_is_held_against_its_exact_interval() -> None:
    assert loss_outcome(share_interval(0, 59), 0.02) == "undecided"
    assert loss_outcome(share_interval(0, 60), 0.02) == "passed"
    assert rows_for_share(0, 59, 0.02) == 60
    assert loss_outcome(share_interval(3, 60), 0.02) == "failed"
    assert loss_outcome(share_interval(1, 60), 0.02) == "undecided"


def test_a_mean_over_tokens_weighs_rows_by_their_length() -> None:
    found = per_token([8.0, 0.0, 5.0], [8, 2, 0])
    assert (found.mean, found.low, found.high) == (0.8, 0.0, 1.0)
    assert rows_for_tokens(Interval(0.1, 0.0, 0.2), 50, 0.05) == 89
    with pytest.raises(ValueError, match="no tokens"):
        per_token([0.0], [0])
