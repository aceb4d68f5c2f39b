"""Do two forms of a model say the same? The same prompts, word by word, and how likely each finds the same replies."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from instill.errors import InstillError
from instill.measure.numbers_in_sentences import beside, limit_text
from instill.models.generators.chat_text import ChatMessage
from instill.models.generators.end_tokens import end_ids
from instill.models.generators.thoughts import ReplyTokens
from instill.train.generator.data.examples import Example, prompt_ids
from instill.train.generator.loop.replies import read_along, reply_tokens

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

GOES_ON = -1


@dataclass(frozen=True, slots=True)
class Said:
    """What a model says to prompts.

    Args:
        replies: greedy, one a prompt; with thoughts, since two forms of a model must think the same too.
        likelihoods: mean log-probability a token of the reference's replies, one a prompt.
        tokens: of its replies, and `GOES_ON` where it would write more than the reference did.
        likeliest: at the place of each token of the reference's replies, the one that the model finds likeliest.
        ends: tokens that end a reply.
    """

    replies: tuple[str, ...]
    likelihoods: tuple[float, ...]
    tokens: tuple[tuple[int, ...], ...] = ()
    likeliest: tuple[tuple[int, ...], ...] = ()
    ends: frozenset[int] = frozenset()


def as_prompts(texts: Sequence[str]) -> list[list[ChatMessage]]:
    """Each text as a conversation of one turn."""
    return [[{"role": "user", "content": text}] for text in texts]


def said_by(
    model: Any, tokenizer: Any, prompts: Sequence[Sequence[ChatMessage]], reference: Said | None = None
) -> Said:
    """What the model says, and how likely it finds what `reference` said (None: what itself said).

    Only the reference writes, token by token. Another form of it reads along: it would write the same exactly if it
    finds each token of the reply likeliest after those before it, and ends where the reply ends.
    """
    writer = ReplyTokens(tokenizer)
    if reference is None:
        said = tuple(tuple(each) for each in reply_tokens(model, tokenizer, prompts, _MOST_TOKENS))
    else:
        said = reference.tokens
    examples = [
        _example(prompt_ids(prompt, tokenizer), tokens, number)
        for number, (prompt, tokens) in enumerate(zip(prompts, said, strict=True))
    ]
    found = read_along(model, examples)
    likeliest = tuple(tuple(each) for _, each in found)
    ends = frozenset(end_ids(model, tokenizer))
    own = said
    if reference is not None:
        pairs = zip(reference.tokens, reference.likeliest, likeliest, strict=True)
        own = tuple(_written(*each, reference.ends, ends) for each in pairs)
    return Said(
        tuple(writer.decode([each for each in tokens if each != GOES_ON]).strip() for tokens in own),
        tuple(total / max(len(each), 1) for total, each in found),
        own,
        likeliest,
        ends,
    )


def _written(
    tokens: Sequence[int],
    by_reference: Sequence[int],
    likeliest: Sequence[int],
    ends_of_reference: Collection[int],
    ends: Collection[int],
) -> tuple[int, ...]:
    """What would be written: the reference's tokens up to the first that differs, with that one.

    Where the reference, reading along, is itself of two minds about a token, either is the same.

    Example:
        >>> _written([5, 6, 2], [5, 6, 2], [5, 7, 2], {2}, {2}), _written([5, 6, 2], [5, 6, 2], [5, 6, 2], {2}, {2})
        ((5, 7), (5, 6, 2))
        >>> _written([5, 6, 2], [5, 6, 2], [5, 6, 2], {2}, {6}), _written([5, 2], [5, 2], [5, 2], {2}, {9})
        ((5, 6), (5, 2, -1))
    """
    found: list[int] = []
    for token, other, own in zip(tokens, by_reference, likeliest, strict=True):
        if own not in (token, other):
            return (*found, own)
        found.append(token)
        if token in ends:
            return tuple(found)
    return (*found, GOES_ON) if found and found[-1] in ends_of_reference else tuple(found)


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
    said = [
        list(zip(each.replies, each.tokens or [()] * len(each.replies), strict=True)) for each in (reference, other)
    ]
    differing = sum(first != second for first, second in zip(*said, strict=True))
    if differing or not worst <= tolerance:
        raise InstillError(
            f"The {form} does not say what the candidate says: {differing} of {len(reference.replies)} replies differ, "
            f"and log-probabilities by up to {beside(worst, tolerance)} a token (at most {limit_text(tolerance)}).",
            remedy="Nothing was written. Where bf16 was chosen, try: --precision float32",
        )
    return worst


def _example(prompt: Any, tokens: Sequence[int], number: int) -> Example:
    supervised = np.zeros(len(prompt) + len(tokens), np.bool_)
    supervised[len(prompt) :] = True
    return Example(np.concatenate([prompt, np.asarray(tokens, np.int32)]), supervised, number)
