"""Making the table, and keeping its indices up to date."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import lancedb
from filelock import FileLock, Timeout
from lancedb.index import FTS, BTree, LabelList

from instill.index.schema import TABLE, schema
from instill.index.tables import Table, Tables

_KEEP_VERSIONS = timedelta(minutes=15)
_FEW_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Stats:
    """Sizes. `unindexed` rows are searched one by one until upkeep; `bytes` is the whole generation on disk."""

    rows: int
    unindexed: int
    versions: int
    bytes: int


def create_table(folder: Path, dimension: int) -> None:
    """An empty table with its look-up and full-text indices."""
    table = lancedb.connect(str(folder)).create_table(TABLE, schema=schema(dimension))
    for column in ("key", "doc_id", "source", "content_hash"):
        table.create_index(column, config=BTree())
    table.create_index("labels", config=LabelList())
    table.create_index("keywords", config=FTS())


def is_due(table: Table) -> bool:
    """Unindexed rows exceed a fixed number and a share of the table, so that the work per row stays bounded."""
    rows = table.count_rows()
    return bool(_unindexed(table) > max(_FEW_ROWS, rows // 10))


def run(tables: Tables, folder: Path, *, progress: Callable[[str], None] | None, force: bool) -> None:
    """See `Index.upkeep`."""
    alone = FileLock(folder / "upkeep.lock", timeout=0)
    try:
        with alone:
            table = tables.writable()
            if force or is_due(table):
                if progress:
                    progress("indexing")
                table.optimize(cleanup_older_than=_KEEP_VERSIONS)
    except Timeout:
        return


def stats(table: Table, folder: Path) -> Stats:
    """See `Index.stats`."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Stats(int(table.count_rows()), _unindexed(table), len(table.list_versions()), size)


def _unindexed(table: Table) -> int:
    return max((index.num_unindexed_rows for index in table.list_indices()), default=0)
