"""Documents from one index to another, whole, with their vectors; and whether both then hold the same."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from instill.documents.document import Passage
from instill.index.fusion import ZScoreFusion
from instill.index.lookup import stored_document
from instill.index.protocol import View
from instill.index.schema import DOCUMENT_COLUMNS, HEAD_COLUMNS, PASSAGE_COLUMNS
from instill.index.store import Index
from instill.index.stores.row_texts import indexed_of
from instill.index.types import Hit, IndexedDocument, SearchRequest
from instill.models.encoders.protocol import Vectors

if TYPE_CHECKING:
    import pyarrow as pa

_PASSAGES = 1000
_QUERIES = 20
_COLUMNS = (*DOCUMENT_COLUMNS, *PASSAGE_COLUMNS, "document", "structure", "vector")
_BEST = 10
_LONGEST_QUERY = 200
_CLOSE = 1e-3


@dataclass(frozen=True, slots=True)
class Compared:
    """What was compared of two indices: how many documents, passages and queries, and what differs, a sentence each."""

    documents: int
    passages: int
    queries: int
    differences: tuple[str, ...]


def copy_documents(source: Index, target: Index, progress: Callable[[int, int], None] | None = None) -> int:
    """Make `target` hold the documents of `source`; those that it holds as they are stay. How many were copied.

    Stopped half-way, the same call goes on where it was.
    """
    wanted = {record.doc_id: record for record in source.records()}
    there = {record.doc_id: record for record in target.records()}
    missing = {doc_id for doc_id, record in wanted.items() if there.get(doc_id) != record}
    # What is there otherwise goes first: a document that is replaced would stay as old as it was there.
    target.remove([doc_id for doc_id in there if doc_id not in wanted or doc_id in missing])

    def copy(view: View) -> int:
        done = 0
        for batch in _batched(documents_in(view, missing)):
            target.commit(batch)
            done += len(batch)
            if progress is not None:
                progress(len(wanted) - len(missing) + done, len(wanted))
        return done

    return source.reading(copy)


def compared(source: Index, target: Index, *, seed: int = 0) -> Compared:
    """Compare two indices: counts, a hash of each document with its passages, and a sample of queries and vectors.

    A query is a passage's beginning with that passage's vector. It must find passages that are equally near, and the
    words of it the passage itself.
    """
    wrong: list[str] = []
    here, there = source.count(), target.count()
    if here != there:
        wrong.append(f"{there[0]} documents with {there[1]} passages are there, not {here[0]} with {here[1]}")
    mine, theirs = _hashes(source), _hashes(target)
    if differing := sorted(doc_id for doc_id in mine.keys() | theirs.keys() if mine.get(doc_id) != theirs.get(doc_id)):
        wrong.append(f"{len(differing)} documents differ ({', '.join(differing[:3])})")
    asked = _asked(source, seed)
    if odd := [each for each in asked if not _is_found(source, target, each)]:
        wrong.append(f"{len(odd)} of {len(asked)} queries find other passages")
    return Compared(here[0], here[1], len(asked), tuple(wrong))


@dataclass(frozen=True, slots=True)
class _Asked:
    hit: Hit
    vector: Vectors


def _asked(index: Index, seed: int) -> list[_Asked]:
    records = index.records()
    chosen = np.random.default_rng(seed).permutation(len(records))[:_QUERIES]
    asked = []
    for at in chosen.tolist():
        doc_id = records[at].doc_id
        text = index.passages_of(doc_id)[0].text[:_LONGEST_QUERY]
        hits = _by_words(index, text, doc_id)
        if hits:
            asked.append(_Asked(hits[0], index.vectors_of(hits[:1])[0]))
    return asked


def _by_words(index: Index, text: str, doc_id: str) -> list[Hit]:
    request = SearchRequest(text, k=_BEST, mode="keyword", documents=(doc_id,))
    return [hit for hit in index.search(request, None, ZScoreFusion()).hits if hit.score > 0]


def _is_found(source: Index, target: Index, asked: _Asked) -> bool:
    hit, vector = asked.hit, asked.vector
    request = SearchRequest("", k=_BEST, mode="vector")
    near = [[each.score for each in index.search(request, vector, ZScoreFusion()).hits] for index in (source, target)]
    found = {(each.doc_id, each.ordinal) for each in _by_words(target, hit.text[:_LONGEST_QUERY], hit.doc_id)}
    return (
        len(near[0]) == len(near[1])
        and bool(np.allclose(near[0], near[1], atol=_CLOSE))
        and bool(np.allclose(target.vectors_of([hit])[0], vector, atol=_CLOSE))
        and (hit.doc_id, hit.ordinal) in found
    )


def _hashes(index: Index) -> dict[str, str]:
    """A hash of all that is kept of each document but its vectors."""
    return index.reading(
        lambda view: {
            entry.document.doc_id: _hash_of(entry)
            for entry in documents_in(view, {record.doc_id for record in view.records(None, None, None, "")})
        }
    )


def _hash_of(entry: IndexedDocument) -> str:
    document = entry.document
    said = [
        document.doc_id, document.source, document.kind, document.title, document.content_hash, document.size,
        document.modified, list(document.labels), sorted(document.parsed.metadata.items()), document.text,
        [[each.level, each.title, each.start] for each in document.parsed.headings],
        [[each.ordinal, each.start, each.end, each.text, each.headings, each.page, each.last_page, each.table_head]
         for each in entry.passages],
        entry.passage_identity, entry.added,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(said, default=str).encode("utf-8", "replace")).hexdigest()


def documents_in(view: View, wanted: set[str]) -> Iterator[IndexedDocument]:
    """Whole documents with their vectors, of one version of an index."""
    yield from documents_of(view.batches("passages", [*_COLUMNS, *HEAD_COLUMNS], None), wanted)


def documents_of(batches: Iterable[pa.RecordBatch], wanted: set[str]) -> Iterator[IndexedDocument]:
    """Whole documents from their rows; of one that is not complete yet no more is kept than was read."""
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    vectors: dict[str, list[Vectors]] = defaultdict(list)
    for batch in batches:
        matrix = np.asarray(batch.column("vector").flatten(), dtype=np.float32).reshape(batch.num_rows, -1)
        narrow = batch.select([name for name in batch.schema.names if name != "vector"])
        for row, vector in zip(narrow.to_pylist(), matrix, strict=True):
            doc_id = row["doc_id"]
            if doc_id not in wanted:
                continue
            rows[doc_id].append(row)
            vectors[doc_id].append(vector)
            if len(rows[doc_id]) == row["passage_count"]:
                yield _document(rows.pop(doc_id), vectors.pop(doc_id))


def _document(rows: list[dict[str, Any]], vectors: list[Vectors]) -> IndexedDocument:
    order = sorted(range(len(rows)), key=lambda at: rows[at]["ordinal"])
    passages = [
        Passage(
            **{name: rows[at][name] for name in PASSAGE_COLUMNS},
            table_head=rows[at].get("table_head") or "",
            table_head_start=rows[at].get("table_head_start") or 0,
        )
        for at in order
    ]
    return indexed_of(stored_document(rows[order[0]]), passages, np.stack([vectors[at] for at in order]))


def _batched(documents: Iterator[IndexedDocument]) -> Iterator[list[IndexedDocument]]:
    batch: list[IndexedDocument] = []
    for document in documents:
        batch.append(document)
        if sum(len(entry.passages) for entry in batch) >= _PASSAGES:
            yield batch
            batch = []
    if batch:
        yield batch
