"""How often intervals hold the truth, by simulation; exact and known ends; against the percentile bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.errors import UsageError
from instill.measure.statistics.grouped_mean_interval import SCORE, group_interval, limits, not_above
from instill.measure.statistics.grouping import grouped
from instill.measure.statistics.percentile_bootstrap import bootstrap_interval
from instill.measure.statistics.student import two_sided
from tests.measure.statistics.drawn_tables import differences, most_of, names

SETS = 2000
ORDINARY = [(0.5, 0.2), (0.3, 0.0), (0.2, 0.15)]  # share of discordant questions, true difference
RARE = [(0.03, 0.0), (0.03, 0.03)]


def misses(
    groups: int, size: int, discordant: float, difference: float, correlation: float, level: float = 0.95
) -> tuple[int, float]:
    """How many intervals do not hold the true difference, and their mean width."""
    drawn = differences(
        SETS, groups, size, discordant=discordant, difference=difference, correlation=correlation, seed=groups
    )
    _, lows, highs = limits(drawn, names(groups, size), level=level)
    held = (lows <= difference + 1e-9) & (difference - 1e-9 <= highs)
    return int((~held).sum()), float((highs - lows).mean())


@pytest.mark.parametrize("groups", [20, 50, 200])
@pytest.mark.parametrize("correlation", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("discordant", "difference"), ORDINARY + RARE)
def test_95_of_100_intervals_hold_the_truth(
    groups: int, correlation: float, discordant: float, difference: float
) -> None:
    missed, _ = misses(groups, 6, discordant, difference, correlation)
    assert missed <= most_of(SETS, 0.05)


@pytest.mark.parametrize("groups", [5, 10])
def test_so_do_those_of_few_groups(groups: int) -> None:
    for discordant, difference in ORDINARY:
        assert misses(groups, 6, discordant, difference, 0.5)[0] <= most_of(SETS, 0.05)


@pytest.mark.parametrize("level", [0.8, 0.99, 0.998])
def test_at_other_levels_too(level: float) -> None:
    assert misses(50, 4, 0.4, 0.1, 0.3, level)[0] <= most_of(SETS, 1 - level)


def test_with_much_to_go_by_the_interval_is_no_wider_than_needed() -> None:
    """About as many misses as are allowed, and the width that the true variance asks for."""
    missed, width = misses(200, 6, 0.5, 0.2, 0.3)
    assert missed >= 0.05 * SETS - (most_of(SETS, 0.05) - 0.05 * SETS)
    variance = (0.5 - 0.2**2) * (1 + 5 * 0.3) / 1200
    assert width == pytest.approx(2 * 1.972 * np.sqrt(variance), rel=0.04)


def test_the_percentile_bootstrap_misses_where_little_differs() -> None:
    """The reason for another interval: documents that are lost as a whole, and few groups."""
    cases = [  # groups, size, discordant, difference, correlation, at most so many are held by the bootstrap
        (20, 6, 0.03, 0.03, 1.0, 0.6),
        (10, 10, 0.5, 0.2, 0.0, 0.93),
        (20, 6, 0.2, 0.15, 0.3, 0.93),
    ]
    for groups, size, discordant, truth, correlation, most in cases:
        drawn = differences(
            400, groups, size, discordant=discordant, difference=truth, correlation=correlation, seed=groups
        )
        found = [bootstrap_interval(row, names(groups, size)) for row in drawn]
        _, lows, highs = limits(drawn, names(groups, size))
        assert np.mean([each.low <= truth <= each.high for each in found]) <= most
        assert np.mean((lows <= truth) & (truth <= highs)) >= 0.95


@pytest.mark.parametrize(
    ("right", "asked", "low", "high"),
    [
        (0, 50, 0.0, 0.0711),
        (1, 50, 0.0005, 0.1065),
        (10, 50, 0.1003, 0.3372),
        (2, 3, 0.0943, 0.9916),
        (9, 9, 0.6637, 1),
    ],
)
def test_right_and_wrong_answers_have_the_interval_of_clopper_and_pearson(
    right: int, asked: int, low: float, high: float
) -> None:
    found = group_interval([1.0] * right + [0.0] * (asked - right), names(asked, 1), scale=SCORE)
    assert (found.low, found.high) == pytest.approx((low, high), abs=2e-3)


def test_p_values_are_in_accord_with_the_ends() -> None:
    drawn = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], (20, 60), p=[0.1, 0.6, 0.3])
    groups = names(20, 3)
    _, lows, _ = limits(drawn, groups)
    for row, low in zip(drawn, lows, strict=True):
        assert not_above([row], groups, float(low)) == pytest.approx([0.025], abs=1e-3)
    assert not_above([[0.0] * 9], names(9, 1), 0.1).tolist() == [1.0]
    assert not_above(drawn, groups, 0.0)[0] == pytest.approx(not_above([drawn[0]], groups, 0.0)[0], rel=1e-3)


def test_without_any_difference_the_ends_are_about_four_groups() -> None:
    for groups, size in ((50, 1), (100, 1), (100, 8)):
        found = group_interval([0.0] * (groups * size), names(groups, size))
        assert found.mean == 0.0
        assert found.high == pytest.approx(-found.low)
        exact = 1 - 0.025 ** (1 / groups)  # of Clopper and Pearson, for groups lost or not
        assert exact * 0.99 <= found.high <= exact * 1.02


def test_one_big_document_counts_as_little_more_than_one() -> None:
    even = group_interval([1.0, 0.0] * 20, names(20, 2))
    skewed = group_interval([1.0, 0.0] * 20, ["big"] * 21 + names(19, 1))
    assert skewed.high - skewed.low > 1.5 * (even.high - even.low)
    assert group_interval([0.5], ["a"]).low < -0.95
    assert group_interval([0.5], ["a"], scale=SCORE).low < 0.02


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-1, 1), st.sampled_from("abcdef")), min_size=1, max_size=30))
def test_the_mean_lies_inside_and_neither_order_nor_names_matter(pairs: list[tuple[float, str]]) -> None:
    values, groups = [value for value, _ in pairs], [group for _, group in pairs]
    found = group_interval(values, groups)
    assert -1 <= found.low <= found.mean <= found.high <= 1
    shuffled = sorted(pairs)
    again = group_interval([value for value, _ in shuffled], [group.upper() for _, group in shuffled])
    assert (again.low, again.high) == pytest.approx((found.low, found.high), abs=1e-5)
    turned = group_interval([-value for value in values], groups)
    assert (-turned.high, -turned.low) == pytest.approx((found.low, found.high), abs=1e-5)
    wider = group_interval(values, groups, level=0.99)
    assert wider.low <= found.low + 1e-5
    assert found.high <= wider.high + 1e-5


def test_scores_of_an_arm_have_the_scale_from_nought_to_one() -> None:
    none, all_right = (group_interval([each] * 60, names(60, 1), scale=SCORE) for each in (0.0, 1.0))
    assert (none.low, all_right.high) == (0.0, 1.0)
    assert none.high == pytest.approx(1 - all_right.low)
    assert 0.03 <= none.high <= 0.06  # exact (Clopper and Pearson): 0.060 two-sided


def test_rows_are_those_one_by_one() -> None:
    drawn = np.random.default_rng(0).uniform(-1, 1, (5, 24))
    groups = [str(number % 7) for number in range(24)]
    columns = limits(drawn, groups)
    for number, row in enumerate(drawn):
        found = group_interval(row, groups)
        assert [column[number] for column in columns] == pytest.approx([found.mean, found.low, found.high], abs=1e-5)


@pytest.mark.parametrize(
    ("freedom", "level", "value"),
    [(1, 0.05, 12.706), (2, 0.05, 4.303), (5, 0.01, 4.032), (10, 0.05, 2.228), (30, 0.1, 1.697), (120, 0.001, 3.373)],
)
def test_quantiles_are_those_of_the_tables(freedom: int, level: float, value: float) -> None:
    assert float(two_sided(level, freedom)) == pytest.approx(value, abs=6e-4)


def test_quantiles_fall_to_the_normal_one() -> None:
    found = two_sided(0.05, np.array([1.0, 1.5, 3.3, 20, 500, 1e5, 1e8]))
    assert (np.diff(found) < 0).all()
    assert found[-1] == pytest.approx(1.959964, abs=1e-5)


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ValueError, match="0 groups"):
        group_interval([1.0], [])
    with pytest.raises(ValueError, match="not a number"):
        grouped([float("nan")], ["a"])
    with pytest.raises(ValueError, match="outside -1 to 1"):
        group_interval([2.0], ["a"])
    with pytest.raises(UsageError, match="level"):
        group_interval([1.0], ["a"], level=1.0)
