"""A writer that is killed: `python -m tests.index.index_crash_writer FOLDER SEED` commits for ever.

Every version of a document has its own number of passages, and every passage says its document, version and ordinal.
"""

from __future__ import annotations

import random
import sys
from itertools import count
from pathlib import Path

from instill.index.types import IndexedDocument
from tests.index.index_builders import document, open_index

DOCUMENTS = 8


def passages_in(number: int, version: int) -> int:
    return 1 + (7 * version + 3 * number) % 6


def version_of(number: int, version: int) -> IndexedDocument:
    texts = [f"document {number} version {version} passage {i}" for i in range(passages_in(number, version))]
    return document(number, texts, metadata={"version": version})


def main() -> None:
    index, seed = open_index(Path(sys.argv[1])), int(sys.argv[2])
    rng = random.Random(seed)
    print("ready", flush=True)
    for turn in count():
        version = seed * 100_000 + turn
        index.commit([version_of(number, version) for number in rng.sample(range(DOCUMENTS), 3)])
        if turn % 4 == 1:
            index.remove([version_of(rng.randrange(DOCUMENTS), 0).document.doc_id])
        if turn % 10 == 5:
            index.upkeep(force=True)


if __name__ == "__main__":
    main()
