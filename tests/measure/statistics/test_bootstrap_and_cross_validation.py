"""Intervals over documents, and choosing by cross-validation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.measure.statistics.cross_validation import choose
from instill.measure.statistics.percentile_bootstrap import bootstrap_interval


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(-1, 1), st.sampled_from("abcdef")), min_size=1, max_size=30))
def test_the_interval_lies_around_the_mean_and_within_the_values(drawn: list[tuple[float, str]]) -> None:
    values, groups = [value for value, _ in drawn], [group for _, group in drawn]
    found = bootstrap_interval(values, groups)
    assert found.mean == pytest.approx(np.mean(values))
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9


def test_questions_of_one_document_count_as_one_draw() -> None:
    values = [1.0, 0.0] * 20
    alone = bootstrap_interval(values, [str(number) for number in range(40)])
    together = bootstrap_interval(values, ["a" if value else "b" for value in values])
    assert (together.low, together.high) == (0.0, 1.0)
    assert alone.high - alone.low == pytest.approx(4 * 0.5 / 40**0.5, abs=0.03)


def test_a_way_that_is_better_everywhere_is_chosen() -> None:
    chance = np.random.default_rng(0)
    scores = np.stack([chance.uniform(0, 0.4, 60), chance.uniform(0, 0.4, 60), chance.uniform(0.3, 0.7, 60)])
    found = choose(scores, [str(number // 2) for number in range(60)])
    assert (found.best, found.kept) == (2, True)
    assert found.gain.mean == pytest.approx(float((scores[2] - scores[0]).mean()))


def test_chance_is_seldom_taken_for_a_gain() -> None:
    """Of twelve ways that are all alike, one is always the best; it may be kept about as often as a test errs."""
    chance = np.random.default_rng(1)
    groups = [str(number) for number in range(50)]
    kept = sum(choose(chance.uniform(0, 1, (12, 50)), groups, seed=run).kept for run in range(100))
    assert kept <= 8


def test_of_equal_ways_the_one_in_use_stays() -> None:
    scores = np.tile(np.linspace(0, 1, 10), (4, 1))
    found = choose(scores, list("aabbccddee"))
    assert (found.best, found.kept, found.gain.mean) == (0, False, 0.0)


def test_one_document_is_too_few() -> None:
    with pytest.raises(ValueError, match="two documents"):
        choose(np.zeros((2, 3)), ["a", "a", "a"])
    with pytest.raises(ValueError, match="0 values"):
        bootstrap_interval([], [])
