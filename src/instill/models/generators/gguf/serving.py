"""The process that answers from a GGUF file (`serving_process`), from the side of the one that asks."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Any

from instill.common.waiting_threads import PASSIVE

_STOP_S = 2.0
_LONGEST_LINE = 16_000_000


_PREFIX = re.compile(r"^[\d.]+ [A-Z] (?:\w+ +\w+: )?")
"""Time, level and place, as llama.cpp begins its lines."""


class TooSlow(Exception):
    """Nothing came in time."""


class Stopped(Exception):
    """The process has ended; the message is what it said last."""


class Serving:
    """One process with one model.

    Args:
        asked: the first line, see `serving_process`.
        start_s: longest time for loading the model.

    Raises:
        Stopped: the model cannot be loaded.
        TooSlow: loading takes longer.
    """

    def __init__(self, asked: Mapping[str, Any], start_s: float) -> None:
        folder = tempfile.mkdtemp(prefix="instill-")
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  Closed with the process.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "instill.models.generators.gguf.serving_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={**os.environ, **PASSIVE},
        )
        self._owner = os.getpid()
        self._rest = bytearray()
        self._idle = True
        self._end = weakref.finalize(self, _end, self._process, folder, self._owner)
        try:
            self._send({**asked, "folder": folder})
            self._line(start_s)
        except BaseException:
            self.stop()
            raise

    def is_running(self) -> bool:
        """Whether it can be asked; not after a fork, where the pipes are the parent's."""
        return self._owner == os.getpid() and self._process.poll() is None

    def is_idle(self) -> bool:
        """Whether the last request has been answered to its end."""
        return self._idle

    def ask(self, request: Mapping[str, Any], timeout_s: float) -> Iterator[dict[str, Any]]:
        """The lines that answer one request.

        Closing it stops the model; where that takes too long, as while it reads a prompt, the process is to be ended.

        Raises:
            TooSlow: no line for `timeout_s`.
            Stopped: the process has ended.
        """
        self._idle = False
        self._send(request)
        try:
            while True:
                line = self._line(timeout_s)
                self._idle = "end" in line or "error" in line
                yield line
                if self._idle:
                    return
        except GeneratorExit:
            self._quiet()
            raise

    def kill(self) -> None:
        """The same from another thread than the one that asks: pipes and files stay open for it."""
        if self._owner == os.getpid():
            self._process.kill()

    def stop(self) -> None:
        """End the process."""
        self._end()
        self._said.close()

    def _quiet(self) -> None:
        """Stop the reply and read what is left of it."""
        try:
            if not self._idle:
                self._send({"stop": True})
            deadline = monotonic() + _STOP_S
            while not self._idle:
                line = self._line(deadline - monotonic())
                self._idle = "end" in line or "error" in line
        except (TooSlow, Stopped):
            return

    def _send(self, line: Mapping[str, Any]) -> None:
        stream = self._process.stdin
        assert stream is not None
        try:
            stream.write(json.dumps(line).encode() + b"\n")
            stream.flush()
        except OSError:
            raise Stopped(self._last_words()) from None

    def _line(self, timeout_s: float) -> dict[str, Any]:
        stream = self._process.stdout
        assert stream is not None
        deadline = monotonic() + timeout_s
        while (end := self._rest.find(b"\n")) < 0:
            ready, _, _ = select.select([stream], [], [], max(0.0, deadline - monotonic()))
            if not ready:
                raise TooSlow(f"nothing came for {timeout_s:g} s")
            piece = os.read(stream.fileno(), 1 << 16)
            if not piece or len(self._rest) > _LONGEST_LINE:
                raise Stopped(self._last_words())
            self._rest += piece
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        found: dict[str, Any] = json.loads(line)
        return found

    def _last_words(self) -> str:
        """Why it ended: the last line about an error, else the last line."""
        try:
            code = self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            code = 0
        self._said.seek(max(0, self._said.seek(0, os.SEEK_END) - 20_000))
        lines = [each.strip() for each in self._said.read().decode("utf-8", errors="replace").splitlines()]
        lines = [each for each in lines if each]
        wrong = [each for each in lines if "error" in each.lower()]
        told = _PREFIX.sub("", (wrong[:1] or lines[-1:] or ["it said nothing"])[0])
        return f"{told[:300].rstrip('.')} ({f'signal {-code}' if code < 0 else f'exit {code}'})."


def _end(process: subprocess.Popen[bytes], folder: str, owner: int) -> None:
    if owner != os.getpid():
        return
    process.kill()
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:
                continue
