"""A PostgreSQL server with pgvector for tests; on a socket, no port."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def running_postgres(folder: Path) -> Iterator[str]:
    """The address of a server that keeps its data in `folder`; skips the test where the package is missing."""
    pgserver: Any = pytest.importorskip("pgserver")
    server = pgserver.get_server(str(folder), cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()
