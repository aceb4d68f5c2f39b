"""What people decided on facts: kept in the catalog, under the labels of who decided."""

from __future__ import annotations

import json
from dataclasses import replace

import sqlalchemy as sa

from instill.catalog import Catalog, Labels, may_see, stored_labels
from instill.catalog.tables import MEMORIES
from instill.errors import WorkspaceError
from instill.memory.types import Decided, Decision
from instill.memory.uses_log import spot_of


def read_decided(catalog: Catalog, labels: Labels = None) -> list[Decided]:
    """The facts that were decided on by somebody whose words the caller may see, oldest first."""
    with catalog.reading() as connection:
        if MEMORIES.name not in sa.inspect(connection).get_table_names():
            return []
        there = {column["name"] for column in sa.inspect(connection).get_columns(MEMORIES.name)}
        columns = [column for column in MEMORIES.c if column.name in there]  # one of an older Instill has fewer
        rows = connection.execute(sa.select(*columns).order_by(MEMORIES.c.at, MEMORIES.c.fact_id)).mappings().all()
    decided = [_decided(row) for row in rows]
    return [each for each in decided if may_see(each.labels, labels)]


def keep(catalog: Catalog, decided: Decided) -> None:
    """Keep a decision, in place of an earlier one on the same fact.

    Raises:
        WorkspaceError: the catalog cannot be written.
    """
    spot = decided.spot
    row = {
        "fact_id": decided.fact_id,
        "question": decided.question,
        "answer": decided.answer,
        "doc_id": spot.doc_id,
        "version": spot.version,
        "source_labels": json.dumps(sorted(decided.source_labels)),
        "start": spot.start,
        "end": spot.end,
        "text": spot.text,
        "nth": spot.nth,
        "occurrences": spot.occurrences,
        "decision": decided.decision,
        "by_hand": decided.by_hand,
        "note": decided.note,
        "labels": stored_labels(decided.labels),
        "at": decided.at,
        "wordings": json.dumps(decided.wordings) if decided.wordings else None,
    }
    with catalog.writing() as connection:
        if connection is None:
            raise WorkspaceError("Nothing is kept on read-only storage.", where=catalog.where)
        connection.execute(sa.delete(MEMORIES).where(MEMORIES.c.fact_id == decided.fact_id))
        connection.execute(sa.insert(MEMORIES).values(row))


def drop(catalog: Catalog, fact_id: str) -> None:
    """Forget a decision; the fact may recur all the same.

    Raises:
        WorkspaceError: the catalog cannot be written.
    """
    with catalog.writing() as connection:
        if connection is None:
            raise WorkspaceError("Nothing is kept on read-only storage.", where=catalog.where)
        connection.execute(sa.delete(MEMORIES).where(MEMORIES.c.fact_id == fact_id))


def with_decision(decided: Decided, decision: Decision, note: str) -> Decided:
    """The same fact, decided otherwise; a note stays where none is given."""
    return replace(decided, decision=decision, note=note or decided.note)


def _decided(row: sa.RowMapping) -> Decided:
    return Decided(
        fact_id=row["fact_id"],
        question=row["question"],
        answer=row["answer"],
        spot=spot_of(row),
        source_labels=tuple(json.loads(row["source_labels"])),
        decision=row["decision"],
        by_hand=row["by_hand"],
        note=row["note"],
        labels=None if row["labels"] is None else tuple(json.loads(row["labels"])),
        at=row["at"],
        wordings=tuple(json.loads(row.get("wordings") or "[]")),
    )
