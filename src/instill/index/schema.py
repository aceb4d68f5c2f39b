"""The one table, `passages`: a row is a passage with the fields of its document.

Every row of a document repeats the document's fields, so that a filter is a condition on the row; the row with
ordinal 0 also carries the canonical text and its structure. A document is therefore replaced in one commit, and
"documents" is `ordinal = 0`. A row without an ordinal is a tombstone: what is left of a passage when its document
became shorter, until upkeep deletes it. Only `key` and `doc_id` stand on it, so that it goes with its document.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from instill.documents.document import Document, Scalar
from instill.documents.table_heads import under_head
from instill.index.keywords import keywords_of, name_of, words
from instill.index.types import DocumentRecord, IndexedDocument
from instill.models.encoders.protocol import Vectors

TABLE = "passages"

DOCUMENT_COLUMNS = (
    "doc_id", "source", "name", "kind", "title", "content_hash", "size", "modified", "added", "labels", "metadata",
    "passage_identity", "passage_count",
)  # fmt: skip
"""Fields of a document, the same on each of its rows."""

PASSAGE_COLUMNS = ("ordinal", "start", "end", "text", "headings", "page", "last_page")
HEAD_COLUMNS = ("table_head", "table_head_start")
"""Of a passage, too; a table that an older Instill made lacks them until something is written to it."""
HIT_COLUMNS = ("doc_id", *PASSAGE_COLUMNS, "source", "kind", "title", "labels", "metadata")

NOT_HERE = ""
"""What `document` and `structure` hold on rows that do not carry them. Not null: Lance keeps a page of one value and
nulls as a constant, and writes it out for every row when it reads the page (49 GB for one text of 6 MB)."""

CURRENT = "ordinal >= 0"
"""Rows that are passages, not tombstones."""
TOMBSTONE = "ordinal IS NULL"
FIRST = "ordinal = 0"
"""One row a document."""


def schema(dimension: int) -> pa.Schema:
    """The table's columns; `dimension` is the length of a vector."""
    return pa.schema(
        [
            ("key", pa.string()),  # "doc_id:ordinal", what a replacement is matched by
            ("doc_id", pa.string()),
            ("ordinal", pa.int32()),
            ("start", pa.int64()),
            ("end", pa.int64()),
            ("text", pa.string()),
            ("headings", pa.string()),
            ("page", pa.int32()),
            ("last_page", pa.int32()),
            ("source", pa.string()),
            ("name", pa.string()),
            ("kind", pa.string()),
            ("title", pa.string()),
            ("content_hash", pa.string()),
            ("size", pa.int64()),
            ("modified", pa.string()),
            ("added", pa.string()),
            ("labels", pa.list_(pa.string())),
            ("metadata", pa.json_()),
            ("passage_identity", pa.string()),
            ("passage_count", pa.int32()),
            ("document", pa.large_string()),  # on ordinal 0: the canonical text
            ("structure", pa.string()),  # on ordinal 0: headings, pages and blocks as JSON
            ("keywords", pa.string()),
            ("length", pa.int32()),  # words in `keywords`
            ("vector", pa.list_(pa.float32(), dimension)),
            ("table_head", pa.string()),
            ("table_head_start", pa.int64()),
        ]
    )


def rows_of(documents: Sequence[IndexedDocument], *, added: Mapping[str, str], now: str, dimension: int) -> pa.Table:
    """The rows of whole documents. `added` gives, by doc_id, when a document first came in; others come in `now`."""
    rows: list[dict[str, Any]] = []
    for entry in documents:
        fields = _document_fields(entry, added=added.get(entry.document.doc_id, now))
        rows.extend(_passage_rows(entry, fields))
    vectors = (
        np.concatenate([entry.vectors for entry in documents]) if documents else np.empty((0, dimension), np.float32)
    )
    return _table(rows, vectors, dimension)


def tombstones(surplus: Mapping[str, Sequence[int]], dimension: int) -> pa.Table:
    """Rows that hide the passages with these ordinals, by doc_id."""
    hidden = [(key_of(doc_id, ordinal), doc_id) for doc_id, ordinals in surplus.items() for ordinal in ordinals]
    known = {
        "key": [key for key, _ in hidden],
        "doc_id": [doc_id for _, doc_id in hidden],
        "document": [NOT_HERE] * len(hidden),
        "structure": [NOT_HERE] * len(hidden),
    }
    target = storable(schema(dimension))
    columns = [
        pa.array(known[field.name], field.type) if field.name in known else pa.nulls(len(hidden), field.type)
        for field in target
    ]
    return pa.Table.from_arrays(columns, schema=target)


def key_of(doc_id: str, ordinal: int) -> str:
    return f"{doc_id}:{ordinal}"


def structure_json(document: Document) -> str:
    """Headings, pages and blocks, as `document_text` reads them back."""
    parsed = document.parsed
    return json.dumps(
        {
            "headings": [[heading.level, heading.title, heading.start] for heading in parsed.headings],
            "pages": [[page.number, page.start, page.end] for page in parsed.pages],
            "blocks": [
                [block.kind, block.start, block.end, *((block.head_start, block.head_end) if block.head_end else ())]
                for block in parsed.blocks
            ],
        },
        ensure_ascii=False,
    )


def record_of(row: Mapping[str, Any]) -> DocumentRecord:
    """The record of a row that carries `DOCUMENT_COLUMNS`."""
    return DocumentRecord(
        doc_id=row["doc_id"],
        source=row["source"],
        kind=row["kind"],
        title=row["title"],
        content_hash=row["content_hash"],
        size=row["size"],
        modified=row["modified"],
        added=row["added"],
        labels=tuple(row["labels"]),
        metadata=metadata_of(row["metadata"]),
        passage_count=row["passage_count"],
        passage_identity=row["passage_identity"],
    )


def metadata_of(stored: str | None) -> dict[str, Scalar]:
    """Metadata as it was put in."""
    values: dict[str, Scalar] = json.loads(stored) if stored else {}
    return values


def _document_fields(entry: IndexedDocument, *, added: str) -> dict[str, Any]:
    document = entry.document
    return {
        "doc_id": document.doc_id,
        "source": document.source,
        "name": name_of(document.source),
        "kind": document.kind,
        "title": document.title,
        "content_hash": document.content_hash,
        "size": document.size,
        "modified": document.modified,
        "added": added,
        "labels": sorted(set(document.labels)),
        "metadata": json.dumps(dict(document.parsed.metadata), ensure_ascii=False),
        "passage_identity": entry.passage_identity,
        "passage_count": len(entry.passages),
    }


def _passage_rows(entry: IndexedDocument, fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    document = entry.document
    rows = []
    for passage in entry.passages:
        first = passage.ordinal == 0
        keywords = keywords_of(
            source=document.source,
            title=document.title,
            headings=passage.headings,
            text=under_head(passage.table_head, passage.text),
        )
        rows.append(
            {
                **fields,
                "key": key_of(document.doc_id, passage.ordinal),
                "ordinal": passage.ordinal,
                "start": passage.start,
                "end": passage.end,
                "text": passage.text,
                "headings": passage.headings,
                "page": passage.page,
                "last_page": passage.last_page,
                "document": document.text if first else NOT_HERE,
                "structure": structure_json(document) if first else NOT_HERE,
                "table_head": passage.table_head,
                "table_head_start": passage.table_head_start,
                "keywords": keywords,
                "length": len(words(keywords)),
            }
        )
    return rows


def storable(stored: pa.Schema) -> pa.Schema:
    """The schema that rows are written with: JSON goes in as a string and is converted by the store."""
    return stored.set(stored.get_field_index("metadata"), pa.field("metadata", pa.string()))


def _table(rows: Sequence[Mapping[str, Any]], vectors: Vectors, dimension: int) -> pa.Table:
    target = storable(schema(dimension))
    columns = []
    for field in target:
        if field.name == "vector":
            flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1))
            columns.append(pa.FixedSizeListArray.from_arrays(flat, dimension))
        else:
            columns.append(pa.array([row[field.name] for row in rows], field.type))
    return pa.Table.from_arrays(columns, schema=target)
