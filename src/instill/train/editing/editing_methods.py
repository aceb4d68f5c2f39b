"""The methods that edit a model: which matrix changes, and to what. The model that is given is not changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from instill.train.editing.closed_forms import NULL_SHARE, alpha, null_projection, rome, second_moment, ultra
from instill.train.editing.edit_prompts import Edit, Placed, placed
from instill.train.editing.edited_matrix import keys_at, keys_of_texts, matrix
from instill.train.editing.read_replies import Replies, features
from instill.train.editing.values import STEPS, solve
from instill.train.generator.data.examples import Example
from instill.train.generator.loop.layers import decoder_layers

Method = Literal["rome", "alphaedit", "ultraedit"]
METHODS: tuple[Method, ...] = ("rome", "alphaedit", "ultraedit")

_BATCH = 64
_SIZES = tuple(0.02 * 1.5**power for power in range(12))
"""Of UltraEdit's change, by the matrix's norm; tried with forward passes, the smallest first, until the new values are
said or the loss no longer falls."""

_SAID = 0.9
"""Share of the prompts whose reply must be the new value for a size to be enough."""

_TRIED = 300
"""Prompts that a size is tried on, of many; they are spread over all edits."""

_OTHERS = 8000
"""Tokens of other texts whose replies are read for UltraEdit."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a model is edited.

    Args:
        layer: whose MLP is written into; -1: a quarter of the way up, where a subject is looked up; for UltraEdit,
            which changes what is said at the reply's own tokens, four fifths of the way up.
        most: how long a value may be, by what the original model gives at its place.
        share: see `closed_forms.NULL_SHARE`.
        steps: of the search for a value.
    """

    method: Method = "ultraedit"
    layer: int = -1
    most: float = 4.0
    share: float = NULL_SHARE
    steps: int = STEPS


def layer_of(model: Any, settings: Settings) -> int:
    """The number of the layer that is edited."""
    if settings.layer >= 0:
        return settings.layer
    count = len(decoder_layers(model))
    return count * 4 // 5 if settings.method == "ultraedit" else count // 4


def edited(
    model: Any, tokenizer: Any, edits: Sequence[Edit], kept: Sequence[Example], settings: Settings
) -> dict[str, Tensor]:
    """The matrices of a model with the edits, by name; the same for the same edits, whatever was edited before.

    Args:
        kept: texts that the model is to go on saying as it does; their keys are what must stay.

    Raises:
        UsageError: the model is not of Llama's architecture, or an edit cannot be placed.
    """
    layer = layer_of(model, settings)
    module = matrix(model, layer)
    name = next(name for name, each in model.named_modules() if each is module) + ".weight"
    original = module.weight.detach().clone()
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    rows = placed(edits, tokenizer)
    try:
        if settings.method != "ultraedit":
            moment = second_moment(keys_of_texts(model, module, kept))
            change = _one_by_one if settings.method == "rome" else _together
            changed = change(model, module, rows, pad, original, moment, len(edits), settings)
        else:
            changed = _from_gradients(model, module, layer, rows, pad, original, kept)
    finally:
        with torch.no_grad():
            module.weight.copy_(original)
    return {name: changed}


@contextmanager
def with_weights(model: Any, weights: Mapping[str, Tensor]) -> Iterator[Any]:
    """Inside, the model has these weights; afterwards it has its own again, bit for bit."""
    known = dict(model.named_parameters())
    before = {name: known[name].detach().clone() for name in weights}
    with torch.no_grad():
        for name, value in weights.items():
            known[name].copy_(value)
    try:
        yield model
    finally:
        with torch.no_grad():
            for name, value in before.items():
                known[name].copy_(value)


def _one_by_one(
    model: Any, module: Any, rows: Sequence[Placed], pad: int, original: Tensor, moment: Tensor, edits: int,
    settings: Settings,
) -> Tensor:  # fmt: skip
    """ROME: each edit into the matrix that the ones before it left."""
    weight = original.double()
    per_edit = len(rows) // edits
    for number in range(edits):
        own = [Placed(row.ids, row.at, row.reply, 0) for row in rows[number * per_edit : (number + 1) * per_edit]]
        key = keys_at(model, module, own, pad, 1)
        given, anchors = key @ module.weight.detach().T, key @ original.T
        value = solve(model, module, own, pad, given, anchors=anchors, most=settings.most, steps=settings.steps)
        weight = weight + rome(weight, moment, key[0], value[0])
        with torch.no_grad():
            module.weight.copy_(weight)
    return weight.to(original.dtype)


def _together(
    model: Any, module: Any, rows: Sequence[Placed], pad: int, original: Tensor, moment: Tensor, edits: int,
    settings: Settings,
) -> Tensor:  # fmt: skip
    """AlphaEdit: all values in the original model, then one change within the null space of what must stay."""
    per_edit = len(rows) // edits
    keys, missing = [], []
    for first in range(0, edits, _BATCH):
        last = min(edits, first + _BATCH)
        own = [Placed(row.ids, row.at, row.reply, row.edit - first) for row in rows[first * per_edit : last * per_edit]]
        key = keys_at(model, module, own, pad, last - first)
        given = key @ original.T
        value = solve(model, module, own, pad, given, anchors=given, most=settings.most, steps=settings.steps)
        keys.append(key)
        missing.append(value - given)
    projection = null_projection(moment, settings.share)
    change = alpha(projection, torch.cat(keys), torch.cat(missing))
    return (original.double() + change).to(original.dtype)


def _from_gradients(
    model: Any, module: Any, layer: int, rows: Sequence[Placed], pad: int, original: Tensor, kept: Sequence[Example]
) -> Tensor:
    """UltraEdit: keys and gradients where the replies are said, one backward pass; then the size, by forward passes."""
    keys, gradients = features(model, module, rows, pad)
    others = list(_replies_of(kept))
    other_keys, other_gradients = features(model, module, others, pad) if others else (keys, gradients)
    change = ultra(keys, gradients / (other_gradients.std(0) + 1e-8), second_moment(other_keys))
    size = float(change.norm())
    if size == 0:
        return original
    unit = change * float(original.double().norm()) / size
    tried = Replies(model, layer, rows[:: -(-len(rows) // _TRIED)], pad)
    best, (least, _) = original, tried.said()
    for share in _SIZES:
        weight = (original.double() + share * unit).to(original.dtype)
        with torch.no_grad():
            module.weight.copy_(weight)
        loss, said = tried.said()
        if not loss < least:
            break
        best, least = weight, loss
        if said >= _SAID:
            break
    return best


def _replies_of(kept: Sequence[Example]) -> Iterator[Placed]:
    """What other texts say, up to some thousand tokens."""
    count = 0
    for each in kept:
        first = int(each.supervised.argmax())
        if first > 0 and count < _OTHERS:
            count += len(each.ids)
            yield Placed(tuple(each.ids.tolist()), 0, first, 0)
