"""Making the table, and keeping its indices up to date while others search and write.

New rows are searched one by one until they are indexed. That happens in batches whose size grows with the table
to a limit, so a search never waits for more than a few thousand such rows and the work per added row stays bounded.
LanceDB appends a segment to an index rather than rewriting it; the vector index, whose segments are searched one
after the other, is built anew when there are too many.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from instill.index.lance_tables import Table, Tables, connect, is_conflict
from instill.index.protocol import Stats
from instill.index.schema import TABLE, TOMBSTONE, schema

if TYPE_CHECKING:
    import pyarrow as pa

EXACT_BELOW = 50_000
"""Fewer rows than this are compared one by one, which is exact and fast enough."""

_KEEP_VERSIONS = timedelta(minutes=10)  # readers that are slower than this read again on the latest version
_ROWS_PER_GRAPH = 2_000_000
_MOST_SEGMENTS = 16
_MOST_FRAGMENTS = 200
_ATTEMPTS = 2


Writing = Callable[[Callable[[Table], object]], object]
"""Runs a change with the write lock held."""


def create_table(folder: Path, dimension: int) -> None:
    """An empty table with its look-up and full-text indices."""
    make_table(connect(folder), schema(dimension))


def make_table(database: Any, columns: pa.Schema) -> None:
    """An empty table in a database that is open, with its look-up and full-text indices."""
    from lancedb.index import FTS, BTree, LabelList

    table = database.create_table(TABLE, schema=columns)
    for column in ("key", "doc_id", "source", "content_hash"):
        table.create_index(column, config=BTree())
    table.create_index("labels", config=LabelList())
    table.create_index("keywords", config=FTS())


def is_due(table: Table) -> bool:
    """Too many rows are not indexed, or too many small files make each read slower."""
    rows = int(table.count_rows())
    if _unindexed(table) > max(1000, min(rows // 200, 4000)):
        return True
    return int(table.stats()["fragment_stats"]["num_small_fragments"]) > _MOST_FRAGMENTS


def run(
    tables: Tables,
    folder: Path,
    writing: Writing,
    *,
    progress: Callable[[str], None] | None,
    force: bool,
    graph: bool = True,
) -> bool:
    """See `Index.upkeep`. False when there was nothing to do."""
    say = progress or (lambda _line: None)
    try:
        with FileLock(folder / "upkeep.lock", timeout=0):
            if not force and not is_due(tables.writable()):
                return False
            if tables.writable().count_rows(TOMBSTONE):
                say("deleting what replaced documents left behind")
                writing(lambda table: table.delete(TOMBSTONE))
            rows = int(tables.writable().count_rows())
            if graph and rows >= EXACT_BELOW and _needs_graph(tables.writable(), rows):
                say(f"building the vector index of {rows:,} passages")
                _persistently(tables, writing, lambda table: _build_graph(table, rows))
            say("indexing new passages")
            _persistently(tables, writing, lambda table: table.optimize(cleanup_older_than=_KEEP_VERSIONS))
            return True
    except Timeout:
        return False


def stats(table: Table, folder: Path) -> Stats:
    """See `Index.stats`."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Stats(
        rows=int(table.count_rows()),
        unindexed=_unindexed(table),
        versions=len(table.list_versions()),
        bytes=size,
        vector_index=_segments(table) > 0,
    )


def _persistently(tables: Tables, writing: Writing, work: Callable[[Table], object]) -> None:
    """Do `work` beside the writers; if they commit faster than it can, let them wait for it."""
    for _ in range(_ATTEMPTS):
        try:
            work(tables.writable())
            return
        except (RuntimeError, OSError, ValueError) as error:
            if not is_conflict(error):
                raise
    writing(work)


def _needs_graph(table: Table, rows: int) -> bool:
    """There is none, it has too many segments, or a new segment would be as large as all the others."""
    for index in table.list_indices():
        if index.columns == ["vector"]:
            return bool(index.num_segments > _MOST_SEGMENTS or index.num_unindexed_rows > rows // 2)
    return True


def _build_graph(table: Table, rows: int) -> None:
    from lancedb.index import HnswSq

    # One graph as long as memory allows: several have to be searched one after the other for the same recall.
    config = HnswSq(
        distance_type="cosine", num_partitions=1 + rows // _ROWS_PER_GRAPH, m=16, ef_construction=150, max_iterations=20
    )
    table.create_index("vector", config=config, replace=True)


def _segments(table: Table) -> int:
    return sum(int(index.num_segments or 0) for index in table.list_indices() if index.columns == ["vector"])


def _unindexed(table: Table) -> int:
    return max(
        (int(index.num_unindexed_rows or 0) for index in table.list_indices() if index.columns != ["vector"]), default=0
    )
