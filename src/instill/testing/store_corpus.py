"""Documents and vectors for the tests of stores, and what an exact search of them gives."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from instill.documents.document import Block, Document, Heading, Page, Parsed, Passage, Scalar
from instill.index.bm25_for_caller import K1, B, rarity
from instill.index.keywords import words
from instill.index.stores.sqlite_mirror import keywords_in
from instill.index.stores.tokens import Cutter
from instill.index.types import IndexedDocument
from instill.models.encoders.protocol import Vectors

DIMENSION = 16
FINGERPRINT = "hashed-words"

_WORDS = (
    "rent", "sales", "river", "stone", "paid", "late", "spring", "rain", "bridge", "ferry", "harbour", "tax", "island",
    "café", "Ärger", "検索", "v2", "north", "south",
)  # fmt: skip

HOSTILE = (
    "it's; DROP TABLE passages; --",
    '" OR 1=1 --',
    'the "acl" -- ; ＂drop＂ "',
    "100% _sure_ \\ %s {0} ${x} %(a)s",
    "zero\x00byte\x01\x1f",
    "👩‍👩‍👧 e\u0301 \u202eright to left\u202c \ufeff",
    "line\nbreak\ttab\r\u2028",
    "[]{}()|&!*:'\"`~^<>",
    "null NULL None true -1 1e999 NaN",
)
"""Texts that mean nothing in themselves; each has something that some language would take for its own."""


def encode(text: str) -> Vectors:
    """A unit vector: the sum of a fixed random direction for each word, so that shared words mean nearness."""
    total = np.full(DIMENSION, 1e-3, dtype=np.float64)
    for word in re.findall(r"\w+", text.lower()):
        seed = int.from_bytes(hashlib.sha256(word.encode("utf-8", "replace")).digest()[:8], "little")
        total += np.random.default_rng(seed).standard_normal(DIMENSION)
    return np.asarray(total / np.linalg.norm(total), np.float32)


def doc_id_of(number: int) -> str:
    """16 hexadecimal digits."""
    return f"{number:016x}"


def document(
    number: int,
    texts: Sequence[str],
    *,
    labels: Sequence[str] = (),
    metadata: Mapping[str, Scalar] | None = None,
    source: str = "",
    title: str = "",
    kind: str = "text",
    headings: Sequence[str] = (),
) -> IndexedDocument:
    """A document with all kinds of structure; its passages are `texts`, each followed by a newline."""
    body, passages = "head\n", []
    for ordinal, text in enumerate(texts):
        path = headings[ordinal] if headings else ""
        head = "head" if ordinal % 2 else ""
        passages.append(
            Passage(ordinal, len(body), len(body) + len(text), text, path, ordinal + 1, ordinal + 2, head, 0)
        )
        body += text + "\n"
    parsed = Parsed(
        body,
        headings=[Heading(1, "Top > 'quoted'", 0), Heading(2, "Below", 2)],
        pages=[Page(passage.ordinal + 1, passage.start, passage.end) for passage in passages],
        blocks=[Block("table", 5, len(body), 0, 4), Block("code", 0, 2)],
        metadata=metadata or {},
    )
    made = Document(
        doc_id=doc_id_of(number),
        source=source or f"/docs/{number}.txt",
        kind=kind,
        title=title,
        content_hash=hashlib.sha256(body.encode("utf-8", "replace")).hexdigest(),
        size=len(body),
        modified="2024-03-01T12:00:00Z",
        parsed=parsed,
        labels=tuple(sorted(labels)),
    )
    return IndexedDocument(made, passages, np.stack([encode(text) for text in texts]), "identity-1")


def corpus(seed: int = 0, count: int = 30) -> list[IndexedDocument]:
    """Documents of a few words each, under labels "hr", "it", both or none."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        texts = [" ".join(rng.choice(_WORDS, size=rng.integers(1, 9))) for _ in range(rng.integers(1, 5))]
        labels = [("hr",), ("it",), ("hr", "it"), ()][number % 4]
        made.append(document(number, texts, labels=labels, metadata={"year": 2000 + number % 10}))
    return made


def queries(seed: int = 1, count: int = 6) -> list[str]:
    """Questions of a few words of the corpus; the last one has none of them."""
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(_WORDS, size=rng.integers(1, 5))) for _ in range(count - 1)] + ["nothing of this"]


Place = tuple[str, int]
"""doc_id and ordinal of a passage."""


def exact_keyword_scores(documents: Sequence[IndexedDocument], query: str, cutter: Cutter) -> dict[Place, float]:
    """BM25 of every passage that holds a word of the query (Robertson and Zaragoza, 2009)."""
    tokens: dict[Place, Counter[str]] = {}
    lengths: dict[Place, int] = {}
    for entry in documents:
        for passage in entry.passages:
            text = keywords_in(entry.document.source, entry.document.title, passage)
            place = (entry.document.doc_id, passage.ordinal)
            tokens[place], lengths[place] = Counter(cutter.of(text)), len(words(text))
    average = max(1.0, sum(lengths.values()) / max(1, len(lengths)))
    scores: dict[Place, float] = {}
    for token, asked in cutter.asked(query).items():
        holding = [place for place, held in tokens.items() if held[token]]
        for place in holding:
            times = tokens[place][token]
            part = times * (K1 + 1) / (times + K1 * (1 - B + B * lengths[place] / average))
            scores[place] = scores.get(place, 0.0) + asked * rarity(len(tokens), len(holding)) * part
    return scores


def exact_cosines(documents: Sequence[IndexedDocument], vector: Vectors) -> dict[Place, float]:
    """The cosine of every passage."""
    return {
        (entry.document.doc_id, passage.ordinal): float(own @ vector)
        for entry in documents
        for passage, own in zip(entry.passages, entry.vectors, strict=True)
    }
