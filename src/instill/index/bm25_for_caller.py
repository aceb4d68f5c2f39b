"""Keyword scores for a caller who holds labels, from the passages that this caller sees and no others.

BM25 weighs a term by how many passages hold it and a passage by the average length, and LanceDB counts them over the
whole table: a score would tell how common a word is in passages that the caller may not see. So the store only
proposes candidates here, and they are scored again, with counts taken under the caller's labels:

    score = sum over terms of  ln(1 + (N - df + 0.5) / (df + 0.5)) * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / average))

(Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009; k1 1.2, b 0.75.)

The guarantee: results and scores are those of an index that holds only the visible documents. It ends in two places.
Which passages are proposed, when more match than `CANDIDATES`, is decided by the store's own scores; and which near
neighbours an approximate vector index finds depends on all vectors that it was built from (their scores do not).
"""  # noqa: E501 - the formula reads better on one line

from __future__ import annotations

import math
import re
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from instill.index.filtered_rows import RowIds, Sieve, Sieves, rows_under
from instill.index.keywords import searched
from instill.index.labels import visible
from instill.index.lance_tables import Table
from instill.index.schema import CURRENT
from instill.index.sql_quoting import both

CANDIDATES = 300
"""Passages that the store proposes for a labelled caller."""

K1, B = 1.2, 0.75
_ASCII_WORD = re.compile(r"[A-Za-z0-9]+")
_REMEMBERED = 64  # (version, labels) pairs
_WORDS_REMEMBERED = 200_000


Tokenize = Callable[[str], "Sequence[Any]"]
"""Cuts a text into tokens, each with `text` and `position` (of the word, from 0)."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the query: `token` as the index holds it, `word` as one writes it to find that token."""

    word: str
    token: str


@dataclass
class Statistics:
    """Counts over the passages that one caller sees in one version; `holding` fills as terms are asked for."""

    passages: int
    average_length: float
    holding: dict[str, int]


class Tokens:
    """The tokens of texts, as the full-text index of Lance holds them; remembers words by their token.

    Safe to share between threads.
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._lock = threading.Lock()

    def terms(self, tokenize: Tokenize, query: str) -> Counter[Term]:
        """What a query asks for, and how often."""
        terms: Counter[Term] = Counter()
        for word in searched(query).split():
            tokens = [token.text for token in tokenize(word)]
            # A word that is cut into several is asked for by its parts: they are tokens of themselves.
            terms.update(Term(word if len(tokens) == 1 else token, token) for token in tokens)
        return terms

    def of(self, tokenize: Tokenize, texts: Sequence[str]) -> list[list[str]]:
        """The tokens of texts that were made ready for the index (`instill.index.keywords.indexed`)."""
        words = [_ASCII_WORD.findall(text) if text.isascii() else None for text in texts]
        known = self._known
        unknown = {word for found in words for word in found or () if word not in known}
        if unknown:  # of all texts at once: a call costs more than its words
            known = self._learn(tokenize, list(unknown))
        return [
            [token.text for token in tokenize(text)]
            if found is None
            else [token for word in found if (token := known.get(word))]
            for text, found in zip(texts, words, strict=True)
        ]

    def _learn(self, tokenize: Tokenize, unknown: Sequence[str]) -> dict[str, str]:
        learned = dict.fromkeys(unknown, "")  # "": a stop word, or too long to be indexed
        # Positions are counted from the first token that is kept, so the first word must be one.
        for token in tokenize(" ".join(["zq", *unknown])):
            if token.position:
                learned[unknown[token.position - 1]] = token.text
        with self._lock:
            known = {**self._known, **learned}
            self._known = learned if len(known) > _WORDS_REMEMBERED else known
        return known


class VisibleScorer:
    """Scores candidates for labelled callers; remembers counts by table version and words by their token.

    Safe to share between threads.
    """

    def __init__(self) -> None:
        self.sieves = Sieves()
        self._helper = ThreadPoolExecutor(max_workers=6, thread_name_prefix="instill-count")
        self._statistics: OrderedDict[tuple[int, tuple[str, ...]], Statistics] = OrderedDict()
        self._tokens = Tokens()
        self._lock = threading.Lock()

    def scores(self, table: Table, query: str, labels: Sequence[str], rows: Iterable[int]) -> dict[int, float]:
        """BM25 by row id; 0 where no term matches. `rows` must be visible under `labels`."""
        wanted = sorted(rows)
        tokenize = partial(table.tokenize, column="keywords")
        terms = self._tokens.terms(tokenize, query)
        if not wanted or not terms:
            return dict.fromkeys(wanted, 0.0)
        statistics = self._counted(table, labels, terms)
        weights: Counter[str] = Counter()  # two words of a query may be one token
        for term, times in terms.items():
            weights[term.token] += times * rarity(statistics.passages, statistics.holding[term.token])  # type: ignore[assignment]
        found = table.take_row_ids(wanted).with_row_id().select(["keywords", "length"]).to_arrow()
        tokens = self._tokens.of(tokenize, found["keywords"].to_pylist())
        return {
            row: score_of(each, length / statistics.average_length, weights)
            for row, each, length in zip(found["_rowid"].to_pylist(), tokens, found["length"].to_pylist(), strict=True)
        }

    def _counted(self, table: Table, labels: Sequence[str], terms: Iterable[Term]) -> Statistics:
        identity = (int(table.version), tuple(sorted(set(labels))))
        with self._lock:
            statistics = self._statistics.get(identity)
        seen = visible(labels)
        if statistics is None:
            found = (
                table.search().where(both(seen, CURRENT)).select(["length"]).with_row_id(True).limit(None).to_arrow()
            )
            lengths = found["length"].to_numpy()
            self.sieves.rows(table, seen, lambda: found["_rowid"].to_numpy().astype(np.int64))
            statistics = Statistics(len(lengths), max(1.0, float(lengths.mean()) if len(lengths) else 1.0), {})
        rows = Sieve(self.sieves.rows(table, seen, lambda: rows_under(table, both(seen, CURRENT))), 0)
        unknown = [term for term in terms if term.token not in statistics.holding]
        for term, holding in zip(
            unknown, self._helper.map(lambda term: self._holding(table, term.word), unknown), strict=True
        ):
            statistics.holding[term.token] = int(rows.passing(holding).sum())
        with self._lock:
            self._statistics[identity] = statistics
            self._statistics.move_to_end(identity)
            while len(self._statistics) > _REMEMBERED:
                self._statistics.popitem(last=False)
        return statistics

    def _holding(self, table: Table, word: str) -> RowIds:
        """All passages that hold the term, whoever may see them."""

        def find() -> RowIds:
            query = table.search(word, query_type="fts", fts_columns=["keywords"])
            found = query.limit(max(1, int(table.count_rows()))).select(["_score"]).with_row_id(True).to_arrow()
            rows: RowIds = found["_rowid"].to_numpy().astype(np.int64)
            return rows

        return self.sieves.rows(table, f"holds {word}", find)


def score_of(tokens: Iterable[str], relative_length: float, weights: Mapping[str, float]) -> float:
    """BM25 of a passage with these tokens; the weight of a token is its rarity times how often it is asked for."""
    counts = Counter(token for token in tokens if token in weights)
    flattening = K1 * (1 - B + B * relative_length)
    return sum(
        weight * counts[token] * (K1 + 1) / (counts[token] + flattening)
        for token, weight in weights.items()
        if counts[token]
    )


def rarity(passages: int, holding: int) -> float:
    """The weight of a term that `holding` of the passages hold."""
    return math.log(1 + (passages - holding + 0.5) / (holding + 0.5))
