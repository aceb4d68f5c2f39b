"""What a candidate says to the rows of a gate: the score of each reply, and whether it is a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from instill.measure.judging.refusals import is_refusal
from instill.measure.judging.scorer import question_in
from instill.train.gate.rows import GateRows
from instill.train.gate.scoring import Scoring, score
from instill.train.generator.data.rows import Row

if TYPE_CHECKING:
    from instill.train.gate.probes import Probe  # torch, which a comparison without training does not need


def scores(probe: Probe, rows: GateRows, scoring: Scoring) -> list[float]:
    """Of each row, 0 to 1."""
    said = probe.replies(rows)
    return [
        score(reply, accepted, scoring, question=question_of(row))
        for reply, accepted, row in zip(said, rows.accepted, rows.rows, strict=True)
    ]


def refused(probe: Probe, rows: GateRows, phrases: Sequence[str]) -> list[float]:
    """Of each row, 1 where the reply is a refusal."""
    said = zip(probe.replies(rows), rows.rows, strict=True)
    return [float(is_refusal(reply, phrases, question=question_of(row))) for reply, row in said]


def question_of(row: Row) -> str:
    """What the last turn of the prompt asks, without what stands around it."""
    return question_in(str(row.prompt[-1].get("content") or "")) if row.prompt else ""
