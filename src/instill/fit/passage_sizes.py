"""Trying passages of other sizes, on a part of the documents, in indexes of their own beside the live one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock

from instill.documents.document import Document
from instill.fit.search_ways import Searcher, Way
from instill.fit.targets import Target, read_until
from instill.index.lookup import document_of
from instill.index.store import Index
from instill.ingest.passages import BATCH_PASSAGES, Prepared, cut, encode_and_commit, passage_identity
from instill.measure.statistics.cross_validation import Choice, choose
from instill.measure.statistics.interval_type import Interval
from instill.measure.statistics.percentile_bootstrap import bootstrap_interval
from instill.models.encoders.protocol import Encoder
from instill.settings import DocumentSettings

if TYPE_CHECKING:
    from instill.fit.fitted_workspace import FittedWorkspace

_SMALLEST, _DEEPEST = 32, 10


@dataclass(frozen=True, slots=True)
class Sized:
    """What came of the sizes of passages.

    A question's score is 1 / (how many passages of the present mean length are read until its answer is), 0 from ten
    on: read in the order of the ranking, with passages counted by their length.

    Args:
        sizes: tokens, the present size first.
        scores: the mean score of each.
        best: the size to use.
    """

    sizes: Sequence[int]
    scores: Sequence[Interval]
    choice: Choice
    best: int
    documents: int


def measure_sizes(
    workspace: FittedWorkspace,
    targets: Sequence[Target],
    indexes_at: SizedIndexes,
    way: Way,
    tell: Callable[[str, int, int], None],
) -> Sized:
    """Compare half, the same and double the present size of passages, at the present weights."""
    present = workspace.settings.documents.passage_tokens
    longest = workspace.encoder.max_tokens
    sizes = [present, *(size for size in (present // 2, present * 2) if _SMALLEST <= size <= longest)]
    indexes = []
    for number, size in enumerate(sizes):
        tell("Splitting and encoding", number, len(sizes))
        indexes.append(indexes_at.at(size))
    unit = _mean_length(indexes[0])
    rows = []
    for size, index in zip(sizes, indexes, strict=True):
        searcher = Searcher(index, workspace.encoder, workspace.settings.search, None)
        searcher.encode([target.question for target in targets])
        k = max(20, -(-_DEEPEST * present // size))
        row = []
        for done, target in enumerate(targets, start=1):
            read = read_until(searcher.hits(target.question, way.vector_weight, k), target, unit)
            row.append(1 / read if 0 < read <= _DEEPEST else 0.0)
            tell(f"Passages of {size} tokens", done, len(targets))
        rows.append(row)
    groups = [target.group for target in targets]
    scores = np.array(rows, np.float64)
    choice = choose(scores, groups)
    best = sizes[choice.best] if choice.kept else present
    return Sized(sizes, [bootstrap_interval(row, groups) for row in scores], choice, best, indexes[0].count()[0])


class SizedIndexes:
    """Indexes of at most `most` documents, those asked about first, each with passages of another size.

    They stand in a folder of the workspace that is removed at the end of the `with` block; each is made on first use.
    """

    def __init__(self, workspace: FittedWorkspace, targets: Sequence[Target], most: int, seed: int) -> None:
        self._workspace = workspace
        self._asked = targets
        self._most, self._seed = most, seed
        self._made: dict[int, Index] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> SizedIndexes:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._lock.release()
            self._folder.cleanup()

    def at(self, size: int) -> Index:
        """The index with passages of at most `size` tokens."""
        if self._folder is None:
            home = self._workspace.home
            self._folder = tempfile.TemporaryDirectory(prefix="tuning-", dir=home, ignore_cleanup_errors=True)
            self._lock = FileLock(Path(self._folder.name) / "lock", timeout=0)
            self._lock.acquire()  # What a kill leaves behind can be told from what is in use.
        if size not in self._made:
            settings = self._workspace.settings.documents.model_copy(update={"passage_tokens": size})
            folder = Path(self._folder.name) / str(size)
            self._made[size] = _filled(folder, self._documents, self._workspace.encoder, settings)
        return self._made[size]

    def covered(self, targets: Sequence[Target]) -> list[Target]:
        """The targets that can be found in these documents, as far as that is known."""
        there = {document.doc_id for document in self._documents}
        return [target for target in targets if target.span is None or target.span[0] in there]

    @cached_property
    def _documents(self) -> list[Document]:
        index = self._workspace.index
        asked = [target.span[0] for target in self._asked if target.span is not None]
        others = sorted(record.doc_id for record in index.records())
        Random(self._seed).shuffle(others)  # noqa: S311  Not for security.
        found = (index.document_text(doc_id) for doc_id in list(dict.fromkeys([*asked, *others]))[: self._most])
        return [document_of(stored) for stored in found if stored is not None]


def _filled(folder: Path, documents: Sequence[Document], encoder: Encoder, settings: DocumentSettings) -> Index:
    index = Index.open(folder, dimension=encoder.dimension, fingerprint=encoder.fingerprint, create=True)
    identity = passage_identity(settings, encoder.fingerprint)
    batch: list[Prepared] = []
    for document in documents:
        batch.append(Prepared(document, cut(document, encoder, settings), "added"))
        if sum(len(entry.passages) for entry in batch) >= BATCH_PASSAGES:
            encode_and_commit(index, encoder, batch, identity)
            batch = []
    if batch:
        encode_and_commit(index, encoder, batch, identity)
    index.upkeep(force=True)
    return index


def _mean_length(index: Index) -> float:
    [row] = index.sql("select avg(length(text)) as mean from passages").to_pylist()
    return float(row["mean"])
