"""One version of a store that is made of a collection: the collection's vectors and texts, the mirror's all else."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from instill.index.bm25_for_caller import K1, B, rarity
from instill.index.filters import parsed
from instill.index.labels import held_of
from instill.index.lookup import StoredDocument, StoredPassage
from instill.index.protocol import HasKey, Keys, Scored, Wanted
from instill.index.schema import key_of
from instill.index.sql_quoting import both, is_one_of
from instill.index.stores.collection import PART, PASSAGE, VECTOR, Among, Collection, Field, Fields, Row
from instill.index.stores.columns import columns_of, narrow_columns_of
from instill.index.stores.row_texts import Body, body_of, digest_of, stored_of
from instill.index.stores.sqlite_filters import SqliteDialect
from instill.index.stores.sqlite_mirror import Mirror, keywords_in
from instill.index.stores.tokens import Cutter
from instill.index.types import DocumentRecord
from instill.models.encoders.protocol import Vectors

if TYPE_CHECKING:
    import pyarrow as pa

_DIALECT = SqliteDialect()
_RECORD = (
    "doc_id, source, kind, title, content_hash, size, modified, added, labels, metadata, passage_count, "
    "passage_identity"
)
_LONGEST_QUERY = 10_000
_MOST_MATCHES = 5_000
_MOST_NAMED = 500
"""Documents that a collection is told by number; of more, it gives so many rows that enough of them remain."""
_READ = 500
_DOCUMENTS_AT_ONCE = 50
_REMEMBERED = 8

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


class _Version:
    """The passages of one version, as arrays ascending by id, and who sees which of them."""

    def __init__(self, ids: Rows, lengths: NDArray[np.float64]) -> None:
        self.ids, self.lengths = ids, lengths
        self.masks: OrderedDict[tuple[object, ...], Mask] = OrderedDict()


class Shared:
    """What all versions of one store have in common."""

    def __init__(self, collection: Collection, mirror: Mirror, cutter: Cutter, dimension: int) -> None:
        self.collection, self.mirror, self.cutter, self.dimension = collection, mirror, cutter, dimension
        self._versions: OrderedDict[int, _Version] = OrderedDict()
        self._lock = threading.Lock()

    def version(self, number: int) -> _Version:
        """The arrays of a version; those of the last two are remembered."""
        with self._lock:
            found = self._versions.get(number)
        if found is None:
            rows = self.mirror.rows(
                "SELECT id, length FROM passages WHERE ordinal >= 0 AND born <= ? AND died > ? ORDER BY id",
                (number, number),
            )
            table = np.array(rows, dtype=np.int64).reshape(-1, 2)
            found = _Version(table[:, 0].copy(), table[:, 1].astype(np.float64))
        with self._lock:
            self._versions[number] = found
            while len(self._versions) > 2:
                self._versions.popitem(last=False)
        return found


class OverView:
    """See `instill.index.protocol.View`."""

    def __init__(self, shared: Shared, version: int) -> None:
        self._shared = shared
        self.version = version
        self.dimension = shared.dimension

    # -- documents ---------------------------------------------------------------------------------------------

    def records(
        self, sources: Sequence[str] | None, doc_ids: Sequence[str] | None, labels: Sequence[str] | None, where: str
    ) -> list[DocumentRecord]:
        condition = parsed(where, _DIALECT)
        met = condition.sql
        if condition.of_passages:
            met = f"EXISTS(SELECT 1 FROM passages AS p WHERE p.number = d.number AND p.ordinal >= 0 AND {met})"
        found = [
            record
            for by_source in _chunks("source", sources)
            for by_id in _chunks("doc_id", doc_ids)
            for record in self._records(both(by_source, by_id, _visible(labels), met))
        ]
        shown = (replace(record, labels=held_of(record.labels, labels)) for record in found)
        return sorted(shown, key=lambda record: (record.source, record.doc_id))

    def find_by_hash(self, content_hash: str) -> list[DocumentRecord]:
        found = self._records(is_one_of("content_hash", [content_hash]))
        return sorted(found, key=lambda record: (record.source, record.doc_id))

    def count(self, labels: Sequence[str] | None) -> tuple[int, int]:
        where = f" AND {_visible(labels)}" if labels is not None else ""
        [(documents, passages)] = self._shared.mirror.rows(
            "SELECT count(*), coalesce(sum(passage_count), 0) FROM documents AS d "
            f"WHERE born <= ?1 AND died > ?1{where}",
            (self.version,),
        )
        return int(documents), int(passages)

    def document_texts(self, doc_ids: Sequence[str], labels: Sequence[str] | None) -> dict[str, StoredDocument]:
        return {record.doc_id: self._stored(record) for record in self.records(None, doc_ids, labels, "")}

    def _stored(self, record: DocumentRecord) -> StoredDocument:
        rows = sorted(self.read_rows(self.row_ids([record.doc_id]), PART), key=lambda row: row.id)
        return stored_of(record, "".join(row.part for row in rows))

    def passages_of(
        self, doc_id: str, labels: Sequence[str] | None, *, first: int = 0, last: int | None = None
    ) -> list[StoredPassage]:
        if not self.records(None, [doc_id], labels, ""):
            return []
        until = f" AND p.ordinal <= {int(last)}" if last is not None else ""
        ids = self._ids(both(is_one_of("d.doc_id", [doc_id]), f"p.ordinal >= {max(0, int(first))}{until}"))
        passages = [body.passage for body in self._bodies(ids).values()]
        return sorted(passages, key=lambda passage: passage.ordinal)

    def metadata_keys(self, labels: Sequence[str] | None) -> list[str]:
        return sorted({key for record in self._records(_visible(labels)) for key in record.metadata})

    def has_key(self, key: str, labels: Sequence[str] | None) -> bool:
        return bool(self._records(both(_visible(labels), f"{_DIALECT.metadata(key)} IS NOT NULL"), limit=1))

    def row_ids(self, doc_ids: Sequence[str]) -> list[int]:
        """All rows of documents, those with more of their text among them."""
        return [each for chosen in _chunks("d.doc_id", doc_ids) for each in self._ids(chosen)]

    # -- searching ---------------------------------------------------------------------------------------------

    def nearest(self, vector: Vectors, wanted: Wanted, pool: int) -> tuple[Scored, Keys]:
        rows, mask = self._rows(), self._mask(wanted)
        allowed = rows.ids if mask is None else rows.ids[mask]
        if not len(allowed):
            return {}, {}
        among = Among(
            self.version,
            None if wanted.labels is None else tuple(map(digest_of, wanted.labels)),
            self._named(allowed, rows.ids),
        )
        count = pool
        while True:
            found = self._shared.collection.nearest(vector, among, count)
            numbers = np.array([each for each, _ in found], dtype=np.int64)
            kept = np.isin(numbers, allowed)
            # Rows that hold more of a text, and those that the condition leaves out, were among what came.
            if kept.sum() >= min(pool, len(allowed)) or len(found) < count or count >= 4 * len(rows.ids):
                break
            count = min(4 * count, 4 * len(rows.ids))
        best = [pair for pair, is_kept in zip(found, kept.tolist(), strict=True) if is_kept][:pool]
        return dict(best), self._keys([each for each, _ in best])

    def matching(self, query: str, wanted: Wanted, pool: int) -> tuple[Scored, Scored | None]:
        rows, mask = self._rows(), self._mask(wanted)
        scores = self._bm25(query, wanted.labels)
        matched = scores > 0 if mask is None else (scores > 0) & mask
        places = np.flatnonzero(matched)
        order = places[np.lexsort((places, -scores[places]))]
        best = {int(rows.ids[place]): float(scores[place]) for place in order[:pool].tolist()}
        if len(places) > _MOST_MATCHES:
            return best, None
        return best, dict(zip(rows.ids[places].tolist(), scores[places].tolist(), strict=True))

    def cosines(self, vector: Vectors, rows: set[int]) -> Scored:
        found = self.read_rows(sorted(rows), VECTOR)
        return {row.id: float(row.vector @ vector) for row in found if row.vector is not None}

    def keyword_scores(self, query: str, labels: tuple[str, ...] | None, rows: Keys) -> Scored:
        if not rows:
            return {}
        scores, ids = self._bm25(query, labels), self._rows().ids
        places = np.searchsorted(ids, list(rows))
        return {row: float(scores[place]) for row, place in zip(rows, places.tolist(), strict=True)}

    def fields(self, rows: Sequence[int], labels: Sequence[str] | None) -> dict[int, dict[str, Any]]:
        bodies = self._bodies(list(rows))
        records = self._records_by_row(rows)
        found: dict[int, dict[str, Any]] = {}
        for row in rows:
            passage, record = bodies[row].passage, records[row]
            found[row] = {
                "doc_id": record.doc_id,
                "ordinal": passage.ordinal,
                "start": passage.start,
                "end": passage.end,
                "text": passage.text,
                "headings": passage.headings,
                "page": passage.page,
                "last_page": passage.last_page,
                "table_head": passage.table_head,
                "table_head_start": passage.table_head_start,
                "source": record.source,
                "kind": record.kind,
                "title": record.title,
                "labels": held_of(record.labels, labels),
                "metadata": record.metadata,
            }
        return found

    def vectors_of(self, passages: Sequence[HasKey]) -> Vectors:
        wanted = {key_of(each.doc_id, each.ordinal): at for at, each in enumerate(passages)}
        vectors = np.zeros((len(passages), self.dimension), dtype=np.float32)
        keys = {
            row: key
            for row, key in self._keys(self.row_ids(list({each.doc_id for each in passages}))).items()
            if key in wanted
        }
        for row in self.read_rows(list(keys), VECTOR):
            if row.vector is not None:
                vectors[wanted[keys[row.id]]] = row.vector
        return vectors[[wanted[key_of(each.doc_id, each.ordinal)] for each in passages]]

    # -- reading all -------------------------------------------------------------------------------------------

    def texts(self, labels: Sequence[str] | None, where: str, most: int) -> list[str]:
        rows, mask = self._rows(), self._mask(Wanted(None if labels is None else tuple(labels), where))
        ids, lengths = (rows.ids, rows.lengths) if mask is None else (rows.ids[mask], rows.lengths[mask])
        total = int(lengths.sum())
        chosen = ids if total <= most else ids[:: -(-total // most)]
        bodies = self._bodies(chosen.tolist()).values()
        return [keywords_in(body.source, body.title, body.passage) for body in bodies]

    def batches(
        self, table: Literal["documents", "passages"], columns: Sequence[str], labels: Sequence[str] | None
    ) -> Iterator[pa.RecordBatch]:
        records = self.records(None, None, labels, "")
        if labels is not None:  # the caller of a batch leaves out the labels that are not held
            everything = {record.doc_id: record for record in self._records(_visible(labels))}
            records = [everything[record.doc_id] for record in records]
        for start in range(0, len(records), _DOCUMENTS_AT_ONCE):
            chosen = records[start : start + _DOCUMENTS_AT_ONCE]
            narrow = narrow_columns_of(chosen, columns) if table == "documents" else None
            yield narrow if narrow is not None else self._wide(table, chosen, columns)

    def _wide(
        self, table: Literal["documents", "passages"], records: Sequence[DocumentRecord], columns: Sequence[str]
    ) -> pa.RecordBatch:
        fields: list[Field] = ["passage"]
        fields += ["part"] if {"document", "structure"} & set(columns) else []
        fields += ["vector"] if "vector" in columns else []
        ids = self.row_ids([record.doc_id for record in records])
        rows = sorted(self.read_rows(ids, fields), key=lambda row: row.id)
        return columns_of(table, records, rows, columns, self.dimension)

    def read_rows(self, ids: Sequence[int], fields: Fields) -> list[Row]:
        """Rows of the collection, by id."""
        chunks = (ids[start : start + _READ] for start in range(0, len(ids), _READ))
        return [row for chunk in chunks for row in self._shared.collection.read(chunk, fields)]

    # -- the mirror --------------------------------------------------------------------------------------------

    def _rows(self) -> _Version:
        return self._shared.version(self.version)

    def _mask(self, wanted: Wanted) -> Mask | None:
        """Which passages a search may find; None: all."""
        if wanted == Wanted():
            return None
        rows = self._rows()
        labels = None if wanted.labels is None else tuple(sorted(set(wanted.labels)))
        identity = (labels, wanted.where, wanted.documents, wanted.titles)
        mask = rows.masks.get(identity)
        if mask is None:
            named = (("d.doc_id", wanted.documents), ("d.title", wanted.titles))
            within = " OR ".join(is_one_of(column, values) for column, values in named if values)
            condition = both(_visible(labels), parsed(wanted.where, _DIALECT).sql, within, "p.ordinal >= 0")
            mask = np.isin(rows.ids, np.array(self._ids(condition), dtype=np.int64))
            rows.masks[identity] = mask
            while len(rows.masks) > _REMEMBERED:
                rows.masks.popitem(last=False)
        return mask

    def _named(self, allowed: Rows, every: Rows) -> tuple[int, ...] | None:
        """The documents of the allowed rows, where they are few."""
        if len(allowed) == len(every) or len(allowed) > 100 * _MOST_NAMED:
            return None
        numbers: set[int] = set()
        for start in range(0, len(allowed), _READ):
            condition = f"id IN ({', '.join(map(str, allowed[start : start + _READ].tolist()))})"
            found = self._shared.mirror.rows(f"SELECT DISTINCT number FROM passages WHERE {condition}")
            numbers |= {row[0] for row in found}
            if len(numbers) > _MOST_NAMED:
                return None
        return tuple(sorted(numbers))

    def _bm25(self, query: str, labels: Sequence[str] | None) -> NDArray[np.float64]:
        """The score of every passage, counted over what the caller sees; see `instill.index.bm25_for_caller`."""
        rows = self._rows()
        seen = self._mask(Wanted(None if labels is None else tuple(labels)))
        lengths = rows.lengths if seen is None else rows.lengths[seen]
        scores = np.zeros(len(rows.ids))
        average = max(1.0, float(lengths.mean()) if len(lengths) else 1.0)
        for token, asked in self._shared.cutter.asked(query[:_LONGEST_QUERY]).items():
            found = self._shared.mirror.rows("SELECT id, times FROM postings WHERE token = ?", (token,))
            postings = np.array(found, dtype=np.int64).reshape(-1, 2)
            postings = postings[np.isin(postings[:, 0], rows.ids, assume_unique=True)]
            places = np.searchsorted(rows.ids, postings[:, 0])
            holding = len(places) if seen is None else int(seen[places].sum())
            times = postings[:, 1].astype(np.float64)
            part = times * (K1 + 1) / (times + K1 * (1 - B + B * rows.lengths[places] / average))
            scores[places] += asked * rarity(len(lengths), holding) * part
        return scores if seen is None else np.where(seen, scores, 0.0)

    def _records(self, condition: str, *, limit: int | None = None) -> list[DocumentRecord]:
        found = self._shared.mirror.rows(
            f"SELECT {_RECORD} FROM documents AS d WHERE born <= ?1 AND died > ?1"
            f"{f' AND ({condition})' if condition else ''}{f' LIMIT {limit}' if limit else ''}",
            (self.version,),
        )
        return [_record(row) for row in found]

    def _records_by_row(self, rows: Sequence[int]) -> dict[int, DocumentRecord]:
        found: dict[int, DocumentRecord] = {}
        for start in range(0, len(rows), _READ):
            ids = ", ".join(str(int(row)) for row in rows[start : start + _READ])
            columns = ", ".join(f"d.{name}" for name in _RECORD.split(", "))
            joined = self._shared.mirror.rows(
                f"SELECT p.id, {columns} FROM passages AS p JOIN documents AS d ON d.number = p.number "
                f"WHERE p.id IN ({ids})"
            )
            found |= {row[0]: _record(row[1:]) for row in joined}
        return found

    def _ids(self, condition: str) -> list[int]:
        """Rows of this version under a condition on `passages AS p` and `documents AS d`."""
        found = self._shared.mirror.rows(
            "SELECT p.id FROM passages AS p JOIN documents AS d ON d.number = p.number "
            f"WHERE p.born <= ?1 AND p.died > ?1 AND ({condition}) ORDER BY p.id",
            (self.version,),
        )
        return [row[0] for row in found]

    def _keys(self, rows: Sequence[int]) -> Keys:
        found: Keys = {}
        for start in range(0, len(rows), _READ):
            ids = ", ".join(str(int(row)) for row in rows[start : start + _READ])
            found |= {
                row: key_of(doc_id, ordinal)
                for row, doc_id, ordinal in self._shared.mirror.rows(
                    "SELECT p.id, d.doc_id, p.ordinal FROM passages AS p "
                    f"JOIN documents AS d ON d.number = p.number WHERE p.ordinal >= 0 AND p.id IN ({ids})"
                )
            }
        return found

    def _bodies(self, rows: Sequence[int]) -> dict[int, Body]:
        return {row.id: body_of(row.passage) for row in self.read_rows(rows, PASSAGE)}


def _record(row: Sequence[Any]) -> DocumentRecord:
    doc_id, source, kind, title, content_hash, size, modified, added, labels, metadata, count, identity = row
    return DocumentRecord(
        doc_id, source, kind, title, content_hash, size, modified, added, tuple(json.loads(labels)),
        json.loads(metadata), count, identity,
    )  # fmt: skip


def _visible(labels: Sequence[str] | None) -> str:
    if labels is None:
        return ""
    return f"d.number IN (SELECT number FROM held WHERE {is_one_of('label', labels)})"


def _chunks(column: str, values: Sequence[str] | None) -> Iterator[str]:
    """Conditions that together say that `column` is one of `values`; one empty condition for None."""
    if values is None:
        yield ""
        return
    unique = list(dict.fromkeys(values))
    for start in range(0, len(unique), _READ):
        yield is_one_of(column, unique[start : start + _READ])
