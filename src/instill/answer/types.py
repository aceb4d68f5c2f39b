"""An answer: claims, each with verbatim spans of sources, or an honest refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Role = Literal["user", "assistant"]

REFUSAL = "The documents do not answer this question."

UNSURE = "No certain answer was found. The passages that come nearest may have it."
"""A refusal that does not claim that the documents do not answer."""

UNSURE_FROM = 0.1
"""A refusal of this confidence, for which nothing is known to be missing, is unsure: of 49 such refusals of development
questions, the documents answered 40; of 19 below it, 1."""


def is_refusal(text: str) -> bool:
    """Whether an answer's text is a refusal, with or without a sentence on what is missing."""
    return text.startswith((REFUSAL, UNSURE))


@dataclass(frozen=True, slots=True)
class Citation:
    """A span of a document: `document.text[start:end] == text`, checked before it is shown.

    `headings` is the heading path ("Guide > Install"), `page` the first page the span touches, from 1, or None; `line`
    its first line in the file, from 1, for text, Markdown, reStructuredText and code, else None.
    """

    doc_id: str
    source: str
    title: str
    start: int
    end: int
    text: str
    headings: str = ""
    page: int | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement of the answer, and the spans that support it, one or more."""

    text: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that was considered, with both scores, for the trace and for "nearest passages" of a refusal."""

    doc_id: str
    source: str
    title: str
    ordinal: int
    start: int
    end: int
    text: str
    headings: str
    page: int | None
    score: float
    keyword_score: float
    vector_score: float


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation. `Answer.turns` returns a question and its answer as two turns.

    Args:
        topics: titles and headings that an answer cited.
        documents: the ids of the documents that it cited.
    """

    role: Role
    text: str
    topics: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """How the answer was made.

    Args:
        question: as the user asked it.
        standalone_question: the question rewritten so that it is complete without the conversation. This is searched
            for.
        method: "extractive", "generator" or "clusters".
        candidates: passages considered, best first.
        context: what the generator was given, in this order; for extractive answers, the passages that the reader read.
        clusters: for `mode="clusters"`, a line about each cluster (its terms and size).
        dropped_claims: claims that failed the check of their quotes.
        generator: the generator's name, "" without one.
        tier: "index", or "cache" for an earlier answer whose sources have not changed since.
        failure: why the generator gave no answer, so that the documents are quoted instead; "" if it did not fail.
        unread: documents that the service was still reading when the question was asked.
    """

    question: str
    standalone_question: str
    method: str
    candidates: Sequence[Candidate] = ()
    context: Sequence[Candidate] = ()
    clusters: Sequence[str] = ()
    dropped_claims: int = 0
    generator: str = ""
    tier: str = "index"
    failure: str = ""
    unread: int = 0


UNCERTAIN_BELOW = 0.8
"""An answer of less confidence is shown as one to be checked: of those that strangers got, about half were right."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What `ask` returns.

    Args:
        text: the answer as text; for a refusal, the sentence that says so: that the documents do not answer, or, where
            something comes near, that no certain answer was found.
        short: the exact words of the answer, taken from one of the quotes ("80 degrees"). "" if there are none.
        claims: the statements with their citations; empty when abstained.
        confidence: 0 to 1.
        abstained: True when the documents do not answer.
        notices: things the user should know ("the endpoint timed out; this answer quotes the documents").
        timings: milliseconds by step.
        nearest: for a refusal, the pieces of the documents that come nearest, to look at. They are not an answer. Empty
            otherwise.
        question_id: number of the question in the log of questions, for judging the answer. None if nothing is logged.
    """

    text: str
    claims: tuple[Claim, ...]
    confidence: float
    abstained: bool
    trace: Trace
    notices: tuple[str, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    short: str = ""
    nearest: tuple[Claim, ...] = ()
    question_id: int | None = field(default=None, compare=False)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """All citations in the order of the claims, each once."""
        return citations_of(self.claims)

    @property
    def is_uncertain(self) -> bool:
        """Whether its source should be read before one relies on it: an answer of little confidence."""
        return not self.abstained and self.confidence < UNCERTAIN_BELOW

    def turns(self) -> tuple[Turn, Turn]:
        """The question and this answer as turns of a conversation, for `ask(..., history=...)`."""
        names = (name for each in self.citations for name in (each.title, each.headings.rpartition(" > ")[2]))
        topics = tuple(dict.fromkeys(name for name in names if name))
        documents = tuple(dict.fromkeys(each.doc_id for each in self.citations))
        return Turn("user", self.trace.question), Turn("assistant", self.text, topics, documents)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def citations_of(claims: Sequence[Claim]) -> tuple[Citation, ...]:
    """All citations in the order of the claims, each once."""
    return tuple(dict.fromkeys(citation for claim in claims for citation in claim.citations))
