"""Writing the index anew from what is in it, so that nothing is left on the disk of what was removed.

A deleted row stays in its file until enough of the file is deleted, in the versions before, and in the search indices,
whose words nobody takes out one by one. So the rows that are there are copied into a new generation, vectors and all,
the pointer is switched, and everything older is deleted at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

from instill.index.earlier_generations import Copy
from instill.index.lance_tables import Table, storage_errors
from instill.index.schema import CURRENT, storable
from instill.index.store import Index

_ROWS = 2_000


def rewrite(index: Index, before: Callable[[str], None] | None = None) -> list[Copy]:
    """Copy what is there into a new generation, switch to it, and delete all others.

    Other processes wait with their changes, and those that read begin again. An index that another process is just
    filling beside this one is deleted too. Open the index again afterwards.

    Args:
        before: called with the name of the new generation before the switch, where the store makes one.

    Returns:
        Earlier generations that were in another store, and all that could not be deleted; see `drop_earlier`.

    Raises:
        WorkspaceError: the disk is full, or another process has been writing for too long; nothing was changed.
    """
    if not index.is_lance:
        return index.rewrite()
    dimension, fingerprint = index.generation.dimension, index.generation.fingerprint
    with storage_errors(index.folder), index.alone(), index.tables.errors():
        successor = index.begin_generation(dimension=dimension, fingerprint=fingerprint)
        try:
            target = successor.tables.writable()
            for rows in _batches(index.tables.writable(), target.schema):
                target.add(rows)
            target.optimize()
            if before is not None:
                before(successor.generation.name)
        except BaseException:
            successor.drop()
            raise
        return index.replaced_by(successor)


def _batches(table: Table, columns: pa.Schema) -> Iterator[pa.Table]:
    target = storable(columns)
    found = table.search().where(CURRENT).limit(None).to_batches(batch_size=_ROWS)
    for batch in found:
        rows = pa.Table.from_batches([batch])
        columns = [
            rows.column(field.name).cast(field.type)
            if field.name in rows.column_names
            else pa.nulls(rows.num_rows, field.type)
            for field in target
        ]
        yield pa.Table.from_arrays(columns, schema=target)
