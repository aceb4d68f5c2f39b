"""Work that yields to questions: a process that stands still while somebody asks, and goes on when nobody does.

Whoever asks a workspace touches a file in it. The process is stopped (SIGSTOP) within a fifth of a second after that
and goes on (SIGCONT) when the file has not been touched for a while. It loses nothing by it. Where it is killed, the
training goes on from its checkpoint when it is begun again.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from instill.memory import FOLDER

_ASKED = "asked"
_STAGE = "stage"
_LOOKS_S = 0.1
_ENDS_WITH_PARENT = (
    sys.executable,
    "-c",
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execvp(sys.argv[1], sys.argv[1:])",
)
"""Begins a command that ends when the process ends that started it: one that stands still would wait for ever for it.
(PR_SET_PDEATHSIG, SIGKILL; it is kept when another program takes the process over.)"""

MAY_STOP = frozenset({"training", "measuring", "examining"})
"""Stages in which the process may be stopped: it holds no lock then that a question waits for."""


def note_asked(home: Path) -> None:
    """Say that somebody asks at this moment; nothing happens on storage that takes no writing.

    Args:
        home: a workspace's `.instill`.
    """
    with contextlib.suppress(OSError):
        file = home / _ASKED
        file.touch()
        os.utime(file)


def seconds_idle(home: Path) -> float:
    """How long nobody has asked; a year where nobody ever has."""
    try:
        return max(0.0, time.time() - (home / _ASKED).stat().st_mtime)
    except OSError:
        return 365 * 86_400.0


def note_stage(home: Path, stage: str) -> None:
    """Say what this process is doing, for the one that watches it; "" when it is done."""
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    draft = home / FOLDER / f".{_STAGE}.{os.getpid()}"
    draft.write_text(stage, encoding="utf-8")
    draft.replace(home / FOLDER / _STAGE)


def run_when_idle(
    command: Sequence[str],
    home: Path,
    *,
    idle_s: float,
    environment: Mapping[str, str] | None = None,
    on_change: Callable[[str], None] = lambda _: None,
) -> subprocess.CompletedProcess[str]:
    """Run a command while nobody asks, from the first moment at which nobody has for `idle_s` seconds.

    Args:
        command: it says with `note_stage` what it is doing.
        on_change: is told "waiting", "running" and "stopped".

    Returns:
        The exit code, what it printed and its errors.
    """
    on_change("waiting")
    while seconds_idle(home) < idle_s:
        time.sleep(min(_LOOKS_S, idle_s))
    note_stage(home, "")
    process = subprocess.Popen(  # noqa: S603  Of ours.
        [*(_ENDS_WITH_PARENT if sys.platform == "linux" else ()), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None,
        text=True,
        env=None if environment is None else dict(environment),
        start_new_session=True,
    )
    stopped = False
    on_change("running")
    try:
        while True:
            try:
                output, _ = process.communicate(timeout=_LOOKS_S)
                return subprocess.CompletedProcess(list(command), process.returncode, output, "")
            except subprocess.TimeoutExpired:
                pass
            idle = seconds_idle(home)
            if not stopped and idle < idle_s and _stage(home) in MAY_STOP:
                os.killpg(process.pid, signal.SIGSTOP)
                stopped = True
                on_change("stopped")
            elif stopped and idle >= idle_s:
                os.killpg(process.pid, signal.SIGCONT)
                stopped = False
                on_change("running")
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def _stage(home: Path) -> str:
    try:
        return (home / FOLDER / _STAGE).read_text(encoding="utf-8")
    except OSError:
        return ""
