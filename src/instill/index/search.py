"""One search: two legs on one version of a store, the missing scores completed, fused, cut to k."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instill.errors import UsageError
from instill.index.fusion import Fusion
from instill.index.protocol import Keys, Scored, View, Wanted
from instill.index.types import Hit, SearchRequest, SearchResult
from instill.models.encoders.protocol import Vectors


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
    view: View,
    request: SearchRequest,
    vector: Vectors | None,
    fusions: Sequence[Fusion],
    helper: ThreadPoolExecutor,
) -> list[SearchResult]:
    """See `Index.search_fused`; `vector` as `checked_vector` gives it. `helper` runs one leg beside the other."""
    wanted = Wanted(request.labels, request.where, request.documents, request.titles)
    pool = max(request.pool, request.k)
    watch = Stopwatch()

    def nearest() -> tuple[Scored, Keys]:
        with watch.step("vector"):
            return ({}, {}) if vector is None else view.nearest(vector, wanted, pool)

    def matching() -> tuple[Scored, Scored | None]:
        with watch.step("keyword"):
            return view.matching(request.query, wanted, pool)

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
            scored = helper.submit(view.keyword_scores, request.query, request.labels, unmatched)
            by_vector |= view.cosines(vector, by_keyword.keys() - by_vector.keys())
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
        fields = view.fields(sorted({row for order in orders for row in rows[order].tolist()}), request.labels)
        found = [
            _hits(fields, rows[order], score[order], keyword[order], cosine[order])
            for order, score in zip(orders, scores, strict=True)
        ]
    return [SearchResult(hits, watch.timings) for hits in found]


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
