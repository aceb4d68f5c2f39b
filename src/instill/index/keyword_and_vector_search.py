"""Both legs of a search on one snapshot of the Lance table, and the scores that a candidate lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from instill.index.bm25_for_caller import CANDIDATES, VisibleScorer
from instill.index.filtered_rows import DEEPEST_BY_WORDS, RowIds, Sieve
from instill.index.keywords import searched
from instill.index.labels import held_of
from instill.index.lance_tables import Table
from instill.index.lookup import heads_in, vector_matrix, with_head
from instill.index.protocol import Keys, Scored
from instill.index.schema import HIT_COLUMNS, metadata_of
from instill.index.sql_quoting import is_one_of
from instill.models.encoders.protocol import Vectors

_LISTED = 1000
_LEAST_EF = 600
_PARTITIONS = 20  # all of them
_CHECKED = 1.3  # rows whose vectors are compared as they are, for one that is wanted
_LONGEST_QUERY = 10_000  # characters; longer "questions" are pasted documents


def vector_leg(
    table: Table, vector: Vectors, condition: str, pool: int, sieve: Sieve | None = None
) -> tuple[Scored, Keys]:
    """Cosine of the nearest passages under `condition`, and their keys.

    Args:
        sieve: of the condition, where there is one.
    """
    depth = None if sieve is None else sieve.depth(pool)
    if sieve is not None and depth is not None:
        near = _near(table, vector, sieve, depth)
        if len(near) >= min(pool, len(sieve.rows)):
            return _exactly(table, vector, near[: int(_CHECKED * pool)], pool)
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


def _near(table: Table, vector: Vectors, sieve: Sieve, depth: int) -> RowIds:
    """Of the `depth` rows that are nearest by their compressed vectors those that pass, nearest first."""
    query = table.search(vector, vector_column_name="vector").distance_type("cosine")
    query = query.nprobes(_PARTITIONS).ef(max(_LEAST_EF, depth + depth // 4))
    rows = query.limit(depth).select(["_distance"]).with_row_id(True).to_arrow()["_rowid"].to_numpy().astype(np.int64)
    near: RowIds = rows[sieve.passing(rows)]
    return near


def _exactly(table: Table, vector: Vectors, rows: RowIds, pool: int) -> tuple[Scored, Keys]:
    """The `pool` rows that are nearest by their vectors as they are."""
    found = table.take_row_ids(np.sort(rows).tolist()).with_row_id().select(["vector", "key"]).to_arrow()
    numbers = found["_rowid"].to_numpy().astype(np.int64)
    cosines = vector_matrix(found["vector"], len(vector)) @ vector
    best = np.lexsort((numbers, -cosines))[:pool]
    keys = found["key"].take(best).to_pylist()
    chosen = numbers[best].tolist()
    return dict(zip(chosen, cosines[best].tolist(), strict=True)), dict(zip(chosen, keys, strict=True))


def matching(
    table: Table,
    query: str,
    labels: tuple[str, ...] | None,
    condition: str,
    pool: int,
    scorer: VisibleScorer,
    sieve: Sieve | None = None,
) -> tuple[Scored, Scored | None]:
    """BM25 of the `pool` best passages under `condition`, and of every passage that matches.

    The second is None when more match than are listed. A longer list costs hardly more, and when it is whole nothing
    has to be completed. For labelled callers the scores are counted over what they see.
    """
    listed = max(pool, _LISTED) if labels is None else max(pool, CANDIDATES)
    least = pool if labels is None else listed  # Under labels all that are listed are scored anew.
    scores, whole = _sifted(table, query, sieve, least, listed) or _listed(table, query, condition, listed)
    if labels is not None:
        scores = scorer.scores(table, query[:_LONGEST_QUERY], labels, scores)
    best = {row: scores[row] for row in sorted(scores, key=lambda row: (-scores[row], row))[:pool]}
    return best, scores if whole else None


def _sifted(table: Table, query: str, sieve: Sieve | None, least: int, listed: int) -> tuple[Scored, bool] | None:
    """The `listed` best passages that pass, or some fewer, and whether these are all; None where fewer than `least`
    pass."""
    if sieve is None:
        return None
    depth = sieve.depth(listed, DEEPEST_BY_WORDS) or sieve.depth(least, DEEPEST_BY_WORDS)
    if depth is None:
        return None
    scores = keyword_leg(table, query, "", depth)
    rows = np.fromiter(scores, dtype=np.int64, count=len(scores))
    passing = rows[sieve.passing(rows)].tolist()
    whole = len(scores) < depth
    if not whole and len(passing) < least:
        return None
    return {row: scores[row] for row in passing[:listed]}, whole and len(passing) <= listed


def _listed(table: Table, query: str, condition: str, wanted: int) -> tuple[Scored, bool]:
    scores = keyword_leg(table, query, condition, wanted)
    return scores, len(scores) < wanted


def keyword_leg(table: Table, query: str, condition: str, pool: int) -> Scored:
    """BM25 of the best passages under `condition`; any characters are plain text."""
    text = searched(query[:_LONGEST_QUERY])
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


def missing_keyword_scores(
    table: Table, query: str, labels: tuple[str, ...] | None, scorer: VisibleScorer, rows: Keys
) -> Scored:
    """The BM25 of `rows`, which the keyword leg did not bring: 0 where no term matches."""
    if not rows:
        return {}
    if labels is None:
        # By the indexed key: a condition on the row id itself would be tried on every row.
        found = keyword_leg(table, query, is_one_of("key", sorted(rows.values())), len(rows))
    else:
        found = scorer.scores(table, query[:_LONGEST_QUERY], labels, rows)
    return {row: found.get(row, 0.0) for row in rows}


def fields_of(table: Table, rows: Sequence[int], labels: Sequence[str] | None) -> dict[int, dict[str, Any]]:
    """What a hit shows of each row, by row id."""
    if not rows:
        return {}
    found = table.take_row_ids(list(rows)).with_row_id().select([*HIT_COLUMNS, *heads_in(table)]).to_arrow().to_pylist()
    for row in found:
        row["labels"] = held_of(row["labels"], labels)
        row["metadata"] = metadata_of(row["metadata"])
    return {row.pop("_rowid"): with_head(row) for row in found}
