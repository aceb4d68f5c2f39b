"""Writing the index anew from what is in it, so that nothing is left on the disk of what was removed.

A deleted row stays in its file until enough of the file is deleted, in the versions before, and in the search indices,
whose words nobody takes out one by one. So the rows that are there are copied into a new generation, vectors and all,
the pointer is switched, and everything older is deleted at once.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pyarrow as pa

from instill.index import upkeep
from instill.index.generations import LANCE, make_live, new_generation
from instill.index.schema import CURRENT, schema, storable
from instill.index.store import Index
from instill.index.tables import Table, Tables, storage_errors

_ROWS = 2_000


def rewrite(index: Index) -> None:
    """Copy what is there into a new generation, switch to it, and delete all others.

    Other processes wait with their changes, and those that read begin again. An index that another process is just
    filling beside this one is deleted too. Open the index again afterwards.

    Raises:
        WorkspaceError: the disk is full, or another process has been writing for too long; nothing was changed.
    """
    if index.generation.store != LANCE:
        index.rewrite()
        return
    dimension, fingerprint = index.generation.dimension, index.generation.fingerprint
    with storage_errors(index.folder), index.alone():
        generation = new_generation(index.folder, dimension, fingerprint)
        folder = index.folder / generation.name
        try:
            upkeep.create_table(folder, dimension)
            target = Tables(folder).writable()
            for rows in _batches(index.tables.writable(), dimension):
                target.add(rows)
            target.optimize()
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        make_live(index.folder, generation)
        for other in sorted(index.folder.glob("g*")):
            if other.name != generation.name and other.is_dir():
                shutil.rmtree(other, ignore_errors=True)


def _batches(table: Table, dimension: int) -> Iterator[pa.Table]:
    target = storable(schema(dimension))
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
