"""The index of vectors (HNSW) of a generation in PostgreSQL, which is made once there are many passages."""

from __future__ import annotations

from typing import Any

from instill.index.stores.postgres.tables import Names
from instill.index.upkeep import EXACT_BELOW

_LONGEST = 2000
"""Most dimensions that pgvector makes such an index of."""


def is_there(connection: Any, names: Names) -> bool:
    """Whether the index was made."""
    return bool(connection.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{names.passages}_graph"]).fetchone()[0])


def is_wanted(connection: Any, names: Names, dimension: int) -> bool:
    """Whether it should be made now."""
    if dimension > _LONGEST or is_there(connection, names):
        return False
    [(rows,)] = connection.execute(f"SELECT count(*) FROM {names.passages}").fetchall()
    return int(rows) >= EXACT_BELOW


def make(connection: Any, names: Names) -> None:
    """Make it; takes minutes for a million passages."""
    connection.execute(
        f"CREATE INDEX IF NOT EXISTS {names.passages}_graph ON {names.passages} "
        "USING hnsw (vector vector_cosine_ops) WITH (m = 16, ef_construction = 150)"
    )
