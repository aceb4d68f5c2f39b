"""The answers that were not right, sorted by what went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from instill.measure.outcomes import Outcome

SortedKind = Literal[
    "answered without support",
    "format or tone missed",
    "passage not found",
    "abstained beside the passage",
    "wrong beside the passage",
    "nearly right",
    "abstained without passages",
    "wrong without passages",
]
"""What is told here, from an outcome alone."""

KINDS = {
    "error": "The generator gave no answer.",
    "answered without support": "The documents do not answer the question, and it answered all the same.",
    "answered though unanswerable": "The documents do not answer the question, and it answered all the same.",
    "format or tone missed": "The reply is not of the form or the tone that was asked for.",
    "no clear answer": "The reply holds the answer without committing itself to it, says nothing, or runs in circles.",
    "passage not found": "The evidence, or a part of it, was not among the passages that it was given.",
    "evidence not retrieved": "It was given passages, and the evidence, or a part of it, was not among them.",
    "abstained though answerable": "It did not answer, though it was given the evidence or no passages at all.",
    "abstained beside the passage": "It was given the evidence and did not answer.",
    "wrong value from the same document": "It gave the value of another fact of the same document.",
    "value of another subject": "It gave the value of a fact of another document.",
    "wrong beside the passage": "It was given the evidence and answered something else.",
    "nearly right": "Half of the words or more agree with the expected answer.",
    "abstained without passages": "It had no passages to read and did not answer.",
    "wrong without passages": "It had no passages to read and answered something else.",
    "other": "It answered something else, which is the value of no other fact either.",
}
"""Each kind, and what it is: those of `SortedKind`, and the causes that a comparison finds out, which knows the
documents too (`instill.compare.failure_causes.FailureKind`)."""

_NEARLY = 0.5


@dataclass(frozen=True, slots=True)
class Failures:
    """One kind.

    Args:
        counts: of each arm that has any, in the order of the outcomes.
        examples: of different arms where there are.
    """

    kind: str
    counts: dict[str, int]
    examples: tuple[Outcome, ...]


def failures(
    outcomes: Sequence[Outcome], causes: Mapping[tuple[str, str, str], str] | None = None, *, examples: int = 4
) -> list[Failures]:
    """By kind, in the order of `KINDS` and then of the outcomes; kinds without any are left out.

    Controls are left out: without passages nobody is to know them.

    Args:
        causes: why an outcome failed, by (task, item, arm), where that was found out; others are sorted here.
        examples: of each kind, at most.

    Example:
        >>> row = Outcome("q1", "retrieval", "f1", "facts", "?", ("a",), "b", "wrong", 0, 0, 0, None, 0.0, .1, 9, 1, 0, "p")
        >>> [(each.kind, each.counts) for each in failures([row])]
        [('passage not found', {'retrieval': 1})]
    """  # noqa: E501 - a row as it is written
    arms = dict.fromkeys(row.arm for row in outcomes)
    by_kind: dict[str, list[Outcome]] = {kind: [] for kind in KINDS}
    for row in outcomes:
        if row.right < 1 and row.task != "control":
            kind = (causes or {}).get((row.task, row.item, row.arm)) or _kind(row)
            by_kind.setdefault(kind, []).append(row)
    found = []
    for kind, rows in by_kind.items():
        if rows:
            counts = {arm: sum(row.arm == arm for row in rows) for arm in arms}
            there = {arm: count for arm, count in counts.items() if count}
            found.append(Failures(kind, there, _spread(rows, examples)))
    return found


def _kind(row: Outcome) -> SortedKind:
    if row.task == "unanswerable":
        return "answered without support"
    if row.task in ("format", "tone"):
        return "format or tone missed"
    if row.kind != "abstained" and row.f1 >= _NEARLY:
        return "nearly right"
    if row.recall is not None and row.recall < 1:
        return "passage not found"
    if row.kind == "abstained":
        return "abstained without passages" if row.recall is None else "abstained beside the passage"
    return "wrong without passages" if row.recall is None else "wrong beside the passage"


def _spread(rows: Sequence[Outcome], most: int) -> tuple[Outcome, ...]:
    """One of each arm in turn, and of different tasks and questions before the same again."""
    turns: dict[str, int] = {}
    seen: dict[tuple[str, str], int] = {}
    items: dict[str, int] = {}
    ranked = []
    for row in rows:
        same_task = seen[row.arm, row.task] = seen.get((row.arm, row.task), 0) + 1
        same_item = items[row.item] = items.get(row.item, 0) + 1
        turns[row.arm] = turns.get(row.arm, 0) + 1
        ranked.append((same_item, same_task, turns[row.arm]))
    order = sorted(range(len(rows)), key=lambda place: ranked[place])
    return tuple(rows[place] for place in order[:most])
