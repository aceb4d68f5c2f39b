"""What the memory knows: uses of spans, facts that recur, and why a fact is, or is not, a candidate for weights."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from instill.catalog import Labels
from instill.common.made_from import Source
from instill.models.encoders.protocol import Vectors

Stage = Literal["indexed", "studied", "consolidated", "forgotten", "deleted"]
Decision = Literal["", "pinned", "excluded"]


@dataclass(frozen=True, slots=True)
class Spot:
    """A span of one version of a document, `nth` (from 0) of `occurrences` of its text there."""

    doc_id: str
    version: str
    start: int
    end: int
    text: str
    nth: int
    occurrences: int


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """A span that carried the answer to a question that somebody asked.

    Args:
        source_labels: of the document then.
        short: the words of the span that answer; "" where none were picked out.
        labels: what the person held who asked.
        vector: of the question, float32 `(dimension,)`, of length 1.
    """

    use_id: int
    usage_id: int
    at: datetime
    question: str
    spot: Spot
    source_labels: tuple[str, ...]
    short: str
    labels: Labels
    vector: Vectors

    @property
    def source(self) -> Source:
        """The document as it was then."""
        return Source(self.spot.doc_id, self.spot.version, tuple(sorted(self.source_labels)))


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """A fact that somebody decided on. `fact_id` stays, whatever is asked later.

    Args:
        source_labels: of the document when it was decided.
        by_hand: its question or answer were written by a person.
        labels: what the person held who decided.
        wordings: other wordings of the question, written by a person.
    """

    fact_id: str
    question: str
    answer: str
    spot: Spot
    source_labels: tuple[str, ...]
    decision: Decision
    by_hand: bool
    note: str
    labels: Labels
    at: str
    wordings: tuple[str, ...] = ()

    @property
    def source(self) -> Source:
        """The document as it was then."""
        return Source(self.spot.doc_id, self.spot.version, tuple(sorted(self.source_labels)))


class Condition(BaseModel):
    """One thing that makes a fact a candidate.

    Args:
        met: None where it was not looked at, because another condition fails.
        said: what was found, in words.
    """

    name: Literal["used", "in place", "stable", "undisputed", "answered", "allowed"]
    met: bool | None
    said: str


class Fact(BaseModel):
    """A fact that people ask for, as it stands now.

    Args:
        question: the wording in which it is asked most often; of those the newest.
        answer: the words of the evidence that answer; "" where they are not known.
        start, end: the evidence's place in the document as it is now; where it stood last, if it has gone.
        evidence: its text.
        labels: whose callers see the document, as far as whoever looks holds them; () is the owner alone.
        uses: questions that it answered; `weight`: the same, an older one counting less.
        wordings: how it was asked, most often first, and then other wordings that a person wrote.
        candidate: every condition is met.
    """

    fact_id: str
    stage: Stage
    question: str
    answer: str
    doc_id: str
    version: str
    source: str
    title: str
    start: int
    end: int
    evidence: str
    labels: tuple[str, ...]
    uses: int
    weight: float
    last_used: str
    wordings: tuple[str, ...]
    decision: Decision
    by_hand: bool
    note: str
    adapter: str
    candidate: bool
    why: tuple[Condition, ...]


class RemovedFact(BaseModel):
    """A fact of which nothing is kept by hand any longer.

    Args:
        still_asked: how many questions of people it answered; with any, it stays in the list in their words.
        adapter: weights in use that hold it until the next consolidation; "" where none do.
    """

    fact_id: str
    question: str
    still_asked: int
    adapter: str


class Facts(BaseModel):
    """Facts, those of the greatest weight first; `total`: how many there are in all."""

    facts: list[Fact]
    total: int
