"""What changes the table. Every function is called with the write lock held and makes exactly one commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from instill.documents.table_heads import under_head
from instill.errors import UsageError
from instill.index.conditions import both, is_one_of, text_literal
from instill.index.keywords import keywords_of, name_of, words
from instill.index.schema import CURRENT, key_of, rows_of, schema, storable, tombstones
from instill.index.tables import Table
from instill.index.types import IndexedDocument

_IDS_PER_QUERY = 2000


def check(documents: Sequence[IndexedDocument], dimension: int) -> None:
    """Refuse documents that would break what readers rely on."""
    for entry in documents:
        count = len(entry.passages)
        if not count or [passage.ordinal for passage in entry.passages] != list(range(count)):
            raise ValueError(f"{entry.document.source}: passages must be numbered from 0 without gaps")
        if entry.vectors.shape != (count, dimension):
            raise ValueError(f"{entry.document.source}: vectors are {entry.vectors.shape}, not {(count, dimension)}")
        if not np.isfinite(entry.vectors).all():
            raise ValueError(f"{entry.document.source}: a vector has a number that is not finite")


def commit(table: Table, documents: Sequence[IndexedDocument], dimension: int) -> None:
    """Append new documents; replace known ones by key, hiding the passages that are no longer there."""
    unique = list({entry.document.doc_id: entry for entry in documents}.values())
    before = _stored(table, [entry.document.doc_id for entry in unique])
    added = {doc_id: when for doc_id, (when, _) in before.items()}
    rows = rows_of(unique, added=added, now=_now(), dimension=dimension)
    if not before:
        table.add(rows)
        return
    surplus = [
        key_of(entry.document.doc_id, ordinal)
        for entry in unique
        for ordinal in sorted(before.get(entry.document.doc_id, ("", ()))[1])
        if ordinal >= len(entry.passages)
    ]
    if surplus:
        rows = pa.concat_tables([rows, tombstones(surplus, dimension)])
    _merge(table, rows)


def remove(table: Table, doc_ids: Sequence[str]) -> int:
    """Delete the documents' rows."""
    known = list(_stored(table, list(dict.fromkeys(doc_ids))))
    if known:
        table.delete(is_one_of("doc_id", known))
    return len(known)


def rename(table: Table, doc_id: str, *, source: str, title: str) -> None:
    """Write the document's rows again under another name."""

    def change(row: dict[str, Any]) -> dict[str, Any]:
        text = under_head(row["table_head"] or "", row["text"])
        keywords = keywords_of(source=source, title=title, headings=row["headings"], text=text)
        return {
            "source": source,
            "name": name_of(source),
            "title": title,
            "keywords": keywords,
            "length": len(words(keywords)),
        }

    _rewrite(table, doc_id, change)


def relabel(table: Table, doc_id: str, labels: Sequence[str]) -> None:
    """Write the document's rows again with other labels."""
    replacement = {"labels": sorted(set(labels))}
    _rewrite(table, doc_id, lambda _row: replacement)


def _rewrite(table: Table, doc_id: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    rows = table.search().where(both(f"doc_id = {text_literal(doc_id)}", CURRENT)).limit(None).to_arrow()
    if not rows.num_rows:
        raise UsageError("There is no such document.", where=doc_id, remedy="See: instill status")
    changes = [change(row) for row in rows.select(["headings", "text", "table_head"]).to_pylist()]
    target = storable(schema_of(table))
    columns = [
        pa.array([row[field.name] for row in changes], field.type)
        if field.name in changes[0]
        else rows.column(field.name).cast(field.type)
        for field in target
    ]
    _merge(table, pa.Table.from_arrays(columns, schema=target))


def schema_of(table: Table) -> pa.Schema:
    """The table's schema, made from the length of its vectors."""
    return schema(table.schema.field("vector").type.list_size)


def _merge(table: Table, rows: pa.Table) -> None:
    # By the index on `key` this costs what the document costs; deleting "not matched by source" instead of writing
    # tombstones would scan the table.
    table.merge_insert("key").when_matched_update_all().when_not_matched_insert_all().execute(
        rows,
        on_bad_vectors="null",  # a tombstone has none
    )


def _stored(table: Table, doc_ids: Sequence[str]) -> dict[str, tuple[str, list[int]]]:
    """When each known document was added, and the ordinals of its rows."""
    found: dict[str, tuple[str, list[int]]] = {}
    for start in range(0, len(doc_ids), _IDS_PER_QUERY):
        condition = both(is_one_of("doc_id", doc_ids[start : start + _IDS_PER_QUERY]), CURRENT)
        rows = table.search().where(condition).select(["doc_id", "ordinal", "added"]).limit(None).to_arrow()
        for row in rows.to_pylist():
            found.setdefault(row["doc_id"], (row["added"], []))[1].append(row["ordinal"])
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
