"""The endpoint server in a process of its own, for the tests of two rooms."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Endpoint:
    """`url` is the base URL; `seen` the requests for a model name, oldest first."""

    url: str

    def seen(self, model: str) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url.removesuffix('/v1')}/seen/{model}", timeout=10) as reply:
            found: list[dict[str, Any]] = json.load(reply)
            return found


@contextmanager
def running_endpoint() -> Iterator[Endpoint]:
    script = Path(__file__).with_name("endpoint_server.py")
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        endpoint = Endpoint(f"http://127.0.0.1:{port}/v1")
        for _ in range(200):
            try:
                endpoint.seen("none")
                break
            except OSError:
                continue
        yield endpoint
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
