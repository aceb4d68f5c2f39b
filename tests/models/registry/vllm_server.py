"""A server on loopback that speaks the part of vLLM's protocol that is used: the list of models with root and parent,
and chat completions as a stream. What it says comes from models that are run here."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Model = Mapping[str, Any]
"""`root`, `parent` (None for a base), and `say`: messages and most tokens -> text."""


class _Handler(BaseHTTPRequestHandler):
    models: Mapping[str, Model]
    key: str

    def do_GET(self) -> None:
        if not self._may():
            return
        data = [
            {"id": name, "object": "model", "created": 0, "owned_by": "vllm", "root": each["root"],
             "parent": each["parent"], "max_model_len": 2048, "permission": []}
            for name, each in self.models.items()
        ]  # fmt: skip
        self._answer(200, "application/json", json.dumps({"object": "list", "data": data}))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._may():
            return
        if body["model"] not in self.models:
            message = f"The model `{body['model']}` does not exist."
            self._answer(404, "application/json", json.dumps({"error": {"message": message, "code": 404}}))
            return
        text = self.models[body["model"]]["say"](body["messages"], body.get("max_tokens", 40))
        events = [
            self._event({"role": "assistant", "content": text}, None),
            self._event({}, "stop"),
            "data: [DONE]\n\n",
        ]
        self._answer(200, "text/event-stream", "".join(events))

    def _event(self, delta: dict[str, str], finish: str | None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]}
        return f"data: {json.dumps(chunk)}\n\n"

    def _may(self) -> bool:
        if self.key and self.headers.get("Authorization") != f"Bearer {self.key}":
            self._answer(401, "application/json", json.dumps({"error": "Unauthorized"}))
            return False
        return True

    def _answer(self, status: int, kind: str, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing is said."""


@contextmanager
def running_vllm(models: Mapping[str, Model], key: str = "") -> Iterator[str]:
    """The server's address, with /v1."""
    handler = type("Handler", (_Handler,), {"models": models, "key": key})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
