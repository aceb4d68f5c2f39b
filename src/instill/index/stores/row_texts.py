"""Documents and passages as the ASCII texts that a row of a `Collection` holds, and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instill.documents.document import Document, Passage
from instill.index.lookup import StoredDocument, document_of, stored_document
from instill.index.schema import structure_json
from instill.index.types import DocumentRecord, IndexedDocument
from instill.models.encoders.protocol import Vectors

_RECORD = (
    "doc_id", "source", "kind", "title", "content_hash", "size", "modified", "added", "labels", "metadata",
    "passage_count", "passage_identity",
)  # fmt: skip
_PASSAGE = ("ordinal", "start", "end", "text", "headings", "page", "last_page", "table_head", "table_head_start")


def record_of_document(entry: IndexedDocument, added: str) -> DocumentRecord:
    """What is known of a document that goes in."""
    document = entry.document
    return DocumentRecord(
        doc_id=document.doc_id,
        source=plain(document.source),
        kind=document.kind,
        title=plain(document.title),
        content_hash=document.content_hash,
        size=document.size,
        modified=document.modified,
        added=added,
        labels=tuple(sorted({plain(label) for label in document.labels})),
        metadata=json.loads(plain(json.dumps(dict(document.parsed.metadata), ensure_ascii=False))),
        passage_count=len(entry.passages),
        passage_identity=entry.passage_identity,
    )


@dataclass(frozen=True, slots=True)
class Body:
    """What `passage_body` wrote: a passage, the source and title that its document has, and on the first its record."""

    passage: Passage
    source: str
    title: str
    record: DocumentRecord | None


def passage_body(passage: Passage, record: DocumentRecord) -> str:
    """A passage as JSON; the first one of a document carries the document's record."""
    body: dict[str, Any] = {name: getattr(passage, name) for name in _PASSAGE}
    body |= {"text": plain(passage.text), "source": record.source, "title": record.title}
    if passage.ordinal == 0:
        body["record"] = {name: getattr(record, name) for name in _RECORD}
        body["record"]["metadata"] = dict(record.metadata)
    return json.dumps(body)


def record_body(record: DocumentRecord) -> str:
    """A record as JSON."""
    return json.dumps({**{name: getattr(record, name) for name in _RECORD}, "metadata": dict(record.metadata)})


def record_from(written: str) -> DocumentRecord:
    """Read what `record_body` wrote."""
    values = json.loads(written)
    return DocumentRecord(**{**values, "labels": tuple(values["labels"])})


def with_record(written: str, record: str) -> str:
    """What `passage_body` wrote, with another record."""
    return json.dumps({**json.loads(written), "record": json.loads(record)})


def body_of(written: str) -> Body:
    """Read what `passage_body` wrote."""
    values = json.loads(written)
    record = values.pop("record", None)
    if record is not None:
        record = DocumentRecord(**{**record, "labels": tuple(record["labels"])})
    source, title = values.pop("source"), values.pop("title")
    return Body(Passage(**values), source, title, record)


def document_body(document: Document) -> str:
    """The text and the structure of a document as JSON."""
    return json.dumps({"text": plain(document.text), "structure": structure_json(document)})


def stored_of(record: DocumentRecord, body: str) -> StoredDocument:
    """A document from its record and what `document_body` wrote."""
    values = json.loads(body)
    return stored_document({**_row(record), "document": values["text"], "structure": values["structure"]})


def indexed_of(stored: StoredDocument, passages: Sequence[Passage], vectors: Vectors) -> IndexedDocument:
    """A document as it was put in."""
    record = stored.record
    return IndexedDocument(document_of(stored), passages, vectors, record.passage_identity, record.added)


def parts_of(body: str, longest: int) -> Iterator[str]:
    """An ASCII text in parts of at most `longest` bytes (0: in one).

    Example:
        >>> list(parts_of("abcde", 2)), list(parts_of("abcde", 0))
        (['ab', 'cd', 'e'], ['abcde'])
    """
    if not longest:
        yield body
        return
    for start in range(0, len(body), longest):
        yield body[start : start + longest]


def digest_of(label: str) -> str:
    """A label as stores get it: they filter by it, and nothing that a label contains has a meaning to them.

    Example:
        >>> digest_of("hr")
        '1b52f3a2e15148731314bf167145c545'
    """
    return hashlib.sha256(plain(label).replace("\x00", "").encode()).hexdigest()[:32]


def plain(text: str) -> str:
    """Without halves of surrogate pairs, which are no text.

    Example:
        >>> plain("a\\ud800b")
        'a?b'
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def _row(record: DocumentRecord) -> Mapping[str, Any]:
    return {
        **{name: getattr(record, name) for name in _RECORD},
        "labels": list(record.labels),
        "metadata": json.dumps(dict(record.metadata)),
    }
