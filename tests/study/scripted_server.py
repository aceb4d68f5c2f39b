"""A server on loopback that speaks the streaming chat protocol and gives the replies of a script, one after another."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Scripted:
    """`url` is the base URL; `seen` the bodies of the requests."""

    url: str
    seen: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def scripted(replies: Sequence[str]) -> Iterator[Scripted]:
    """The last reply is given again and again."""
    found = Scripted("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reply = replies[min(len(found.seen), len(replies) - 1)]
            found.seen.append(body)
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for start in range(0, len(reply), 40):
                self._send(reply[start : start + 40], None)
            self._send("", "stop")
            self.wfile.write(b"data: [DONE]\n\n")

        def _send(self, content: str, finish: str | None) -> None:
            choice = {"index": 0, "delta": {"role": "assistant", "content": content}, "finish_reason": finish}
            kind = "chat.completion.chunk"
            chunk = {"id": "c", "object": kind, "created": 0, "model": "m", "choices": [choice]}
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
