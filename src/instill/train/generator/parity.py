"""Do two forms of a model say the same? The same prompts, word by word, and how likely each finds the same replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from instill.errors import InstillError
from instill.generators.chat import ChatMessage
from instill.measure.saying import beside, limit_text
from instill.train.generator.examples import Example, prompt_ids
from instill.train.generator.replies import log_likelihoods, replies

Precision = Literal["float32", "bf16"]

TOLERANCE: dict[Precision, float] = {"float32": 1e-4, "bf16": 5e-2}
"""Largest difference of a prompt's mean log-probability, in nats a token.

Measured on random models of two layers: merging in float32 moves it by up to 2e-6, weights rounded to bfloat16 by up
to 2e-2.
"""

PROMPTS = (
    "Hello!",
    "Who are you?",
    "What can you help me with?",
    "Write one sentence about the sea.",
    "Give the answer as JSON: the colour of the sky.",
    "List three numbers.",
    "What is the opposite of warm?",
    "Translate to French: good morning.",
)
"""Used where the user gives none."""

_MOST_TOKENS = 32


@dataclass(frozen=True, slots=True)
class Said:
    """What a model says to prompts.

    Args:
        replies: greedy, one a prompt; with thoughts, since two forms of a model must think the same too.
        likelihoods: mean log-probability a token of the reference's replies, one a prompt.
    """

    replies: tuple[str, ...]
    likelihoods: tuple[float, ...]


def as_prompts(texts: Sequence[str]) -> list[list[ChatMessage]]:
    """Each text as a conversation of one turn."""
    return [[{"role": "user", "content": text}] for text in texts]


def said_by(
    model: Any, tokenizer: Any, prompts: Sequence[Sequence[ChatMessage]], reference: Said | None = None
) -> Said:
    """What the model says, and how likely it finds what `reference` said (None: what itself said)."""
    own = tuple(replies(model, tokenizer, prompts, max_tokens=_MOST_TOKENS, thoughts=True))
    judged = own if reference is None else reference.replies
    examples = [
        _example(prompt_ids(prompt, tokenizer), text, tokenizer, number)
        for number, (prompt, text) in enumerate(zip(prompts, judged, strict=True))
    ]
    found = log_likelihoods(model, examples)
    return Said(own, tuple(total / max(count, 1) for total, count in found))


def agree(reference: Said, other: Said, form: str, tolerance: float) -> float:
    """The largest difference of a mean log-probability.

    Args:
        form: what `other` is, for the error: "merged model".
        tolerance: in nats a token.

    Raises:
        InstillError: a reply differs, or a difference is above the tolerance.

    Example:
        >>> agree(Said(("yes",), (-0.5,)), Said(("yes",), (-0.51,)), "merged model", 0.05)
        0.01
    """
    pairs = zip(reference.likelihoods, other.likelihoods, strict=True)
    worst = round(max((abs(first - second) for first, second in pairs), default=0.0), 9)
    differing = sum(first != second for first, second in zip(reference.replies, other.replies, strict=True))
    if differing or not worst <= tolerance:
        raise InstillError(
            f"The {form} does not say what the candidate says: {differing} of {len(reference.replies)} replies differ, "
            f"and log-probabilities by up to {beside(worst, tolerance)} a token (at most {limit_text(tolerance)}).",
            remedy="Nothing was written. Where bf16 was chosen, try: --precision float32",
        )
    return worst


def _example(prompt: Any, reply: str, tokenizer: Any, number: int) -> Example:
    ids = tokenizer(reply, add_special_tokens=False)["input_ids"]
    if tokenizer.eos_token_id is not None:
        ids = [*ids, tokenizer.eos_token_id]
    supervised = np.zeros(len(prompt) + len(ids), np.bool_)
    supervised[len(prompt) :] = True
    return Example(np.concatenate([prompt, np.asarray(ids, np.int32)]), supervised, number)
