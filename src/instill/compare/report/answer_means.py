"""What an arm's answers cost and hold, on average: time, tokens, money, F1, citations, passages found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from instill.measure.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Answers:
    """Of one arm.

    Args:
        seconds: median of an answer. slow: what 19 of 20 answers do not exceed.
        tokens_in, tokens_out, money: mean of an answer.
        words: median of an answer, abstentions left out: what a person has to read; None where there is none.
        f1: mean over the questions that can be answered; None without any.
        recall: share of the questions whose passage was among those given; None for an arm without passages.
        precision: mean share of an answer's citations whose quote is in the evidence; None where nothing is cited.
        abstained: share of the questions that can be answered.
    """

    arm: str
    questions: int
    seconds: float
    slow: float
    tokens_in: float
    tokens_out: float
    money: float
    words: float | None
    f1: float | None
    recall: float | None
    precision: float | None
    abstained: float | None


def answers(outcomes: Sequence[Outcome], arms: Sequence[str]) -> list[Answers]:
    """Of each arm that answered anything.

    Example:
        >>> row = Outcome("q1", "retrieval", "f1", "facts", "?", ("a",), "a", "correct", 1, 1, 1, 1, 1, 0.2, 9, 1, 0, "p")
        >>> answers([row], ["retrieval", "oracle"])[0].seconds
        0.2
    """  # noqa: E501 - a row as it is written
    found = []
    for arm in arms:
        rows = [row for row in outcomes if row.arm == arm]
        if not rows:
            continue
        answerable = [row for row in rows if row.task not in ("unanswerable", "control")]
        read = [len(row.reply.split()) for row in rows if row.kind != "abstained" and row.reply.strip()]
        times = sorted(row.seconds for row in rows)
        found.append(
            Answers(
                arm,
                len(rows),
                median(times),
                times[-(-95 * len(times) // 100) - 1],
                sum(row.tokens_in for row in rows) / len(rows),
                sum(row.tokens_out for row in rows) / len(rows),
                sum(row.money for row in rows) / len(rows),
                median(read) if read else None,
                _mean([row.f1 for row in answerable]),
                _mean([row.recall for row in answerable if row.recall is not None]),
                _mean([row.citation_precision for row in answerable if row.citation_precision is not None]),
                _mean([float(row.kind == "abstained") for row in answerable]),
            )
        )
    return found


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
