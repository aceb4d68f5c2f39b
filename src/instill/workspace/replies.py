"""What `--json` prints and what the service answers: one form for each, so that both say the same.

Where a room has a type of its own (an answer, a report of an ingest, a card), that is the form. Here are the others,
which hold several of them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from instill.common.made_from import OWNER, Caller
from instill.index.types import DocumentRecord, Hit, SearchResult

if TYPE_CHECKING:
    import pyarrow as pa

    from instill.models.registry.store import Registry
    from instill.study.study_set import StudyCard


def plain(value: Any) -> Any:
    """What JSON has no word for, as something that it has: for `json.dumps(..., default=plain)`.

    Example:
        >>> plain((1, 2)), plain(b"\x01"), plain({"a"})
        ([1, 2], '01', ['a'])
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


class Documents(BaseModel):
    """All documents that the caller may see, by source."""

    documents: Sequence[DocumentRecord]


class Removed(BaseModel):
    """Documents that are taken out."""

    removed: Sequence[DocumentRecord]


class Found(BaseModel):
    """Passages, best first. `searched` is the query with misspelt words replaced; `timings` in milliseconds."""

    query: str
    searched: str
    notices: Sequence[str]
    hits: Sequence[Hit]
    timings: Mapping[str, float]

    @classmethod
    def of(cls, query: str, result: SearchResult) -> Found:
        """What a search found."""
        return cls(
            query=query,
            searched=result.searched or query,
            notices=result.notices,
            hits=result.hits,
            timings=result.timings,
        )


class Rows(BaseModel):
    """The result of a query: its columns in order, and its rows by column."""

    columns: Sequence[str]
    rows: Sequence[dict[str, Any]]

    @classmethod
    def of(cls, table: pa.Table) -> Rows:
        """A table's rows, as JSON knows them; bytes are written in hexadecimal.

        Raises:
            UsageError: a column holds values that Python has no type for.
        """
        from instill.index.sql_values import plain_rows

        rows = json.loads(json.dumps(plain_rows(table), default=plain))
        return cls(columns=table.column_names, rows=rows)


class ConversationEntry(BaseModel):
    """A conversation in a list: `turns` counts questions and answers; `asked_by` began it ("": not known)."""

    conversation_id: str
    started: str
    asked_by: str = ""
    turns: int
    first_question: str | None


class Conversations(BaseModel):
    """The newest conversations that the caller may see.

    Args:
        total: how many there are.
        next: how many to leave out (`after`) for those that come next; None: these are the last.
    """

    conversations: Sequence[ConversationEntry]
    total: int
    next: int | None

    @classmethod
    def of(cls, found: Sequence[Mapping[str, Any]], total: int, after: int = 0) -> Conversations:
        """A part of the list, which leaves out the first `after`."""
        end = after + len(found)
        listed = [ConversationEntry.model_validate(each) for each in found]
        return cls(conversations=listed, total=total, next=end if found and end < total else None)


class Candidates(BaseModel):
    """Trained candidates, oldest first: id, whether it is in use, what is wrong with its card, and what that says."""

    candidates: Sequence[dict[str, Any]]


class Studies(BaseModel):
    """Cards of study sets, oldest first."""

    studies: Sequence[dict[str, Any]]


def study_card(card: StudyCard, labels: Sequence[str] | None) -> dict[str, Any]:
    """A study set's card, with those labels of its documents only that the caller holds."""
    return {**card.model_dump(mode="json"), "sources": card.made_from.shown_to(labels).as_json()}


def studies_of(home: Path, caller: Caller) -> Studies:
    """The study sets that a caller may see.

    Args:
        home: the workspace's `.instill`.
    """
    from instill.study.stored_study import list_studies

    return Studies(studies=[study_card(each.card, caller.labels) for each in list_studies(home, caller)])


def candidates_of(registry: Registry, caller: Caller = OWNER) -> Candidates:
    """All candidates whose documents the caller may see."""
    from instill.models.registry.champions import Champions

    used = {line.champion for line in Champions(registry).lines().values() if line.champion}
    found = []
    for entry in registry.entries():
        card = entry.card
        if caller.labels is not None and (card is None or not caller.sees(card.made_from)):
            continue
        said = {
            "made": card.made if card else None,
            "base": card.base.name if card else None,
            "rows": card.rows.count if card else None,
            "objective": card.objective if card else None,
            "method": card.recipe.get("method") if card else None,
            "parent": card.parent if card else None,
            "gate": card.verdict if card else None,
        }
        found.append({"id": entry.id, "champion": entry.id in used, "problem": entry.problem, **said})
    return Candidates(candidates=found)
