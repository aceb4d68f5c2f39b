"""Sources into the index: what is new, what has changed, what has moved, what is gone.

A document goes in whole or not at all. Documents are read one after the other, gathered until there are enough
passages to keep the encoder busy, encoded, and committed together; a stop at any moment loses at most the batch
that was not yet committed, and running the same command again goes on from there.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from instill.documents.document import Document, Passage, Scalar
from instill.documents.reader_process import ReaderPool
from instill.documents.sources import Source, SourceProblem
from instill.documents.splitting import SPLITTER_VERSION, split
from instill.documents.table_heads import under_head
from instill.documents.time_limit import TimeLimit
from instill.encoders.estimated import DocumentVectors, document_vectors
from instill.encoders.protocol import Encoder, Vectors
from instill.errors import DocumentError
from instill.index.store import Index
from instill.index.types import DocumentRecord, IndexedDocument, Keep, Put
from instill.settings import DocumentSettings

BATCH_PASSAGES = 1024
DOCUMENT_SHARE = 0.3
_MANY_LOOKUPS = 20
_TURNS = 8


@dataclass(frozen=True, slots=True)
class Failure:
    """A source that did not go in: why, and what to do."""

    source: str
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one source, told as soon as it holds on the disk: a run that is stopped later has said so.

    Args:
        result: "added", "changed", "moved" (`was`: from where), "relabelled", "removed", "unchanged" or "failed".
        passages: how many were encoded.
        what, remedy: of a failure.
    """

    source: str
    result: Literal["added", "changed", "moved", "relabelled", "removed", "unchanged", "failed"]
    passages: int = 0
    was: str = ""
    what: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: `done` of `total` sources looked at, `passages` committed so far, the source at hand."""

    done: int
    total: int
    passages: int
    source: str


@dataclass(slots=True)
class IngestReport:
    """What a run did, by source.

    `notices` are (source, text) pairs; `resettled` counts the documents that were done again only because a setting
    that shapes passages had changed.
    """

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)
    relabelled: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: int = 0
    resettled: int = 0
    failed: list[Failure] = field(default_factory=list)
    notices: list[tuple[str, str]] = field(default_factory=list)
    passages: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Attributes:
    """What the user says of the sources that he adds. `labels` None leaves the labels of known documents alone."""

    labels: tuple[str, ...] | None = None
    metadata: Mapping[str, Scalar] = field(default_factory=dict)


Governing = Callable[[], Callable[[str], Attributes | None]]
"""Looks up what the user says now, and gives what that means for a source; None when it is not wanted any more."""


def passage_identity(settings: DocumentSettings, encoder_fingerprint: str) -> str:
    """Everything that shapes passages and vectors; a document with another identity is done again.

    Example:
        >>> passage_identity(DocumentSettings(), "minilm")[-6:]
        'minilm'
    """
    return f"{SPLITTER_VERSION}/{settings.passage_tokens}/{settings.ocr}/{DOCUMENT_SHARE}/{encoder_fingerprint}"


def natural_id(source: str, attempt: int = 0) -> str:
    """The id that a source gets when it is first added, 16 hexadecimal digits.

    Deterministic, so that two processes that add one file at the same moment agree. `attempt` counts up while the
    id belongs to a document that has since moved elsewhere.
    """
    return hashlib.sha256(f"{source}\n{attempt}".encode()).hexdigest()[:16]


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
    """The passages of a document, counted by the encoder's own tokens.

    Raises:
        DocumentError: it takes longer than `documents.max_seconds`.
    """
    return split(
        document.parsed,
        kind=document.kind,
        tokenizer=encoder.tokenizer,
        passage_tokens=settings.passage_tokens,
        time_limit=TimeLimit.of(settings.max_seconds),
    )


def encoded(
    encoder: Encoder,
    batch: Sequence[Prepared],
    identity: str,
    *,
    estimated_from: int = 0,
    on_notice: Callable[[str, str], None] | None = None,
) -> list[IndexedDocument]:
    """The documents with their vectors; the passages of all of them are encoded together.

    Args:
        estimated_from: documents of at least so many passages may have most of their vectors estimated
            (`encoders/estimated.py`); 0: none.
        on_notice: told the source and the notice where that was done.
    """
    long = [estimated_from > 0 and len(entry.passages) >= estimated_from for entry in batch]
    short = [entry for entry, apart in zip(batch, long, strict=True) if not apart]
    vectors = encoder.encode_passages([text for entry in short for text in _inputs(entry)])
    documents: list[IndexedDocument] = []
    first = 0
    for entry, apart in zip(batch, long, strict=True):
        if apart:
            found = document_vectors(encoder, _inputs(entry), estimated_from=estimated_from)
            own = found.vectors
            if found.estimated and on_notice is not None:
                on_notice(entry.document.source, _estimate_notice(found))
        else:
            own = vectors[first : first + len(entry.passages)]
            first += len(entry.passages)
        documents.append(IndexedDocument(entry.document, entry.passages, lean_to_document(own), identity))
    return documents


def _inputs(entry: Prepared) -> list[str]:
    return [encoder_input(entry.document.title, passage) for passage in entry.passages]


def _estimate_notice(found: DocumentVectors) -> str:
    return (
        f"{found.estimated:,} of {len(found.vectors):,} vectors were estimated from the others, because its passages "
        f"are alike (mean cosine with vectors that were held back: {found.cosine:.3f}); keywords are exact. "
        "documents.estimated_from = 0 computes all of them."
    )


def encode_and_commit(index: Index, encoder: Encoder, batch: Sequence[Prepared], identity: str) -> None:
    """Encode whole documents together, then commit them together, over whatever is there of them."""
    index.commit(encoded(encoder, batch, identity))


class Lookup:
    """Which document holds a hash or an id: asked of the index one by one, or for many questions read once."""

    def __init__(self, index: Index, *, expected: int) -> None:
        self._index = index
        self._all = index.records() if expected > _MANY_LOOKUPS else None
        self._by_hash: dict[str, list[DocumentRecord]] = {}
        self._holders: dict[str, str] = {}
        for record in self._all or ():
            self._by_hash.setdefault(record.content_hash, []).append(record)
            self._holders[record.doc_id] = record.source

    def with_hash(self, content_hash: str) -> list[DocumentRecord]:
        """Documents with exactly this content."""
        if self._all is None:
            return self._index.find_by_hash(content_hash)
        return list(self._by_hash.get(content_hash, ()))

    def holder(self, doc_id: str) -> str | None:
        """The source of the document with this id."""
        if self._all is None:
            found = self._index.records(doc_ids=[doc_id])
            return found[0].source if found else None
        return self._holders.get(doc_id)

    def took(self, record: DocumentRecord) -> None:
        """The document is about to move: another file with its content must not take it too."""
        if record in self._by_hash.get(record.content_hash, ()):
            self._by_hash[record.content_hash].remove(record)


@dataclass(frozen=True, slots=True)
class _Planned:
    """What was decided for a source, and from what: the record `known` and the `attributes`.

    With neither `prepared` nor `keep` nothing has to be done.
    """

    entry: Source
    attributes: Attributes
    known: DocumentRecord | None
    prepared: Prepared | None = None
    keep: Keep | None = None
    notices: tuple[str, ...] = ()

    @property
    def passages(self) -> int:
        if self.prepared is not None:
            return len(self.prepared.passages)
        return self.known.passage_count if self.known else 0


class Ingest:
    """One run over a list of sources.

    Other processes may write meanwhile. What is to be done is decided from what the index holds; it is done, under
    the write lock, only if that still holds, and decided anew otherwise.

    Args:
        open_encoder: called only when there is something to encode.
        fingerprint: the fingerprint of the encoder that the index was made with.
        progress: called as sources are done.
        on_file: called with what became of each source, when it is so.
        moves: whether a file with the content of a document whose own file is gone is that document, moved.
    """

    def __init__(
        self,
        index: Index,
        open_encoder: Callable[[], Encoder],
        fingerprint: str,
        settings: DocumentSettings,
        progress: Callable[[Progress], None] | None = None,
        on_file: Callable[[FileOutcome], None] | None = None,
        *,
        moves: bool = True,
    ) -> None:
        self._moves = moves
        self._on_file = on_file or (lambda _outcome: None)
        self._index = index
        self._open_encoder = open_encoder
        self._settings = settings
        self._identity = passage_identity(settings, fingerprint)
        self._progress = progress
        self._batch: list[_Planned] = []
        self._untouched: list[_Planned] = []
        self._overtaken: list[Source | SourceProblem] = []
        self._governing: Governing = lambda: lambda _source: Attributes()
        self._lookup = Lookup(index, expected=0)
        self.report = IngestReport()

    def add(self, sources: Iterable[Source | SourceProblem], attributes: Attributes | Governing) -> set[str]:
        """Take in what is new or changed; returns every source that was seen, readable or not.

        Args:
            attributes: of all sources; or a function that looks them up, called again before each commit.

        Raises:
            WorkspaceError: the index cannot be written (disk full, read-only).
        """
        started = time.monotonic()
        listed = list(sources)
        self._governing = attributes if callable(attributes) else lambda: lambda _source: attributes
        rest: list[Source | SourceProblem] = listed
        with ReaderPool(self._settings) as readers:
            for turn in range(_TURNS):
                rest = self._turn(rest, readers, tell=turn == 0)
                if not rest:
                    break
        for entry in rest:
            why = "Another process kept changing this document at the same time."
            self._fail(entry.source, DocumentError(why, remedy="Run the command again."))
        self._tell(len(listed), len(listed), "")
        self.report.seconds += time.monotonic() - started
        return {entry.source for entry in listed}

    def remove(self, find: Callable[[], Sequence[DocumentRecord]]) -> None:
        """Take out, in one commit, the documents that `find` finds while nobody else may commit."""
        with self._index.alone():
            records = find()
            self._index.remove([record.doc_id for record in records])
        self.report.removed += [record.source for record in records]
        for record in records:
            self._on_file(FileOutcome(record.source, "removed"))

    def _turn(
        self, entries: Sequence[Source | SourceProblem], readers: ReaderPool, *, tell: bool
    ) -> list[Source | SourceProblem]:
        """Decide and do; returns those that another writer overtook."""
        version = self._index.version()
        governs = self._governing()
        known = {record.source: record for record in self._index.records([entry.source for entry in entries])}
        self._lookup = Lookup(self._index, expected=len(entries) - len(known))
        self._overtaken, self._untouched = [], []
        for position, entry in enumerate(entries):
            if tell:
                self._tell(position, len(entries), entry.source)
            attributes = governs(entry.source)
            if attributes is None:
                continue
            if isinstance(entry, SourceProblem):
                self._fail(entry.source, entry.error)
                continue
            try:
                planned = self._plan(entry, known.get(entry.source), attributes, readers)
            except DocumentError as error:
                self._fail(entry.source, error)
                continue
            (self._batch if planned.prepared or planned.keep else self._untouched).append(planned)
            if sum(planned.passages for planned in self._batch) >= BATCH_PASSAGES:
                self._commit()
        self._commit()
        self._check_untouched(version)
        return self._overtaken

    # -- one source --------------------------------------------------------------------------------------------

    def _plan(
        self, source: Source, record: DocumentRecord | None, attributes: Attributes, readers: ReaderPool
    ) -> _Planned:
        loaded = source.load(self._settings)
        content_hash = hashlib.sha256(loaded.data).hexdigest()
        if record is None:
            record = self._moved_from(source, content_hash)
        same_content = record is not None and record.content_hash == content_hash
        if record is not None and same_content and self._is_settled(record, attributes):
            return _Planned(source, attributes, record, keep=_kept(record, source, attributes))
        kind, parsed = readers.read(loaded.data, name=source.name, content_type=loaded.content_type)
        labels = attributes.labels if attributes.labels is not None else (record.labels if record else ())
        document = Document(
            doc_id=record.doc_id if record else self._new_id(source.source),
            source=source.source,
            kind=kind,
            title=parsed.title or stem_of(source.source),
            content_hash=content_hash,
            size=len(loaded.data),
            modified=loaded.modified,
            parsed=replace(parsed, metadata={**parsed.metadata, **attributes.metadata}),
            labels=tuple(sorted(set(labels))),
        )
        change: Literal["added", "changed"] = "added" if record is None else "changed"
        prepared = Prepared(document, cut(document, self._open_encoder(), self._settings), change)
        return _Planned(source, attributes, record, prepared, notices=tuple(parsed.notices))

    def _is_settled(self, record: DocumentRecord, attributes: Attributes) -> bool:
        metadata_kept = all(record.metadata.get(key) == value for key, value in attributes.metadata.items())
        return record.passage_identity == self._identity and metadata_kept

    def _moved_from(self, source: Source, content_hash: str) -> DocumentRecord | None:
        """The document with this content whose file is no longer where it was."""
        if source.path is None or not self._moves:
            return None
        for record in self._lookup.with_hash(content_hash):
            if Path(record.source).is_absolute() and not Path(record.source).exists():
                self._lookup.took(record)
                return record
        return None

    def _new_id(self, source: str) -> str:
        attempt = 0
        while True:
            doc_id = natural_id(source, attempt)
            if self._lookup.holder(doc_id) in (None, source):
                return doc_id
            attempt += 1

    # -- a batch -----------------------------------------------------------------------------------------------

    def _commit(self) -> None:
        if not self._batch:
            return
        batch, self._batch = self._batch, []
        read = [planned.prepared for planned in batch if planned.prepared is not None]
        told: dict[str, str] = {}
        vectors = iter(self._encoded(read, told) if read else ())
        changes: dict[int, Put | Keep] = {}
        for position, planned in enumerate(batch):
            changes[position] = planned.keep or Put(next(vectors), planned.known)
        with self._index.alone():
            governs = self._governing()
            wanted = [at for at, planned in enumerate(batch) if governs(planned.entry.source) == planned.attributes]
            undone = self._index.apply([changes[at] for at in wanted])
        left = {id(change) for change in undone}
        for at, planned in enumerate(batch):
            if at in wanted and id(changes[at]) not in left:
                self.report.notices += [(source, told[source]) for source in [planned.entry.source] if source in told]
                self._done(planned)
            else:
                self._overtaken.append(planned.entry)

    def _encoded(self, batch: Sequence[Prepared], told: dict[str, str]) -> list[IndexedDocument]:
        return encoded(
            self._open_encoder(),
            batch,
            self._identity,
            estimated_from=self._settings.estimated_from,
            on_notice=told.__setitem__,
        )

    def _done(self, planned: _Planned) -> None:
        report, source, known = self.report, planned.entry.source, planned.known
        report.notices += [(source, notice) for notice in planned.notices]
        if planned.prepared is not None:
            (report.added if planned.prepared.change == "added" else report.changed).append(source)
            report.passages += planned.passages
            self._on_file(FileOutcome(source, planned.prepared.change, planned.passages))
            report.resettled += known is not None and known.content_hash == planned.prepared.document.content_hash
        elif planned.keep is not None and known is not None:
            if known.source != source:
                report.moved.append((known.source, source))
                self._on_file(FileOutcome(source, "moved", was=known.source))
            if known.labels != planned.keep.labels:
                report.relabelled.append(source)
                self._on_file(FileOutcome(source, "relabelled"))

    def _check_untouched(self, version: int) -> None:
        """Make sure that what needed nothing at `version` of the index still needs nothing."""
        governs = self._governing()
        now = None
        if self._index.version() != version:
            now = {each.source: each for each in self._index.records([each.entry.source for each in self._untouched])}
        for planned in self._untouched:
            source = planned.entry.source
            if governs(source) == planned.attributes and (now is None or now.get(source) == planned.known):
                self.report.unchanged += 1
                self._on_file(FileOutcome(source, "unchanged"))
            else:
                self._overtaken.append(planned.entry)

    def _fail(self, source: str, error: DocumentError) -> None:
        self.report.failed.append(Failure(source, error.what, error.command))
        self._on_file(FileOutcome(source, "failed", what=error.what, remedy=error.command))

    def _tell(self, done: int, total: int, source: str) -> None:
        if self._progress is not None:
            self._progress(Progress(done, total, self.report.passages, source))


def _kept(record: DocumentRecord, source: Source, attributes: Attributes) -> Keep | None:
    """What changes of a document whose content is known: at most its place and its labels; None when nothing does."""
    title_was_name = record.title == stem_of(record.source)
    labels = record.labels if attributes.labels is None else tuple(sorted(set(attributes.labels)))
    if record.source == source.source:
        return None if labels == record.labels else Keep(record, record.source, record.title, labels)
    return Keep(record, source.source, stem_of(source.source) if title_was_name else record.title, labels)


def stem_of(source: str) -> str:
    """The name without folder and ending: "/srv/a/report.pdf" -> "report"."""
    return Path(source.rstrip("/").rsplit("/", 1)[-1]).stem
