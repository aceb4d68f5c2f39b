from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from instill.models.encoders.batches import batches_of_equal_length
from instill.models.encoders.matrix_products import quantise_columns
from instill.models.encoders.transformer_weights import Floats


@given(st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=9), max_size=60), st.integers(1, 40))
def test_batches_hold_every_sequence_once_and_one_length_each(sequences: list[list[int]], tokens: int) -> None:
    batches = batches_of_equal_length(sequences, tokens=tokens)
    rows = [int(row) for batch in batches for row in batch.rows]
    assert sorted(rows) == list(range(len(sequences)))
    for batch in batches:
        assert batch.ids.tolist() == [sequences[row] for row in batch.rows]
        assert batch.ids.size <= max(tokens, batch.ids.shape[1])
    lengths = [batch.ids.shape[1] for batch in batches]
    assert lengths == sorted(lengths, reverse=True)


@given(arrays(np.float32, (5, 3), elements=st.floats(-100, 100, width=32)))
def test_quantised_columns_are_off_by_half_a_step_at_most(weight: Floats) -> None:
    codes, scales = quantise_columns(weight)
    assert codes.dtype == np.int8
    assert np.abs(codes).max() <= 127
    assert (np.abs(codes * scales - weight) <= scales * 0.5001 + 1e-30).all()
