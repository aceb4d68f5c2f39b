"""A study set: facts with their evidence, and the questions that teach and test them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from instill.common.made_from import MadeFrom

Split = Literal["train", "gate", "audit"]
Form = Literal["direct", "reworded", "keywords", "reverse", "indirect", "two_documents"]
Phrasing = Literal["direct", "reworded", "keywords", "reverse", "indirect", "two_documents", "unanswerable", "control"]
Role = Literal["taught", "control", "removed"]

SPLITS: tuple[Split, ...] = get_args(Split)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Evidence(_Frozen):
    """A span of a document's canonical text, in characters, with its text."""

    doc_id: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    text: str


class Fact(_Frozen):
    """A statement of a document, with one part of it that can be asked for.

    Args:
        id: `fact_id` of document, evidence and answer.
        evidence: the sentence (or a heading with the sentence below it).
        subject: what the statement is about, as it reads inside a sentence; "" where the rules are not sure.
        answer: verbatim in the evidence.
        start, end: the answer's span in characters of the canonical text.
        kind: "definition", "heading", "date", "number", "name", "place", "reason", "cloze", or what a generator says.
        role: "taught"; "control", which no training text may hold; "removed", asked with its evidence hidden only.
        title: of the document.
    """

    id: str
    doc_id: str
    evidence: Evidence
    subject: str
    answer: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    kind: str
    role: Role = "taught"
    title: str = ""


class StudyItem(_Frozen):
    """One question of a study set.

    Args:
        id: `item_id` of facts, question and answer.
        fact_ids: the facts that it asks about; two for "two_documents".
        phrasing: how it asks; "unanswerable" and "control" say what for, and `form` then says how.
        answer: verbatim in the evidence; "" when unanswerable.
        accepted: answers that count as right, the first is `answer`; () when unanswerable.
        evidence: what answers it; () when unanswerable.
        excluded: what must be hidden when it is asked; only of unanswerable items.
        split: "train", or "gate" and "audit", which ask in phrasings that training did not see.
        writer: "rules", or the generator's name.
    """

    id: str
    fact_ids: tuple[str, ...] = Field(min_length=1)
    phrasing: Phrasing
    form: Form
    question: str = Field(min_length=1)
    answer: str
    accepted: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    excluded: tuple[Evidence, ...] = ()
    split: Split = "train"
    writer: str = "rules"


class LeftOut(_Frozen):
    """A question of a person that is not in the study set.

    Args:
        reason: why.
        doc_ids: of the documents that its evidence is in; () where it was tied to none.
    """

    question: str = Field(min_length=1)
    reason: str
    doc_ids: tuple[str, ...] = ()


class StudyCard(_Frozen):
    """Everything that is counted of a study set.

    Args:
        id: of the set; it changes with any fact, item, split or row.
        writer: "rules", or the generator's name.
        settings: as given, the seed among them.
        documents: how many were read, and how many of them yielded no fact, by reason.
        sentences: how many of prose, how many were used, and the others by reason.
        facts: counts by "kind" and by "role".
        items: counts by split, of each by phrasing.
        writers: how many questions each wrote: "people", "rules", or a generator's name; {} from an older Instill.
        rejected: items that were written and left out, by reason.
        rejected_of_people: of them, the questions of people.
        rows: training rows by task.
        leaks: what was compared, and what was found and taken out, by kind.
        hashes: sha256 of each file.
        made: ISO 8601 UTC.
        sources: the documents that were read, as `MadeFrom.as_json` gives them; None where nobody wrote them down.
    """

    id: str
    writer: str
    settings: dict[str, Any]
    documents: dict[str, int]
    sentences: dict[str, int]
    facts: dict[str, dict[str, int]]
    items: dict[str, dict[str, int]]
    rejected: dict[str, int]
    writers: dict[str, int] = Field(default_factory=dict)
    rejected_of_people: dict[str, int] = Field(default_factory=dict)
    rows: dict[str, int]
    leaks: dict[str, int]
    notes: tuple[str, ...] = ()
    hashes: dict[str, str] = Field(default_factory=dict)
    made: str = ""
    sources: list[dict[str, Any]] | None = None

    @property
    def made_from(self) -> MadeFrom:
        """The documents that were read."""
        return MadeFrom.from_json(self.sources)


class StudySet(_Frozen):
    """Facts, items and the card."""

    facts: tuple[Fact, ...]
    items: tuple[StudyItem, ...]
    card: StudyCard

    def of(self, split: Split) -> list[StudyItem]:
        """The items of one split, in their order."""
        return [item for item in self.items if item.split == split]


def fact_id(doc_id: str, start: int, end: int, answer: str) -> str:
    """16 hexadecimal digits of document, evidence span and answer.

    Example:
        >>> fact_id("d1", 0, 52, "1987") == fact_id("d1", 0, 52, "1987") != fact_id("d1", 0, 52, "Marta Lindqvist")
        True
    """
    return digest([doc_id, start, end, answer])


def item_id(fact_ids: Iterable[str], question: str, answer: str) -> str:
    """16 hexadecimal digits of facts, question and answer."""
    return digest([list(fact_ids), question, answer])


def digest(value: Any) -> str:
    """16 hexadecimal digits of the SHA-256 of `value` as JSON."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
