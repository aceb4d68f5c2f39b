"""A pause of the service's jobs while text is taken out for good.

A job that read a document before may write its words down afterwards: into a report, a study set, or the index. So
forgetting and purging begin when no job runs. A job that runs is stopped, and begins again afterwards from what is then
there. Who takes text out holds a lock alone; who begins a job holds it together with others that do.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from instill.catalog import Catalog
from instill.catalog.tables import JOBS
from instill.common.purges import another_purges, pause_lock
from instill.errors import WorkspaceError

TAKES_OUT = "forget"
"""The kind of job that takes text out itself, and so is not stopped."""

_FOLDER = "jobs"
_LOOK_S = 0.05
_OTHERS_S = 120.0
_ENDING_S = 60.0


@contextmanager
def jobs_paused(home: Path, catalog: Catalog) -> Iterator[None]:
    """No job runs inside, and none begins.

    Args:
        home: the workspace's `.instill`.

    Raises:
        WorkspaceError: another process takes text out for too long, or a job does not end; nothing was changed.
    """
    if os.name != "posix" or not catalog.exists:  # There are no jobs.
        yield
        return
    with pause_lock(home, alone=True, seconds=_OTHERS_S) as free:
        if not free:
            raise another_purges(home)
        end = time.monotonic() + _ENDING_S
        while running := _running(home, catalog):
            if time.monotonic() > end:
                raise WorkspaceError(
                    "A job of the service does not end, so nothing was taken out.",
                    where=running,
                    remedy="Stop the job, then run the command again.",
                )
            time.sleep(_LOOK_S)
        yield


@contextmanager
def job_may_begin(home: Path) -> Iterator[bool]:
    """Whether a job may begin; while this lasts, no pause begins."""
    with pause_lock(home, alone=False, seconds=0.0) as free:
        yield free


def is_paused(home: Path) -> bool:
    """Whether a job that runs has to stop."""
    with job_may_begin(home) as free:
        return not free


def _running(home: Path, catalog: Catalog) -> str:
    """The id of a job that a process of this machine does; "" where there is none. One that its process has left runs
    no longer, whatever its row says."""
    runs = sa.and_(JOBS.c.state == "running", JOBS.c.kind != TAKES_OUT)
    with catalog.reading() as connection:
        if not sa.inspect(connection).has_table(JOBS.name):
            return ""
        found = connection.execute(sa.select(JOBS.c.job_id, JOBS.c.lane).where(runs)).all()
    return next((row.job_id for row in found if _is_held(home / _FOLDER / f"{row.lane}.lock")), "")


def _is_held(file: Path) -> bool:
    import fcntl

    try:
        handle = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
