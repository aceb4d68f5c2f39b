"""Reading documents and passages by what they are, not by rank. Every function reads one snapshot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from instill.documents.document import Block, Document, Heading, Page, Parsed, Passage
from instill.index.filters import parsed
from instill.index.labels import held_of, visible
from instill.index.lance_tables import Table
from instill.index.protocol import HasKey, View
from instill.index.schema import CURRENT, DOCUMENT_COLUMNS, FIRST, HEAD_COLUMNS, PASSAGE_COLUMNS, key_of, record_of
from instill.index.sql_quoting import both, is_one_of, text_literal
from instill.index.types import DocumentRecord
from instill.models.encoders.protocol import Vectors

_VALUES_PER_QUERY = 2000


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as the index keeps it, with everything that `show` and the check of a citation need."""

    record: DocumentRecord
    text: str
    headings: tuple[Heading, ...]
    pages: tuple[Page, ...]
    blocks: tuple[Block, ...]


StoredPassage = Passage
"""A passage read back is the passage that was put in."""


def records(
    table: Table,
    sources: Sequence[str] | None,
    doc_ids: Sequence[str] | None,
    labels: Sequence[str] | None,
    where: str,
) -> list[DocumentRecord]:
    """See `Index.records`."""
    condition = parsed(where)
    # A condition on pages or headings is met by any passage of the document, the others by all or none.
    fixed = both(CURRENT if condition.of_passages else FIRST, visible(labels), condition.sql)
    found: dict[str, DocumentRecord] = {}
    for by_source in _chunks("source", sources):
        for by_id in _chunks("doc_id", doc_ids):
            for row in _rows(table, both(by_source, by_id, fixed), DOCUMENT_COLUMNS):
                found[row["doc_id"]] = _shown_to(record_of(row), labels)
    return _by_source(found.values())


def find_by_hash(table: Table, content_hash: str) -> list[DocumentRecord]:
    """See `Index.find_by_hash`."""
    condition = both(f"content_hash = {text_literal(content_hash)}", FIRST)
    return _by_source(record_of(row) for row in _rows(table, condition, DOCUMENT_COLUMNS))


def count(table: Table, labels: Sequence[str] | None) -> tuple[int, int]:
    """See `Index.count`."""
    seen = visible(labels)
    return int(table.count_rows(both(FIRST, seen))), int(table.count_rows(both(CURRENT, seen)))


def document_texts(table: Table, doc_ids: Sequence[str], labels: Sequence[str] | None) -> dict[str, StoredDocument]:
    """See `Index.document_texts`."""
    found: dict[str, StoredDocument] = {}
    for by_id in _chunks("doc_id", doc_ids):
        condition = both(by_id, FIRST, visible(labels))
        for row in _rows(table, condition, (*DOCUMENT_COLUMNS, "document", "structure")):
            stored = stored_document(row)
            found[stored.record.doc_id] = replace(stored, record=_shown_to(stored.record, labels))
    return found


def stored_document(row: Mapping[str, Any]) -> StoredDocument:
    """The document of a row with ordinal 0 that carries all columns of documents, the text and the structure."""
    structure = json.loads(row["structure"])
    return StoredDocument(
        record=record_of(row),
        text=row["document"],
        headings=tuple(Heading(*parts) for parts in structure["headings"]),
        pages=tuple(Page(*parts) for parts in structure["pages"]),
        blocks=tuple(Block(*parts) for parts in structure["blocks"]),
    )


def passages_of(
    table: Table, doc_id: str, labels: Sequence[str] | None, *, first: int = 0, last: int | None = None
) -> list[StoredPassage]:
    """Passages `first` to `last` (inclusive; None: to the end), in order."""
    until = "" if last is None else f"ordinal <= {int(last)}"
    condition = both(f"doc_id = {text_literal(doc_id)}", f"ordinal >= {max(0, int(first))}", until, visible(labels))
    rows = _rows(table, condition, (*PASSAGE_COLUMNS, *heads_in(table)))
    return sorted((Passage(**with_head(row)) for row in rows), key=lambda passage: passage.ordinal)


def heads_in(table: Table) -> tuple[str, ...]:
    """The columns of table heads, where the table has them."""
    return tuple(name for name in HEAD_COLUMNS if name in table.schema.names)


def with_head(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose passage has no table head as one that says so."""
    return {**row, "table_head": row.get("table_head") or "", "table_head_start": row.get("table_head_start") or 0}


def vectors_of(table: Table, passages: Sequence[HasKey], dimension: int) -> Vectors:
    """See `Index.vectors_of`."""
    keys = [key_of(each.doc_id, each.ordinal) for each in passages]
    stored: dict[str, Any] = {}
    for condition in _chunks("key", keys):
        rows = table.search().where(condition).select(["key", "vector"]).limit(None).to_arrow()
        vectors = vector_matrix(rows.column("vector"), dimension)
        stored.update(zip(rows.column("key").to_pylist(), vectors, strict=True))
    nothing = np.zeros(dimension, dtype=np.float32)
    return np.stack([stored.get(key, nothing) for key in keys]) if keys else np.empty((0, dimension), np.float32)


def vector_matrix(column: Any, dimension: int) -> Vectors:
    """A fixed-size-list column as float32 `(rows, dimension)`."""
    whole = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    values: Vectors = whole.flatten().to_numpy(zero_copy_only=False)
    return values.reshape(-1, dimension)


def differing(view: View, other: View, copied: Mapping[str, DocumentRecord]) -> list[str]:
    """doc_ids that `other` has not as `view` has them now, sorted.

    Passages may be cut otherwise there. `copied` says what those in `other` were copied from.
    """
    here = {record.doc_id: record for record in view.records(None, None, None, "")}
    there = {record.doc_id: record for record in other.records(None, None, None, "")}
    return sorted(
        doc_id
        for doc_id in here.keys() | there.keys()
        if doc_id not in here
        or doc_id not in there
        or _said(here[doc_id]) != _said(there[doc_id])
        or copied.get(doc_id, here[doc_id]) != here[doc_id]
    )


def _said(record: DocumentRecord) -> tuple[object, ...]:
    """All of a document that does not depend on when it came into the table, and how it was cut."""
    return (
        record.source, record.kind, record.title, record.content_hash, record.size, record.modified, record.labels,
        dict(record.metadata),
    )  # fmt: skip


def _shown_to(record: DocumentRecord, labels: Sequence[str] | None) -> DocumentRecord:
    return record if labels is None else replace(record, labels=held_of(record.labels, labels))


def _rows(table: Table, condition: str, columns: Sequence[str]) -> list[Mapping[str, Any]]:
    # Told that no row ids are wanted, the store does not search the whole schema for columns that would need them.
    rows = table.search().where(condition).select(list(columns)).with_row_id(False).limit(None)
    found: list[Mapping[str, Any]] = rows.to_arrow().to_pylist()
    return found


def _chunks(column: str, values: Sequence[str] | None) -> Iterable[str]:
    """Conditions that together say that `column` is one of `values`; one empty condition for None."""
    if values is None:
        return [""]
    unique = list(dict.fromkeys(values))
    return [
        is_one_of(column, unique[start : start + _VALUES_PER_QUERY])
        for start in range(0, len(unique), _VALUES_PER_QUERY)
    ]


def _by_source(found: Iterable[DocumentRecord]) -> list[DocumentRecord]:
    return sorted(found, key=lambda record: (record.source, record.doc_id))


def document_of(stored: StoredDocument) -> Document:
    """A document as it was before it was cut, from what the index holds of it."""
    record = stored.record
    return Document(
        doc_id=record.doc_id,
        source=record.source,
        kind=record.kind,
        title=record.title,
        content_hash=record.content_hash,
        size=record.size,
        modified=record.modified,
        labels=record.labels,
        parsed=Parsed(
            text=stored.text,
            title=record.title,
            headings=stored.headings,
            pages=stored.pages,
            blocks=stored.blocks,
            metadata=record.metadata,
        ),
    )
