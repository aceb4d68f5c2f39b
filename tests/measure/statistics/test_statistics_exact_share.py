"""Bounds of a share against known values and exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.measure.statistics.exact_share import binomial_tail, lower_bound, share_interval, upper_bound


@pytest.mark.parametrize(
    ("wrong", "given", "confidence", "low", "high"),
    [  # the two-sided 95% and 99% intervals of the tables: one-sided with half of the rest
        (10, 20, 0.975, 0.2720, 0.7280),
        (1, 10, 0.975, 0.0025, 0.4450),
        (0, 10, 0.975, 0.0, 0.3085),
        (4, 20, 0.975, 0.0573, 0.4366),
        (10, 10, 0.975, 0.6915, 1.0),
        (5, 10, 0.995, 0.1283, 0.8717),
    ],
)
def test_bounds_are_those_of_the_tables(wrong: int, given: int, confidence: float, low: float, high: float) -> None:
    assert lower_bound(wrong, given, confidence) == pytest.approx(low, abs=6e-5)
    assert upper_bound(wrong, given, confidence) == pytest.approx(high, abs=6e-5)
    both = share_interval(wrong, given, level=2 * confidence - 1)
    assert (both.mean, both.low, both.high) == pytest.approx((wrong / given, low, high), abs=6e-5)


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(1, 5000), st.floats(0.5, 0.999))
def test_the_bounds_have_closed_forms_at_the_ends(count: int, confidence: float) -> None:
    assert upper_bound(0, count, confidence) == pytest.approx(1 - (1 - confidence) ** (1 / count), rel=1e-6)
    assert upper_bound(count - 1, count, confidence) == pytest.approx(confidence ** (1 / count), rel=1e-6)


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 99))
def test_the_tail_is_the_exact_sum(first: int, second: int, percent: int) -> None:
    wrong, count, p = min(first, second), max(first, second), Fraction(percent, 100)
    exact = sum(comb(count, k) * p**k * (1 - p) ** (count - k) for k in range(wrong + 1))
    assert binomial_tail(wrong, count, percent / 100) == pytest.approx(float(exact), rel=1e-9)


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, 300), st.integers(0, 300))
def test_the_interval_holds_the_share_and_narrows(first: int, second: int) -> None:
    wrong, count = min(first, second), max(first, second)
    low, high = lower_bound(wrong, count), upper_bound(wrong, count)
    assert 0 <= low <= high <= 1
    if count:
        assert low <= wrong / count <= high
        assert upper_bound(2 * wrong, 2 * count) <= high
