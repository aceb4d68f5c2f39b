"""The folders, files, patterns and addresses that a workspace follows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from instill.catalog.database import Database, now
from instill.catalog.tables import ROOTS


@dataclass(frozen=True, slots=True)
class Root:
    """A file, folder, glob pattern or address that `sync` keeps the index in step with."""

    path: str
    labels: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Roots(Database):
    """What `sync` keeps the index in step with."""

    def remember_root(self, root: Root) -> None:
        """Follow `root`; its labels and metadata replace earlier ones."""
        row = {
            "path": root.path,
            "labels": json.dumps(sorted(root.labels)),
            "metadata": json.dumps(dict(root.metadata), ensure_ascii=False, sort_keys=True),
            "added": now(),
        }
        with self.writing() as connection:
            if connection is not None:
                connection.execute(sa.delete(ROOTS).where(ROOTS.c.path == root.path))
                connection.execute(sa.insert(ROOTS).values(row))

    def forget_root(self, path: str) -> bool:
        """Stop following `path`; True when it was followed."""
        with self.writing() as connection:
            if connection is None:
                return False
            return connection.execute(sa.delete(ROOTS).where(ROOTS.c.path == path)).rowcount > 0

    def roots(self) -> list[Root]:
        """What is followed, oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(ROOTS).order_by(ROOTS.c.added, ROOTS.c.path)).all()
        return [Root(row.path, tuple(self._read(row.labels)), self._read(row.metadata)) for row in rows]
