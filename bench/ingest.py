"""Documents a second from text in memory to searchable: ours beside `SentenceTransformer.encode` and the same store.

    python bench/ingest.py [--data DIR] [--documents 500] [--rounds 4]

Both arms get the same documents, the same passages from the same splitter, the same commits and the same keyword
index in a fresh folder; they differ in what makes the vectors. They take turns, and the ratio is formed round by round.
Expected: 4 or more. DIR is a BEIR-layout folder; without it the documents are synthetic abstracts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from encoder import Arm, synthetic_passages, torch_arms

from instill.documents.document import Document, Parsed, Passage
from instill.index.fusion import ZScoreFusion
from instill.index.store import Index
from instill.index.types import IndexedDocument, SearchRequest
from instill.ingest.passages import BATCH_PASSAGES, cut, encoder_input
from instill.models.encoders import open_encoder
from instill.settings import DocumentSettings, EncoderSettings

_OURS = open_encoder(EncoderSettings())
_TITLE, _TEXT = "title", "text"


def documents_of(folder: Path | None, count: int) -> list[Document]:
    """Documents with canonical text in memory."""
    if folder is None:
        rows = [{_TITLE: "", _TEXT: text} for text in synthetic_passages(count, 110)]
    else:
        lines = (folder / "corpus.jsonl").read_text("utf-8").split("\n")
        rows = [json.loads(line) for line in lines if line.strip()]
    texts = [(row[_TITLE], f"{row[_TITLE]}\n\n{row[_TEXT]}".strip()) for row in rows]
    return [
        Document(f"{number:016x}", f"memory:{number}", "text", title, "", len(text), "", Parsed(text))
        for number, (title, text) in enumerate([entry for entry in texts if entry[1]][:count])
    ]


def ingest(documents: Sequence[Document], encode: Arm, dimension: int) -> int:
    """Split, encode, commit, bring the keyword index up to date, search once; returns the passages."""
    settings = DocumentSettings()
    total = 0
    with tempfile.TemporaryDirectory() as place:
        index = Index.open(Path(place) / "index", dimension=dimension, fingerprint="bench", create=True)
        waiting: list[tuple[Document, list[Passage]]] = []
        for document in documents:
            waiting.append((document, cut(document, _OURS, settings)))
            if document is documents[-1] or sum(len(passages) for _, passages in waiting) >= BATCH_PASSAGES:
                total += commit(index, waiting, encode)
                waiting = []
        index.upkeep(force=True)
        request = SearchRequest(documents[-1].text[:80], k=1)
        if not index.search(request, encode([request.query]), ZScoreFusion()).hits:
            raise SystemExit("The last document is not searchable.")
    return total


def commit(index: Index, cuts: Sequence[tuple[Document, list[Passage]]], encode: Arm) -> int:
    vectors = encode([encoder_input(document.title, passage) for document, passages in cuts for passage in passages])
    ends = np.cumsum([len(passages) for _, passages in cuts])
    index.commit(
        [
            IndexedDocument(document, passages, vectors[end - len(passages) : end], "bench")
            for (document, passages), end in zip(cuts, ends, strict=True)
        ]
    )
    return len(vectors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--documents", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=4)
    arguments = parser.parse_args()
    documents = documents_of(arguments.data, arguments.documents)
    arms: dict[str, Arm] = {"ours": _OURS.encode_passages, "SentenceTransformer": torch_arms()["torch fp32"]}
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    passages = 0
    for encode in arms.values():
        ingest(documents[:8], encode, _OURS.dimension)  # Loading is not part of the speed.
    for _ in range(arguments.rounds):
        for name, encode in arms.items():
            started = time.perf_counter()
            passages = ingest(documents, encode, _OURS.dimension)
            seconds[name].append(time.perf_counter() - started)
    print(f"\n{len(documents)} documents, {passages} passages, {arguments.rounds} rounds\n")
    print("| encoder | documents/s (median) |\n|---|---|")
    for name, values in seconds.items():
        print(f"| {name} | {len(documents) / np.median(values):.1f} |")
    ratios = np.array(seconds["SentenceTransformer"]) / np.array(seconds["ours"])
    means = np.random.default_rng(0).choice(ratios, (2000, len(ratios))).mean(axis=1)
    print(
        f"\nratio {ratios.mean():.2f}, 95% interval {np.quantile(means, 0.025):.2f} to {np.quantile(means, 0.975):.2f}"
    )


if __name__ == "__main__":
    main()
