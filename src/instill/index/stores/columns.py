"""Records and rows as the columns that SQL and copies read; see `instill.index.schema`."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from instill.documents.document import Passage
from instill.index.keywords import name_of
from instill.index.lookup import StoredDocument
from instill.index.schema import DOCUMENT_COLUMNS, rows_of, schema, storable
from instill.index.stores.collection import Row
from instill.index.stores.row_texts import body_of, indexed_of, stored_of
from instill.index.types import DocumentRecord

if TYPE_CHECKING:
    import pyarrow as pa


def narrow_columns_of(records: Sequence[DocumentRecord], columns: Sequence[str]) -> pa.RecordBatch | None:
    """Columns of documents that records hold; None where others are asked for."""
    import pyarrow as pa

    if not set(columns) <= set(DOCUMENT_COLUMNS):
        return None
    fields = storable(schema(1))
    rows = [
        {
            **{name: getattr(record, name) for name in DOCUMENT_COLUMNS if name != "name"},
            "name": name_of(record.source),
            "labels": list(record.labels),
            "metadata": json.dumps(dict(record.metadata), ensure_ascii=False),
        }
        for record in records
    ]
    arrays = [pa.array([row[name] for row in rows], fields.field(name).type) for name in columns]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def columns_of(
    table: Literal["documents", "passages"],
    records: Sequence[DocumentRecord],
    rows: Sequence[Row],
    columns: Sequence[str],
    dimension: int,
) -> pa.RecordBatch:
    """Columns of whole documents, made from the rows of a collection in the order of their ids."""
    import pyarrow as pa
    import pyarrow.compute as pc

    passages: dict[str, list[Passage]] = defaultdict(list)
    vectors: dict[str, list[object]] = defaultdict(list)
    parts: dict[str, list[str]] = defaultdict(list)
    owners = {
        row.document: record.doc_id
        for row in rows
        if row.passage and (record := body_of(row.passage).record) is not None
    }
    for row in rows:
        owner = owners.get(row.document)
        if owner is None:  # its first row is lost; `damage` tells of it
            continue
        parts[owner].append(row.part)
        if row.passage:
            passages[owner].append(body_of(row.passage).passage)
            vectors[owner].append(np.zeros(dimension, np.float32) if row.vector is None else row.vector)
    documents = []
    for record in records:
        body = "".join(parts[record.doc_id])
        stored = stored_of(record, body) if body else StoredDocument(record, "", (), (), ())
        documents.append(
            indexed_of(
                stored,
                passages[record.doc_id],
                np.array(vectors[record.doc_id], dtype=np.float32).reshape(-1, dimension),
            )
        )
    added = {record.doc_id: record.added for record in records}
    made = rows_of(documents, added=added, now="", dimension=dimension)
    if table == "documents":
        made = made.filter(pc.equal(made["ordinal"], 0))
    batches = made.select(list(columns)).combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=made.select(list(columns)).schema)
