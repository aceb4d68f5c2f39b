"""Two encoders on judged collections: `python bench/encoder_ranking.py --data DIR --encoder MODEL --against minilm`.

DIR has the BEIR layout. Each document is one passage in a real `Index`; printed are nDCG@10 of the vector leg and of
the z-score sum, for both encoders, with the 95% interval of the paired difference (bootstrap over queries). MODEL is
what `encoder.model` takes, or a folder that `ship_encoder` wrote. Of large collections the judged documents and a
sample of the others are taken (`--documents`).
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from retrieval import Collection, Scores, cached, evaluate, fill, interval, read

from instill.index.fusion import ZScoreFusion
from instill.models.encoders import open_encoder
from instill.models.encoders.protocol import Encoder
from instill.models.encoders.shipped_encoder import MANIFEST_FILE, ShippedEncoder
from instill.settings import EncoderSettings, SearchSettings
from instill.train.reader.rows import held_out


def opened(model: str) -> Encoder:
    if (Path(model) / MANIFEST_FILE).is_file():
        return ShippedEncoder(Path(model))
    return open_encoder(EncoderSettings(model=model))


def sampled(collection: Collection, documents: int) -> Collection:
    """The judged documents of the queries, and others up to `documents`; a fixed sample."""
    needed = {name for query, _ in collection.queries for name in collection.judged[query]}
    places = np.random.default_rng(0).permutation(len(collection.documents))
    others = [place for place in places if collection.documents[place][0] not in needed]
    kept = {collection.documents[place][0] for place in others[: max(0, documents - len(needed))]} | needed
    return replace(collection, documents=[entry for entry in collection.documents if entry[0] in kept])


def unseen(collection: Collection, share: float, seed: int) -> Collection:
    """Only the queries about articles (by title) that training leaves out."""
    titles = {name: title for name, title, _ in collection.documents}
    queries = [
        (query, text)
        for query, text in collection.queries
        if all(held_out(titles.get(name, ""), share, seed=seed) for name in collection.judged[query])
    ]
    return replace(collection, queries=queries)


def scores(collection: Collection, encoder: Encoder, cache: Path | None, weight: float) -> dict[str, Scores]:
    with tempfile.TemporaryDirectory() as folder:
        index = fill(Path(folder) / "index", collection, encoder, cache)
        texts = [text for _, text in collection.queries]
        vectors = cached(cache, encoder, texts, lambda: encoder.encode_queries(texts))
        pool = SearchSettings().pool
        return {
            "vector": evaluate(index, collection, vectors, "vector", ZScoreFusion(weight), pool),
            "fused": evaluate(index, collection, vectors, "hybrid", ZScoreFusion(weight), pool),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--against", default="minilm")
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--documents", type=int, default=3000)
    parser.add_argument(
        "--unseen", action="append", default=[], help="a collection of which only held-out titles count"
    )
    parser.add_argument("--split", type=float, default=0.12)
    parser.add_argument("--split-seed", type=int, default=24)
    parser.add_argument("--cache", type=Path)
    arguments = parser.parse_args()
    weight = SearchSettings().vector_weight
    print("nDCG@10 | vector: before, after, difference | fused: before, after, difference", flush=True)
    for folder in arguments.data:
        if folder.name in arguments.unseen:
            collection = unseen(read(folder, 10**9), arguments.split, arguments.split_seed)
            collection = replace(collection, queries=collection.queries[: arguments.queries])
        else:
            collection = read(folder, arguments.queries)
        collection = sampled(collection, arguments.documents)
        before, after = (
            scores(collection, opened(name), arguments.cache, weight) for name in (arguments.against, arguments.encoder)
        )
        cells = [f"{collection.name} ({len(collection.queries)} of {len(collection.documents)})"]
        for leg in ("vector", "fused"):
            mean, low, high = interval(after[leg].ndcg - before[leg].ndcg)
            cells.append(
                f"{before[leg].ndcg.mean():.3f}, {after[leg].ndcg.mean():.3f}, {mean:+.3f} [{low:+.3f}, {high:+.3f}]"
            )
        print(" | ".join(cells), flush=True)


if __name__ == "__main__":
    main()
