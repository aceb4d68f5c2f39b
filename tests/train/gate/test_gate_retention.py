"""The retention matrix, by hand."""

from __future__ import annotations

import pytest

from instill.train.gate.retention import Retention

# The three groups taught in sequence without replay, as first measured in the laboratory; the rest is made up.
SCORES = ((0.98, 0.02, 0.0), (0.3, 0.96, 0.04), (0.08, 0.40, 0.98))


def test_transfer_and_forgetting() -> None:
    found = Retention(("a", "b", "c"), SCORES, (0.0, 0.01, 0.02))
    assert found.average == pytest.approx((0.08 + 0.40 + 0.98) / 3)
    assert found.backward_transfer == pytest.approx(((0.08 - 0.98) + (0.40 - 0.96)) / 2)
    assert found.forward_transfer == pytest.approx(((0.02 - 0.01) + (0.04 - 0.02)) / 2)
    assert found.forgotten() == pytest.approx([0.9, 0.56])
    assert found.forgotten(1) == pytest.approx([0.68])
    assert found.forgetting == pytest.approx(0.73)


def test_forgetting_looks_at_the_best_stage_and_not_at_the_own() -> None:
    found = Retention(("a", "b", "c"), ((0.5, 0.0, 0.0), (0.8, 0.9, 0.0), (0.6, 0.9, 0.9)))
    assert found.forgotten() == pytest.approx([0.2, 0.0])
    assert found.backward_transfer == pytest.approx(0.05)


def test_one_task_forgets_nothing() -> None:
    found = Retention(("a",), ((0.9,),), (0.1,))
    assert (found.backward_transfer, found.forgetting, found.forward_transfer, found.forgotten()) == (0, 0, 0, [])


def test_the_table_has_a_line_for_before() -> None:
    assert Retention(("one", "2"), ((1.0, 0.0), (0.25, 0.5)), (0.0, 0.0)).table().splitlines() == [
        "after   one   2",
        "before  0.00  0.00",
        "one     1.00  0.00",
        "2       0.25  0.50",
        "average 0.375, backward transfer -0.750, forward transfer 0.000, forgetting 0.750",
    ]


def test_numbers_that_are_no_matrix() -> None:
    with pytest.raises(ValueError, match="2 tasks need 2 rows of 2"):
        Retention(("a", "b"), ((1.0, 0.0),))
    with pytest.raises(ValueError, match="before any training"):
        _ = Retention(("a",), ((1.0,),)).forward_transfer
