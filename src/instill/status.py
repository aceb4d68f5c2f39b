"""What a workspace holds, at a glance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from instill.catalog import Catalog
from instill.index.store import Index
from instill.learned.threshold import Threshold
from instill.purge.holders import gone_from, holders, said_of
from instill.settings import Settings


@dataclass(frozen=True, slots=True)
class Status:
    """What a workspace holds. Sizes in bytes; `questions` counts the log of questions.

    `threshold_origin`: "set", "calibrated" or "default"; `promise` is the calibration's, or what is wrong with it.
    `learned`: what is tuned or trained and in use, and what is not any more, a sentence each.
    `removed_text`: what still holds text of removed documents, or was trained on it; see `instill.purge`.
    """

    path: str
    documents: int
    passages: int
    kinds: Mapping[str, int]
    roots: Sequence[str]
    index_bytes: int
    encoder: str
    generator: str
    questions: int
    writable: bool
    threshold: float
    threshold_origin: str
    promise: str
    learned: Sequence[str] = ()
    removed_text: Sequence[str] = ()


def status_of(
    path: Path,
    settings: Settings,
    catalog: Catalog,
    index: Index,
    threshold: Threshold,
    *,
    writable: bool,
    learned: Sequence[str],
) -> Status:
    """Look at the parts of the workspace at `path`; needs neither an encoder's weights nor a reader."""
    documents, passages = index.count()
    records = index.records()
    kinds = Counter(record.kind for record in records)
    present = frozenset(record.doc_id for record in records)
    promise = threshold.calibration.promise if threshold.calibration and not threshold.notice else threshold.notice
    return Status(
        path=str(path),
        documents=documents,
        passages=passages,
        kinds=dict(sorted(kinds.items(), key=lambda item: (-item[1], item[0]))),
        roots=[root.path for root in catalog.roots()],
        index_bytes=_folder_bytes(index.folder),
        encoder=index.generation.fingerprint,
        generator=settings.generator.model or settings.generator.folder,
        questions=catalog.usage_count(),
        writable=writable,
        threshold=threshold.value,
        threshold_origin=threshold.origin,
        promise=promise,
        learned=learned,
        removed_text=tuple(said_of(gone_from(holders(path / ".instill", catalog), present))),
    )


def _folder_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
