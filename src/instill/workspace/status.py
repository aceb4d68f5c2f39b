"""What a workspace holds, at a glance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from instill.catalog import Catalog
from instill.catalog.earlier_catalog import earlier_file
from instill.documents.bucket_addresses import place_of
from instill.fit.kept.threshold import Threshold
from instill.index.store import Index
from instill.index.types import DocumentRecord
from instill.ingest.passages import is_in_words
from instill.settings import Settings
from instill.workspace.purge.conversations_and_log import count_exchanges
from instill.workspace.purge.holders import gone_from, holders, said_of


@dataclass(frozen=True, slots=True)
class Status:
    """What a workspace holds. Sizes are in bytes; `questions` is the number of questions in the log.

    Under labels, `index_bytes` is None, because it grows with every document, also with hidden ones. `removed_text` is
    empty, `roots` are the followed paths that hold a document that the caller may see, and `by_label` has the caller's
    own labels only.

    `by_label`: for each label, the number of documents that have it, most first. `unlabelled`: documents with no label,
    which only callers without restriction see.

    `threshold_origin`: "set", "calibrated" or "default". `promise`: what the calibration promises, or what is wrong
    with it.
    `learned`: what is tuned or trained and in use, and what is no longer in use, a sentence each.
    `passages_in_words`: the passages whose vectors are told from words, and are computed by the next `add` or `sync`.
    `earlier_catalog`: the file that the catalog was in before it was in a database, while it is there; it is used no
    longer. "" where there is none, and under labels.
    `removed_text`: the things that still hold text of removed documents, or were trained on it; see
    `instill.workspace.purge`.
    """

    path: str
    documents: int
    passages: int
    kinds: Mapping[str, int]
    roots: Sequence[str]
    index_bytes: int | None
    encoder: str
    generator: str
    questions: int
    writable: bool
    threshold: float
    threshold_origin: str
    promise: str
    learned: Sequence[str] = ()
    removed_text: Sequence[str] = ()
    by_label: Mapping[str, int] = field(default_factory=dict)
    unlabelled: int = 0
    passages_in_words: int = 0
    earlier_catalog: str = ""


def status_of(
    path: Path,
    settings: Settings,
    catalog: Catalog,
    index: Index,
    threshold: Threshold,
    *,
    writable: bool,
    learned: Sequence[str],
    labels: tuple[str, ...] | None = None,
) -> Status:
    """Look at the parts of the workspace at `path`; needs neither an encoder's weights nor a reader.

    For a caller who holds `labels`, nothing in it depends on documents and questions that this caller may not see.
    """
    documents, passages = index.count(labels)
    records = index.records(labels=labels)
    kinds = Counter(record.kind for record in records)
    by_label = Counter(each for record in records for each in record.labels if labels is None or each in labels)
    roots = [root.path for root in catalog.roots()]
    present = frozenset(record.doc_id for record in records)
    promise = threshold.calibration.promise if threshold.calibration and not threshold.notice else threshold.notice
    return Status(
        path=str(path),
        documents=documents,
        passages=passages,
        kinds=_most_first(kinds),
        roots=roots if labels is None else [root for root in roots if _holds_one(root, records)],
        index_bytes=_bytes_of(index) if labels is None else None,
        encoder=index.generation.fingerprint if labels is None else settings.encoder.model,
        generator=settings.generator.model
        or settings.generator.gguf
        or settings.generator.folder
        or settings.generator.plugin,
        questions=catalog.question_count(labels),
        writable=writable,
        threshold=threshold.value,
        threshold_origin=threshold.origin,
        promise=promise,
        learned=learned,
        removed_text=_removed_text(path, catalog, present) if labels is None else (),
        by_label=_most_first(by_label),
        unlabelled=sum(not record.labels for record in records),
        passages_in_words=sum(record.passage_count for record in records if is_in_words(record.passage_identity)),
        earlier_catalog=str(earlier_file(path / ".instill", catalog) or "") if labels is None else "",
    )


def _most_first(counted: Counter[str]) -> dict[str, int]:
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _removed_text(path: Path, catalog: Catalog, present: frozenset[str]) -> tuple[str, ...]:
    found = gone_from(holders(path / ".instill", catalog), present)
    return tuple(said_of(found, count_exchanges(catalog, {doc_id for _, gone in found for doc_id in gone})))


def _holds_one(root: str, records: Sequence[DocumentRecord]) -> bool:
    """Whether a followed file, folder, pattern or address is where one of the documents comes from."""
    root = place_of(root)
    below = root.rstrip("/") + "/"
    return any(
        record.source == root or record.source.startswith(below) or fnmatchcase(record.source, root)
        for record in records
    )


def _bytes_of(index: Index) -> int:
    """On this machine, and in a store elsewhere as far as it tells."""
    elsewhere = index.stats().bytes if index.generation.url else 0
    return _folder_bytes(index.folder) + elsewhere


def _folder_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
