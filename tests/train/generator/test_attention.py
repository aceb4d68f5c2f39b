"""Attention of packed rows, each example by itself: the same states and gradients as under the mask."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from transformers.masking_utils import sdpa_mask

from instill.train.generator.loop.attention import AttentionInFloat32, pieces_of
from instill.train.generator.loop.batches import packed
from instill.train.generator.loop.layers import decoder
from instill.train.generator.loop.loop import Network, next_token
from tests.train.generator.small_models import random_examples, small_model

# Gemma's second layer kind and Mistral's see no further than eight tokens: there the mask stays.
NAMES = ("llama", "qwen3", "mistral", "gemma3")


def block_mask(lengths: list[int]) -> Tensor:
    """Rows end to end in one, `(1, 1, tokens, tokens)`."""
    number = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    place = torch.arange(len(number))
    return ((number[:, None] == number) & (place <= place[:, None]))[None, None]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_the_pieces_of_a_mask_are_its_rows(lengths: list[int]) -> None:
    found = pieces_of(block_mask(lengths))
    assert found is not None
    split = [length for whole, alone in found for length in ([1] * whole if alone else [whole])]
    assert split == lengths
    assert all(not (one[1] and other[1]) for one, other in pairwise(found))


def test_rows_of_a_rectangle_are_apart() -> None:
    mask = torch.cat([block_mask([3, 2]), block_mask([5])])
    assert pieces_of(mask) == ((3, False), (2, False), (5, False))


@pytest.mark.parametrize(
    "mask",
    [
        torch.tril(torch.ones(1, 1, 6, 6)).triu(-2).bool(),  # a window
        torch.ones(1, 1, 4, 4, dtype=torch.bool),  # nothing is hidden
        torch.tril(torch.ones(1, 1, 4, 4)),  # no truth values
        torch.tril(torch.ones(1, 2, 4, 4)).bool(),  # one for each head
        block_mask([2, 2, 2]) | torch.eye(6, dtype=torch.bool).roll(4, 1).tril()[None, None],  # sees one afar
    ],
)
def test_other_masks_have_no_pieces(mask: Tensor) -> None:
    assert pieces_of(mask) is None


def test_a_causal_mask_is_one_piece() -> None:
    mask = sdpa_mask(batch_size=2, q_length=7, kv_length=7, allow_is_causal_skip=False)
    assert pieces_of(mask) in (((7, False),), ((7, False), (7, False)))


def states_and_gradients(name: str, *, by_pieces: bool) -> dict[str, Tensor]:
    model = small_model(name)
    batch = next(packed(random_examples(9), 256, 64))
    network = Network(model, next_token)
    attention: Any = AttentionInFloat32(model)
    if by_pieces:
        with attention:
            loss = network(batch)
            hidden = decoder(model)(input_ids=batch.ids, position_ids=batch.positions).last_hidden_state
    else:
        loss = network(batch)
        hidden = decoder(model)(input_ids=batch.ids, position_ids=batch.positions).last_hidden_state
    loss.backward()
    kept = {
        f"row {number}": hidden[row, column : column + example.length].detach()
        for number, (example, (row, column)) in enumerate(zip(batch.examples, batch.corners, strict=True))
    }
    return {**kept, **{key: each.grad for key, each in model.named_parameters() if each.grad is not None}}


@pytest.mark.parametrize("name", NAMES)
def test_states_and_gradients_are_those_under_the_mask(name: str) -> None:
    found, expected = (states_and_gradients(name, by_pieces=by_pieces) for by_pieces in (True, False))
    assert found.keys() == expected.keys()
    for key, value in found.items():
        torch.testing.assert_close(value, expected[key], atol=2e-5, rtol=1e-4)
