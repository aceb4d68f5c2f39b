"""Long work, done by the command line in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any, Literal

from instill.errors import InstillError
from instill.server.jobs.ended_early import Cancelled, Paused
from instill.server.jobs.job_kinds import WORK, command_line
from instill.server.jobs.store import JobStore, Task
from instill.workspace.jobs_pause import TAKES_OUT, is_paused

_LOOK_S = 0.2
_GRACE_S = 5.0
_LONGEST_LINE = 100_000


def do_work(folder: Path, jobs: JobStore, task: Task, lock: int) -> Any:
    """Run the command, tell what it tells, and give its JSON; `Cancelled` where the job was stopped, `Paused` where it
    stopped because text is taken out.

    Raises:
        InstillError: what the command says.
    """
    words = command_line(task.kind, task.arguments, task.labels, folder)
    with (jobs.folder / f"{task.job_id}.log").open("ab") as log:
        log.write(f"$ instill {' '.join(words)}\n".encode())
        log.flush()
        process = subprocess.Popen(  # noqa: S603 - our own program, its words are checked
            [sys.executable, "-m", "instill", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={**os.environ, "INSTILL_PROGRESS": "json", "NO_COLOR": "1"},
            pass_fds=(lock,),
        )
        assert process.stdout is not None
        assert process.stderr is not None
        told = _Told(jobs, task, log)
        said: list[bytes] = []
        threads = [
            threading.Thread(target=lambda out: said.append(out.read()), args=(process.stdout,), daemon=True),
            threading.Thread(target=told.follow, args=(process.stderr,), daemon=True),
        ]
        for thread in threads:
            thread.start()
        stopped = _waited(process, jobs, task, folder / ".instill")
        for thread in threads:
            thread.join()
    if stopped == "cancelled":
        return Cancelled()
    result = parsed(b"".join(said))
    if stopped and result is None:
        return Paused()
    if result is not None:
        keeps = WORK[task.kind].keeps
        return result if keeps is None else {name: result[name] for name in keeps if name in result}
    raise told.error or InstillError(
        f"The command ended with exit code {process.returncode}.", remedy=f"Its log: GET /api/jobs/{task.job_id}/log"
    )


def _waited(
    process: subprocess.Popen[bytes], jobs: JobStore, task: Task, home: Path
) -> Literal["", "cancelled", "paused"]:
    """Wait for the end, and say why it was stopped before. It is asked first, as by Ctrl-C, and then killed."""
    asked, why = 0.0, _why(jobs, task, home)
    while process.poll() is None:
        time.sleep(_LOOK_S)
        why = why or _why(jobs, task, home)
        if why and not asked:
            process.send_signal(signal.SIGINT)
            asked = time.monotonic()
        elif asked and time.monotonic() - asked > _GRACE_S:
            process.kill()
    return why if asked else ""


def _why(jobs: JobStore, task: Task, home: Path) -> Literal["", "cancelled", "paused"]:
    """Why the job has to stop now; "" where it goes on."""
    if jobs.is_to_stop(task.job_id):
        return "cancelled"
    return "paused" if task.kind != TAKES_OUT and is_paused(home) else ""


class _Told:
    """What a command tells on standard error: progress and its error as JSON, all else for the log."""

    def __init__(self, jobs: JobStore, task: Task, log: IO[bytes]) -> None:
        self._jobs, self._task, self._log = jobs, task, log
        self.error: InstillError | None = None

    def follow(self, stream: IO[bytes]) -> None:
        """Until it ends."""
        while line := stream.readline(_LONGEST_LINE):
            found = parsed(line)
            progress = found.get("progress") if found else None
            if isinstance(progress, dict):
                self._jobs.tell(self._task.job_id, "progress", progress)
                continue
            problem = found.get("error") if found else None
            if isinstance(problem, dict):
                what, where, remedy = (str(problem.get(name, "")) for name in ("what", "where", "remedy"))
                self.error = _named(str(problem.get("kind", "")))(what, where=where, remedy=remedy)
            self._log.write(line)
            self._log.flush()


def _named(kind: str) -> type[InstillError]:
    import instill.errors

    found = getattr(instill.errors, kind, InstillError)
    return found if isinstance(found, type) and issubclass(found, InstillError) else InstillError


def parsed(text: bytes) -> dict[str, Any] | None:
    """The object that a command printed; None where it is none.

    Example:
        >>> parsed(b'{"id": "41e0"}'), parsed(b"[1]"), parsed(b"opening ...")
        ({'id': '41e0'}, None, None)
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
