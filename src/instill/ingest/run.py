"""Sources into the index: what is new, what has changed, what has moved, what is gone.

A document goes in whole or not at all. Documents are read, gathered until there are enough passages to keep the
encoder busy, encoded, and committed together; the first batches are small, so that the first documents are in soon. A
stop at any moment loses at most the batches that were not yet committed, and running the same command again goes on
from there. Reading and encoding are work for `Workers`: several documents and batches may be under way, but all are
taken in the order of the sources, so that what comes out is the same whoever does it.

Where many passages are to be encoded in this process, those after the first batch are committed with vectors that are
told from words (`words_first.py`), and whoever runs this computes them afterwards (`refining.py`).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType

from instill.documents.document import Document
from instill.documents.plugged import Formats
from instill.documents.sources import Source, SourceProblem
from instill.errors import DocumentError
from instill.index.store import Index
from instill.index.types import DocumentRecord, Keep, Put
from instill.ingest.passages import (
    BATCH_PASSAGES,
    computed,
    cut,
    encoder_inputs,
    estimate_notice,
    in_words,
    indexed,
    passage_identity,
)
from instill.ingest.planning import Begun, ForgottenDocument, Lookup, Planned, Planner
from instill.ingest.types import Attributes, Failure, FileOutcome, Governing, IngestReport, Progress
from instill.ingest.words_first import WordsFirst
from instill.ingest.workers import Cut, LocalWorkers, Pending, Workers
from instill.models.encoders.estimated import DocumentVectors
from instill.models.encoders.protocol import Encoder
from instill.settings import DocumentSettings

FORGOTTEN = "It was forgotten, so that it is not added. To allow it again: instill forget --allow"

FIRST_PASSAGES = 64
"""The first batch has about so many, and each further one twice as many as the one before, up to `BATCH_PASSAGES`: the
first documents can be asked about while others are read."""

_TURNS = 8


@dataclass(frozen=True, slots=True)
class _Batch:
    """Documents that are being encoded together; `identity` says by what."""

    planned: list[Planned]
    texts: list[list[str]]
    vectors: Pending[list[DocumentVectors]]
    identity: str


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
        forgotten: whether a source with this content hash was forgotten, so that it stays out; it is noticed.
        off: plug-ins that are turned off, as in `plugins.off`.
        workers: who reads and encodes, closed by the caller; None: this process.
        keep: keeps documents that are about to be replaced by other content; what brings each back, by its id. Called
            with the index's write lock held.
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
        forgotten: Callable[[str, str], bool] = lambda _source, _hash: False,
        blank: Callable[[Document], tuple[Document, Sequence[str]]] = lambda document: (document, ()),
        off: Sequence[str] = (),
        workers: Workers | None = None,
        keep: Callable[[Sequence[DocumentRecord]], Mapping[str, str]] | None = None,
    ) -> None:
        self._moves = moves
        self._keep = keep
        self._forgotten = forgotten
        self._blank = blank
        self._workers = workers
        self._formats = Formats(off)
        self._open_encoder = open_encoder
        self._on_file = on_file or (lambda _outcome: None)
        self._index = index
        self._settings = settings
        self._identity = passage_identity(settings, fingerprint)
        self._progress = progress
        self._reading: deque[tuple[Begun, Pending[Cut]] | Planned | SourceProblem] = deque()
        self._batch: list[Planned] = []
        self._passages = 0  # of the batch
        self._wanted = FIRST_PASSAGES  # of the next batch
        self._words_first = WordsFirst(open_encoder, settings.words_first_from if workers is None else 0)
        self._read = [0, 0]  # documents that were read, and their passages
        self._ahead = 0  # sources that were not looked at
        self._encoding: deque[_Batch] = deque()
        self._untouched: list[Planned] = []
        self._overtaken: list[Source | SourceProblem] = []
        self._governing: Governing = lambda: lambda _source: Attributes()
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
        with closing(self._words_first), self._at_work() as workers:
            for turn in range(_TURNS):
                rest = self._turn(rest, workers, tell=turn == 0)
                if not rest:
                    break
        for entry in rest:
            why = "Another process kept changing this document at the same time."
            self._fail(entry.source, DocumentError(why, remedy="Run the command again."))
        self._tell(len(listed), len(listed), "")
        self.report.seconds += time.monotonic() - started
        return {entry.source for entry in listed}

    @contextmanager
    def _at_work(self) -> Iterator[Workers]:
        if self._workers is not None:
            yield self._workers
        else:
            with closing(LocalWorkers(self._settings, self._open_encoder, self._formats)) as local:
                yield local

    def remove(self, find: Callable[[], Sequence[DocumentRecord]]) -> None:
        """Take out, in one commit, the documents that `find` finds while nobody else may commit."""
        with self._index.alone():
            records = find()
            self._index.remove([record.doc_id for record in records])
        self.report.removed += [record.source for record in records]
        for record in records:
            self._on_file(FileOutcome(record.source, "removed"))

    def _turn(
        self, entries: Sequence[Source | SourceProblem], workers: Workers, *, tell: bool
    ) -> list[Source | SourceProblem]:
        """Decide and do; returns those that another writer overtook."""
        version = self._index.version()
        governs = self._governing()
        known = {record.source: record for record in self._index.records([entry.source for entry in entries])}
        lookup = Lookup(self._index, expected=len(entries) - len(known))
        planner = Planner(lookup, self._settings, self._identity, moves=self._moves, forgotten=self._forgotten)
        self._overtaken, self._untouched = [], []
        for position, entry in enumerate(entries):
            if tell:
                self._tell(position, len(entries), entry.source)
            self._ahead = len(entries) - position - 1
            attributes = governs(entry.source)
            if attributes is None:
                continue
            if isinstance(entry, SourceProblem):
                self._reading.append(entry)
            else:
                try:
                    begun = planner.begin(entry, known.get(entry.source), attributes)
                    self._reading.append(begun if isinstance(begun, Planned) else (begun, workers.read(begun.reading)))
                except ForgottenDocument as error:
                    self._forgot(entry.source, error)
                except DocumentError as error:
                    self._reading.append(SourceProblem(entry.source, error))
            self._take(planner, workers, left=workers.documents_ahead)
        self._take(planner, workers, left=0)
        self._encode(workers)
        self._commit(left=0)
        self._check_untouched(version)
        return self._overtaken

    # -- documents, batches, commits: each in the order of the sources -------------------------------------------------

    def _take(self, planner: Planner, workers: Workers, *, left: int) -> None:
        """Put documents that were read into the batch until only `left` are still being read."""
        while len(self._reading) > left:
            begun = self._reading.popleft()
            if isinstance(begun, SourceProblem):
                self._fail(begun.source, begun.error)
                continue
            if isinstance(begun, Planned):
                planned = begun
            else:
                try:
                    planned = self._without_forgotten(planner.finish(begun[0], begun[1].result()))
                except ForgottenDocument as error:
                    self._forgot(begun[0].entry.source, error)
                    continue
                except DocumentError as error:
                    self._fail(begun[0].entry.source, error)
                    continue
            if not (planned.prepared or planned.keep):
                self._untouched.append(planned)
                continue
            self._batch.append(planned)
            self._passages += planned.passages
            self._read[0] += 1
            self._read[1] += planned.passages
            if self._passages >= min(self._wanted, BATCH_PASSAGES):
                self._wanted *= 2
                self._encode(workers)
                self._commit(left=workers.batches_ahead)

    def _encode(self, workers: Workers) -> None:
        if not self._batch:
            return
        batch, self._batch, self._passages = self._batch, [], 0
        texts = [encoder_inputs(planned.prepared) for planned in batch if planned.prepared is not None]
        if self._is_told_from_words(texts):
            self._encoding.append(_Batch(batch, texts, self._words_first.encode(texts), in_words(self._identity)))
        else:
            self._encoding.append(_Batch(batch, texts, workers.encode(texts), self._identity))

    def _is_told_from_words(self, texts: Sequence[Sequence[str]]) -> bool:
        """Whether so much is to be encoded that this batch is told from words; the first one is encoded, unless it is a
        very long document."""
        passages = sum(map(len, texts))
        documents, read = self._read
        if not self._words_first.is_worth_it(passages + round(self._ahead * read / max(1, documents))):
            return False
        self._commit(left=0)
        return self._words_first.can_begin or passages > 2 * BATCH_PASSAGES

    def _commit(self, *, left: int) -> None:
        """Commit batches until only `left` are still being encoded."""
        while len(self._encoding) > left:
            self._apply(self._encoding.popleft())

    def _apply(self, batch: _Batch) -> None:
        told: dict[str, str] = {}
        found = batch.vectors.result() if batch.texts else []
        in_full = batch.identity == self._identity
        if in_full:
            self._words_first.learn_from(batch.texts, found)
        vectors = iter(found)
        changes: dict[int, Put | Keep] = {}
        for position, planned in enumerate(batch.planned):
            if planned.keep is not None:
                changes[position] = planned.keep
            elif planned.prepared is not None:
                own = next(vectors)
                if in_full and own.estimated:
                    told[planned.entry.source] = estimate_notice(own)
                changes[position] = Put(indexed(planned.prepared, own, batch.identity), planned.known)
        with self._index.alone():
            governs = self._governing()
            wanted = [
                at for at, planned in enumerate(batch.planned) if governs(planned.entry.source) == planned.attributes
            ]
            kept = self._kept([changes[at] for at in wanted])
            undone = self._index.apply([changes[at] for at in wanted])
        left = {id(change) for change in undone}
        for at, planned in enumerate(batch.planned):
            if at in wanted and id(changes[at]) not in left:
                self.report.notices += [(source, told[source]) for source in [planned.entry.source] if source in told]
                self._done(planned, kept)
                self.report.in_words += planned.passages if planned.prepared is not None and not in_full else 0
            else:
                self._overtaken.append(planned.entry)

    def _kept(self, changes: Sequence[Put | Keep]) -> Mapping[str, str]:
        """Keep the documents that get other content, where that is wanted and they are as they were; what brings each
        back, by its id."""
        if self._keep is None:
            return {}
        known = {each.known.doc_id: each for each in changes if isinstance(each, Put) and each.known is not None}
        now = self._index.records(doc_ids=sorted(known)) if known else []
        replaced = [
            each
            for each in now
            if each == known[each.doc_id].known
            and each.content_hash != known[each.doc_id].document.document.content_hash
        ]
        return self._keep(replaced) if replaced else {}

    def _without_forgotten(self, planned: Planned) -> Planned:
        """With blanks for the facts that were forgotten of this document, and a notice of each that it holds again."""
        if planned.prepared is None:
            return planned
        document, told = self._blank(planned.prepared.document)
        prepared = planned.prepared
        if document is not prepared.document:
            passages = cut(document, self._open_encoder(), self._settings)
            prepared = replace(prepared, document=document, passages=passages)
        return replace(planned, prepared=prepared, notices=(*planned.notices, *told))

    def _forgot(self, source: str, error: ForgottenDocument) -> None:
        self.report.forgotten.append((source, error.allowed_by))
        self.report.notices.append((source, f"{FORGOTTEN} {error.allowed_by}"))
        self._on_file(FileOutcome(source, "forgotten", what=error.what, remedy=error.allowed_by))

    def _done(self, planned: Planned, kept: Mapping[str, str] = MappingProxyType({})) -> None:
        report, source, known = self.report, planned.entry.source, planned.known
        report.notices += [(source, notice) for notice in planned.notices]
        if planned.prepared is not None:
            (report.added if planned.prepared.change == "added" else report.changed).append(source)
            report.passages += planned.passages
            replaced = kept.get(planned.prepared.document.doc_id, "")
            report.replaced += [(source, replaced)] if replaced else []
            self._on_file(FileOutcome(source, planned.prepared.change, planned.passages, replaced=replaced))
            report.resettled += (
                known is not None
                and computed(known.passage_identity) != self._identity
                and (known.content_hash == planned.prepared.document.content_hash)
            )
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
