"""A PostgreSQL server with pgvector for tests; on a socket, no port."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def running_postgres() -> Iterator[str]:
    """The address of a server with data of its own; skips the test where the package is missing.

    Its data lie beside pytest's folders, not in them: root's server runs as another user, and whenever a second pytest
    begins, it closes that folder to others.
    """
    pgserver: Any = pytest.importorskip("pgserver")
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        server = pgserver.get_server(folder, cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()
