"""Starts the processes that do jobs, when there is something to do, and ends them with the server."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from instill.errors import InstillError
from instill.server.jobs.job_process import is_held
from instill.server.jobs.store import LANES, JobStore, Lane

log = logging.getLogger("instill.server")

_LOOK_S = 0.3


class Starting:
    """Looks for jobs and sees to it that somebody does them.

    Args:
        folder: of the workspace.
    """

    def __init__(self, folder: Path, jobs: JobStore) -> None:
        self._folder, self._jobs = folder, jobs
        self._processes: dict[Lane, subprocess.Popen[bytes]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="instill-jobs", daemon=True)

    def begin(self) -> None:
        """Look from now on."""
        self._thread.start()

    def end(self) -> None:
        """Look no more, and end what was started; what was begun goes on with the next server."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        for process in self._processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _run(self) -> None:
        while not self._ended.wait(_LOOK_S):
            try:
                for lane in LANES:
                    self._see_to(lane)
            except (InstillError, OSError) as error:
                log.error("jobs cannot be looked for: %s", error)

    def _see_to(self, lane: Lane) -> None:
        running = self._processes.get(lane)
        if running is not None and running.poll() is None:
            return
        if not self._jobs.has_work(lane) or is_held(self._jobs.folder, lane):
            return
        with (self._jobs.folder / f"{lane}.log").open("ab") as written:
            self._processes[lane] = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "instill.server.jobs.job_process", str(self._folder), lane],
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                start_new_session=True,
            )
