"""The folder of a run, `.instill/runs/<id>`: one process at a time trains there; of a finished run its log stays."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from instill.common.made_from import BESIDE
from instill.errors import WorkspaceError

_WORK = ("checkpoint.safetensors", "checkpoint.draft", "trl", "candidate", "identity", BESIDE)
"""What a finished run no longer needs; its log stays."""


@contextmanager
def held(run: Path) -> Iterator[Path]:
    """The folder of a run, which no other process may train in meanwhile.

    Raises:
        WorkspaceError: another process trains there.
    """
    from instill.train.generator.loop import processes

    run.mkdir(parents=True, exist_ok=True)
    lock = FileLock(run / "lock")
    try:
        if processes.is_first():
            lock.acquire(timeout=0)
        yield run
    except Timeout as error:
        raise WorkspaceError(
            "Another process is training this recipe.", where=str(run), remedy="Wait for it, or stop it."
        ) from error
    finally:
        lock.release()


def tidy(run: Path) -> None:
    """Delete what a finished run no longer needs."""
    for place in (*(run / name for name in _WORK), *run.glob("candidate-*")):
        if place.is_dir():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)
