"""Answers from a GGUF file in a process of its own: `python -m instill.models.generators.gguf.serving_process`.

llama.cpp is C++ and a model file comes from elsewhere: what it breaks off takes this process with it, not the user's.
Nothing is listened to on the network. llama.cpp's server must listen somewhere, so it does on a socket file in a
folder that nobody else may enter; its tokenizer is asked there.

Requests come as lines of JSON on standard input, and are answered by lines: `{"text": ...}` for each piece, then
`{"end": true, ...}` with the tokens read and written, or `{"error": ...}`. A line `{"stop": true}` ends a reply early.
"""

from __future__ import annotations

import http.client
import json
import os
import queue
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TextIO

_LOG_S = 0.5
"""llama.cpp says what is wrong with a file from a thread of its own, which needs a moment on a busy machine."""

Say = Callable[[dict[str, Any]], None]


def main() -> None:
    """Load what the first line names, then answer until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asked; it stops this one.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What libraries print does not come between the lines.
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(line: dict[str, Any]) -> None:
        lines.write(json.dumps(line) + "\n")
        lines.flush()

    asked = json.loads(sys.stdin.readline())
    try:
        server = _Server(asked)
    except Exception:
        time.sleep(_LOG_S)
        raise
    say({"ready": True})
    incoming: queue.Queue[dict[str, Any] | None] = queue.Queue()
    stop = threading.Event()
    threading.Thread(target=_listen, args=(sys.stdin, incoming, stop), daemon=True).start()
    while (request := incoming.get()) is not None:
        stop.clear()
        try:
            server.answer(request, say, stop)
        except Exception as error:  # A template may raise whatever it likes.
            say({"error": " ".join(f"{type(error).__name__}: {error}".split())[:300]})
    os._exit(0)  # What the threads of the library would still wait for is nobody's any more.


def _listen(stream: TextIO, incoming: queue.Queue[dict[str, Any] | None], stop: threading.Event) -> None:
    for line in stream:
        request = json.loads(line)
        if "stop" in request:
            stop.set()
        else:
            incoming.put(request)
    stop.set()
    incoming.put(None)


class _Server:
    """llama.cpp with one model."""

    def __init__(self, asked: dict[str, Any]) -> None:
        import xllamacpp

        self._chat = asked["chat"]
        self._context = asked["context"]
        self._place = f"{asked['folder']}/s.sock"
        params = xllamacpp.CommonParams()
        params.model.path = asked["model"]
        # A scale of 0: each request says which adapter it is answered with.
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(each, 0.0) for each in asked["adapters"]]
        self._adapters = asked["adapters"]
        params.n_ctx = asked["context"]
        params.n_parallel = 1
        params.n_gpu_layers = 0 if asked["gpu_layers"] is None else asked["gpu_layers"]
        params.cpuparams_batch.n_threads = asked["threads"]
        params.cpuparams.n_threads = asked["writing_threads"]
        params.hostnames = [self._place]
        params.offline, params.ui, params.warmup, params.fit_params = True, False, False, False
        params.endpoint_slots, params.n_threads_http = False, 1
        # Templates are rendered here (`rendering`); the library would parse the file's own, and may refuse to.
        params.chat_template, params.use_jinja = "chatml", False
        params.cache_ram_mib = 0  # The last prompt is kept, none besides.
        params.verbosity = 1
        self._server = xllamacpp.Server(params)

    def answer(self, request: dict[str, Any], say: Say, stop: threading.Event) -> None:
        from instill.models.generators.gguf.rendering import rendered

        text = rendered(**self._chat, messages=request["messages"])
        if request.get("show"):
            say({"end": True, "prompt": text, "tokens": self._tokens(text)})
            return
        tokens = self._tokens(text)
        if len(tokens) >= self._context:
            say({"error": "too long", "read": len(tokens)})
            return
        say({"prompt": text[-200:], "read": len(tokens)})
        written, failed = 0, ""

        def took(chunk: dict[str, Any]) -> bool:
            nonlocal written, failed
            if "error" in chunk or "choices" not in chunk:
                failed = str(chunk.get("error", chunk))[:300]
                return True
            for choice in chunk["choices"]:
                if choice.get("text"):
                    say({"text": choice["text"]})
            written = max(written, int(chunk.get("timings", {}).get("predicted_n", 0)))
            return stop.is_set()

        wanted = {"prompt": tokens, "max_tokens": request["max_tokens"], "temperature": request["temperature"]}
        chosen = request.get("adapter")
        scales = [{"id": at, "scale": float(file == chosen)} for at, file in enumerate(self._adapters)]
        self._server.handle_completions({**wanted, "lora": scales, "stream": True, "timings_per_token": True}, took)
        say({"error": failed} if failed else {"end": True, "read": len(tokens), "written": written})

    def _tokens(self, text: str) -> Sequence[int]:
        """The template says all that the model reads: nothing is put before it, and its control words are tokens."""
        asked = json.dumps({"content": text, "add_special": False, "parse_special": True})
        connection = _Connection(self._place)
        try:
            connection.request("POST", "/tokenize", asked, {"Content-Type": "application/json"})
            return [int(each) for each in json.loads(connection.getresponse().read())["tokens"]]
        finally:
            connection.close()


class _Connection(http.client.HTTPConnection):
    """To a socket file."""

    def __init__(self, place: str) -> None:
        super().__init__("localhost")
        self._place = place

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._place)


if __name__ == "__main__":
    main()
