"""How the index behaves as it grows: `python bench/scale.py 1000000`.

Synthetic passages go through the real `Index`. At 1,000, 100,000 and N passages: the cost of adding and of replacing
one document. At N: time to write and to index, hybrid search p50 and p99, recall@10 of the vector leg against an exact
scan, disk, and the peak resident memory of a fresh process that only searches.

Vectors are mixtures with three levels (topic, document, passage) over a spectrum that falls like that of MiniLM
vectors of real abstracts (eigenvalue i in proportion to i**-0.85); a query is a passage's vector turned to a cosine
of about 0.7. Text is drawn from 50,000 words by Zipf's law; a query is six words of a passage.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instill.documents.document import Document, Parsed, Passage
from instill.index.fusion import ZScoreFusion
from instill.index.store import Index
from instill.index.types import IndexedDocument, SearchRequest
from instill.models.encoders.protocol import Vectors

DIMENSION = 384
PER_DOCUMENT = 10
WORDS_PER_PASSAGE = 60
DOCUMENTS_PER_COMMIT = 1000
CHECKPOINTS = (1_000, 100_000)
FINGERPRINT = "bench-scale"


class World:
    """Documents and queries made from a seed."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self._spectrum = (np.arange(1, DIMENSION + 1) ** (-0.85 / 2)).astype(np.float32)
        self._spectrum /= np.linalg.norm(self._spectrum)
        self._topics = self._noise(2000)
        self._words = np.array([f"w{number:x}" for number in range(50_000)], dtype=object)
        frequency = 1 / (np.arange(50_000) + 50)  # the first fifty would be stop words
        self._cumulative = np.cumsum(frequency / frequency.sum())

    def documents(self, first: int, count: int) -> list[IndexedDocument]:
        vectors = self._vectors(count).reshape(count, PER_DOCUMENT, DIMENSION)
        words = self._text(count * PER_DOCUMENT).reshape(count, PER_DOCUMENT, WORDS_PER_PASSAGE)
        return [self._document(first + i, words[i], vectors[i]) for i in range(count)]

    def query_vectors(self, passages: Vectors) -> Vectors:
        turned = passages + self._noise(len(passages))
        return np.asarray(turned / np.linalg.norm(turned, axis=1, keepdims=True), np.float32)

    def query_texts(self, count: int) -> list[str]:
        return [" ".join(row) for row in self._text(count)[:, :6]]

    def _document(self, number: int, words: NDArray[Any], vectors: Vectors) -> IndexedDocument:
        text = ""
        passages = []
        for ordinal, row in enumerate(words):
            piece = " ".join(row) + "\n"
            passages.append(Passage(ordinal, len(text), len(text) + len(piece), piece))
            text += piece
        metadata = {"year": 2000 + number % 25}
        document = Document(
            f"{number:016x}", f"/bench/{number}.txt", "text", f"doc {number}", f"{number:x}", len(text), "",
            Parsed(text, metadata=metadata), labels=(("even", "odd")[number % 2],),
        )  # fmt: skip
        return IndexedDocument(document, passages, vectors, "bench")

    def _vectors(self, documents: int) -> Vectors:
        topic = self._topics[self._rng.integers(0, len(self._topics), documents)]
        centre = 0.8 * topic + 0.7 * self._noise(documents)
        vectors = np.repeat(centre, PER_DOCUMENT, axis=0) + 0.8 * self._noise(documents * PER_DOCUMENT)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    def _noise(self, count: int) -> Vectors:
        return np.asarray(self._rng.standard_normal((count, DIMENSION), dtype=np.float32) * self._spectrum)

    def _text(self, passages: int) -> NDArray[Any]:
        drawn = np.searchsorted(self._cumulative, self._rng.random((passages, WORDS_PER_PASSAGE)))
        return self._words[np.minimum(drawn, len(self._words) - 1)]


@dataclass(frozen=True, slots=True)
class Change:
    """Median milliseconds to add and to replace one document of ten passages, at a size."""

    passages: int
    add_ms: float
    replace_ms: float


@dataclass(frozen=True, slots=True)
class Search:
    """What a fresh process that only searches sees; milliseconds without encoding the question."""

    open_ms: float
    first_ms: float
    hybrid_p50_ms: float
    hybrid_p99_ms: float
    vector_p50_ms: float
    keyword_p50_ms: float
    labelled_p50_ms: float
    filtered_p50_ms: float
    recall_at_10: float
    labelled_recall_at_10: float
    filtered_recall_at_10: float
    peak_memory_mb: float


def build(folder: Path, size: int) -> dict[str, Any]:
    """Fill the index, measuring changes at the checkpoints; vectors are kept for the exact scan."""
    world = World()
    index = Index.open(folder / "index", dimension=DIMENSION, fingerprint=FINGERPRINT, create=True)
    exact = np.lib.format.open_memmap(folder / "vectors.npy", mode="w+", dtype=np.float32, shape=(size, DIMENSION))
    checkpoints = sorted({*(point for point in CHECKPOINTS if point < size), size})
    written, writing_s, changes, upkeep_s = 0, 0.0, [], 0.0
    for point in checkpoints:
        while written < point:
            count = min(DOCUMENTS_PER_COMMIT, (point - written) // PER_DOCUMENT)
            batch = world.documents(written // PER_DOCUMENT, count)
            exact[written : written + count * PER_DOCUMENT] = np.concatenate([entry.vectors for entry in batch])
            start = time.perf_counter()
            index.commit(batch)
            writing_s += time.perf_counter() - start
            written += count * PER_DOCUMENT
        start = time.perf_counter()
        index.upkeep(force=True, progress=_say)
        upkeep_s = time.perf_counter() - start
        changes.append(_changes(index, world, point))
        _say(f"{changes[-1]}")
    exact.flush()
    index.upkeep(force=True)
    stats = index.stats()
    return {
        "write_s": writing_s,
        "upkeep_s": upkeep_s,
        "disk_mb": stats.bytes / 1e6,
        "writer_peak_memory_mb": _peak_memory_mb(),
        "changes": [asdict(change) for change in changes],
    }


def _changes(index: Index, world: World, size: int, repeats: int = 20) -> Change:
    fresh = [world.documents(10**9 + size + i, 1) for i in range(repeats)]
    changed = [world.documents(i * 3, 1) for i in range(repeats)]
    added = _milliseconds(index.commit, fresh)
    replaced = _milliseconds(index.commit, changed)
    index.remove([entry[0].document.doc_id for entry in fresh])
    return Change(size, float(np.median(added)), float(np.median(replaced)))


def measure_search(folder: Path, queries: int) -> Search:
    """Run in a process of its own."""
    start = time.perf_counter()
    index = Index.open(folder / "index", dimension=DIMENSION, fingerprint=FINGERPRINT, read_only=True)
    index.count()
    open_ms = (time.perf_counter() - start) * 1000
    world, fusion = World(seed=1), ZScoreFusion()
    stored = np.load(folder / "vectors.npy", mmap_mode="r")
    picked = np.sort(np.random.default_rng(2).integers(0, len(stored), queries))
    vectors = world.query_vectors(np.asarray(stored[picked]))
    texts = world.query_texts(queries)

    def search(number: int, **request: Any) -> Any:
        return index.search(SearchRequest(texts[number], k=10, **request), vectors[number], fusion)

    first_ms = _milliseconds(search, [0])[0]
    timings = {
        name: _milliseconds(partial(_with, search, options), list(range(queries)))
        for name, options in (
            ("hybrid", {}),
            ("vector", {"mode": "vector"}),
            ("keyword", {"mode": "keyword"}),
            ("labelled", {"labels": ("even",)}),
            ("filtered", {"where": "year >= 2020"}),
        )
    }
    document = np.arange(len(stored)) // PER_DOCUMENT
    among: dict[str, tuple[dict[str, Any], NDArray[np.bool_]]] = {
        "all": ({}, np.ones(len(stored), dtype=bool)),
        "labelled": ({"labels": ("even",)}, document % 2 == 0),
        "filtered": ({"where": "year >= 2020"}, document % 25 >= 20),
    }
    found = {
        name: [search(number, mode="vector", **options).hits for number in range(queries)]
        for name, (options, _) in among.items()
    }
    peak_memory_mb = _peak_memory_mb()  # before the exact scans
    recall = {name: _recall(stored, vectors, hits, among[name][1]) for name, hits in found.items()}
    return Search(
        open_ms,
        first_ms,
        float(np.percentile(timings["hybrid"], 50)),
        float(np.percentile(timings["hybrid"], 99)),
        float(np.median(timings["vector"])),
        float(np.median(timings["keyword"])),
        float(np.median(timings["labelled"])),
        float(np.median(timings["filtered"])),
        recall["all"],
        recall["labelled"],
        recall["filtered"],
        peak_memory_mb,
    )


def _with(search: Callable[..., Any], options: dict[str, Any], number: int) -> Any:
    return search(number, **options)


def _recall(stored: Vectors, queries: Vectors, found: list[Any], among: NDArray[np.bool_]) -> float:
    """Share of the ten exact neighbours `among` these passages that were found; one as near as the tenth counts."""
    best = np.full((len(queries), 10), -2.0, dtype=np.float32)
    for start in range(0, len(stored), 50_000):
        part = slice(start, start + 50_000)
        cosines = queries @ np.asarray(stored[part]).T
        cosines[:, ~among[part]] = -2.0
        best = np.sort(np.concatenate([best, np.sort(cosines, axis=1)[:, -10:]], axis=1), axis=1)[:, -10:]
    hits = [sum(hit.vector_score >= best[row, 0] - 1e-5 for hit in result) for row, result in enumerate(found)]
    return float(np.mean([min(count, 10) / 10 for count in hits]))


def _milliseconds(call: Callable[[Any], Any], arguments: list[Any]) -> list[float]:
    times = []
    for argument in arguments:
        start = time.perf_counter()
        call(argument)
        times.append((time.perf_counter() - start) * 1000)
    return times


def _peak_memory_mb() -> float:
    """The most memory that this process had resident; without what it inherited, where the system tells."""
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _say(line: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {line}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", type=int, help="passages, a multiple of 1,000")
    parser.add_argument("--folder", type=Path, help="keep the index here (default: a temporary folder)")
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--search-only", action="store_true", help="measure searching in --folder and stop")
    arguments = parser.parse_args()
    if arguments.search_only:
        print(json.dumps(asdict(measure_search(arguments.folder, arguments.queries)), indent=2))
        return
    with _folder(arguments.folder) as folder:
        result = build(folder, arguments.size)
        command = [sys.executable, __file__, str(arguments.size), "--search-only", "--folder", str(folder)]
        searched = subprocess.run(
            [*command, "--queries", str(arguments.queries)], check=True, capture_output=True, text=True
        )
        print(json.dumps({"passages": arguments.size, **result, "search": json.loads(searched.stdout)}, indent=2))


class _folder:  # noqa: N801 - reads like the function it stands for
    """The given folder, or a temporary one that is removed."""

    def __init__(self, given: Path | None) -> None:
        self._given, self._temporary = given, None if given else tempfile.TemporaryDirectory()

    def __enter__(self) -> Path:
        path = Path(self._temporary.name) if self._temporary else self._given or Path()
        path.mkdir(parents=True, exist_ok=True)
        return path

    def __exit__(self, *_: object) -> None:
        if self._temporary:
            self._temporary.cleanup()


if __name__ == "__main__":
    main()
