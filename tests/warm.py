"""Starts Python programs as processes of their own without the seconds of importing (see `warm_server.py`)."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

HERE = Path(__file__).parent


class Program:
    """A process that was forked from the warm one; `pid` is its own number."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._said = connection.makefile()
        self.pid = int(self._said.readline())
        self._code: int | None = None

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        if self._code is None and select.select([self._connection], [], [], 0)[0]:
            return self.wait()
        return self._code

    def wait(self) -> int:
        """The exit code, as a shell tells it: 137 after SIGKILL."""
        if self._code is None:
            self._code = int(self._said.readline())
            self._said.close()
            self._connection.close()
        return self._code

    def kill(self) -> bool:
        """SIGKILL, and wait for the end; was it running?"""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        return self.wait() == 128 + signal.SIGKILL


@dataclass(frozen=True)
class Warm:
    """The address of a running server."""

    address: str

    def awaited(self) -> Warm:
        """The same, when it has imported everything."""
        deadline = time.monotonic() + 150
        while not Path(self.address).exists():
            assert time.monotonic() < deadline, "the server of warm programs does not begin"
            time.sleep(0.05)
        return self

    def start(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        streams: Sequence[IO[Any] | int] = (0, 1, 2),
    ) -> Program:
        """Begin a program.

        Args:
            arguments: as after `python`: `-m MODULE ...`, `-c PROGRAM ...` or `FILE ...`.
            environment: beside this process's own.
            streams: standard input, output and error.
        """
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self.address)
        path = os.pathsep.join([str(HERE.parent), *sys.path])
        asked = {
            "arguments": arguments,
            "folder": str(folder or Path.cwd()),
            "environment": {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path, **(environment or {})},
        }
        message = json.dumps(asked).encode() + b"\n"
        sent = socket.send_fds(
            connection, [message], [each if isinstance(each, int) else each.fileno() for each in streams]
        )
        connection.sendall(message[sent:])
        return Program(connection)

    def command(self, *arguments: str) -> list[str]:
        """A command line that does the same as `python` with these arguments, for whatever starts commands itself."""
        return [sys.executable, "-I", "-S", str(HERE / "warm_command.py"), self.address, *arguments]


@contextmanager
def running_warm(*, wait: bool = True) -> Iterator[Warm]:
    """A server; in a short path, as sockets need. What its programs left behind ends with it.

    Args:
        wait: until it has imported everything; otherwise the first program waits.
    """
    with tempfile.TemporaryDirectory() as folder:
        address = str(Path(folder) / "programs")
        server = subprocess.Popen(
            [sys.executable, "-P", str(HERE / "warm_server.py"), address],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        assert server.stdout is not None
        try:
            if wait:
                assert server.stdout.readline() == "ready\n"
            yield Warm(address)
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
            server.stdout.close()
