"""A real server on loopback for tests: in a thread, or in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import uvicorn

from instill.server.app import create_app
from instill.server.listening import config_of
from instill.server.service import Service

Clock = Callable[[], float]


class Running:
    """A server in a thread of this process."""

    def __init__(self, folder: Path, *, loopback: bool = True, jobs: bool = False, clock: Clock = monotonic) -> None:
        self.app = create_app(folder, loopback=loopback, jobs=jobs, clock=clock)
        self.service: Service = self.app.state.service
        config = config_of(self.app, seconds=self.service.settings.server.body_timeout_s)
        config.port = 0
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.01)
        self.port: int = self._server.servers[0].sockets[0].getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"

    def client(self, key: str = "", headers: dict[str, str] | None = None, **more: Any) -> httpx.Client:
        headers = {**(headers or {}), **({"authorization": f"Bearer {key}"} if key else {})}
        return httpx.Client(base_url=self.address, headers=headers, timeout=60, **more)

    def end(self) -> None:
        self._server.should_exit = True
        self._thread.join(30)


@contextmanager
def running(folder: Path, *, loopback: bool = True, jobs: bool = False, clock: Clock = monotonic) -> Iterator[Running]:
    server = Running(folder, loopback=loopback, jobs=jobs, clock=clock)
    try:
        yield server
    finally:
        server.end()


class Process:
    """`instill serve` in a process of its own, with a group of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "instill", "serve", str(folder), "--port", "0", "--json", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            text=True,
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        self.address: str = json.loads(said)["address"] if said else ""

    def client(self, **more: Any) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=60, **more)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def end(self) -> tuple[int, str]:
        """SIGTERM; the exit code, and what was said on standard error."""
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


@contextmanager
def process(folder: Path, *arguments: str) -> Iterator[Process]:
    found = Process(folder, *arguments)
    try:
        yield found
    finally:
        if found.process.poll() is None:
            found.end()
        for stream in (found.process.stdout, found.process.stderr):
            if stream is not None:
                stream.close()
