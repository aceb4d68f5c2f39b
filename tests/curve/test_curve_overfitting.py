"""Overfitting: found where it is, named for what it is, and seldom seen where there is none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from instill.curve.overfitting import Overfitting, find_overfitting

EPOCHS = (1, 2, 3, 4, 5, 6)


def look(held_out: list[float], train: list[float], run: int = 0, questions: int = 100) -> Overfitting:
    """Losses of questions around the given means: each question has its own, and a little noise at each epoch."""
    chance = np.random.default_rng(run)
    own = chance.normal(0, 0.4, questions)
    losses = [(mean + own + chance.normal(0, 0.1, questions)).tolist() for mean in held_out]
    return find_overfitting(EPOCHS, [[mean] for mean in train], losses)


FALLING = [2.0, 1.0, 0.6, 0.4, 0.2, 0.1]


def test_a_rising_held_out_loss_is_found_where_it_begins() -> None:
    found = look([2.0, 1.5, 1.3, 1.31, 1.6, 1.9], FALLING)
    assert (found.kind, found.found) == ("worsening", True)
    assert found.best in (3, 4)
    assert found.begins == 5
    assert found.worse.low <= 0.6 <= found.worse.high
    assert found.said.startswith("Overfitting: The loss of held-out questions rises")


def test_noise_is_seldom_taken_for_overfitting() -> None:
    """One-sided 2.5% each: of 100 series without a rise more than 7 would have a chance below 0.005."""
    found = [look([2.0, 1.5, 1.3, 1.3, 1.3, 1.3], FALLING, run).found for run in range(100)]
    assert sum(found) <= 7


def test_a_series_that_still_falls_is_none() -> None:
    found = look([2.0, 1.6, 1.4, 1.3, 1.25, 1.2], FALLING)
    assert (found.kind, found.begins, found.best) == ("none", None, 6)
    assert found.said.startswith("No overfitting is proven")


def test_a_training_that_diverges_is_not_called_overfitting() -> None:
    found = look([2.0, 1.5, 1.3, 1.6, 2.5, 3.0], [2.0, 1.0, 0.8, 1.2, 2.0, 2.5])
    assert (found.kind, found.found) == ("diverging", False)
    assert "learning rate" in found.said


def test_a_score_that_falls_is_a_loss_that_rises() -> None:
    held_out = [[float(number < right) for number in range(60)] for right in (20, 45, 44, 25)]
    found = find_overfitting((1, 2, 3, 4), [[0.3], [0.8], [0.95], [1.0]], held_out, unit="score")
    assert (found.kind, found.best, found.begins) == ("worsening", 2, 4)
    assert found.worse.mean == pytest.approx(20 / 60)
    assert "score of held-out questions falls" in found.said


def test_a_gap_is_named_by_itself() -> None:
    held_out = [[float(number < right) for number in range(60)] for right in (20, 30, 30, 30)]
    train = [[float(number < right) for number in range(50)] for right in (18, 30, 45, 50)]
    found = find_overfitting((1, 2, 3, 4), train, held_out, unit="score", allowed=0.1)
    assert (found.kind, found.begins) == ("gap", 3)
    assert found.gap.mean == pytest.approx(0.5)
    assert found.gap.low > 0.1
    unjudged = find_overfitting((1, 2, 3, 4), train, held_out, unit="score")
    assert unjudged.kind == "none"


def test_an_allowed_gap_is_none() -> None:
    """Both from the same share: the gap is there by chance only."""
    found = []
    for run in range(60):
        chance = np.random.default_rng(run)
        held_out, train = (chance.random((2, count)) < 0.7 for count in (60, 80))
        one = find_overfitting(
            (10, 20),
            train.astype(float).tolist(),
            held_out.astype(float).tolist(),
            unit="score",
            along="size",
            allowed=0.0,
        )
        found.append(one.kind == "gap")
    assert sum(found) <= 6


def test_questions_of_one_group_count_as_one() -> None:
    """Two documents say nothing, however many questions there are about them."""
    rises = [0.5 if number % 2 else -0.3 for number in range(100)]
    held_out = [[1.0] * 100, [1.0 + rise for rise in rises]]
    alone = find_overfitting((1, 2), [[1.0], [0.5]], held_out)
    together = find_overfitting((1, 2), [[1.0], [0.5]], held_out, groups=[str(number % 2) for number in range(100)])
    assert alone.kind == "worsening"
    assert together.kind == "none"


def test_what_is_found_can_be_written_as_json() -> None:
    found = look([2.0, 1.5, 1.3, 1.3, 1.6, 1.9], FALLING)
    assert json.loads(json.dumps(found.as_dict()))["kind"] == "worsening"


def test_series_that_do_not_fit_are_refused() -> None:
    for places, train, held_out in (
        ((1,), [[1.0]], [[1.0, 1.0]]),
        ((1, 2), [[1.0]], [[1.0, 1.0]] * 2),
        ((1, 2), [[1.0], []], [[1.0, 1.0]] * 2),
        ((1, 2), [[1.0]] * 2, [[1.0]] * 2),
    ):
        with pytest.raises(ValueError, match=r"places|groups"):
            find_overfitting(places, train, held_out)
