"""From a document that was read to its passages with their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from instill.documents.document import Document, Parsed, Passage
from instill.documents.splitting.passages import SPLITTER_VERSION, split
from instill.documents.table_heads import under_head
from instill.documents.time_limit import TimeLimit
from instill.index.store import Index
from instill.index.types import IndexedDocument
from instill.models.encoders.estimated import DocumentVectors, document_vectors
from instill.models.encoders.protocol import Encoder, Vectors
from instill.settings import DocumentSettings

BATCH_PASSAGES = 1024
DOCUMENT_SHARE = 0.3

_IN_WORDS = "/words"


def passage_identity(settings: DocumentSettings, encoder_fingerprint: str) -> str:
    """Everything that shapes passages and vectors; a document with another identity is done again.

    Example:
        >>> passage_identity(DocumentSettings(), "minilm")[-6:]
        'minilm'
    """
    return f"{SPLITTER_VERSION}/{settings.passage_tokens}/{settings.ocr}/{DOCUMENT_SHARE}/{encoder_fingerprint}"


def in_words(identity: str) -> str:
    """The identity of passages whose vectors are told from words until `instill.ingest.refining` computes them.

    Example:
        >>> computed(in_words("5/200/minilm")) == computed("5/200/minilm") == "5/200/minilm"
        True
    """
    return identity + _IN_WORDS


def is_in_words(identity: str) -> bool:
    """Whether it is the identity of passages whose vectors are told from words."""
    return identity.endswith(_IN_WORDS)


def computed(identity: str) -> str:
    """The identity that passages have, or will have, when their vectors are computed."""
    return identity.removesuffix(_IN_WORDS)


def encoder_input(title: str, passage: Passage) -> str:
    """What the encoder reads for a passage: where it stands, then its text.

    The headings (for a document without headings its title) carry the subject that the passage itself often only
    refers to ("it", "this option"), and so does the head of a table for rows from its middle.
    """
    place = passage.headings or title
    text = under_head(passage.table_head, passage.text)
    return f"{place}\n{text}" if place else text


def lean_to_document(vectors: Vectors) -> Vectors:
    """Each passage's vector leaned towards the mean of its document's: float32 `(n, dimension)`, rows of length 1.

    A passage often leaves unsaid what its document is about ("our values are ..."), and its neighbours say it. A share
    of 0.3 raised recall@5 on a company handbook and left two larger sets as they were (docs/benchmarks.md).

    Example:
        >>> lean_to_document(np.eye(2, dtype=np.float32)).astype(float).round(3).tolist()
        [[0.985, 0.172], [0.172, 0.985]]
    """
    mean = vectors.mean(axis=0)
    length = float(np.linalg.norm(mean))
    if len(vectors) < 2 or length == 0:
        return vectors
    leaning = vectors + (DOCUMENT_SHARE / length) * mean
    unit: Vectors = leaning / np.linalg.norm(leaning, axis=1, keepdims=True)
    return unit


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that was read and cut, waiting to be encoded."""

    document: Document
    passages: Sequence[Passage]
    change: Literal["added", "changed"]


def cut(document: Document, encoder: Encoder, settings: DocumentSettings) -> list[Passage]:
    """The passages of a document; see `passages_of`."""
    return passages_of(document.parsed, document.kind, encoder, settings)


def passages_of(parsed: Parsed, kind: str, encoder: Encoder, settings: DocumentSettings) -> list[Passage]:
    """The passages of what was read, counted by the encoder's own tokens.

    Raises:
        DocumentError: it takes longer than `documents.max_seconds`.
    """
    return split(
        parsed,
        kind=kind,
        tokenizer=encoder.tokenizer,
        passage_tokens=settings.passage_tokens,
        time_limit=TimeLimit.of(settings.max_seconds),
    )


def encoded(
    encoder: Encoder, batch: Sequence[Prepared], identity: str, *, estimated_from: int = 0
) -> list[IndexedDocument]:
    """The documents with their vectors; see `vectors_of`."""
    found = vectors_of(encoder, [encoder_inputs(entry) for entry in batch], estimated_from=estimated_from)
    return [indexed(entry, own, identity) for entry, own in zip(batch, found, strict=True)]


def vectors_of(encoder: Encoder, batch: Sequence[Sequence[str]], *, estimated_from: int = 0) -> list[DocumentVectors]:
    """The vectors of the texts of each document; the texts of all of them are encoded together.

    Args:
        estimated_from: documents of at least so many passages may have most of their vectors estimated
            (`models/encoders/estimated.py`); 0: none.
    """
    long = [estimated_from > 0 and len(texts) >= estimated_from for texts in batch]
    short = [texts for texts, apart in zip(batch, long, strict=True) if not apart]
    vectors = encoder.encode_passages([text for texts in short for text in texts])
    found: list[DocumentVectors] = []
    first = 0
    for texts, apart in zip(batch, long, strict=True):
        if apart:
            found.append(document_vectors(encoder, texts, estimated_from=estimated_from))
        else:
            own = vectors[first : first + len(texts)]
            found.append(DocumentVectors(own, np.ones(len(own), dtype=np.bool_)))
            first += len(texts)
    return found


def indexed(entry: Prepared, found: DocumentVectors, identity: str) -> IndexedDocument:
    """The document as the index takes it."""
    return IndexedDocument(entry.document, entry.passages, lean_to_document(found.vectors), identity)


def encoder_inputs(entry: Prepared) -> list[str]:
    """What the encoder reads of a document, a text for each passage."""
    return [encoder_input(entry.document.title, passage) for passage in entry.passages]


def estimate_notice(found: DocumentVectors) -> str:
    """That vectors were estimated, and how well; for people."""
    return (
        f"{found.estimated:,} of {len(found.vectors):,} vectors were estimated from the others, because its passages "
        f"are alike (mean cosine with vectors that were held back: {found.cosine:.3f}); keywords are exact. "
        "documents.estimated_from = 0 computes all of them."
    )


def encode_and_commit(index: Index, encoder: Encoder, batch: Sequence[Prepared], identity: str) -> None:
    """Encode whole documents together, then commit them together, over whatever is there of them."""
    index.commit(encoded(encoder, batch, identity))
