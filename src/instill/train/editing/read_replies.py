"""Replies that are read while one layer changes: their keys and gradients there, and whether the model says them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from instill.train.editing.edit_prompts import Placed, batch
from instill.train.generator.loop.layers import decoder, only_above, only_below
from instill.train.generator.loop.loss import logits_of, next_token_loss

_TOKENS = 4096


def features(model: Any, module: Any, rows: Sequence[Placed], pad: int) -> tuple[Tensor, Tensor]:
    """Keys `(tokens, in)` and gradients `(tokens, out)` of a layer's matrix at the tokens before those of the replies.

    The gradients are those of the replies' loss by what the matrix gives. Both float64.
    """
    keys, gradients = [], []
    given: list[Tensor] = []

    def watch(_: Any, inputs: Any, output: Tensor) -> None:
        output.retain_grad()
        given.extend((inputs[0].detach(), output))

    handle = module.register_forward_hook(watch)
    needs = module.weight.requires_grad
    module.weight.requires_grad_(True)
    try:
        with torch.enable_grad():
            for some in _batches(rows):
                given.clear()
                ids, mask, targets = batch(some, pad)
                asked = targets[:, 1:] != -100
                hidden = decoder(model)(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
                next_token_loss(model, hidden[:, :-1][asked], targets[:, 1:][asked]).backward()
                key, output = given
                assert output.grad is not None
                keys.append(key[:, :-1][asked])
                gradients.append(output.grad[:, :-1][asked])
                model.zero_grad(set_to_none=True)
    finally:
        handle.remove()
        module.weight.requires_grad_(needs)
    return torch.cat(keys).double(), torch.cat(gradients).double()


class Replies:
    """Replies that are read again each time a layer has changed; what is below the layer is computed once.

    Args:
        layer: the lowest one that changes.
    """

    def __init__(self, model: Any, layer: int, rows: Sequence[Placed], pad: int) -> None:
        self._model, self._layer, self._count = model, layer, len(rows)
        self._read = []
        for some in _batches(rows):
            read = batch(some, pad)
            with torch.inference_mode(), only_below(model, layer):
                hidden = self._run(read) if layer else None
            self._read.append((read, hidden))

    def said(self) -> tuple[float, float]:
        """The loss of all replies in nats, and the share of them that the model says word by word."""
        total, said = 0.0, 0
        with torch.inference_mode():
            for read, lower in self._read:
                with nullcontext() if lower is None else only_above(self._model, self._layer, lower):
                    hidden = self._run(read)
                wanted = read[2][:, 1:]
                asked = wanted != -100
                logits = logits_of(self._model, hidden[:, :-1][asked])
                total += float(functional.cross_entropy(logits, wanted[asked], reduction="sum"))
                right = torch.ones_like(asked)
                right[asked] = logits.argmax(-1) == wanted[asked]
                said += int(right.all(1).sum())
        return total, said / self._count

    def _run(self, read: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        found: Tensor = decoder(self._model)(
            input_ids=read[0], attention_mask=read[1], use_cache=False
        ).last_hidden_state
        return found


def _batches(rows: Sequence[Placed]) -> Iterator[list[Placed]]:
    """Rows of like length, a few thousand tokens at a time."""
    found: list[Placed] = []
    for row in sorted(rows, key=lambda each: len(each.ids)):
        if found and (len(found) + 1) * len(row.ids) > _TOKENS:
            yield found
            found = []
        found.append(row)
    if found:
        yield found
