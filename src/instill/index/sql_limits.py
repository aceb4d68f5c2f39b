"""What a query may take: time, memory, and the rows and bytes of its result."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from instill.errors import UsageError

_SETTING = "raise {} under [sql] in instill.toml."
_FEWER = "Add a LIMIT, choose fewer columns or aggregate, or "


@dataclass(frozen=True, slots=True)
class SqlLimits:
    """Rows and megabytes (of 1024 x 1024 bytes) of the result; seconds and megabytes that the query may take."""

    max_rows: int = 100_000
    max_mb: float = 64.0
    max_seconds: float = 30.0
    max_memory_mb: float = 2048.0


def bounded(batches: Any, schema: pa.Schema, limits: SqlLimits, query: str) -> pa.Table:
    """The batches of a stream as a table; no more is read from it than the limits allow.

    Raises:
        UsageError: the result is larger.
    """
    kept: list[pa.RecordBatch] = []
    rows, size = 0, 0
    for batch in batches:
        rows += batch.num_rows
        size += batch.nbytes
        if rows > limits.max_rows:
            raise UsageError(
                f"The result has more than {limits.max_rows:,} rows.",
                where=query[:200],
                remedy=_FEWER + _SETTING.format("max_rows"),
            )
        if size > limits.max_mb * 1024**2:
            raise UsageError(
                f"The result is larger than {limits.max_mb:,g} MB.",
                where=query[:200],
                remedy=_FEWER + _SETTING.format("max_mb"),
            )
        kept.append(batch)
    return pa.Table.from_batches(kept, schema=schema)


def too_slow(limits: SqlLimits, query: str) -> UsageError:
    return UsageError(
        f"The query took longer than {limits.max_seconds:g} seconds.",
        where=query[:200],
        remedy="Narrow it down, or " + _SETTING.format("max_seconds"),
    )


def too_much_memory(limits: SqlLimits, query: str) -> UsageError:
    return UsageError(
        f"The query needs more memory than the {limits.max_memory_mb:,g} MB that it may take.",
        where=query[:200],
        remedy="Narrow it down, or " + _SETTING.format("max_memory_mb"),
    )


@contextlib.contextmanager
def interrupted_after(connection: Any, seconds: float) -> Iterator[None]:
    """DuckDB is told to stop when the time is over."""
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextlib.contextmanager
def memory_bounded(megabytes: float) -> Iterator[None]:
    """On Linux the process may meanwhile write to so much more memory than now, and no more.

    DuckDB counts what its operators hold against a limit of its own, but not a single value: a list of a hundred
    million numbers is made whole. The limit is that of the whole process, so this is for a process that does nothing
    else, such as the command.
    """
    now = _written() if sys.platform == "linux" else None
    if now is None:
        yield
        return
    import resource

    before, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = now + int(megabytes * 1024**2)
    if before not in (resource.RLIM_INFINITY, -1):
        most = min(most, before)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, hard))


def _written() -> int | None:
    """Bytes that count against the limit."""
    try:
        for line in Path("/proc/self/status").read_text("ascii").split("\n"):
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None
