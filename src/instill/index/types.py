"""What goes into the index and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from instill.documents.document import Document, Passage, Scalar
from instill.models.encoders.protocol import Vectors

Mode = Literal["hybrid", "keyword", "vector"]

READ = 20
"""How many of the first hits a reader looks at when it has a say in their order."""

EMPTY = "Nothing was added to this workspace yet. Add documents: instill add PATH"
NOTHING_TO_SEE = "This caller may not see any document."


@dataclass(frozen=True, slots=True)
class IndexedDocument:
    """A document with its passages (one or more) and their vectors, float32 `(len(passages), dimension)`.

    `passage_identity` names the splitter and encoder settings that made them; it is stored, so that a change of
    settings is noticed. `added` is when the document first came in; empty: now, or as the index knows it.
    """

    document: Document
    passages: Sequence[Passage]
    vectors: Vectors
    passage_identity: str
    added: str = ""


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """What the index knows about a document, without the text. `added` is ISO 8601 UTC."""

    doc_id: str
    source: str
    kind: str
    title: str
    content_hash: str
    size: int
    modified: str
    added: str
    labels: tuple[str, ...]
    metadata: Mapping[str, Scalar]
    passage_count: int
    passage_identity: str


@dataclass(frozen=True, slots=True)
class Put:
    """A document that goes in, and the record that this was decided from; None when it was not known."""

    document: IndexedDocument
    known: DocumentRecord | None

    @property
    def doc_id(self) -> str:
        """The document that this is about."""
        return self.document.document.doc_id

    @property
    def source(self) -> str:
        """Where it stands afterwards."""
        return self.document.document.source


@dataclass(frozen=True, slots=True)
class Keep:
    """A document whose text stays and whose name or labels change, and the record that this was decided from."""

    known: DocumentRecord
    source: str
    title: str
    labels: tuple[str, ...]

    @property
    def doc_id(self) -> str:
        """The document that this is about."""
        return self.known.doc_id


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One search.

    Args:
        query: the text, for the keyword leg; any characters.
        k: passages wanted, 1 or more.
        mode: which legs.
        where: a SQL condition over document fields and metadata, or "" (see `instill.index.filters`).
        labels: the labels that the caller holds; None means unrestricted. Applied before ranking.
        pool: candidates taken from each leg before fusion.
        documents, titles: only passages of documents with one of these ids or titles; both empty: of all.
    """

    query: str
    k: int = 10
    mode: Mode = "hybrid"
    where: str = ""
    labels: tuple[str, ...] | None = None
    pool: int = 100
    documents: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A ranked passage.

    `score` decides the rank (higher is better; compare scores only within one search). `keyword_score` is BM25 (0 if no
    term matches), and `vector_score` is the cosine. A hybrid search gives both for every hit.
    For `table_head` and `table_head_start`, see `instill.documents.document.Passage`.
    """

    doc_id: str
    ordinal: int
    start: int
    end: int
    text: str
    headings: str
    page: int | None
    last_page: int | None
    source: str
    kind: str
    title: str
    labels: tuple[str, ...]
    metadata: Mapping[str, Scalar]
    score: float
    keyword_score: float
    vector_score: float
    table_head: str = ""
    table_head_start: int = 0


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first, and milliseconds by step ("vector", "keyword", "complete", "fuse", ...).

    If a misspelt word of the query was replaced, `searched` is the query that was searched for, else "". `notices` name
    the word, or the word that may be meant.
    """

    hits: Sequence[Hit]
    timings: Mapping[str, float] = field(default_factory=dict)
    searched: str = ""
    notices: tuple[str, ...] = ()
