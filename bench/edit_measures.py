"""What both benches of edits share: questions with right answers, and how large the changed matrix became."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from instill.measure.judging.scorer import judge
from instill.train.generator.loop.replies import replies


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and the replies that are right."""

    question: str
    right: tuple[str, ...]


def right(model: Any, tokenizer: Any, asked: Sequence[Asked], max_tokens: int = 12) -> list[bool]:
    """Which questions are answered rightly, without any document."""
    prompts: list[Any] = [[{"role": "user", "content": each.question}] for each in asked]
    said = replies(model, tokenizer, prompts, max_tokens=max_tokens)
    return [
        judge(reply, each.right, question=each.question).right == 1 for reply, each in zip(said, asked, strict=True)
    ]


def norm_of(model: Any, weights: Mapping[str, Tensor]) -> float:
    """The norm of the matrix that edits changed, by what it was."""
    known = dict(model.named_parameters())
    return max(float(value.norm() / known[name].norm()) for name, value in weights.items())
