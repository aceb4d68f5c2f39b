"""The second stage of a large folder: documents whose vectors were told from words get those of the encoder.

In the end every vector is the one that it would be without the first stage. A document that somebody changes meanwhile
is left to who changed it. A stop at any moment loses at most the batch at hand, and the next run goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from instill.errors import DocumentError
from instill.index.lookup import StoredDocument, document_of
from instill.index.store import Index
from instill.index.types import DocumentRecord, Put
from instill.ingest.passages import (
    BATCH_PASSAGES,
    Prepared,
    cut,
    encoder_inputs,
    estimate_notice,
    in_words,
    indexed,
    passage_identity,
    vectors_of,
)
from instill.ingest.types import Failure, IngestReport, Progress
from instill.models.encoders.protocol import Encoder
from instill.settings import DocumentSettings


def in_words_now(index: Index, settings: DocumentSettings) -> dict[str, int]:
    """The ids of the documents whose vectors are still told from words, with the number of their passages."""
    wanted = in_words(passage_identity(settings, index.generation.fingerprint))
    columns = ["doc_id", "passage_identity", "passage_count"]
    found = index.reading(lambda view: [batch.to_pydict() for batch in view.batches("documents", columns, None)])
    return {
        doc_id: count
        for batch in found
        for doc_id, identity, count in zip(*(batch[column] for column in columns), strict=True)
        if identity == wanted
    }


def refine(
    index: Index,
    open_encoder: Callable[[], Encoder],
    settings: DocumentSettings,
    report: IngestReport,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Compute the vectors of all documents that have those of their words; needs no source files.

    Args:
        report: `refined`, `notices` and `failed` are added to.
        progress: called with the number of passages that are done.
        stop: asked between batches; True ends it, and the next call goes on.

    Raises:
        WorkspaceError: the index cannot be written.
    """
    waiting = in_words_now(index, settings)
    total = sum(waiting.values())
    tell = progress or (lambda _now: None)
    identity = passage_identity(settings, index.generation.fingerprint)
    done = 0
    for batch in _batches(waiting):
        tell(Progress(done, total, report.refined, ""))
        if stop():
            return
        read = _read_again(index, batch, open_encoder(), settings, report)
        texts = [encoder_inputs(prepared) for prepared, _ in read]
        found = vectors_of(open_encoder(), texts, estimated_from=settings.estimated_from)
        changes = [
            Put(replace(indexed(prepared, own, identity), added=record.added), record)
            for (prepared, record), own in zip(read, found, strict=True)
        ]
        overtaken = {id(change) for change in index.apply(changes)}
        for change, own in zip(changes, found, strict=True):
            if id(change) not in overtaken:
                report.refined += len(own.vectors)
                report.notices += [(change.source, estimate_notice(own))] if own.estimated else []
        done += sum(waiting[doc_id] for doc_id in batch)
    tell(Progress(total, total, report.refined, ""))


def _batches(waiting: Mapping[str, int]) -> Iterator[list[str]]:
    batch: list[str] = []
    passages = 0
    for doc_id, count in waiting.items():
        batch.append(doc_id)
        passages += count
        if passages >= BATCH_PASSAGES:
            yield batch
            batch, passages = [], 0
    if batch:
        yield batch


def _read_again(
    index: Index, doc_ids: Sequence[str], encoder: Encoder, settings: DocumentSettings, report: IngestReport
) -> list[tuple[Prepared, DocumentRecord]]:
    """The documents, cut as before, with the record that they have; without those that somebody changed meanwhile."""
    wanted = in_words(passage_identity(settings, index.generation.fingerprint))
    read: list[tuple[Prepared, DocumentRecord]] = []
    for stored in index.stored_documents(doc_ids):
        if stored.record.passage_identity == wanted:
            try:
                read.append((_again(stored, encoder, settings), stored.record))
            except DocumentError as error:
                report.failed.append(Failure(stored.record.source, error.what, error.command))
    return read


def _again(stored: StoredDocument, encoder: Encoder, settings: DocumentSettings) -> Prepared:
    document = document_of(stored)
    return Prepared(document, cut(document, encoder, settings), "changed")
