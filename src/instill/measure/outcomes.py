"""What a comparison is made of: a row for each question and arm, what each arm cost, and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["correct", "wrong", "abstained"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one arm said to one question.

    Args:
        item: id of the study item.
        group: questions about one fact fail together; its id, or the document's.
        task: "facts", "paraphrase", "reverse", "two documents", "unanswerable", "control", "noise", "conflict",
            "contradiction", "freshness", "format", "tone"; what the question measures.
        kind: "abstained" is right for an unanswerable question, and a miss for the others.
        exact, f1: 0 to 1, against the nearest accepted answer; 0 where it abstained.
        right: 0 to 1; what is compared: for an unanswerable question whether it abstained, else `exact`.
        citation_precision: share of the citations whose quote is in the evidence; None where nothing is cited.
        recall: whether a passage with the evidence was among those given; None for arms without passages.
        seconds: of the answer. tokens_in, tokens_out: as the model counts them. money: at the configured prices.
        prompt: id of the logged prompt.
        quoted: the reply is quoted from documents, so that it is right wherever the answer stands in it.
    """

    item: str
    arm: str
    group: str
    task: str
    question: str
    expected: tuple[str, ...]
    reply: str
    kind: Kind
    exact: float
    f1: float
    right: float
    citation_precision: float | None
    recall: float | None
    seconds: float
    tokens_in: int
    tokens_out: int
    money: float
    prompt: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Preparation:
    """What an arm costs before its first answer, and for one more fact.

    Args:
        seconds, money: of indexing or training, in all, with the writing of replay rows that the training shows.
        facts: how many facts that made answerable.
        seconds_per_fact, money_per_fact: measured for one more fact, where that was measured; else the share of one.
        replay_seconds: of `seconds`, those of writing replay rows.
    """

    arm: str
    seconds: float
    money: float
    facts: int
    seconds_per_fact: float
    money_per_fact: float
    replay_seconds: float = 0.0
