"""Does the reader improve the order of a search? `python bench/reranking.py --data DIR [--data DIR ...]`.

DIR has the BEIR layout. The first 20 hits of the hybrid search (default weights) are reordered with the reader's share
at each of the weights below. Printed: nDCG@10 as searched, and the difference at each weight with its 95% interval
(paired bootstrap over queries). Of squad11_dev only questions on articles that the reader was not trained on are asked.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from encoder_ranking import unseen
from retrieval import Collection, fill, interval, ndcg_at, read

from instill.answer.reading.opening import open_reader
from instill.answer.reading.reader import Reader
from instill.answer.reading.reader_input import heading
from instill.answer.reading.reranking import mix
from instill.index.fusion import ZScoreFusion
from instill.index.types import READ, Hit, SearchRequest
from instill.models.encoders import open_encoder
from instill.models.encoders.protocol import Encoder
from instill.settings import EncoderSettings, SearchSettings

WEIGHTS = (0.2, 0.35, 0.5, 0.7, 1.0)


def orders(question: str, hits: Sequence[Hit], reader: Reader) -> list[list[Hit]]:
    """The hits as searched, then reordered with each weight; the reader is asked once."""
    near, rest = list(hits[:READ]), list(hits[READ:])
    relevant = [
        found.relevant
        for found in reader.read(question, [(heading(hit.title, hit.headings), hit.text) for hit in near])
    ]
    found = [list(hits)]
    for weight in WEIGHTS:
        mixed = mix([hit.score for hit in near], relevant, weight)
        found.append([near[place] for place in np.argsort(-mixed, kind="stable")] + rest)
    return found


def measure(collection: Collection, encoder: Encoder, reader: Reader, cache: Path | None) -> str:
    scores: list[list[float]] = []
    fusion = ZScoreFusion(SearchSettings().vector_weight)
    with tempfile.TemporaryDirectory() as folder:
        index = fill(Path(folder) / "index", collection, encoder, cache)
        vectors = encoder.encode_queries([text for _, text in collection.queries])
        for (query, text), vector in zip(collection.queries, vectors, strict=True):
            hits = index.search(SearchRequest(text, k=50, pool=SearchSettings().pool), vector, fusion).hits
            ranked = [
                [collection.documents[int(hit.doc_id, 16)][0] for hit in row] for row in orders(text, hits, reader)
            ]
            scores.append([ndcg_at(names, collection.judged[query], 10) for names in ranked])
    table = np.array(scores)
    cells = [f"{collection.name} ({len(table)})", f"{table[:, 0].mean():.3f}"]
    for column in range(1, table.shape[1]):
        mean, low, high = interval(table[:, column] - table[:, 0])
        cells.append(f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]")
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--reader", default="shipped")
    parser.add_argument("--cache", type=Path, help="keep vectors here between runs")
    options = parser.parse_args()
    encoder, reader = open_encoder(EncoderSettings()), open_reader(options.reader)
    if reader is None:
        raise SystemExit("Choose a reader.")
    print(f"| collection (queries) | searched | {' | '.join(f'reader {weight}' for weight in WEIGHTS)} |")
    print("|" + " --- |" * (len(WEIGHTS) + 2))
    for folder in options.data:
        collection = read(folder, options.queries if folder.name != "squad11_dev" else 100_000)
        if folder.name == "squad11_dev":
            collection = unseen(collection, 0.12, 24)
            picked = np.random.default_rng(0).permutation(len(collection.queries))[: options.queries]
            kept = [collection.queries[place] for place in sorted(picked)]
            collection = Collection(collection.name, collection.documents, kept, collection.judged)
        print(measure(collection, encoder, reader, options.cache), flush=True)


if __name__ == "__main__":
    main()
