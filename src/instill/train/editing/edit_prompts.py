"""Edits as a model reads them: prompts with the place where the subject ends, keys there, and keys of other texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from instill.errors import UsageError
from instill.train.generator.data.examples import Example, prompt_text
from instill.train.generator.loop.layers import decoder, decoder_layers

CONTEXTS = ("", "Tell me: ", "I want to know this. ", "One question: ", "Please answer. ")
"""Stand before a question. A fact's key is the mean over them, so that it does not hang on how the prompt begins (ROME,
equation 3, takes texts that the model wrote)."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What a model is to say.

    Args:
        subject: whom or what it is about; it stands in the prompt.
        prompt: a question, with the subject in it.
        value: the reply.
    """

    subject: str
    prompt: str
    value: str


@dataclass(frozen=True, slots=True)
class Placed:
    """One prompt with its reply as tokens.

    Args:
        at: the token with which the subject ends.
        reply: the first token of the reply.
        edit: the number of the edit it belongs to.
    """

    ids: tuple[int, ...]
    at: int
    reply: int
    edit: int


def placed(edits: Sequence[Edit], tokenizer: Any, contexts: Sequence[str] = CONTEXTS) -> list[Placed]:
    """Each edit's prompt after each context, with the reply and its end.

    Raises:
        UsageError: a prompt does not hold its subject, or a value is empty.
    """
    found = []
    for number, edit in enumerate(edits):
        if not edit.subject.strip() or edit.subject not in edit.prompt:
            raise UsageError("The prompt does not hold the subject.", where=edit.prompt, remedy="Put {} in its place.")
        if not edit.value.strip():
            raise UsageError("The new value is empty.", where=edit.prompt)
        for context in contexts:
            before = prompt_text([{"role": "user", "content": context + edit.prompt}], tokenizer)
            end = before.rfind(edit.subject) + len(edit.subject)
            read = tokenizer(before, add_special_tokens=False, return_offsets_mapping=True)
            at = max(place for place, (first, _) in enumerate(read["offset_mapping"]) if first < end)
            said = tokenizer(edit.value, add_special_tokens=False)["input_ids"]
            ids = (*read["input_ids"], *said, tokenizer.eos_token_id)
            found.append(Placed(ids, at, len(read["input_ids"]), number))
    return found


def batch(rows: Sequence[Placed], pad: int) -> tuple[Tensor, Tensor, Tensor]:
    """Token ids `(rows, tokens)`, padded on the right; the attention mask; targets, -100 where nothing is asked."""
    width = max(len(row.ids) for row in rows)
    ids = torch.full((len(rows), width), pad)
    mask = torch.zeros((len(rows), width), dtype=torch.int64)
    targets = torch.full((len(rows), width), -100)
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)] = torch.tensor(row.ids)
        mask[number, : len(row.ids)] = 1
        targets[number, row.reply : len(row.ids)] = torch.tensor(row.ids[row.reply :])
    return ids, mask, targets


def matrix(model: Any, layer: int) -> Any:
    """The matrix of a layer that facts are written into: the last of its MLP.

    Raises:
        UsageError: the model is not of Llama's architecture, or has no such layer.
    """
    layers = decoder_layers(model)
    if not 0 <= layer < len(layers):
        raise UsageError(f"The model has {len(layers)} layers.", where=f"layer {layer}")
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
