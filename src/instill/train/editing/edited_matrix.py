"""The matrix of a layer that facts are written into, and its keys: what goes into it at a token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from instill.errors import UsageError
from instill.train.editing.edit_prompts import Placed, batch
from instill.train.generator.data.examples import Example
from instill.train.generator.loop.layers import decoder, decoder_layers


def matrix(model: Any, layer: int) -> Any:
    """The matrix of a layer that facts are written into: the last of its MLP.

    Raises:
        UsageError: the model is not of Llama's architecture, or has no such layer.
    """
    layers = decoder_layers(model)
    if not 0 <= layer < len(layers):
        raise UsageError(
            f"The model has {len(layers)} layers.",
            where=f"layer {layer}",
            remedy=f"Name a number from 0 to {len(layers) - 1}, or leave the option out.",
        )
    found = getattr(getattr(layers[layer], "mlp", None), "down_proj", None)
    if not isinstance(found, torch.nn.Linear):
        raise UsageError(
            "Only models of Llama's architecture can be edited.",
            where=type(model).__name__,
            remedy="Keep the fact in the index, or train it: instill consolidate",
        )
    return found


@contextmanager
def seen(module: Any, kept: list[Tensor]) -> Iterator[None]:
    """Inside, what goes into the module is kept, `(rows, tokens, in)` of each call."""
    handle = module.register_forward_pre_hook(lambda _, given: kept.append(given[0].detach()))
    try:
        yield
    finally:
        handle.remove()


def keys_at(model: Any, module: Any, rows: Sequence[Placed], pad: int, edits: int) -> Tensor:
    """The mean key of each edit where its subject ends, `(edits, in)`."""
    kept: list[Tensor] = []
    ids, mask, _ = batch(rows, pad)
    with torch.inference_mode(), seen(module, kept):
        decoder(model)(input_ids=ids, attention_mask=mask, use_cache=False)
    [given] = kept
    found = given[torch.arange(len(rows)), torch.tensor([row.at for row in rows])]
    sums = torch.zeros(edits, given.shape[-1])
    numbers = torch.tensor([row.edit for row in rows])
    sums.index_add_(0, numbers, found.float())
    return sums / torch.bincount(numbers, minlength=edits)[:, None]


def keys_of_texts(model: Any, module: Any, examples: Sequence[Example], most: int = 20_000) -> Tensor:
    """The keys of every token of texts, `(tokens, in)`; `most` of them at most."""
    kept: list[Tensor] = []
    count = 0
    with torch.inference_mode(), seen(module, kept):
        for example in examples:
            if count >= most:
                break
            ids = torch.from_numpy(example.ids.astype(np.int64))[None]
            decoder(model)(input_ids=ids, use_cache=False)
            count += len(example.ids)
    if not kept:
        return torch.zeros(0, module.in_features)
    return torch.cat([each[0] for each in kept])[:most].float()
