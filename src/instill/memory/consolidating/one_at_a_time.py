"""One process at a time consolidates: two would write over each other's rows, and train the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from instill.errors import WorkspaceError
from instill.memory import FOLDER

_LOCK, _WHO = "consolidate.lock", "consolidating"


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Consolidate inside of it. The lock is freed when the process ends, however it ends.

    Args:
        home: a workspace's `.instill`.

    Raises:
        WorkspaceError: another process consolidates; it is named, with the time since when.
    """
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise WorkspaceError(
            f"Another consolidation of this workspace is running{_who(folder)}.",
            where=str(folder / _LOCK),
            remedy="Wait for it, or stop it: the same command then goes on from its checkpoint.",
        ) from error
    try:
        started = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        (folder / _WHO).write_text(f"{os.getpid()}\n{started}\n", encoding="utf-8")
        yield
    finally:
        (folder / _WHO).unlink(missing_ok=True)
        lock.release()


def _who(folder: Path) -> str:
    """Which process, and since when, as far as it says so."""
    try:
        number, started, *_ = (folder / _WHO).read_text(encoding="utf-8").splitlines()
        return f" in process {int(number)} since {started}"
    except (OSError, ValueError):
        return ""
