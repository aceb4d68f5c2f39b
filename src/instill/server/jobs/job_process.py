"""The process that does a lane's jobs, one after the other: `python -m instill.server.jobs.job_process FOLDER LANE`.

Who holds the lane's lock does its jobs, and nobody else: the system frees the lock when the last process that holds it
has died, so that two servers never do a job twice, and a job whose process was killed is begun again by the next. What
this process starts holds the lock with it. It ends when its server has, or when there has been nothing to do for a
while.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from instill.errors import IndexRebuilt, InstillError
from instill.server.jobs.ended_early import Cancelled, Paused
from instill.server.jobs.store import JobStore, Lane, Task
from instill.server.served_workspace import Opened
from instill.workspace.jobs_pause import is_paused, job_may_begin

IDLE_S = 20.0
"""A process that waits for the next document costs its memory; a new one costs seconds."""

FORGOTTEN = "stopped, because a document is forgotten; it begins again without it"
MADE_ANEW = "begun again, because the index was made anew"
"""Told as a job's progress."""

_LOOK_S = 0.2
_WATCH_S = 0.25


@contextmanager
def lane_lock(folder: Path, lane: Lane) -> Iterator[int | None]:
    """Hold the lane; yields the lock's file, for processes that are to hold it too, or None where another holds it."""
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    file = os.open(folder / f"{lane}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield file
    finally:
        os.close(file)  # Without unlocking: a child that still runs keeps the lane.


def is_held(folder: Path, lane: Lane) -> bool:
    """Whether somebody does the lane's jobs."""
    with lane_lock(folder, lane) as held:
        return held is None


class Worker:
    """Does the jobs of a lane.

    Args:
        opened: the workspace.
        lock: the lane's, which is held.
    """

    def __init__(self, opened: Opened, lane: Lane, lock: int) -> None:
        self.opened, self.lane, self.lock = opened, lane, lock
        self.jobs = JobStore(opened.catalog, opened.folder / ".instill" / "jobs")
        self.current: Task | None = None

    def run(self) -> None:
        """Until there has been nothing to do for `IDLE_S`."""
        idle_since = time.monotonic()
        while time.monotonic() - idle_since < IDLE_S:
            with job_may_begin(self.opened.folder / ".instill") as free:
                task = self.jobs.take(self.lane) if free else None
            if task is None:
                time.sleep(_LOOK_S)
                continue
            self.current = task
            try:
                result = self._done(task)
            except IndexRebuilt as error:
                if not self.jobs.put_back(task.job_id, MADE_ANEW):
                    self.jobs.end(task.job_id, "failed", error.as_dict())
            except InstillError as error:
                self.jobs.end(task.job_id, "failed", error.as_dict())
            except Exception as error:
                print(f"{task.job_id}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
                bug = InstillError("Instill made a mistake.", where=type(error).__name__, remedy="The log says more.")
                self.jobs.end(task.job_id, "failed", bug.as_dict())
                raise
            else:
                if isinstance(result, Paused):
                    self.jobs.put_back(task.job_id, FORGOTTEN, counts=False)
                else:
                    cancelled = isinstance(result, Cancelled)
                    self.jobs.end(task.job_id, "cancelled" if cancelled else "done", None if cancelled else result)
            self.current = None
            idle_since = time.monotonic()

    def _done(self, task: Task) -> object:
        from instill.server.jobs.command_work import do_work
        from instill.server.jobs.documents import do_documents

        if self.lane == "documents":
            return do_documents(self.opened, self.jobs, task)
        return do_work(self.opened.folder, self.jobs, task, self.lock)


def _watch(worker: Worker, parent: int) -> None:
    """End with the server, and end a document's job that is to be stopped, or to pause: nothing can be asked to stop in
    its midst, and the index takes a kill at any moment."""
    while True:
        time.sleep(_WATCH_S)
        if os.getppid() != parent:
            _end_all()
        task = worker.current
        try:
            if worker.lane != "documents" or task is None:
                continue
            if worker.jobs.is_to_stop(task.job_id):
                worker.jobs.end(task.job_id, "cancelled", None)
                _end_all()
            if is_paused(worker.opened.folder / ".instill"):
                worker.jobs.put_back(task.job_id, FORGOTTEN, counts=False)
                _end_all()
        except InstillError:
            continue


def _end_all() -> None:
    """This process and all that it started."""
    with contextlib.suppress(OSError):
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def main(folder: Path, lane: Lane) -> None:
    """Do the lane's jobs, unless another process does."""
    parent = os.getppid()
    with lane_lock(folder / ".instill" / "jobs", lane) as lock:
        if lock is None:
            return
        worker = Worker(Opened(folder), lane, lock)
        threading.Thread(target=_watch, args=(worker, parent), daemon=True).start()
        until = time.monotonic() + IDLE_S
        while time.monotonic() < until:
            with worker.opened.catalog.holding(f"lane {lane}") as held:
                if held:
                    worker.run()
                    return
            time.sleep(_WATCH_S)  # another machine that shares the catalog does the lane's jobs


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main(Path(sys.argv[1]), sys.argv[2])  # type: ignore[arg-type]
