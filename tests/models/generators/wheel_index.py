"""A package index on this machine, as pip reads one, for the time of a test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zipfile import ZipFile

import pytest


@dataclass
class WheelIndex:
    """`asked` are the paths that were requested; `wheels` its files by name."""

    url: str = ""
    wheels: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def serves_pip(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Set pip to this index and no other, for processes that a test starts."""
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CONSTRAINT", "PIP_NO_INDEX", "PIP_CERT"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_INDEX_URL", f"{self.url}/simple")
        monkeypatch.setenv("PIP_RETRIES", "0")
        monkeypatch.setenv("NO_PROXY", "*")


def write_wheel(file: Path, member: str, content: bytes) -> bytes:
    """A wheel that holds one file besides what pip wants to see."""
    name, version, *_ = file.name.split("-")
    with ZipFile(file, "w") as packed:
        packed.writestr(member, content)
        about = f"{name}-{version}.dist-info"
        packed.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        packed.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr(f"{about}/RECORD", "")
    return file.read_bytes()


@contextmanager
def running_index() -> Iterator[WheelIndex]:
    index = WheelIndex()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.asked.append(self.path)
            name = self.path.rsplit("/", 1)[-1]
            if name in index.wheels:
                self._send(index.wheels[name], "application/octet-stream")
                return
            package = self.path.strip("/").removeprefix("simple/")
            found = [each for each in index.wheels if each.split("-")[0].replace("_", "-") == package]
            if not found:
                self.send_error(404)
                return
            links = "".join(f'<a href="/files/{each}">{each}</a>' for each in found)
            self._send(f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), "text/html")

        def _send(self, content: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    index.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
