"""One search: two legs on one snapshot, the missing scores completed, fused, cut to k."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instill.encoders.protocol import Vectors
from instill.errors import UsageError
from instill.index.conditions import both, held_of, is_one_of, visible
from instill.index.filters import compiled
from instill.index.fusion import Fusion
from instill.index.keywords import searched
from instill.index.lookup import heads_in, vector_matrix, with_head
from instill.index.schema import HIT_COLUMNS, metadata_of
from instill.index.tables import Table
from instill.index.types import Hit, SearchRequest, SearchResult
from instill.index.visible import CANDIDATES, VisibleScorer

Scored = dict[int, float]
"""Scores by row id."""
Keys = dict[int, str]
"""The key of a passage by row id."""

_LISTED = 1000
_LEAST_EF = 600
_PARTITIONS = 20  # all of them
_LONGEST_QUERY = 10_000  # characters; longer "questions" are pasted documents


class Stopwatch:
    """Milliseconds by step."""

    def __init__(self) -> None:
        self.timings: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.timings[name] = (time.perf_counter() - start) * 1000


def search(
    table: Table,
    request: SearchRequest,
    vector: Vectors | None,
    fusions: Sequence[Fusion],
    scorer: VisibleScorer,
    helper: ThreadPoolExecutor,
) -> list[SearchResult]:
    """See `Index.search_fused`; `vector` as `checked_vector` gives it. `helper` runs one leg beside the other."""
    condition = both(visible(request.labels), compiled(request.where), _within(request))
    pool = max(request.pool, request.k)
    watch = Stopwatch()

    def nearest() -> tuple[Scored, Keys]:
        with watch.step("vector"):
            return ({}, {}) if vector is None else vector_leg(table, vector, condition, pool)

    def matching() -> tuple[Scored, Scored | None]:
        with watch.step("keyword"):
            return keyword_scores(table, request, condition, pool, scorer)

    by_vector: Scored = {}
    by_keyword: Scored = {}
    if request.mode == "vector":
        by_vector, _ = nearest()
    elif request.mode == "keyword":
        by_keyword, _ = matching()
    elif vector is not None:
        other = helper.submit(matching)
        by_vector, keys = nearest()
        by_keyword, matches = other.result()
        with watch.step("complete"):
            unmatched = {row: key for row, key in keys.items() if row not in by_keyword}
            if matches is not None:
                by_keyword |= {row: matches.get(row, 0.0) for row in unmatched}
                unmatched = {}
            scored = helper.submit(missing_keyword_scores, table, request, scorer, unmatched)
            by_vector |= missing_cosines(table, vector, by_keyword.keys() - by_vector.keys())
            by_keyword |= scored.result()
    with watch.step("fuse"):
        rows, keyword, cosine = _aligned(by_keyword, by_vector)
        scores = [
            {"hybrid": fusion.fuse(keyword, cosine), "keyword": keyword, "vector": cosine}[request.mode]
            for fusion in fusions
        ]
        # Ties fall to the older row, so that the same search gives the same list.
        orders = [np.lexsort((rows, -score))[: request.k] for score in scores]
    with watch.step("fetch"):
        fields = _fetch(table, sorted({row for order in orders for row in rows[order].tolist()}), request.labels)
        found = [
            _hits(fields, rows[order], score[order], keyword[order], cosine[order])
            for order, score in zip(orders, scores, strict=True)
        ]
    return [SearchResult(hits, watch.timings) for hits in found]


def _within(request: SearchRequest) -> str:
    """Only the documents that the request names, or "" where it names none."""
    named = (("doc_id", request.documents), ("title", request.titles))
    return " OR ".join(is_one_of(column, values) for column, values in named if values)


def vector_leg(table: Table, vector: Vectors, condition: str, pool: int) -> tuple[Scored, Keys]:
    """Cosine of the nearest passages under `condition`, and their keys."""
    query = table.search(vector, vector_column_name="vector").distance_type("cosine")
    if condition:
        query = query.where(condition)
    # The graph's parameters (bench/scale.py): a list of 600 finds 0.98 of the ten nearest at a million. Refining
    # replaces the distances of the compressed vectors by exact ones. Without a graph both are ignored.
    query = query.nprobes(_PARTITIONS).ef(max(_LEAST_EF, 2 * pool)).refine_factor(1)
    rows = query.limit(pool).select(["key", "_distance"]).with_row_id(True).to_arrow()
    numbers = rows["_rowid"].to_pylist()
    cosines = (1 - rows["_distance"].to_numpy()).tolist()
    return dict(zip(numbers, cosines, strict=True)), dict(zip(numbers, rows["key"].to_pylist(), strict=True))


def keyword_scores(
    table: Table, request: SearchRequest, condition: str, pool: int, scorer: VisibleScorer
) -> tuple[Scored, Scored | None]:
    """BM25 of the `pool` best passages under `condition`, and of every passage that matches.

    The second is None when more match than are listed. A longer list costs hardly more, and when it is whole nothing
    has to be completed. For labelled callers the scores are counted over what they see.
    """
    listed = max(pool, _LISTED) if request.labels is None else max(pool, CANDIDATES)
    scores = keyword_leg(table, request.query, condition, listed)
    whole = len(scores) < listed
    if request.labels is not None:
        scores = scorer.scores(table, request.query[:_LONGEST_QUERY], request.labels, scores)
    best = {row: scores[row] for row in sorted(scores, key=lambda row: (-scores[row], row))[:pool]}
    return best, scores if whole else None


def keyword_leg(table: Table, query: str, condition: str, pool: int) -> Scored:
    """BM25 of the best passages under `condition`; any characters are plain text."""
    # A text in quotes would be taken for a phrase, which needs an index with positions.
    text = searched(query[:_LONGEST_QUERY]).replace('"', " ")
    if not text.strip():
        return {}
    request = table.search(text, query_type="fts", fts_columns=["keywords"])
    if condition:
        request = request.where(condition)
    rows = request.limit(pool).select(["_score"]).with_row_id(True).to_arrow()
    return dict(zip(rows["_rowid"].to_pylist(), rows["_score"].to_pylist(), strict=True))


def missing_cosines(table: Table, vector: Vectors, rows: set[int]) -> Scored:
    """The cosine of `rows`, which the vector leg did not bring."""
    if not rows:
        return {}
    found = table.take_row_ids(sorted(rows)).with_row_id().select(["vector"]).to_arrow()
    cosines = vector_matrix(found["vector"], len(vector)) @ vector
    return dict(zip(found["_rowid"].to_pylist(), cosines.tolist(), strict=True))


def missing_keyword_scores(table: Table, request: SearchRequest, scorer: VisibleScorer, rows: Keys) -> Scored:
    """The BM25 of `rows`, which the keyword leg did not bring: 0 where no term matches."""
    if not rows:
        return {}
    if request.labels is None:
        # By the indexed key: a condition on the row id itself would be tried on every row.
        found = keyword_leg(table, request.query, is_one_of("key", sorted(rows.values())), len(rows))
    else:
        found = scorer.scores(table, request.query[:_LONGEST_QUERY], request.labels, rows)
    return {row: found.get(row, 0.0) for row in rows}


def check(request: SearchRequest) -> None:
    """Refuse what needs no table to be refused."""
    if request.k < 1:
        raise UsageError("k must be 1 or more.", where=f"k={request.k}")


def checked_vector(request: SearchRequest, query_vector: Vectors | None, dimension: int) -> Vectors | None:
    """The query's vector as float32 `(dimension,)`; None when the mode needs none."""
    if request.mode == "keyword":
        return None
    if query_vector is None:
        raise ValueError("a hybrid or vector search needs the query's vector")
    vector = np.asarray(query_vector, dtype=np.float32).reshape(-1)
    if vector.shape != (dimension,):
        raise ValueError(f"the query's vector has {vector.size} numbers, not {dimension}")
    return vector


def _aligned(by_keyword: Scored, by_vector: Scored) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[Any]]:
    rows = np.array(sorted(by_keyword.keys() | by_vector.keys()), dtype=np.int64)
    keyword = np.array([by_keyword.get(row, 0.0) for row in rows.tolist()], dtype=np.float64)
    cosine = np.array([by_vector.get(row, 0.0) for row in rows.tolist()], dtype=np.float64)
    return rows, keyword, cosine


def _fetch(table: Table, rows: list[int], labels: Sequence[str] | None) -> dict[int, dict[str, Any]]:
    """What a hit shows of each row, by row id."""
    if not rows:
        return {}
    found = table.take_row_ids(rows).with_row_id().select([*HIT_COLUMNS, *heads_in(table)]).to_arrow().to_pylist()
    for row in found:
        row["labels"] = held_of(row["labels"], labels)
        row["metadata"] = metadata_of(row["metadata"])
    return {row.pop("_rowid"): with_head(row) for row in found}


def _hits(
    fields: dict[int, dict[str, Any]],
    rows: NDArray[np.int64],
    score: NDArray[Any],
    keyword: NDArray[Any],
    cosine: NDArray[Any],
) -> Sequence[Hit]:
    each = zip(rows.tolist(), score.tolist(), keyword.tolist(), cosine.tolist(), strict=True)
    return tuple(
        Hit(**fields[row_id], score=total, keyword_score=by_keyword, vector_score=by_vector)
        for row_id, total, by_keyword, by_vector in each
    )
