"""Adjusted p-values against an example by hand, their properties, and the share of false claims."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.measure.statistics.multiple_comparisons import benjamini_hochberg, holm
from tests.measure.statistics.drawn_tables import most_of

P_VALUES = st.lists(st.floats(0, 1), min_size=0, max_size=20)


def test_holm_by_hand() -> None:
    # Sorted .005 .011 .02 .04 .13 times 5 4 3 2 1: .025 .044 .06 .08 .13, which rises already.
    assert holm([0.02, 0.005, 0.13, 0.04, 0.011]) == pytest.approx([0.06, 0.025, 0.13, 0.08, 0.044])
    # Sorted .01 .02 .022 .09 times 4 3 2 1: .04 .06 .044 .09; the third may not be below the second.
    assert holm([0.022, 0.09, 0.01, 0.02]) == pytest.approx([0.06, 0.09, 0.04, 0.06])
    assert holm([0.4, 0.6]).tolist() == [0.8, 0.8]
    assert holm([0.7, 0.6, 0.9]).tolist() == [1.0, 1.0, 1.0]
    assert holm([]).tolist() == []


def test_benjamini_and_hochberg_by_hand() -> None:
    # Sorted .01 .02 .03 .5 times 4/1 4/2 4/3 4/4: .04 .04 .04 .5.
    assert benjamini_hochberg([0.5, 0.03, 0.01, 0.02]) == pytest.approx([0.5, 0.04, 0.04, 0.04])
    # Sorted .001 .04 .05 times 3/1 3/2 1: .003 .06 .05; the second may not be above the third.
    assert benjamini_hochberg([0.05, 0.001, 0.04]) == pytest.approx([0.05, 0.003, 0.05])


@settings(deadline=None)
@given(P_VALUES)
def test_order_is_kept_and_none_falls(values: list[float]) -> None:
    raw = np.array(values)
    strict, mild = holm(values), benjamini_hochberg(values)
    order = np.argsort(raw, kind="stable")
    for adjusted in (strict, mild):
        assert (adjusted >= raw).all()
        assert (adjusted <= 1).all()
        assert (np.diff(adjusted[order]) >= 0).all()
    assert (mild <= strict + 1e-12).all()
    assert (strict <= np.minimum(1, raw * max(1, len(raw))) + 1e-12).all()  # never worse than Bonferroni


def test_a_false_claim_among_many_is_as_rare_as_the_level() -> None:
    """Twelve true null hypotheses and three false ones, independent of each other."""
    chance = np.random.default_rng(0)
    runs = 2000
    rows = np.hstack([chance.random((runs, 12)), chance.random((runs, 3)) / 1000])
    claimed = np.array([holm(row) <= 0.05 for row in rows])
    assert claimed[:, :12].any(axis=1).sum() <= most_of(runs, 0.05)
    listed = np.array([benjamini_hochberg(row) <= 0.05 for row in rows])
    false_share = listed[:, :12].sum(axis=1) / np.maximum(1, listed.sum(axis=1))
    # Hoeffding, at 1 of 1000.
    assert false_share.mean() <= 0.05 * 12 / 15 + np.sqrt(np.log(1000) / (2 * runs))
    assert listed.sum() >= claimed.sum()


@pytest.mark.parametrize("values", [[-0.1], [1.1], [float("nan")], [[0.1]]])
def test_other_numbers_are_refused(values: list[float]) -> None:
    for adjust in (holm, benjamini_hochberg):
        with pytest.raises(ValueError, match="from 0 to 1"):
            adjust(values)
