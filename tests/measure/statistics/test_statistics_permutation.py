"""The permutation test against brute force, and how often it finds what is not there."""

from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.measure.statistics import permutation
from instill.measure.statistics.grouping import grouped
from instill.measure.statistics.permutation import permutation_p, permutation_p_values
from tests.measure.statistics.drawn_tables import differences, most_of, names


def by_hand(values: list[float], groups: list[str]) -> float:
    sums = grouped(values, groups).sums[0]
    flipped = [
        abs(sum(s * each for s, each in zip(signs, sums, strict=True))) for signs in product((1, -1), repeat=len(sums))
    ]
    return float(np.mean(np.array(flipped) >= abs(sums.sum()) - 1e-9 * (1 + abs(sums).sum())))


SHARES = st.one_of(st.sampled_from([-1.0, 0.0, 1.0]), st.sampled_from([-0.5, 0.25, 1 / 3, -2 / 3, 0.1, 0.7]))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(SHARES, st.sampled_from("abcdefgh")), min_size=1, max_size=24))
def test_few_groups_are_exact(pairs: list[tuple[float, str]]) -> None:
    values, groups = [value for value, _ in pairs], [group for _, group in pairs]
    found = permutation_p(values, groups)
    assert 0 < found <= 1
    assert found == pytest.approx(by_hand(values, groups), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([-3.0, -1.0, 1.0, 2.0, 4.0]), min_size=1, max_size=12))
def test_counting_out_is_making_all_flips(sums: list[float]) -> None:
    sizes = np.abs(np.array(sums))
    far = abs(sum(sums))
    assert permutation._counted(sizes.astype(np.int64), round(far)) == pytest.approx(
        permutation._all_flips(sizes, far), abs=1e-12
    )


@pytest.mark.parametrize(("won", "lost"), [(10, 2), (40, 25), (300, 250), (7, 7), (1200, 0)])
def test_single_questions_give_mcnemars_exact_test(won: int, lost: int) -> None:
    values = [1.0] * won + [-1.0] * lost + [0.0] * 50
    pairs = won + lost
    tail = sum(comb(pairs, k) for k in range(min(won, lost) + 1))
    found = permutation_p(values, names(len(values), 1))
    assert 0 < found <= 1
    assert found == pytest.approx(max(min(1.0, 2 * tail / 2**pairs), np.finfo(float).tiny), rel=1e-9)


def test_drawn_flips_come_near_and_repeat() -> None:
    values = list(np.random.default_rng(3).uniform(-0.5, 0.7, 40))
    groups = names(20, 2)
    one, again, other = (permutation_p(values, groups, seed=seed) for seed in (0, 0, 1))
    assert one == again
    assert one != other
    exact = permutation._all_flips(np.abs(grouped(values, groups).sums[0][:14]), 1.0)
    drawn = permutation._drawn(np.abs(grouped(values, groups).sums[:, :14]), np.array([1.0]), 9999, 0)[0]
    assert drawn == pytest.approx(exact, abs=3.3 * np.sqrt(exact * (1 - exact) / 9999) + 1e-4)
    assert permutation_p([0.3] * 100, names(100, 1)) == 1 / 10_000  # never 0


@pytest.mark.parametrize(("groups", "size", "correlation"), [(8, 4, 0.5), (20, 5, 0.3), (60, 3, 1.0)])
def test_false_alarms_keep_the_level(groups: int, size: int, correlation: float) -> None:
    drawn = differences(1500, groups, size, discordant=0.4, difference=0.0, correlation=correlation, seed=groups)
    found = permutation_p_values(drawn, names(groups, size))
    for level in (0.01, 0.05, 0.2):
        assert (found <= level).sum() <= most_of(1500, level)


def test_false_alarms_of_drawn_flips_keep_the_level() -> None:
    """Each data set with flips of its own: with few of them the correction matters."""
    chance = np.random.default_rng(0)
    groups = names(16, 2)
    found = np.array([permutation_p(chance.uniform(-1, 1, 32), groups, flips=19, seed=run) for run in range(1500)])
    assert (found <= 0.05).sum() <= most_of(1500, 0.05)
    assert (found <= 0.05).sum() >= 30


def test_flipping_single_questions_would_raise_false_alarms() -> None:
    drawn = differences(500, 20, 8, discordant=0.4, difference=0.0, correlation=1.0, seed=0)
    assert (permutation_p_values(drawn, names(160, 1)) <= 0.05).mean() > 0.3


def test_rows_are_those_one_by_one() -> None:
    drawn = np.vstack([np.ones(40), np.zeros(40), np.random.default_rng(0).uniform(-1, 1, (2, 40))])
    groups = names(20, 2)
    found = permutation_p_values(drawn, groups, seed=5)
    assert found.tolist() == pytest.approx([permutation_p(row, groups, seed=5) for row in drawn])
    assert found[1] == 1.0


def test_many_questions_are_quick_enough_to_be_drawn() -> None:
    values = np.where(np.arange(9000) % 3, 1.0, -1.0)
    assert permutation_p(values, names(9000, 1), flips=99) == 0.01


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ValueError, match="no flips"):
        permutation_p([1.0], ["a"], flips=0)
    with pytest.raises(ValueError, match="shape"):
        permutation_p([], [])
