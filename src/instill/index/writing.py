"""What changes the table. Every function is called with the write lock held and makes exactly one commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from instill.documents.table_heads import under_head
from instill.index.keywords import keywords_of, name_of, words
from instill.index.lance_tables import Table
from instill.index.protocol import View
from instill.index.schema import CURRENT, rows_of, schema, storable, tombstones
from instill.index.sql_quoting import both, is_one_of
from instill.index.types import IndexedDocument, Keep, Put

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


def split_by_freshness(view: View, changes: Sequence[Put | Keep]) -> tuple[list[Put | Keep], list[Put | Keep]]:
    """Changes whose documents are as they were known, and those that another writer has overtaken."""
    by_id = {record.doc_id: record for record in view.records(None, [each.doc_id for each in changes], None, "")}
    by_source = {record.source: record for record in view.records([each.source for each in changes], None, None, "")}
    fresh: list[Put | Keep] = []
    stale: list[Put | Keep] = []
    taken: set[str] = set()  # ids and sources: a second change of one document waits for the first
    for change in changes:
        holder = by_source.get(change.source)
        overtaken = by_id.get(change.doc_id) != change.known or (holder is not None and holder.doc_id != change.doc_id)
        (stale if overtaken or taken & {change.doc_id, change.source} else fresh).append(change)
        taken |= {change.doc_id, change.source}
    return fresh, stale


def put(table: Table, documents: Sequence[IndexedDocument], dimension: int, *, kept: Sequence[Keep] = ()) -> None:
    """Put in whole documents and the new names and labels of `kept` ones; hide passages that are no longer there.

    Everything goes in by its key, whether it is known or not: appending would store a passage twice where a row,
    a tombstone among them, still stands under its key.
    """
    unique = list({entry.document.doc_id: entry for entry in documents}.values())
    before = _stored(table, [entry.document.doc_id for entry in unique])
    given = {entry.document.doc_id: entry.added for entry in unique if entry.added}
    added = {**given, **{doc_id: when for doc_id, (when, _) in before.items()}}
    surplus = {
        entry.document.doc_id: [
            ordinal
            for ordinal in sorted(before.get(entry.document.doc_id, ("", ()))[1])
            if ordinal >= len(entry.passages)
        ]
        for entry in unique
    }
    parts = [rows_of(unique, added=added, now=_now(), dimension=dimension)] if unique else []
    parts += [tombstones(surplus, dimension)] if any(surplus.values()) else []
    parts += [_rewritten(table, kept)] if kept else []
    if parts:
        _merge(table, pa.concat_tables(parts))


def remove(table: Table, doc_ids: Sequence[str]) -> int:
    """Delete the documents' rows, their tombstones among them."""
    known = list(_stored(table, list(dict.fromkeys(doc_ids))))
    if known:
        table.delete(is_one_of("doc_id", known))
    return len(known)


def _rewritten(table: Table, kept: Sequence[Keep]) -> pa.Table:
    """The rows of `kept` with other names and labels; vectors stay, keywords follow the name."""
    wanted = {change.doc_id: change for change in kept}
    found = [
        table.search().where(both(is_one_of("doc_id", ids), CURRENT)).limit(None).to_arrow()
        for ids in batched(wanted, _IDS_PER_QUERY)
    ]
    rows = pa.concat_tables(found)
    changed = [
        _renamed(wanted[row["doc_id"]], row)
        for row in rows.select(["doc_id", "headings", "text", "table_head"]).to_pylist()
    ]
    target = storable(schema_of(table))
    columns = [
        pa.array([row[field.name] for row in changed], field.type)
        if changed and field.name in changed[0]
        else rows.column(field.name).cast(field.type)
        for field in target
    ]
    return pa.Table.from_arrays(columns, schema=target)


def _renamed(change: Keep, row: dict[str, Any]) -> dict[str, Any]:
    text = under_head(row["table_head"] or "", row["text"])
    keywords = keywords_of(source=change.source, title=change.title, headings=row["headings"], text=text)
    return {
        "source": change.source,
        "name": name_of(change.source),
        "title": change.title,
        "labels": sorted(set(change.labels)),
        "keywords": keywords,
        "length": len(words(keywords)),
    }


def schema_of(table: Table) -> pa.Schema:
    """The table's schema, made from the length of its vectors."""
    return schema(table.schema.field("vector").type.list_size)


def _merge(table: Table, rows: pa.Table) -> None:
    # By the index on `key` this costs what the document costs; deleting "not matched by source" instead of writing
    # tombstones would scan the table.
    if not table.schema.field("key").nullable:  # the table of a bucket, which has it as its key
        rows = rows.cast(rows.schema.set(rows.schema.get_field_index("key"), table.schema.field("key")))
    table.merge_insert("key").when_matched_update_all().when_not_matched_insert_all().execute(
        rows,
        on_bad_vectors="null",  # a tombstone has none
    )


def _stored(table: Table, doc_ids: Sequence[str]) -> dict[str, tuple[str, list[int]]]:
    """When each known document was added, and the ordinals of its rows."""
    found: dict[str, tuple[str, list[int]]] = {}
    for ids in batched(doc_ids, _IDS_PER_QUERY):
        condition = both(is_one_of("doc_id", ids), CURRENT)
        rows = table.search().where(condition).select(["doc_id", "ordinal", "added"]).limit(None).to_arrow()
        for row in rows.to_pylist():
            found.setdefault(row["doc_id"], (row["added"], []))[1].append(row["ordinal"])
    return found


def batched(values: Iterable[str], size: int) -> Iterator[list[str]]:
    """The values in lists of at most `size`."""
    rest = iter(values)
    while batch := list(islice(rest, size)):
        yield batch


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
