"""A server of raw bytes that does what no endpoint should: `http://127.0.0.1:PORT/KIND/v1` chooses what.

It runs in threads of the test's process, on loopback, and every connection ends with the client's or with `close`.
"""

from __future__ import annotations

import gzip
import json
import re
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
ERROR = b"HTTP/1.1 500 Oh\r\nContent-Type: application/json\r\nConnection: close\r\n"
BLOCK = 64 * 1024
DIGITS = "9" * 5000


def event(content: Any = "word ", finish: Any = None, **more: Any) -> bytes:
    chunk = {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish}], **more}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


END = event("", "stop") + b"data: [DONE]\n\n"


def whole(body: bytes, head: bytes = OK) -> bytes:
    return head + b"\r\n" + body


def raw(text: str) -> bytes:
    """A stream with this JSON as its only event."""
    return whole(b"data: " + text.encode() + b"\n\n")


def usage(tokens: str) -> bytes:
    told = event("Fine.", "stop").replace(b'"choices"', b'"usage": {"prompt_tokens": %s, "completion_tokens": %s}, '
                                          b'"choices"' % (tokens.encode(), tokens.encode()), 1)  # fmt: skip
    return whole(told + b"data: [DONE]\n\n")


ANSWERED = {  # odd, and still a reply
    "digits-in-quotes": usage(f'"{DIGITS}"'),
    "negative-usage": usage("-5"),
    "huge-usage": usage("9" * 4000),
    "fraction-usage": usage("1e400"),
    "nan-usage": usage("NaN"),
    "true-usage": usage("true"),
    "cookies": whole(event("Fine.") + END, OK + b"Set-Cookie: a=b; Path=/\r\n" * 50),
    "surrogate": whole(event("Fi\ud800ne.") + END),
    "null-character": whole(event("Fi\0ne.") + END),
}
ONCE = {  # sent at once, then the connection is closed
    "nothing": b"",
    "no-http": b"SSH-2.0-OpenSSH_9.6\r\n",
    "half-a-status": b"HTTP/1.1 20",
    "half-a-header": b"HTTP/1.1 200 OK\r\nContent-Ty",
    "closed-in-an-event": whole(event() + b'data: {"choi'),
    "closed-in-a-chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n" + event(),
    "short-of-its-length": OK + b"Content-Length: 99999\r\n\r\n" + event(),
    "negative-length": OK + b"Content-Length: -5\r\n\r\n" + event(),
    "no-chunk-size": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + event(),
    "digits": usage(DIGITS),
    "digits-created": raw('{"created": ' + DIGITS + ', "choices": []}'),
    "deep": raw('{"choices": ' + "[" * 50_000),
    "deep-closed": raw('{"choices": ' + "[" * 20_000 + "]" * 20_000 + "}"),
    "deep-objects": raw('{"a":' * 20_000 + "1" + "}" * 20_000),
    "deep-but-read": raw('{"choices": [{"delta": {"content": ' + "[" * 400 + "]" * 400 + "}}]}"),
    "deep-error": whole(b"[" * 100_000, ERROR),
    "digits-error": whole(b'{"error": {"message": %s}}' % DIGITS.encode(), ERROR),
    "error-of-odd-types": whole(b'{"error": [{"message": {"a": [1]}}]}', ERROR),
    "bad-utf8": whole(b'data: {"choices": "\xff\xfe\xc3("}\n\n'),
    "bad-utf8-error": whole(b"\xff\xfe\xc3(" * 100, ERROR),
    "utf16": whole(b"data: " + '{"choices": []}'.encode("utf-16") + b"\n\n"),
    "wide": raw('{"choices": [' + "{}," * 2_000_000 + "{}]}"),
    "wide-empty": raw('{"choices": [' + ",".join(["[]"] * 40_000) + "]}"),
    "redirect-scheme": b"HTTP/1.1 307 Oh\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
    "redirect-odd": b"HTTP/1.1 308 Oh\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
    "redirect-circle": b"HTTP/1.1 307 Oh\r\nLocation: v1\r\nContent-Length: 0\r\n\r\n",
    "redirect-get": b"HTTP/1.1 303 Oh\r\nLocation: /nothing/v1\r\nContent-Length: 0\r\n\r\n",
    "redirect-nowhere": b"HTTP/1.1 302 Oh\r\nContent-Length: 0\r\n\r\n",
    "switching": b"HTTP/1.1 101 Oh\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    "no-content": b"HTTP/1.1 204 Oh\r\n\r\n",
    "unknown-charset": whole(b"{}", ERROR.replace(b"json", b"json; charset=\xff\xfe")),
    "many-headers": whole(b"", OK + b"".join(b"X-%d: y\r\n" % i for i in range(100_000))),
    **{
        f"shape-{number}": whole(b"data: " + text.encode() + b"\n\n" + b"data: [DONE]\n\n")
        for number, text in enumerate([
            "1", "null", '"text"', "[]", "true", "[[]]", "{}", '{"choices": null}', '{"choices": {}}',
            '{"choices": "abc"}', '{"choices": [null]}', '{"choices": [1]}', '{"choices": ["a"]}', '{"choices": [[]]}',
            '{"choices": [{"delta": null}]}', '{"choices": [{"delta": "x"}]}', '{"choices": [{"delta": []}]}',
            '{"choices": [{"delta": {"content": 5}}]}', '{"choices": [{"delta": {"content": ["a"]}}]}',
            '{"choices": [{"delta": {"content": {"text": "a"}}}]}', '{"choices": [{"finish_reason": {"a": 1}}]}',
            '{"error": 5}', '{"error": [1]}', '{"error": {"message": {}}}', '{"error": true, "choices": []}', "NaN",
            '{"choices": [{"delta": {"content": false}}]}', '{"usage": [1], "choices": [{"delta": {}}]}',
        ])
    },
}  # fmt: skip
BOMBS = {  # as ONCE; see `bomb`
    "gzip": lambda: whole(gzip.compress(b"data: " + b"x" * 200_000_000, 1), OK + b"Content-Encoding: gzip\r\n"),
    "gzip-error": lambda: whole(gzip.compress(b" " * 200_000_000, 1), ERROR + b"Content-Encoding: gzip\r\n"),
    "gzip-twice": lambda: whole(
        gzip.compress(gzip.compress(b"x" * 100_000_000, 1)), OK + b"Content-Encoding: gzip, gzip\r\n"
    ),
    "charset-zlib": lambda: whole(zlib.compress(b" " * 100_000_000, 9), ERROR.replace(b"json", b"json; charset=zlib")),
}
ENDLESS = {  # a beginning, then this for ever, as fast as it is taken
    "endless-status": (b"", b"H"),
    "endless-header": (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "endless-headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "endless-continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "endless-error": (ERROR + b"\r\n", b"x"),
    "endless-line": (OK + b"\r\ndata: ", b"x"),
    "endless-event": (OK + b"\r\n", b"data: x\n"),
    "endless-ids": (OK + b"\r\n", b"id: x\n"),
    "endless-comments": (OK + b"\r\n", b": x\n\n"),
    "endless-blank": (OK + b"\r\n", b"\n"),
    "endless-text": (OK + b"\r\n", event()),
    "endless-thoughts": (OK + b"\r\n" + event("<think>"), event("hm ")),
    "endless-nothing": (OK + b"\r\n", event("")),
    "endless-white": (OK + b"\r\n", event("  ")),
    "endless-page": (OK.replace(b"event-stream", b"html") + b"\r\n", b"<p>"),
    "endless-chunk-size": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "endless-trailers": (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
}
DRIPPING = {  # a byte at a time
    "drip-status": (b"", b"H"),
    "drip-header": (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "drip-body": (OK + b"\r\n", b":"),
    "drip-text": (OK + b"\r\n", event()),
    "drip-comments": (OK + b"\r\n", b": x\n\n"),
    "drip-error": (ERROR + b"\r\n", b"x"),
    "drip-chunk-size": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
}


@cache
def bomb(kind: str) -> bytes:
    """One of BOMBS; made only where it is asked for, which takes a second."""
    return BOMBS[kind]()


class HostileServer:
    """`url(kind)` is a base URL; `posts` the paths that were asked, oldest first."""

    def __init__(self) -> None:
        self.posts: list[str] = []
        self.requests: list[bytes] = []
        self.elsewhere = ""
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, kind: str) -> str:
        return f"http://127.0.0.1:{self.port}/{kind}/v1"

    def close(self) -> None:
        self._stop.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(20)
            kind = self._kind(connection)
            if kind.startswith("redirect-to"):
                connection.sendall(f"HTTP/1.1 307 Oh\r\nLocation: {self.elsewhere}\r\n\r\n".encode())
            elif kind == "silent":
                self._stop.wait(20)
            elif kind == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif kind in DRIPPING:
                self._for_ever(connection, *DRIPPING[kind], pause=0.01)
            elif kind in ENDLESS:
                beginning, piece = ENDLESS[kind]
                self._for_ever(connection, beginning, piece * (BLOCK // len(piece)), pause=0.0)
            elif kind in BOMBS:
                connection.sendall(bomb(kind))
            else:
                connection.sendall({**ONCE, **ANSWERED}[kind])

    def _kind(self, connection: socket.socket) -> str:
        request = b""
        while b"\r\n\r\n" not in request:
            request += connection.recv(BLOCK) or b"\r\n\r\n"
        head, _, body = request.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        while length and len(body) < int(length.group(1)):
            body += connection.recv(BLOCK)
        path = head.split(b" ")[1].decode()
        self.posts.append(path)
        self.requests.append(head)
        return path.split("/")[1]

    def _for_ever(self, connection: socket.socket, beginning: bytes, piece: bytes, *, pause: float) -> None:
        connection.sendall(beginning)
        while not self._stop.is_set():
            if pause:
                for byte in piece:
                    connection.sendall(bytes([byte]))
                    self._stop.wait(pause)
            else:
                connection.sendall(piece)


@contextmanager
def hostile_server() -> Iterator[HostileServer]:
    server = HostileServer()
    try:
        yield server
    finally:
        server.close()


Serve = Callable[[], HostileServer]
