"""Data sizes and nested subsets."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.curve.sizes import data_sizes, nested_subsets
from instill.errors import UsageError


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(1, 20))
def test_sizes_rise_from_the_smallest_to_the_largest(smallest: int, more: int, per_decade: int) -> None:
    largest = smallest + more
    found = data_sizes(smallest, largest, per_decade=per_decade)
    assert found[0] == smallest
    assert found[-1] == largest
    assert all(one < other for one, other in pairwise(found))
    assert len(found) <= per_decade * 6 + 2


@given(st.integers(10, 10**5), st.integers(2, 10**3), st.integers(1, 5))
def test_neighbours_are_about_a_step_apart(smallest: int, factor: int, per_decade: int) -> None:
    found = data_sizes(smallest, smallest * factor, per_decade=per_decade)
    step = 10 ** (1 / per_decade)
    # Two significant digits move a size by 5% at most; the last step is half a step to one and a half.
    assert all(other / one <= 1.11 * step for one, other in pairwise(found[:-1]))
    assert len(found) < 2 or found[-1] / found[-2] <= 1.06 * step**1.5 + 1e-9


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 200), st.integers(0, 5), st.data())
def test_a_smaller_size_is_within_a_larger_one(rows: int, seed: int, data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, rows), min_size=1, max_size=5))
    groups = data.draw(st.none() | st.lists(st.sampled_from("abcd"), min_size=rows, max_size=rows))
    found = nested_subsets(rows, sizes, seed, groups=groups)
    whole = nested_subsets(rows, [rows], seed, groups=groups)[rows]
    assert sorted(whole) == list(range(rows))
    for size in sizes:
        assert found[size] == whole[:size]
        if groups is not None:
            inside = {groups[row] for row in found[size]}
            outside = {groups[row] for row in whole[size:]}
            assert len(inside & outside) <= 1


def test_another_seed_draws_other_rows_and_each_row_is_drawn_as_often() -> None:
    assert nested_subsets(100, [50], 0) != nested_subsets(100, [50], 1)
    drawn = [row for seed in range(400) for row in nested_subsets(10, [3], seed)[3]]
    # 400 draws with probability 0.3: 120 each, standard deviation 9.2.
    assert all(80 < drawn.count(row) < 160 for row in range(10))


def test_the_order_is_the_same_everywhere() -> None:
    assert nested_subsets(8, [8], 0)[8] == [4, 3, 7, 6, 0, 5, 1, 2]


@pytest.mark.parametrize(("smallest", "largest", "per_decade"), [(0, 5, 3), (6, 5, 3), (1, 5, 0), (1, 5, 21)])
def test_a_number_out_of_range_is_refused(smallest: int, largest: int, per_decade: int) -> None:
    with pytest.raises(UsageError):
        data_sizes(smallest, largest, per_decade=per_decade)


def test_more_rows_than_there_are_cannot_be_drawn() -> None:
    with pytest.raises(UsageError, match="cannot be drawn from 5"):
        nested_subsets(5, [6], 0)
    with pytest.raises(ValueError, match="2 groups"):
        nested_subsets(5, [1], 0, groups=["a", "b"])
