"""A large folder, words first: how soon can it be searched, and how well, before its vectors are computed?

    python bench/words_first.py time --books books.jsonl.gz --passages 100000
    python bench/words_first.py ranking --data DATA/npl DATA/cranfield

`time` cuts books (JSON Lines with "text", gzip) into text files of 400 words, and takes `Workspace.add` from the files
until everything can be searched. `--refine` goes on until all vectors are computed. Seconds of the clock and of the
processor, with those of the processes that are started.

`ranking` adds each collection (BEIR layout) as text files, and asks its judged queries four times: by keywords, and by
vectors and by both, before and after the vectors are computed. Differences are paired over the queries, with 95%
intervals (bootstrap, 10,000 resamples).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from retrieval import Collection, ndcg_at, read

from instill import Workspace
from instill.index.types import Mode, SearchRequest

WORDS = 400
DEPTH = 10
_POOL = 50  # passages, several of which may be of one document


def processor_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


def write_books(books: Path, folder: Path, passages: int) -> int:
    """Files of 400 words until there are about enough for so many passages; how many files."""
    files = 0
    wanted = passages / 3.0
    for start in (0, WORDS // 2):  # a second time cut elsewhere, if the books are too few
        with gzip.open(books, "rt", encoding="utf-8") as lines:
            for line in lines:
                words = json.loads(line)["text"].split()
                for at in range(start, len(words) - WORDS, WORDS):
                    if files >= wanted:
                        return files
                    place = folder / f"{files // 1000:03d}"
                    place.mkdir(exist_ok=True)
                    (place / f"{files:06d}.txt").write_text(" ".join(words[at : at + WORDS]), "utf-8")
                    files += 1
    return files


def timed(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        files = Path(scratch) / "files"
        files.mkdir()
        count = write_books(args.books, files, args.passages)
        with Workspace.init(Path(scratch) / "kb") as workspace:
            workspace.search("a warm start", k=1) if args.warm else None
            started, used = time.monotonic(), processor_seconds()
            report = workspace.add(files, refine=False)
            found = workspace.search("a ship in a storm at sea", k=1).hits
            first = (time.monotonic() - started, processor_seconds() - used)
            said = f"{count:,} files, {report.passages:,} passages, {report.in_words:,} told from words"
            print(f"{said}: searchable after {first[0]:.1f} s ({first[1]:.1f} s of processor time); {len(found)} hit")
            print(f"load at the end: {os.getloadavg()[0]:.1f}", flush=True)
            if args.refine:
                started, used = time.monotonic(), processor_seconds()
                refined = workspace.refine().refined
                seconds = time.monotonic() - started
                print(f"{refined:,} computed after {seconds:.1f} s more ({processor_seconds() - used:.1f} s)")


def scores(workspace: Workspace, collection: Collection, mode: Mode) -> NDArray[np.float64]:
    """nDCG@10 of each query."""
    texts = [text for _, text in collection.queries]
    vectors = workspace.encoder.encode_queries(texts)
    found = []
    for (query, text), vector in zip(collection.queries, vectors, strict=True):
        request = SearchRequest(text[:4000], k=_POOL, mode=mode)
        hits = workspace.index.search(request, vector[None], workspace.fusion).hits
        ranked = list(dict.fromkeys(Path(hit.source).stem for hit in hits))
        found.append(ndcg_at(ranked, collection.judged[query], DEPTH))
    return np.array(found)


def interval(differences: NDArray[np.float64]) -> str:
    rng = np.random.default_rng(0)
    means = differences[rng.integers(len(differences), size=(10_000, len(differences)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{differences.mean():+.3f} [{low:+.3f}, {high:+.3f}]"


def rows(folder: Path, most: int) -> Iterator[str]:
    collection = read(folder, most)
    with tempfile.TemporaryDirectory() as scratch:
        files = Path(scratch) / "files"
        files.mkdir()
        for name, title, text in collection.documents:
            (files / f"{name}.txt").write_text(f"{title}\n\n{text}".strip() + "\n", "utf-8")
        with Workspace.init(Path(scratch) / "kb") as workspace:
            report = workspace.add(files, refine=False)
            words = scores(workspace, collection, "keyword")
            before = {mode: scores(workspace, collection, mode) for mode in ("vector", "hybrid")}
            workspace.refine()
            after = {mode: scores(workspace, collection, mode) for mode in ("vector", "hybrid")}
    share = report.in_words / report.passages
    figures = [words, before["vector"], after["vector"], before["hybrid"], after["hybrid"]]
    yield " | ".join(
        [
            f"| {collection.name} ({len(words)})",
            f"{report.passages:,}, {share:.0%}",
            *(f"{each.mean():.3f}" for each in figures),
            interval(before["hybrid"] - words),
            interval(before["hybrid"] - after["hybrid"]) + " |",
        ]
    )


def ranking(args: argparse.Namespace) -> None:
    heads = ["queries", "passages, told from words", "keywords", "vectors first", "then", "both first", "then"]
    heads += ["first - keywords", "first - then"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for folder in args.data:
        for row in rows(folder, args.queries):
            print(row, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    timing = commands.add_parser("time")
    timing.add_argument("--books", type=Path, required=True)
    timing.add_argument("--passages", type=int, default=100_000)
    timing.add_argument("--refine", action="store_true")
    timing.add_argument("--warm", action="store_true", help="open the models before the clock starts")
    timing.set_defaults(run=timed)
    quality = commands.add_parser("ranking")
    quality.add_argument("--data", type=Path, nargs="+", required=True)
    quality.add_argument("--queries", type=int, default=300)
    quality.set_defaults(run=ranking)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
