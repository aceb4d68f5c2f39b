"""Which rows go together: as little padding as the cost of a batch allows, packed rows of like length."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from instill.train.generator.data.examples import Example
from instill.train.generator.loop.batches import Batch, packed, padded

BATCH_COST = 256  # tokens


def examples_of(lengths: list[int]) -> list[Example]:
    return [
        Example(np.ones(length, np.int32), np.ones(length, np.bool_), number) for number, length in enumerate(lengths)
    ]


def shapes(batches: list[Batch]) -> list[tuple[int, ...]]:
    return [tuple(batch.ids.shape) for batch in batches]


def cost(shape: tuple[int, ...]) -> int:
    return shape[0] * shape[1] + BATCH_COST


def test_short_rows_are_not_padded_to_long_ones() -> None:
    assert shapes(list(padded(examples_of([200, 14, 16, 15, 190, 13]), 8192))) == [(4, 16), (2, 200)]


def test_a_few_tokens_of_padding_are_cheaper_than_another_batch() -> None:
    assert shapes(list(padded(examples_of([24, 14, 20]), 8192))) == [(3, 24)]


@given(st.lists(st.integers(1, 400), min_size=1, max_size=7), st.integers(1, 1500))
def test_no_other_grouping_of_padded_rows_costs_less(lengths: list[int], most: int) -> None:
    found = sum(cost(shape) for shape in shapes(list(padded(examples_of(lengths), most))))
    ordered, count = sorted(lengths), len(lengths)
    possible = []
    for size in range(count):
        for cuts in combinations(range(1, count), size):
            groups = [ordered[start:end] for start, end in zip((0, *cuts), (*cuts, count), strict=True)]
            made = [(len(group), -(-group[-1] // 8) * 8) for group in groups]
            if all(rows * width <= most or rows == 1 for rows, width in made):
                possible.append(sum(cost(shape) for shape in made))
    assert found == min(possible)


def test_packed_rows_are_of_like_length() -> None:
    # First fit would make rows of 500, 500 and 20 tokens.
    assert shapes(list(packed(examples_of([250, 250, 250, 250, 20]), 8192, 500))) == [(2, 272), (1, 504)]
    # ... and of 500 and 190.
    assert shapes(list(packed(examples_of([100] * 6 + [90]), 8192, 512))) == [(2, 392)]


def test_a_long_example_does_not_widen_the_rows_of_others() -> None:
    assert shapes(list(packed(examples_of([2000, 100, 100, 100, 100]), 8192, 200))) == [(2, 200), (1, 2000)]
