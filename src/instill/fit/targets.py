"""Whether a ranking finds what a question asks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from instill.fit.trials import Trial, is_hidden
from instill.index.types import Hit
from instill.study.types import AskedQuestion, StudyQuestion


@dataclass(frozen=True, slots=True)
class Target:
    """A question and what a right passage holds.

    Args:
        group: the document that it is about, or the question itself where that is not known.
        span: `(doc_id, start, end)` of the answer, or None.
        texts: where there is no span: texts of which a right passage holds one, by whole words.
    """

    question: str
    group: str
    span: tuple[str, int, int] | None = None
    texts: tuple[str, ...] = ()

    def is_held_by(self, hit: Hit) -> bool:
        """Does the passage hold half of the answer's characters or more, or one of the texts?"""
        if self.span is None:
            return is_hidden(hit, Trial(self.question, quotes=self.texts))
        doc_id, start, end = self.span
        return hit.doc_id == doc_id and 2 * (min(hit.end, end) - max(hit.start, start)) >= end - start


def targets_of(questions: Iterable[StudyQuestion | AskedQuestion]) -> list[Target]:
    """A target for each question that the documents answer."""
    targets = []
    for question in questions:
        if isinstance(question, StudyQuestion):
            span = (question.doc_id, question.start, question.end)
            targets.append(Target(question.question, question.doc_id, span))
        elif question.answerable:
            first = question.evidence[0] if question.evidence else None
            group = (first.doc_id or first.source) if first else ""
            texts = tuple(part.text for part in question.evidence) or (question.answer,)
            targets.append(Target(question.question, group or question.question, None, texts))
    return targets


def rank_of(hits: Sequence[Hit], target: Target) -> int:
    """The rank of the first hit that holds the answer, from 1; 0 when none does."""
    return next((rank for rank, hit in enumerate(hits, start=1) if target.is_held_by(hit)), 0)


def reciprocal(rank: int, deepest: int = 10) -> float:
    """`1 / rank`, and 0 for a rank of 0 or below `deepest`.

    Example:
        >>> reciprocal(4), reciprocal(11), reciprocal(0)
        (0.25, 0.0, 0.0)
    """
    return 1 / rank if 0 < rank <= deepest else 0.0


def read_until(hits: Sequence[Hit], target: Target, unit: float) -> float:
    """How much is read until the answer is, in units of `unit` characters, at least 1; 0 when it is not found.

    Ranks of passages of different sizes cannot be compared: one long passage holds what five short ones hold.

    Example: at 100 characters a unit, an answer in the second of two passages of 150 characters is found after 3.0.
    """
    read = 0
    for hit in hits:
        read += len(hit.text)
        if target.is_held_by(hit):
            return max(1.0, read / unit)
    return 0.0
