"""Reading the ledger: which spans served which answers.

The ledger is written with the log of questions, in the same transaction (`answer.log`, `catalog.question_log`). Only
`Workspace.ask` writes it. What Instill asks itself, to calibrate, compare, train or write study sets, goes through an
`Answerer` of its own and is never logged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from instill.answer.terms import normalise
from instill.catalog import Catalog, Labels, may_see
from instill.catalog.tables import JUDGEMENTS, USAGE, USES
from instill.memory.types import Spot, Use
from instill.models.encoders.protocol import Encoder, Vectors
from instill.study.rules.reads_well import reads_well

_BATCH = 256


def read_uses(catalog: Catalog, encoder: Encoder, labels: Labels = None) -> list[Use]:
    """The uses that lead their answers, oldest first, of questions that the caller may see. A use does not count as
    long as its answer is judged wrong: what was cited then is not what was asked for. A follow-up that rules completed
    from the conversation ("Who do I tell about teammate?") counts only if it reads as a person would ask it; what
    people asked themselves always counts, in their words.

    Questions get their vectors here, once; on storage that takes no writing they get them each time.
    """
    with catalog.reading() as connection:
        if not _is_there(connection):
            return []
        asked = USAGE.c.question.label("asked")
        joined = USES.outerjoin(USAGE, USES.c.usage_id == USAGE.c.usage_id)
        query = sa.select(USES, asked).select_from(joined).where(USES.c.leads).order_by(USES.c.use_id)
        rows = [row for row in connection.execute(query).mappings() if may_see(_labels(row["labels"]), labels)]
        wrong = _judged_wrong(connection, labels)
    rows = [row for row in rows if row["usage_id"] not in wrong and _is_worded(row["question"], row["asked"])]
    vectors = dict(_vectors(catalog, encoder, rows))
    return [_use(row, vectors[row["question"]]) for row in rows]


def _is_worded(question: str, asked: str | None) -> bool:
    """Is it what somebody asked, or a completed question that reads well?"""
    if asked is None or normalise(asked).split() == normalise(question).split():
        return True
    return reads_well(question)


def _judged_wrong(connection: sa.Connection, labels: Labels) -> set[int]:
    """The questions whose answer the newest judgement that the caller may see calls wrong."""
    query = sa.select(JUDGEMENTS.c.usage_id, JUDGEMENTS.c.verdict, JUDGEMENTS.c.labels)
    newest: dict[int, str] = {}
    for row in connection.execute(query.order_by(JUDGEMENTS.c.judgement_id)).mappings():
        if may_see(_labels(row["labels"]), labels):
            newest[row["usage_id"]] = row["verdict"]
    return {usage_id for usage_id, verdict in newest.items() if verdict == "wrong"}


def moment(text: str) -> datetime:
    """A time as the catalog keeps it.

    Example:
        >>> stamp(moment("2026-03-01T12:00:00Z"))
        '2026-03-01T12:00:00Z'
    """
    return datetime.fromisoformat(text)


def stamp(at: datetime) -> str:
    """As `moment` reads it, to the second."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def stored_vector(vector: Vectors) -> bytes:
    """As a column holds it: float32, little-endian."""
    return bytes(np.asarray(vector, dtype="<f4").tobytes())


def read_vector(stored: bytes) -> Vectors:
    """What `stored_vector` made."""
    return np.frombuffer(stored, dtype="<f4").astype(np.float32)


def _vectors(catalog: Catalog, encoder: Encoder, rows: Sequence[sa.RowMapping]) -> Iterator[tuple[str, Vectors]]:
    missing: dict[str, None] = {}
    for row in rows:
        if row["vector"] is not None and row["fingerprint"] == encoder.fingerprint:
            yield row["question"], read_vector(row["vector"])
        else:
            missing[row["question"]] = None
    questions = list(missing)
    for start in range(0, len(questions), _BATCH):
        batch = questions[start : start + _BATCH]
        found = encoder.encode_queries(batch)
        if catalog.writable:
            _keep_vectors(catalog, encoder.fingerprint, batch, found)
        yield from zip(batch, found, strict=True)


def _keep_vectors(catalog: Catalog, fingerprint: str, questions: Sequence[str], vectors: Vectors) -> None:
    with catalog.writing() as connection:
        for question, vector in zip(questions, vectors, strict=True):
            if connection is not None:
                values = {"vector": stored_vector(vector), "fingerprint": fingerprint}
                connection.execute(sa.update(USES).where(USES.c.question == question).values(values))


def _use(row: sa.RowMapping, vector: Vectors) -> Use:
    return Use(
        use_id=row["use_id"],
        usage_id=row["usage_id"],
        at=moment(row["at"]),
        question=row["question"],
        spot=spot_of(row),
        source_labels=tuple(json.loads(row["source_labels"])),
        short=row["short"],
        labels=_labels(row["labels"]),
        vector=vector,
    )


def spot_of(row: sa.RowMapping) -> Spot:
    """The span of a row of the ledger or of a fact."""
    names: tuple[str, ...] = ("doc_id", "version", "start", "end", "text", "nth", "occurrences")
    return Spot(*(row[name] for name in names))


def _labels(stored: Any) -> Labels:
    return None if stored is None else tuple(json.loads(stored))


def _is_there(connection: sa.Connection) -> bool:
    """A catalog of an older Instill, on storage that takes no migration, has no ledger."""
    return USES.name in sa.inspect(connection).get_table_names()
