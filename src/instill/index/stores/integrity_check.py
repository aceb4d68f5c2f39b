"""Whether what a store holds is what was written, told from what it gives back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from instill.index.altered_rows import COLUMNS, altered
from instill.index.protocol import View

if TYPE_CHECKING:
    import pyarrow as pa

_SHOWN = 3


def damage_in(view: View) -> list[str]:
    """What is wrong, a sentence each; every passage is read."""
    counted: Counter[str] = Counter()
    twice: set[str] = set()
    seen: set[str] = set()

    def counting() -> Iterator[pa.RecordBatch]:
        for batch in view.batches("passages", COLUMNS, None):
            for key, doc_id in zip(batch.column("key").to_pylist(), batch.column("doc_id").to_pylist(), strict=True):
                counted[doc_id] += 1
                if key in seen:
                    twice.add(doc_id)
                seen.add(key)
            yield batch

    found = altered(counting())
    records = view.records(None, None, None, "")
    incomplete = {record.doc_id for record in records if counted[record.doc_id] != record.passage_count} - twice
    sources = Counter(record.source for record in records)
    shared = {record.doc_id for record in records if sources[record.source] > 1}
    said = (
        (twice, "passages are stored twice in"),
        (incomplete, "passages are missing in"),
        (shared, "one source belongs to"),
        (found.texts, "passages are not what the text says in"),
        (found.vectors, "vectors are damaged in"),
    )
    return [f"{text} {_documents(sorted(ids))}" for ids, text in said if ids]


def _documents(ids: list[str]) -> str:
    shown = ", ".join(ids[:_SHOWN]) + (" ..." if len(ids) > _SHOWN else "")
    return f"{len(ids)} document{'s' if len(ids) > 1 else ''} ({shown})"
