"""Ranking quality on judged collections: `python bench/retrieval.py --data DIR [--data DIR ...]`.

DIR has the BEIR layout: corpus.jsonl, queries.jsonl, qrels.tsv. Each document is one passage in a real `Index` with the
real encoder. Printed: nDCG@10 and recall@100 of the keyword leg, the vector leg, reciprocal rank fusion and the
z-score sum by weight of the vector leg; then the z-score sum at the default weight minus the better leg, with a 95%
interval of the mean difference (bootstrap over queries, 10,000 resamples).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instill.documents.document import Document, Parsed, Passage
from instill.index.fusion import Fusion, ReciprocalRankFusion, ZScoreFusion
from instill.index.store import Index
from instill.index.types import IndexedDocument, Mode, SearchRequest
from instill.models.encoders import open_encoder
from instill.models.encoders.protocol import Encoder, Vectors
from instill.settings import EncoderSettings, SearchSettings

WEIGHTS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
DEPTH = 100

Judged = Mapping[str, Mapping[str, float]]
"""Gains by query and document."""


@dataclass(frozen=True, slots=True)
class Collection:
    name: str
    documents: Sequence[tuple[str, str, str]]  # id, title, text
    queries: Sequence[tuple[str, str]]  # id, text
    judged: Judged


@dataclass(frozen=True, slots=True)
class Scores:
    """A number a query."""

    ndcg: NDArray[np.float64]
    recall: NDArray[np.float64]


def read(folder: Path, most_queries: int) -> Collection:
    """A collection; of more than `most_queries` judged queries a fixed random sample."""
    judged: dict[str, dict[str, float]] = {}
    for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, document, gain = line.split("\t")
        if float(gain) > 0:
            judged.setdefault(query, {})[document] = float(gain)
    documents = [(row["_id"], row.get("title", ""), row["text"]) for row in _rows(folder / "corpus.jsonl")]
    queries = [(row["_id"], row["text"]) for row in _rows(folder / "queries.jsonl") if row["_id"] in judged]
    if len(queries) > most_queries:
        picked = np.random.default_rng(0).permutation(len(queries))[:most_queries]
        queries = [queries[i] for i in sorted(picked)]
    return Collection(folder.name, documents, queries, judged)


def fill(folder: Path, collection: Collection, encoder: Encoder, cache: Path | None) -> Index:
    """An index with one passage a document."""
    index = Index.open(folder, dimension=encoder.dimension, fingerprint=encoder.fingerprint, create=True)
    texts = ["\n".join(part for part in (title, text) if part) or "-" for _, title, text in collection.documents]
    vectors = cached(cache, encoder, texts, lambda: encoder.encode_passages(texts))
    entries = [
        entry_of(number, title, text, vectors[number]) for number, (_, title, text) in enumerate(collection.documents)
    ]
    for start in range(0, len(entries), 5000):
        index.commit(entries[start : start + 5000])
    index.upkeep(force=True)
    return index


def evaluate(index: Index, collection: Collection, vectors: Vectors, mode: Mode, fusion: Fusion, pool: int) -> Scores:
    """Search every query and judge the ranking."""
    ndcg, recall = [], []
    for (query_id, text), vector in zip(collection.queries, vectors, strict=True):
        request = SearchRequest(text, k=DEPTH, mode=mode, pool=pool)
        hits = index.search(request, vector, fusion).hits
        ranked = [collection.documents[int(hit.doc_id, 16)][0] for hit in hits]
        gains = collection.judged[query_id]
        ndcg.append(ndcg_at(ranked, gains, 10))
        recall.append(len(gains.keys() & set(ranked[:DEPTH])) / len(gains))
    return Scores(np.array(ndcg), np.array(recall))


def ndcg_at(ranked: Sequence[str], gains: Mapping[str, float], depth: int) -> float:
    """Normalised discounted cumulative gain with linear gains, as trec_eval counts it.

    >>> round(ndcg_at(["x", "a"], {"a": 1.0}, 10), 3)
    0.631
    """
    discounts = 1 / np.log2(np.arange(2, depth + 2))
    found = np.array([gains.get(name, 0.0) for name in ranked[:depth]])
    best = np.array(sorted(gains.values(), reverse=True)[:depth])
    return float((found * discounts[: len(found)]).sum() / (best * discounts[: len(best)]).sum())


def interval(differences: NDArray[np.float64], resamples: int = 10_000) -> tuple[float, float, float]:
    """Mean and 95% percentile interval of the mean."""
    rng = np.random.default_rng(0)
    means = [differences[rng.integers(0, len(differences), len(differences))].mean() for _ in range(resamples)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(differences.mean()), float(low), float(high)


def measure(collection: Collection, encoder: Encoder, cache: Path | None, pool: int, default: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        index = fill(Path(folder) / "index", collection, encoder, cache)
        texts = [text for _, text in collection.queries]
        vectors = cached(cache, encoder, texts, lambda: encoder.encode_queries(texts))
        runs: dict[str, Scores] = {}
        rankings: list[tuple[str, Mode, Fusion]] = [
            ("keyword", "keyword", ZScoreFusion()),
            ("vector", "vector", ZScoreFusion()),
            ("RRF", "hybrid", ReciprocalRankFusion()),
            *((f"z {weight}", "hybrid", ZScoreFusion(weight)) for weight in WEIGHTS),
        ]
        for name, mode, fusion in rankings:
            runs[name] = evaluate(index, collection, vectors, mode, fusion, pool)
    better = max(("keyword", "vector"), key=lambda name: runs[name].ndcg.mean())
    mean, low, high = interval(runs[f"z {default}"].ndcg - runs[better].ndcg)
    row = " | ".join(f"{scores.ndcg.mean():.3f} / {scores.recall.mean():.3f}" for scores in runs.values())
    print(
        f"| {collection.name} ({len(collection.queries)}) | {row} | {mean:+.3f} [{low:+.3f}, {high:+.3f}] |", flush=True
    )


def entry_of(number: int, title: str, text: str, vector: Vectors) -> IndexedDocument:
    """A document of one passage."""
    body = text or "-"
    document = Document(
        f"{number:016x}", f"/bench/{number:x}", "text", title, str(number), len(body), "", Parsed(body, title=title)
    )
    return IndexedDocument(document, [Passage(0, 0, len(body), body)], vector[None, :], "bench")


def cached(cache: Path | None, encoder: Encoder, texts: Sequence[str], encode: Callable[[], Vectors]) -> Vectors:
    """Vectors from `cache` if the same texts were encoded by the same encoder before."""
    if cache is None:
        return encode()
    identity = hashlib.sha256("\0".join([encoder.fingerprint, *texts]).encode()).hexdigest()[:24]
    path = cache / f"{identity}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.save(path, encode())
    return np.asarray(np.load(path), dtype=np.float32)


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, action="append", required=True, help="a folder; may be given several times"
    )
    parser.add_argument("--queries", type=int, default=500, help="most queries of a collection")
    parser.add_argument("--precision", choices=["int8", "fp32"], default=EncoderSettings().precision)
    parser.add_argument("--cache", type=Path, help="keep vectors here between runs")
    arguments = parser.parse_args()
    settings = SearchSettings()
    encoder = open_encoder(EncoderSettings(precision=arguments.precision))
    names = ["keyword", "vector", "RRF", *(f"z {weight}" for weight in WEIGHTS)]
    print(f"nDCG@10 / recall@100, encoder {encoder.fingerprint}, pool {settings.pool}\n")
    print(f"| collection (queries) | {' | '.join(names)} | z {settings.vector_weight} minus the better leg |")
    print("|" + " --- |" * (len(names) + 2))
    for folder in arguments.data:
        start = time.perf_counter()
        collection = read(folder, arguments.queries)
        measure(collection, encoder, arguments.cache, settings.pool, settings.vector_weight)
        print(f"{folder.name}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
