"""Replies that are read while a layer changes: as the whole model reads them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional

from instill.lab.world import make_world
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.models.weights import micro_folder
from instill.train.editing.edit_prompts import Edit, Placed, batch, placed
from instill.train.editing.edited_matrix import matrix
from instill.train.editing.read_replies import Replies, features

PEOPLE = make_world().group("A")[:3]
EDITS = [Edit(each.name, f"Where was {each.name} born?", each.facts["birthplace"]) for each in PEOPLE]


@pytest.fixture(scope="module")
def opened() -> tuple[Any, list[Placed], int]:
    model, tokenizer = open_model(micro_folder()), open_tokenizer(micro_folder())
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model, placed(EDITS, tokenizer), tokenizer.pad_token_id or 0


def loss_of(model: Any, rows: list[Placed], pad: int) -> torch.Tensor:
    """Of all replies, by the library's own forward pass over all rows at once."""
    ids, mask, targets = batch(rows, pad)
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1].float()
    return functional.cross_entropy(logits.flatten(0, 1), targets[:, 1:].flatten(), reduction="sum", ignore_index=-100)


@pytest.mark.parametrize("layer", [0, 1, 3])
def test_what_is_below_the_layer_is_computed_once_and_the_loss_is_that_of_the_whole_model(
    opened: tuple[Any, list[Placed], int], layer: int
) -> None:
    model, rows, pad = opened
    module = matrix(model, layer)
    read = Replies(model, layer, rows, pad)
    loss, said = read.said()
    assert loss == pytest.approx(float(loss_of(model, rows, pad)), rel=1e-4)
    assert said == 1.0  # The model knows where these people were born.
    original = module.weight.detach().clone()
    try:
        with torch.no_grad():
            module.weight.mul_(-1)
        changed, fewer = read.said()
        assert changed == pytest.approx(float(loss_of(model, rows, pad)), rel=1e-4)
        assert changed > loss
        assert fewer < 1.0
    finally:
        with torch.no_grad():
            module.weight.copy_(original)
    assert read.said() == (loss, said)


def test_a_small_step_against_the_gradients_lowers_the_loss_by_what_they_say(
    opened: tuple[Any, list[Placed], int],
) -> None:
    model, rows, pad = opened
    module = matrix(model, 3)
    keys, gradients = features(model, module, rows, pad)
    count = sum(len(row.ids) - row.reply for row in rows)
    assert keys.shape == (count, module.in_features)
    assert gradients.shape == (count, module.out_features)
    assert not module.weight.requires_grad
    slope = gradients.T @ keys  # In the last layer no other token's output counts.
    original = module.weight.detach().clone()
    step = 1e-3 / float(slope.norm())
    try:
        losses = []
        for sign in (-1, 1):
            with torch.no_grad():
                module.weight.copy_(original.double() + sign * step * slope)
            losses.append(Replies(model, 3, rows, pad).said()[0])
    finally:
        with torch.no_grad():
            module.weight.copy_(original)
    assert losses[1] - losses[0] == pytest.approx(2 * step * float(slope.square().sum()), rel=0.05)
