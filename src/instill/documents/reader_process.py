"""Reads in a process of its own, so that a parser that hangs, crashes or takes all memory costs one file, not the run.

Small files of simple formats are read in the caller's process, since starting another one would cost more.

`ReaderPool` is the caller's side; `python -m instill.documents.reader_process` is the other one. They speak over
pipes: a line of JSON and the bytes to the reader; lines of JSON back ("alive" while it works, then the result).
JSON, because what comes back was made from hostile input.
"""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from instill.documents.document import Block, Heading, Page, Parsed
from instill.documents.format_detection import kind_of
from instill.documents.formats import BUILT_IN
from instill.documents.plugged import Formats
from instill.documents.reading import check_before_parsing, read
from instill.documents.time_limit import TimeLimit
from instill.errors import DocumentError
from instill.settings import DocumentSettings

IN_PROCESS_BYTES = 64 * 1024
"""Larger files are read in a process also where their format is `in_process`: there they can be stopped."""

_MEMORY = 6 * 1024**3  # of addresses, until the settings have come
_MOST_EXTRA_SECONDS = 3600.0  # that pages read by OCR may add
_START_SECONDS = 60.0


class ReaderPool:
    """Reads with at most `workers` reader processes, each started when it is first needed. Safe for many threads.

    Args:
        settings: as for `reading.read`.
        formats: those in use; None: all that are installed.
        silence_s: a reader that neither finishes nor finishes a page for so long is stopped.

    Example:
        >>> with ReaderPool(DocumentSettings()) as pool:
        ...     kind, parsed = pool.read(b"# Guide", name="guide.md")
        >>> kind, parsed.title
        ('markdown', 'Guide')
    """

    def __init__(
        self,
        settings: DocumentSettings,
        *,
        formats: Formats | None = None,
        workers: int = 1,
        silence_s: float = 120.0,
    ) -> None:
        self._settings = settings
        self._formats = formats or Formats()
        self._silence = silence_s
        self._free: queue.LifoQueue[_Process | None] = queue.LifoQueue()
        for _ in range(max(1, workers)):
            self._free.put(None)
        self._workers = max(1, workers)

    def read(self, data: bytes, *, name: str, content_type: str = "", kind: str = "") -> tuple[str, Parsed]:
        """As `reading.read`; a hang, a crash, too much time or memory is a `DocumentError` too."""
        formats = self._formats
        kind = kind or kind_of(data, name=name, content_type=content_type, formats=formats)
        in_process = kind in BUILT_IN and BUILT_IN[kind].in_process and len(data) <= IN_PROCESS_BYTES
        if not data or in_process:
            return read(data, name=name, settings=self._settings, content_type=content_type, kind=kind, formats=formats)
        try:
            check_before_parsing(data, name, kind, self._settings, formats)  # before a process is bothered
        except DocumentError as error:
            raise DocumentError(error.what, where=name, remedy=error.command) from error
        with self._borrowed() as process:
            return process.read(data, name=name, content_type=content_type, kind=kind, silence=self._silence)

    def close(self) -> None:
        """Stops the processes; a later `read` starts new ones."""
        for _ in range(self._workers):
            try:
                process = self._free.get_nowait()
            except queue.Empty:
                continue
            if process is not None:
                process.stop()
            self._free.put(None)

    def __enter__(self) -> ReaderPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _borrowed(self) -> Iterator[_Process]:
        process = self._free.get()
        try:
            if process is None or not process.running():
                process = _Process(self._settings, self._formats.off)
            yield process
        finally:
            self._free.put(process)


class _Process:
    """One reader process with the thread that listens to it (pipes cannot be waited for with a time limit)."""

    def __init__(self, settings: DocumentSettings, off: Sequence[str] = ()) -> None:
        self._settings = settings
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "instill.documents.reader_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )
        self._messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self._send({"settings": settings.model_dump(mode="json"), "off": list(off)}, b"")

    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def read(self, data: bytes, *, name: str, content_type: str, kind: str, silence: float) -> tuple[str, Parsed]:
        job = {"name": name, "content_type": content_type, "kind": kind, "size": len(data)}
        # Written by a thread of its own: a reader that hangs before it has read everything must not block us.
        threading.Thread(target=self._send, args=(job, data), daemon=True).start()
        limit = TimeLimit.of(self._settings.max_seconds)
        patience, extra = _START_SECONDS, 0.0  # a process that has just been started first has to import
        while True:
            left = limit.left() + patience + extra
            try:
                message = self._messages.get(timeout=max(0.0, min(silence + patience, left)))
            except queue.Empty:
                self.stop()
                if left < silence + patience:
                    error = limit.over(f"Reading the {kind} file")
                    raise DocumentError(error.what, where=name, remedy=error.remedy) from None
                raise DocumentError(
                    f"Its {kind} reader made no progress for {silence:g} s and was stopped.",
                    where=name,
                    remedy="Save it again in its program, or as PDF, and add that.",
                ) from None
            if patience and message is not None:
                limit, patience = TimeLimit.of(self._settings.max_seconds), 0.0
            if message is None:
                self.stop()
                raise DocumentError(
                    f"Its {kind} reader crashed, or needed more memory than the {self._settings.max_memory_mb:,.0f} MB "
                    "that a file may take.",
                    where=name,
                    remedy="Split it or save it again in its program, or raise max_memory_mb under [documents] in "
                    "instill.toml.",
                )
            extra = min(extra + message.get("more", 0.0), _MOST_EXTRA_SECONDS)
            if "error" in message:
                error = message["error"]
                raise DocumentError(error["what"], where=error["where"], remedy=error["remedy"])
            if "parsed" in message:
                return str(message["kind"]), _parsed(message["parsed"])

    def _send(self, header: dict[str, Any], data: bytes) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        try:
            pipe.write(json.dumps(header).encode() + b"\n" + data)
            pipe.flush()
        except (OSError, ValueError):
            pass  # it is gone; the listener says so

    def _listen(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        try:
            for line in pipe:
                self._messages.put(json.loads(line))
        except (OSError, ValueError):
            pass
        self._messages.put(None)


def _parsed(value: dict[str, Any]) -> Parsed:
    return Parsed(
        text=value["text"],
        title=value["title"],
        headings=tuple(Heading(**entry) for entry in value["headings"]),
        pages=tuple(Page(**entry) for entry in value["pages"]),
        blocks=tuple(Block(**entry) for entry in value["blocks"]),
        metadata=value["metadata"],
        notices=tuple(value["notices"]),
    )


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """The reader's side: settings first, then jobs, until the pipe is closed."""

    def reply(message: dict[str, Any]) -> None:
        replies.write(json.dumps(message).encode() + b"\n")
        replies.flush()

    first = json.loads(requests.readline())
    settings, formats = DocumentSettings.model_validate(first["settings"]), Formats(first["off"])
    _limit_memory(settings.max_memory_mb)
    while line := requests.readline():
        job = json.loads(line)
        data = requests.read(job["size"])
        reply({"alive": True})
        try:
            kind, parsed = read(
                data,
                name=job["name"],
                settings=settings,
                content_type=job["content_type"],
                kind=job["kind"],
                alive=lambda more=0.0: reply({"alive": True, "more": more}),
                formats=formats,
            )
            reply({"kind": kind, "parsed": dataclasses.asdict(parsed)})
        except DocumentError as error:
            reply({"error": {"what": error.what, "where": error.where, "remedy": error.command}})


def _limit_memory(megabytes: float) -> None:
    """What the process may write to; on systems that do not count it (macOS), its addresses."""
    try:
        import resource
    except ImportError:  # Windows
        return
    wanted = {resource.RLIMIT_AS: max(_MEMORY, 4 * int(megabytes * 1024**2))}
    if sys.platform == "linux":
        wanted[resource.RLIMIT_DATA] = int(megabytes * 1024**2)
    for what, most in wanted.items():
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    # Libraries may print; what they print must not get between the replies.
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        serve(sys.stdin.buffer, replies)
    except (KeyboardInterrupt, BrokenPipeError):
        os._exit(1)
