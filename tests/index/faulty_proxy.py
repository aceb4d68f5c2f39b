"""A proxy on loopback before an HTTP server, which lets things go wrong on request."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

Kind = Literal["", "busy", "cut before", "cut after", "cut in the middle", "slow", "held"]
Fault = Kind | tuple[int, str]
"""What happens to a request: nothing; 503 without its having reached the server; the connection is closed before it
reaches the server, or after it was served but before anything is answered, or half-way through the answer; it takes
`Faults.delay` longer; it waits until `Faults.release` is set. A pair: it is refused with this status and code."""

_ERROR = "<?xml version='1.0' encoding='UTF-8'?><Error><Code>{}</Code><Message>As the test wants it</Message></Error>"


@dataclass
class Faults:
    """What goes wrong. `choose` is asked for each request, with its method and path; `seen` has all of them."""

    choose: Callable[[str, str], Fault] = lambda method, path: ""
    delay: float = 0.05
    release: threading.Event = field(default_factory=threading.Event)
    seen: list[tuple[str, str, Fault]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, method: str, path: str) -> Fault:
        with self.lock:
            fault = self.choose(method, path)
            self.seen.append((method, path, fault))
            return fault


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    faults: Faults
    host: str
    port: int

    def _pass(self) -> None:
        body = self._body()
        fault = self.faults.of(self.command, self.path)
        if fault == "busy":
            fault = (503, "SlowDown")
        if isinstance(fault, tuple):
            self._answer(fault[0], [("Content-Type", "application/xml")], _ERROR.format(fault[1]).encode())
            return
        if fault == "cut before":
            self.close_connection = True
            return
        if fault == "slow":
            time.sleep(self.faults.delay)
        if fault == "held":
            self.faults.release.wait(30)
        status, headers, answer = self._served(body)
        if fault == "cut after":
            self.close_connection = True
            return
        if fault == "cut in the middle" and len(answer) > 1:
            self._answer(status, headers, answer[: len(answer) // 2], length=len(answer))
            self.close_connection = True
            return
        self._answer(status, headers, answer)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _served(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            left_out = {"transfer-encoding", "connection", "content-length"}
            headers = {name: value for name, value in self.headers.items() if name.lower() not in left_out}
            connection.request(self.command, self.path, body, {**headers, "Content-Length": str(len(body))})
            found = connection.getresponse()
            answer = found.read()
            return found.status, found.getheaders(), answer
        finally:
            connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, length: int | None = None) -> None:
        self.send_response_only(status)
        told = {name.lower(): value for name, value in headers}
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        size = (
            told.get("content-length", "0") if self.command == "HEAD" else str(len(body) if length is None else length)
        )
        self.send_header("Content-Length", size)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass  # noqa: N815 - as the library calls them

    def log_message(self, *_: object) -> None:
        """Nothing is said."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that went away is no news here."""


@contextmanager
def proxied(address: str) -> Iterator[tuple[str, Faults]]:
    """The address of a proxy before the server at `address`, and what goes wrong in it."""
    parts = urlsplit(address)
    faults = Faults()
    handler = type("Handler", (_Handler,), {"faults": faults, "host": parts.hostname, "port": parts.port})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", faults
    finally:
        faults.release.set()
        server.shutdown()
        server.server_close()
        thread.join()
