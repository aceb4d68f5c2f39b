"""A whole catalog from one place to another."""

from __future__ import annotations

import sqlalchemy as sa

from instill.catalog.database import Database
from instill.catalog.tables import METADATA, MIGRATIONS_TABLE
from instill.errors import UsageError

_ROWS = 500


def copy_catalog(source: Database, target: Database) -> int:
    """Put all rows of `source` into `target`, all or none; how many.

    Raises:
        UsageError: something is in `target` already.
    """
    tables = [table for table in METADATA.sorted_tables if table is not MIGRATIONS_TABLE]
    count = 0
    with source.reading() as read, target.writing() as write:
        if write is None:
            raise UsageError("A catalog cannot be copied to storage that takes no writing.", where=target.where)
        for table in tables:
            if write.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None:
                raise UsageError(
                    f"There is a catalog at this place already: its table {table.name} has rows.",
                    where=target.where,
                    remedy="To make a new catalog, name another schema: --name NAME. To use this one without "
                    "copying, set catalog.url to its address and catalog.name to its schema in instill.toml.",
                )
        for table in tables:
            rows = read.execution_options(yield_per=_ROWS).execute(sa.select(table)).mappings()
            for part in rows.partitions(_ROWS):
                write.execute(sa.insert(table), [dict(row) for row in part])
                count += len(part)
            _number_on(write, table)
    return count


def _number_on(connection: sa.Connection, table: sa.Table) -> None:
    """Let the next row that is numbered by the database come after those that brought their numbers."""
    column = table.autoincrement_column
    if column is None or connection.dialect.name != "postgresql":
        return
    most = connection.execute(sa.select(sa.func.max(column))).scalar_one()
    if most is not None:
        connection.execute(sa.select(sa.func.setval(sa.func.pg_get_serial_sequence(table.name, column.name), most)))
