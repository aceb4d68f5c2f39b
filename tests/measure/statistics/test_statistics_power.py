"""The power at the numbers that are given, exactly and by simulation."""

from __future__ import annotations

from math import comb, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.errors import UsageError
from instill.measure.statistics.grouped_mean_interval import group_interval, limits
from instill.measure.statistics.permutation import permutation_p, permutation_p_values
from instill.measure.statistics.power import (
    design_effect,
    discordant_if_independent,
    questions_for_difference,
    questions_for_not_worse,
    smallest_difference,
)
from tests.measure.statistics.drawn_tables import differences, names

SETS = 3000
SPREAD = 3.3  # standard deviations: missed by chance in 1 of 1000 cases


def exact_power(questions: int, discordant: float, difference: float, level: float) -> float:
    """Of McNemar's exact test: over the number of discordant questions and of those that the better arm won."""
    won = (discordant + difference) / 2 / discordant
    power = 0.0
    for pairs in range(1, questions + 1):
        chance = comb(questions, pairs) * discordant**pairs * (1 - discordant) ** (questions - pairs)
        tail, lost = 0, 0
        while lost < pairs and 2 * (tail + comb(pairs, lost)) <= level * 2**pairs:
            tail += comb(pairs, lost)
            lost += 1
        shown = sum(comb(pairs, k) * (1 - won) ** k * won ** (pairs - k) for k in range(lost))
        power += chance * shown
    return power


@pytest.mark.parametrize(
    ("difference", "discordant", "level", "power"),
    [
        (0.2, 0.4, 0.05, 0.8),
        (0.15, 0.3, 0.05, 0.9),
        (0.2, 0.6, 0.05, 0.95),
        (0.2, 0.5, 0.01, 0.8),
        (0.25, 0.9, 0.05, 0.9),
    ],
)
def test_the_exact_power_is_about_what_was_asked_for(
    difference: float, discordant: float, level: float, power: float
) -> None:
    needed = questions_for_difference(difference, discordant=discordant, level=level, power=power)
    found = exact_power(needed, discordant, difference, level)
    assert power - 0.015 <= found <= power + 0.04
    assert exact_power(round(needed * 0.85), discordant, difference, level) < power


def test_where_one_arm_is_never_beaten_there_is_power_to_spare() -> None:
    needed = questions_for_difference(0.3, discordant=0.3)
    assert exact_power(needed, 0.3, 0.3, 0.05) >= 0.8
    assert needed <= 1.3 * next(count for count in range(6, 99) if exact_power(count, 0.3, 0.3, 0.05) >= 0.8)


@pytest.mark.parametrize(
    ("difference", "discordant", "power"), [(0.1, 0.3, 0.8), (0.1, None, 0.8), (0.05, 0.1, 0.9), (0.2, 0.4, 0.95)]
)
def test_the_permutation_test_has_the_power_at_that_number(
    difference: float, discordant: float | None, power: float
) -> None:
    needed = questions_for_difference(difference, discordant=discordant, power=power)
    drawn = differences(
        SETS, needed, 1, discordant=discordant or 1.0, difference=difference, correlation=0.0, seed=needed
    )
    # For single questions the p-value depends on the counts only: each pair of counts is tested once.
    counts, places = np.unique(np.c_[(drawn > 0).sum(axis=1), (drawn < 0).sum(axis=1)], axis=0, return_inverse=True)
    found = np.array([permutation_p([1.0] * won + [-1.0] * lost, names(won + lost, 1)) for won, lost in counts])
    shown = (found[places.ravel()] <= 0.05).mean()
    assert abs(shown - power) <= SPREAD * sqrt(power * (1 - power) / SETS) + 0.01


@pytest.mark.parametrize("correlation", [0.2, 1.0])
def test_with_groups_the_design_effect_keeps_the_power(correlation: float) -> None:
    effect = design_effect([5] * 100, correlation)
    needed = questions_for_difference(0.12, discordant=0.3, effect=effect)
    groups = -(-needed // 5)
    drawn = differences(SETS, groups, 5, discordant=0.3, difference=0.12, correlation=correlation, seed=1)
    found = (permutation_p_values(drawn, names(groups, 5)) <= 0.05).mean()
    assert 0.8 - SPREAD * sqrt(0.8 * 0.2 / SETS) <= found <= 0.86
    plain = questions_for_difference(0.12, discordant=0.3) // 5
    assert (permutation_p_values(drawn[:, : plain * 5], names(plain, 5)) <= 0.05).mean() < 0.75


@pytest.mark.parametrize(
    ("tolerance", "difference", "discordant"), [(0.03, 0.0, 0.1), (0.05, 0.01, 0.2), (0.1, -0.05, 0.3)]
)
def test_an_arm_that_is_not_worse_is_shown_to_be_so(tolerance: float, difference: float, discordant: float) -> None:
    needed = questions_for_not_worse(tolerance, difference=difference, discordant=discordant)
    drawn = differences(SETS, needed, 1, discordant=discordant, difference=difference, correlation=0.0, seed=needed)
    shown = (limits(drawn, names(needed, 1))[2] < tolerance).mean()
    assert abs(shown - 0.8) <= SPREAD * sqrt(0.8 * 0.2 / SETS) + 0.01


def test_arms_that_never_differ_need_what_the_imagined_group_needs() -> None:
    needed = questions_for_not_worse(0.05, discordant=0.0)
    ends = [group_interval([0.0] * count, names(count, 1)).high for count in (needed - 1, needed)]
    assert ends[1] <= 0.05 < ends[0]


@settings(max_examples=60, deadline=None)
@given(st.floats(0.02, 1), st.floats(0.02, 1), st.floats(0.5, 0.95), st.integers(1, 20), st.floats(1, 10))
def test_the_smallest_difference_is_the_inverse(
    first: float, second: float, power: float, comparisons: int, effect: float
) -> None:
    difference, discordant = min(first, second), max(first, second)
    asked = {"discordant": discordant, "power": power, "effect": effect}
    needed = questions_for_difference(difference, comparisons=comparisons, **asked)
    smallest = smallest_difference(needed, comparisons=comparisons, **asked)
    assert smallest is not None
    assert smallest <= difference + 1e-9
    fewer = smallest_difference(needed - 1, comparisons=comparisons, **asked)
    assert fewer is None or fewer > difference - 1e-9


def test_what_makes_it_harder_needs_more() -> None:
    plain = questions_for_difference(0.1, discordant=0.2)
    assert plain == pytest.approx(questions_for_difference(0.1, discordant=0.2, effect=2.0) / 2, abs=1)
    for harder in (
        questions_for_difference(0.08, discordant=0.2),
        questions_for_difference(0.1, discordant=0.25),
        questions_for_difference(0.1, discordant=0.2, level=0.01),
        questions_for_difference(0.1, discordant=0.2, power=0.9),
        questions_for_difference(0.1, discordant=0.2, comparisons=6),
    ):
        assert harder > plain
    shares = [questions_for_difference(0.1, discordant=share) for share in np.linspace(0.1, 1, 19)]
    assert shares == sorted(shares)
    assert shares[-1] == questions_for_difference(0.1)  # unknown: the worst case
    assert questions_for_not_worse(0.05) > questions_for_not_worse(0.05, discordant=0.3)


def test_design_effects() -> None:
    assert design_effect([4, 4, 4], 0.5) == 2.5
    assert design_effect([1, 7], 1.0) == 50 / 8
    assert discordant_if_independent(1.0, 0.7) == pytest.approx(0.3)
    assert discordant_if_independent(0.5, 0.5) == 0.5


@pytest.mark.parametrize(
    "asked",
    [
        {"difference": 0.0},
        {"difference": 0.3, "discordant": 0.2},
        {"difference": 0.1, "level": 0.0},
        {"difference": 0.1, "power": 1.0},
        {"difference": 0.1, "effect": 0.5},
        {"difference": 0.1, "comparisons": 0},
        {"difference": 0.1, "discordant": 1.5},
    ],
)
def test_what_is_out_of_range_is_said(asked: dict[str, float]) -> None:
    with pytest.raises(UsageError) as caught:
        questions_for_difference(**asked)  # type: ignore[arg-type]
    assert caught.value.where
    assert caught.value.remedy


def test_the_other_arguments_are_checked_too() -> None:
    for wrong in (0.0, 1.0):
        with pytest.raises(UsageError, match="tolerance"):
            questions_for_not_worse(wrong)
    with pytest.raises(UsageError, match="difference"):
        questions_for_not_worse(0.05, difference=0.05)
    with pytest.raises(UsageError, match="correlation"):
        design_effect([2], 1.2)
    with pytest.raises(UsageError, match="sizes"):
        design_effect([0, 2], 0.2)
