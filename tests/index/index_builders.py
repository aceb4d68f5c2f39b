"""Documents, vectors and indices for the tests of this room."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from instill.documents.document import Document, Heading, Page, Parsed, Passage, Scalar
from instill.index.store import Index
from instill.index.types import IndexedDocument
from instill.testing.store_corpus import DIMENSION, FINGERPRINT, doc_id_of, encode

__all__ = ["DIMENSION", "FINGERPRINT", "doc_id_of", "encode"]


def document(
    number: int,
    texts: Sequence[str],
    *,
    labels: Sequence[str] = (),
    metadata: Mapping[str, Scalar] | None = None,
    source: str = "",
    kind: str = "text",
    title: str = "",
    headings: Sequence[str] = (),
    version: str = "",
) -> IndexedDocument:
    """A document whose passages are `texts`, each followed by a newline that belongs to no passage."""
    body, passages = "", []
    for ordinal, text in enumerate(texts):
        path = headings[ordinal] if headings else ""
        passages.append(Passage(ordinal, len(body), len(body) + len(text), text, path, ordinal + 1, ordinal + 1))
        body += text + "\n"
    parsed = Parsed(
        body,
        headings=[Heading(1, "Top", 0)],
        pages=[Page(passage.ordinal + 1, passage.start, passage.end) for passage in passages],
        metadata=metadata or {},
    )
    made = Document(
        doc_id=doc_id_of(number),
        source=source or f"/docs/{number}.txt",
        kind=kind,
        title=title,
        content_hash=hashlib.sha256((body + version).encode("utf-8", "replace")).hexdigest(),
        size=len(body),
        modified="2024-03-01T12:00:00Z",
        parsed=parsed,
        labels=tuple(labels),
    )
    return IndexedDocument(made, passages, np.stack([encode(text) for text in texts]), "identity-1")


def open_index(folder: Path) -> Index:
    return Index.open(folder, dimension=DIMENSION, fingerprint=FINGERPRINT, create=True)
