"""Edits as a model reads them: prompts with the place where the subject ends, and the reply as tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from instill.errors import UsageError
from instill.train.generator.data.examples import prompt_text

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
