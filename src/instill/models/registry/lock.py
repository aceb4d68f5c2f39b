"""One process at a time changes the registry. The lock is freed when the process dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from instill.errors import WorkspaceError

_TIMEOUT_S = 120.0


@contextmanager
def registry_lock(home: Path) -> Iterator[None]:
    """Hold the lock of the registry in `home`, a workspace's `.instill`.

    Raises:
        WorkspaceError: another process keeps it too long.
    """
    home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home / "registry.lock", timeout=_TIMEOUT_S)
    try:
        lock.acquire()
    except Timeout as error:
        raise WorkspaceError(
            "Another process has been changing the models for too long.",
            where=str(lock.lock_file),
            remedy="Wait for it, or stop it, then run the command again.",
        ) from error
    try:
        yield
    finally:
        lock.release()
