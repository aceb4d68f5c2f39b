"""How long a gate takes, before the training that it is for: from a few words of a few replies."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from instill.train.generator.data.rows import Row
from instill.train.generator.loop.replies import reply_tokens

_AT_ONCE = {"cpu": 8}
"""Rows that are measured together, by device: on a CPU the time grows with them, so that a few tell it."""

_REPLIES_AT_ONCE = 64
"""As many as `replies` writes together at most."""

_WORDS = 9
"""Tokens of a measured reply: the first takes reading the prompt, each further one a step."""

_MODELS = 2
"""That are asked: the base and the candidate."""


@dataclass(frozen=True, slots=True)
class GateTime:
    """What a gate takes.

    Args:
        replies: of candidate and base together. What the base said for an earlier candidate is not asked again.
        seconds: of all of them at most, each as long as the gate allows, without parts of the candidate that are tried
            where all of it forgets too much; None where nothing is replied to.
    """

    replies: int
    seconds: float | None

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def gate_time(model: Any, tokenizer: Any, rows: Sequence[Row], *, max_tokens: int) -> GateTime:
    """Measure the beginning of a few replies of a model; no weight changes.

    Args:
        model: the one that is trained, or one of its size.
        rows: that the gate measures on; those without a prompt are only read along.
        max_tokens: of a reply.
    """
    asked = [row.prompt for row in rows if row.prompt]
    if not asked:
        return GateTime(0, None)
    by_length = sorted(asked, key=lambda prompt: sum(len(str(each.get("content") or "")) for each in prompt))
    at_once = _AT_ONCE.get(next(model.parameters()).device.type, _REPLIES_AT_ONCE)
    step = max(1, len(by_length) // at_once)
    some = by_length[step // 2 :: step][:at_once]  # Of all lengths.
    words = min(_WORDS, max_tokens)
    was_training = model.training
    model.eval()
    try:
        reply_tokens(model, tokenizer, some[:1], 1)  # What is slow the first time only.
        first, all_ = (_seconds(model, tokenizer, some, count) for count in (1, words))
    finally:
        model.train(was_training)
    each = max(0.0, all_ - first) / max(1, words - 1)
    batches = ceil(len(asked) / len(some))
    return GateTime(_MODELS * len(asked), _MODELS * batches * (first + each * (max_tokens - 1)))


def _seconds(model: Any, tokenizer: Any, prompts: Sequence[Any], words: int) -> float:
    started = time.perf_counter()
    reply_tokens(model, tokenizer, prompts, words)
    return time.perf_counter() - started
