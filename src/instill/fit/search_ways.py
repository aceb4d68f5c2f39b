"""Ways to rank, and how well each finds the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from instill.answer.reading.reader import Reading
from instill.answer.reading.reranking import Reads, rerank
from instill.fit.kept.tuned import is_set
from instill.fit.targets import Target, rank_of, reciprocal
from instill.index.fusion import fusion_named
from instill.index.store import Index
from instill.index.types import READ, Hit, Mode, SearchRequest
from instill.measure.statistics.interval_type import Numbers
from instill.models.encoders.protocol import Encoder, Vectors
from instill.settings import SearchSettings, Settings

VECTOR_WEIGHTS = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
RERANK_WEIGHTS = (0.0, 0.3, 0.5, 0.7, 1.0)
DEEPEST, FIRST = 10, 5


@dataclass(frozen=True, slots=True)
class Way:
    """One way to rank: the vector leg's share in the fusion, and the reader's in the order of the first hits."""

    vector_weight: float
    rerank: float


@dataclass(frozen=True, slots=True)
class Scores:
    """How the ways do, `(ways, questions)` each: `1 / rank` down to 10, and 1.0 for an answer in the first five."""

    ways: Sequence[Way]
    mrr: Numbers
    recall: Numbers


def in_use(settings: Settings) -> Way:
    """The way that the settings name."""
    return Way(settings.search.vector_weight, settings.search.rerank)


def ways_around(way: Way, settings: Settings, given: Settings, *, reader: bool) -> list[Way]:
    """The ways to try: `way` first, then the others from the nearest on, so that of equal ones the nearest is taken.

    What the user set is left alone; the weights of the legs also where they have no effect.
    """
    fixed = is_set(given, "search.vector_weight") or settings.search.fusion != "zscore"
    weights = (way.vector_weight,) if fixed else VECTOR_WEIGHTS
    shares = (way.rerank,) if not reader or is_set(given, "search.rerank") else RERANK_WEIGHTS
    others = {Way(weight, share) for weight in weights for share in shares} - {way}
    distance = {
        other: (abs(other.rerank - way.rerank) + abs(other.vector_weight - way.vector_weight)) for other in others
    }
    return [way, *sorted(others, key=lambda other: (distance[other], other.rerank, other.vector_weight))]


class Searcher:
    """Searches one index in many ways; encodes a question once and reads a passage once for it."""

    def __init__(self, index: Index, encoder: Encoder, settings: SearchSettings, reader: Reads | None) -> None:
        self._index = index
        self._encoder = encoder
        self._settings = settings
        self._reader = reader
        self._vectors: dict[str, Vectors] = {}

    def encode(self, questions: Sequence[str]) -> None:
        """Encode these questions together."""
        new = [question for question in dict.fromkeys(questions) if question not in self._vectors]
        if new:
            self._vectors.update(zip(new, self._encoder.encode_queries(new), strict=True))

    def hits(self, question: str, weight: float, k: int = READ, mode: Mode = "hybrid") -> Sequence[Hit]:
        """The first `k` hits, before reranking."""
        return self._fused(question, [weight], k, mode)[0]

    def _fused(
        self, question: str, weights: Sequence[float], k: int = READ, mode: Mode = "hybrid"
    ) -> list[Sequence[Hit]]:
        self.encode([question])
        request = SearchRequest(question, k=k, mode=mode, pool=max(self._settings.pool, k))
        fusions = [fusion_named(self._settings.fusion, vector_weight=weight) for weight in weights]
        return [result.hits for result in self._index.search_fused(request, self._vectors[question], fusions)]

    def ranks(self, target: Target, ways: Sequence[Way]) -> list[int]:
        """The rank of the answer in each way."""
        weights = list(dict.fromkeys(way.vector_weight for way in ways))
        found = dict(zip(weights, self._fused(target.question, weights), strict=True))
        reader = None if self._reader is None else _ReadOnce(self._reader)
        ranks = []
        for way in ways:
            hits = found[way.vector_weight]
            if way.rerank and reader is not None:
                hits = rerank(target.question, hits, reader, weight=way.rerank)
            ranks.append(rank_of(hits, target))
        return ranks

    def legs(self, targets: Sequence[Target]) -> dict[str, Scores]:
        """Either leg alone."""
        modes: dict[str, Mode] = {"keyword": "keyword", "vector": "vector"}
        return {
            name: scores_of(
                [Way(float(name == "vector"), 0.0)],
                [[rank_of(self.hits(target.question, 0.5, mode=mode), target)] for target in targets],
            )
            for name, mode in modes.items()
        }


def measure_ways(
    searcher: Searcher, targets: Sequence[Target], ways: Sequence[Way], progress: Callable[[int, int], None]
) -> Scores:
    """Search every question in every way."""
    searcher.encode([target.question for target in targets])
    ranks = []
    for done, target in enumerate(targets, start=1):
        ranks.append(searcher.ranks(target, ways))
        progress(done, len(targets))
    return scores_of(ways, ranks)


def scores_of(ways: Sequence[Way], ranks: Sequence[Sequence[int]]) -> Scores:
    """From the rank of each question's answer in each way, 0 where it is not found.

    Example:
        >>> scores = scores_of([Way(0.6, 0.0)], [[1], [6], [0]])
        >>> scores.mrr.round(3).tolist(), scores.recall.tolist()
        ([[1.0, 0.167, 0.0]], [[1.0, 0.0, 0.0]])
    """
    mrr = np.array([[reciprocal(rank, DEEPEST) for rank in row] for row in ranks], np.float64).T
    recall = np.array([[float(0 < rank <= FIRST) for rank in row] for row in ranks], np.float64).T
    return Scores(ways, mrr, recall)


class _ReadOnce:
    """A reader for one question that reads no passage twice."""

    def __init__(self, reader: Reads) -> None:
        self._reader = reader
        self._known: dict[tuple[tuple[str, str], str], Reading] = {}

    def read(self, question: str, passages: Sequence[tuple[str, str]], *, heads: Sequence[str] = ()) -> list[Reading]:
        wanted = list(zip(passages, heads or [""] * len(passages), strict=True))
        new = [entry for entry in dict.fromkeys(wanted) if entry not in self._known]
        if new:
            found = self._reader.read(question, [passage for passage, _ in new], heads=[head for _, head in new])
            self._known.update(zip(new, found, strict=True))
        return [self._known[entry] for entry in wanted]
