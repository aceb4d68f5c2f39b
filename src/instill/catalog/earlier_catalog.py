"""The file that a workspace's catalog was in before `[catalog]` named a database. It is used no longer, and holds what
was asked until then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from instill.catalog.catalog import Catalog

CATALOG_FILE = "catalog.db"
"""In a workspace's `.instill`."""


def earlier_file(home: Path, catalog: Catalog) -> Path | None:
    """The file, where the catalog is in a database now and the file is there still.

    Args:
        home: a workspace's `.instill`.
        catalog: that is in use.
    """
    file = home / CATALOG_FILE
    return file if catalog.shared and file.is_file() else None


@contextmanager
def earlier_catalog(home: Path, catalog: Catalog, *, read_only: bool = False) -> Iterator[Catalog | None]:
    """The catalog in that file, open while the block lasts; None where there is none.

    Raises:
        WorkspaceError: the file is damaged, or was written by a newer Instill.
    """
    file = earlier_file(home, catalog)
    if file is None:
        yield None
        return
    found = Catalog(file, read_only=read_only)
    try:
        yield found
    finally:
        found.close()
