"""The same documents and queries through every store: `python bench/stores.py --data DIR --store lance --store qdrant`.

DIR has the BEIR layout (corpus.jsonl, queries.jsonl, qrels.tsv). A document is one passage; vectors are made once, with
the real encoder, and are not in the figures. For each store: documents a second into it (commits of 500, then upkeep),
milliseconds of a hybrid search without encoding the query (p50, p99), of one with a label that half of the documents
have, and of one with a filter that keeps a tenth; nDCG@10; megabytes on disk. PostgreSQL is started by the package
pgserver unless `--postgres` names an address.

All stores are measured in one run, and the searches of all stores by turns, so that what else the machine does falls
on all of them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from retrieval import Collection, cached, entry_of, ndcg_at, read

from instill.index.fusion import ZScoreFusion
from instill.index.store import Index
from instill.index.types import IndexedDocument, SearchRequest
from instill.models.encoders import open_encoder
from instill.models.encoders.protocol import Vectors
from instill.settings import EncoderSettings, StoreSettings

STORES = ("lance", "postgres", "qdrant", "chroma", "milvus")
_COMMIT = 500


@dataclass(frozen=True, slots=True)
class Measured:
    """One store. Milliseconds are medians but for `p99_ms`."""

    store: str
    documents: int
    documents_per_s: float
    p50_ms: float
    p99_ms: float
    labelled_ms: float
    filtered_ms: float
    ndcg_at_10: float
    disk_mb: float


def entries_of(collection: Collection, vectors: Vectors) -> list[IndexedDocument]:
    """One passage a document; every second has the label "even", every tenth the field tenth = 0."""
    entries = []
    for number, (_, title, text) in enumerate(collection.documents):
        entry = entry_of(number, title, text, vectors[number])
        parsed = replace(entry.document.parsed, metadata={"tenth": number % 10})
        labels = ("even",) if number % 2 == 0 else ("odd",)
        entries.append(replace(entry, document=replace(entry.document, parsed=parsed, labels=labels)))
    return entries


def filled(index: Index, entries: Sequence[IndexedDocument]) -> float:
    """Seconds to put all documents in and make them quick to search."""
    start = time.perf_counter()
    for first in range(0, len(entries), _COMMIT):
        index.commit(entries[first : first + _COMMIT])
    index.upkeep(force=True)
    return time.perf_counter() - start


def searched(
    indices: dict[str, Index], collection: Collection, vectors: Vectors, options: dict[str, Any]
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Milliseconds and nDCG@10 by store and query; each query is put to every store before the next."""
    times: dict[str, list[float]] = {store: [] for store in indices}
    gains: dict[str, list[float]] = {store: [] for store in indices}
    for (query_id, text), vector in zip(collection.queries, vectors, strict=True):
        for store, index in indices.items():
            start = time.perf_counter()
            hits = index.search(SearchRequest(text, k=10, **options), vector, ZScoreFusion()).hits
            times[store].append((time.perf_counter() - start) * 1000)
            ranked = [collection.documents[int(hit.doc_id, 16)][0] for hit in hits]
            gains[store].append(ndcg_at(ranked, collection.judged[query_id], 10))
    return times, gains


def measured(
    stack: ExitStack, folder: Path, collection: Collection, vectors: tuple[Vectors, Vectors], stores: dict[str, str]
) -> list[Measured]:
    """Fill all stores, then search in all."""
    documents, queries = vectors
    entries = entries_of(collection, documents)
    indices: dict[str, Index] = {}
    seconds: dict[str, float] = {}
    for store, url in stores.items():
        settings = StoreSettings(kind=store, url=url)
        index = Index.open(
            folder / store, dimension=documents.shape[1], fingerprint="bench", create=True, settings=settings
        )
        stack.callback(index.close)
        indices[store], seconds[store] = index, filled(index, entries)
        _say(f"{store}: {len(entries)} documents in {seconds[store]:.1f} s")
    searched(indices, replace_queries(collection, 5), queries[:5], {})  # what is opened at the first search
    times, gains = searched(indices, collection, queries, {})
    few = replace_queries(collection, 50)
    labelled, _ = searched(indices, few, queries[: len(few.queries)], {"labels": ("even",)})
    filtering, _ = searched(indices, few, queries[: len(few.queries)], {"where": "tenth = 0"})
    return [
        Measured(
            store,
            len(entries),
            len(entries) / seconds[store],
            float(np.percentile(times[store], 50)),
            float(np.percentile(times[store], 99)),
            float(np.median(labelled[store])),
            float(np.median(filtering[store])),
            float(np.mean(gains[store])),
            index.stats().bytes / 1e6,
        )
        for store, index in indices.items()
    ]


def replace_queries(collection: Collection, most: int) -> Collection:
    """The collection with its first queries only."""
    return replace(collection, queries=collection.queries[:most])


def _server(stack: ExitStack, folder: Path) -> str:
    from pgserver.postgres_server import get_server

    server = get_server(str(folder), cleanup_mode="stop")
    stack.callback(server.cleanup)
    return str(server.get_uri())


def _say(line: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {line}", file=sys.stderr, flush=True)


def _table(found: Sequence[Measured]) -> str:
    lines = ["| store | documents/s | p50 ms | p99 ms | label ms | filter ms | nDCG@10 | disk MB |", "|" + "---|" * 8]
    lines += [
        f"| {each.store} | {each.documents_per_s:,.0f} | {each.p50_ms:.1f} | {each.p99_ms:.1f} | "
        f"{each.labelled_ms:.1f} | {each.filtered_ms:.1f} | {each.ndcg_at_10:.4f} | {each.disk_mb:.1f} |"
        for each in found
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--store", action="append", choices=STORES, help="all by default")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--documents", type=int, default=0, help="only the first ones, and those that are judged")
    parser.add_argument("--postgres", default="", help="the address of a server")
    parser.add_argument("--cache", type=Path, help="a folder for the vectors")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    collection = _shortened(read(arguments.data, arguments.queries), arguments.documents)
    encoder = open_encoder(EncoderSettings())
    texts = ["\n".join(part for part in (title, text) if part) or "-" for _, title, text in collection.documents]
    questions = [text for _, text in collection.queries]
    make: Callable[[], Vectors] = lambda: encoder.encode_passages(texts)  # noqa: E731
    vectors = (cached(arguments.cache, encoder, texts, make), encoder.encode_queries(questions))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stores = dict.fromkeys(arguments.store or STORES, "")
        if "postgres" in stores:
            stores["postgres"] = arguments.postgres or _server(stack, folder / "pg")
        found = measured(stack, folder, collection, vectors, stores)
    print(json.dumps([asdict(each) for each in found], indent=2) if arguments.json else _table(found))


def _shortened(collection: Collection, most: int) -> Collection:
    if not most:
        return collection
    judged = {name for query_id, _ in collection.queries for name in collection.judged[query_id]}
    kept = [each for number, each in enumerate(collection.documents) if number < most or each[0] in judged]
    return replace(collection, documents=kept)


if __name__ == "__main__":
    main()
