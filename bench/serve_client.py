"""The other side of `bench/serve.py`: a server in a process of its own, and threads that ask it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

WORD_S = 0.02


class Server:
    """`instill serve` on a free port of this machine."""

    def __init__(self, folder: Path, more: dict[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "instill", "serve", str(folder), "--port", "0", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(more or {})},
            text=True,
        )
        assert self._process.stdout is not None
        address = json.loads(self._process.stdout.readline())["address"]
        self._port = int(address.rpartition(":")[2])
        self._local = threading.local()
        self._beats = (0, 0)
        while self._request("GET", "/readyz")[0] != 200:
            time.sleep(0.1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.term()
            self.ended()

    # -- requests ----------------------------------------------------------------------------------------------

    def ask(self, question: str) -> Any:
        return self._json("POST", "/api/ask", {"question": question})

    def search(self, query: str) -> Any:
        return self._json("POST", "/api/search", {"query": query})

    def stream(self, question: str) -> tuple[float, float]:
        """Seconds to the first byte of the answer's body, and to its first words."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        body = json.dumps({"question": question, "stream": True})
        began = time.perf_counter()
        connection.request("POST", "/api/ask", body, {"content-type": "application/json"})
        response = connection.getresponse()
        first, seen = 0.0, b""
        while (piece := response.read1(65536)) and b'"text"' not in seen:
            first = first or time.perf_counter() - began
            seen += piece
        words = time.perf_counter() - began
        connection.close()
        return first, words

    def upload(self, name: str, text: str) -> None:
        """Until it is acknowledged."""
        edge = "bench-edge"
        head = f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        body = f"{head}{text}\r\n--{edge}--\r\n".encode()
        kind = {"content-type": f"multipart/form-data; boundary={edge}"}
        status, told = self._request("POST", "/api/documents", body, kind)
        if status not in (200, 202):
            raise RuntimeError(told.decode())

    def all_names(self) -> list[str]:
        """The last parts of all documents' sources."""
        return [Path(each["source"]).name for each in self._json("GET", "/api/documents?limit=100000")["documents"]]

    def names_when_done(self) -> set[str]:
        """The same, when no job is left."""
        while any(job["state"] in ("waiting", "running") for job in self._json("GET", "/api/jobs")["jobs"]):
            time.sleep(0.2)
        return set(self.all_names())

    def _json(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        status, told = self._request(method, path, data, {"content-type": "application/json"} if data else {})
        if status != 200:
            raise RuntimeError(f"{status}: {told[:300].decode()}")
        return json.loads(told)

    def _request(self, method: str, path: str, body: bytes | None = None, headers: Any = None) -> tuple[int, bytes]:
        kept = getattr(self._local, "connection", None)
        connection = kept or http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        self._local.connection = connection
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        except Exception as error:
            connection.close()
            self._local.connection = None
            if kept is not None and isinstance(error, (http.client.RemoteDisconnected, BrokenPipeError)):
                return self._request(method, path, body, headers)  # It was closed while nothing was asked.
            raise

    # -- the process -------------------------------------------------------------------------------------------

    def late(self) -> dict[str, Any]:
        """How many beats of the event loop came more than 50 ms late since this was asked last."""
        text = self._request("GET", "/metrics")[1].decode()
        name = "instill_event_loop_late_seconds"
        within, count = (
            int(re.findall(rf"^{re.escape(name + what)} (\d+)$", text, re.MULTILINE)[0])
            for what in ('_bucket{le="0.05"}', "_count")
        )
        before, self._beats = self._beats, (within, count)
        beats = count - before[1]
        return {"beats": beats, "over 50 ms late": beats - (within - before[0])}

    def megabytes(self) -> float:
        """Resident memory of the server, without the processes of its jobs."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2

    def cpu_seconds(self) -> float:
        """Processor time of the server so far, without the processes of its jobs."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def term(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def ended(self) -> tuple[int, str]:
        """The exit code, and what it said on standard error."""
        _, said = self._process.communicate(timeout=90)
        return self._process.returncode, said


@dataclass(slots=True)
class Asked:
    """What came of asking: seconds of each answer, and when it came."""

    seconds: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    errors: int = 0
    refused: int = 0
    broken: int = 0
    lasted: float = 0.0
    said: list[str] = field(default_factory=list)


def asking(
    server: Server,
    question: Callable[[], str],
    *,
    askers: int,
    seconds: float,
    beside: Callable[[], None] | None = None,
    every: float = 1.0,
    ask: Callable[[str], Any] | None = None,
) -> Asked:
    """Threads that ask one question after the other for so long, and what is done beside every so many seconds."""
    found, put = Asked(), ask or server.ask
    began = time.perf_counter()

    def one() -> None:
        while time.perf_counter() - began < seconds:
            asked = time.perf_counter()
            try:
                put(question())
            except ConnectionRefusedError:
                found.refused += 1
                return
            except (OSError, http.client.HTTPException) as error:
                found.broken += 1
                found.said.append(repr(error))
                return
            except RuntimeError as error:
                found.errors += 1
                found.said.append(str(error))
                continue
            found.seconds.append(time.perf_counter() - asked)
            found.ends.append(time.perf_counter() - began)

    threads = [threading.Thread(target=one) for _ in range(askers)]
    for thread in threads:
        thread.start()
    due = began + every
    while beside is not None and time.perf_counter() - began < seconds:
        time.sleep(min(0.1, max(0.0, due - time.perf_counter())))
        if time.perf_counter() >= due:
            due += every
            beside()
    for thread in threads:
        thread.join()
    found.lasted = time.perf_counter() - began
    for said in found.said[:3]:
        print("  error:", said[:200], file=sys.stderr)
    return found


def in_parallel(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """All at once; their results in order."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


@contextmanager
def scripted_endpoint() -> Iterator[str]:
    """An OpenAI-compatible endpoint that streams the first source's first words, one every 20 ms."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            with contextlib.suppress(BrokenPipeError):  # Who measures the first byte does not stay for the last.
                for word in ("It", "was", "built", "many", "years", "ago", "by", "a", "person", "of", "the", "town."):
                    time.sleep(WORD_S)
                    piece = {"choices": [{"index": 0, "delta": {"content": word + " "}, "finish_reason": None}]}
                    self.wfile.write(f"data: {json.dumps(piece)}\n\n".encode())
                    self.wfile.flush()
                end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
                self.wfile.write(f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n".encode())

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()
