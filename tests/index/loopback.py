"""A server on loopback that answers JSON with JSON: what the stand-ins for hosted services are made of."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


class Refused(Exception):
    """What is asked is not in the part that is spoken, or is wrong."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.status = status


class Cut(Exception):
    """The connection is closed without an answer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request; `query` has the last value of each name."""

    verb: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        if self.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise Refused("the body is not application/json", 415)
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """None is an empty body."""

    content: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Answers = Callable[[Asked], Answer]
Errors = Callable[[Refused], Any]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    answers: Answers
    errors: Errors

    def _serve(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        path = tuple(unquote(part) for part in parts.path.strip("/").split("/"))
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            answer = type(self).answers(Asked(self.command, path, query, headers, data))
        except Refused as error:
            answer = Answer(type(self).errors(error), error.status)
        except Cut:
            self.close_connection = True
            return
        body = b"" if answer.content is None else json.dumps(answer.content).encode()
        self.send_response_only(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = do_HEAD = _serve  # noqa: N815 - as the library calls them

    def log_message(self, *_: object) -> None:
        """Nothing is said."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that went away is no news here."""


@contextmanager
def serving(answers: Callable[[str], Answers], errors: Errors) -> Iterator[str]:
    """The address of a server.

    Args:
        answers: from that address to what answers.
        errors: the body that tells a refusal.
    """
    handler = type("Handler", (_Handler,), {"errors": staticmethod(errors)})
    server = _Server(("127.0.0.1", 0), handler)
    address = f"http://127.0.0.1:{server.server_port}"
    handler.answers = staticmethod(answers(address))  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
