"""Whether what is stored is still what was written: a byte that has changed leaves a file that can be read.

The store keeps no sums of its files. What can be told is told from the rows: a passage is a span of its document's
text, character by character, and its vector has the length 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from instill.index.schema import key_of

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("key", "doc_id", "ordinal", "start", "end", "text", "document", "vector", "passage_count")
_TOLERANCE = 0.01
"""Of a vector's length; float32 keeps it a thousand times closer."""

_Span = tuple[int, int, bytes]


@dataclass(slots=True)
class Altered:
    """Documents of which passages are not what was written, by doc_id.

    `texts`: a passage and its document's text differ; which of both is wrong cannot be told. `vectors`: only these;
    `keys`: what a change would look for.
    """

    texts: set[str] = field(default_factory=set)
    vectors: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)

    @property
    def documents(self) -> set[str]:
        """All of them."""
        return self.texts | self.vectors | self.keys


def altered(batches: Iterable[pa.RecordBatch]) -> Altered:
    """Compare each passage with its document, in rows of any order.

    Args:
        batches: rows with at least the columns that are compared; of a document no longer than until all its
            passages were seen is anything kept.
    """
    found = Altered()
    texts: dict[str, str | None] = {}
    waiting: dict[str, list[_Span]] = {}
    left: dict[str, int] = {}
    for batch in batches:
        found.vectors |= _with_odd_vectors(batch)
        for key, doc_id, ordinal, start, end, text, document, count in _rows(batch):
            if ordinal is None or doc_id is None:
                continue
            if key != key_of(doc_id, ordinal):
                found.keys.add(doc_id)
            if ordinal == 0:
                texts[doc_id] = _decoded(document)
            waiting.setdefault(doc_id, []).append((start, end, text))
            left[doc_id] = left.get(doc_id, count or 0) - 1
            if doc_id in texts:
                whole, spans = texts[doc_id], waiting.pop(doc_id)
                if whole is None or not all(_is_span(whole, span) for span in spans):
                    found.texts.add(doc_id)
                if left[doc_id] <= 0:
                    del texts[doc_id], left[doc_id]
    # A document without its start, or of which more rows came than it has passages, is incomplete: told of elsewhere.
    return found


_Row = tuple[str, str | None, int | None, int, int, bytes, bytes | None, int | None]


def _rows(batch: pa.RecordBatch) -> Iterable[_Row]:
    import pyarrow as pa

    columns = []
    for name in COLUMNS:
        if name != "vector":
            column = batch.column(name)
            if name == "text":  # as bytes: what has changed may be no UTF-8
                column = column.cast(pa.binary())
            elif name == "document":
                column = column.cast(pa.large_binary())
            columns.append(column.to_pylist())
    keys, doc_ids, ordinals, starts, ends, texts, documents, counts = columns
    return zip(keys, doc_ids, ordinals, starts, ends, texts, documents, counts, strict=True)


def _is_span(whole: str, span: _Span) -> bool:
    start, end, text = span
    return None not in span and 0 <= start <= end and whole[start:end] == _decoded(text)


def _decoded(text: bytes | None) -> str | None:
    try:
        return None if text is None else text.decode()
    except UnicodeDecodeError:
        return None


def _with_odd_vectors(batch: pa.RecordBatch) -> set[str]:
    import pyarrow.compute as pc

    rows = batch.filter(pc.is_valid(batch.column("ordinal")))
    if not rows.num_rows:
        return set()
    vectors = rows.column("vector")
    numbers = np.asarray(vectors.flatten(), np.float64).reshape(rows.num_rows - vectors.null_count, -1)
    with np.errstate(over="ignore", invalid="ignore"):
        is_unit = np.abs(np.sqrt((numbers * numbers).sum(axis=1)) - 1) <= _TOLERANCE
    given = np.asarray(pc.is_valid(vectors))
    given[given] = is_unit
    doc_ids = rows.column("doc_id").to_pylist()
    return {doc_id for doc_id, fine in zip(doc_ids, given.tolist(), strict=True) if not fine and doc_id is not None}
