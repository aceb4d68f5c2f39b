"""Fetching from a real server on loopback: limits on time, size, redirects, schemes, and private addresses."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from instill.documents.reading import read
from instill.documents.sources import Source
from instill.documents.web import fetch
from instill.errors import DocumentError
from instill.settings import DocumentSettings

PAGE = b"<html><head><title>Pears</title></head><body><main><h1>Pears</h1><p>Pears are fruit.</p></main></body></html>"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/page":
            self._send(
                200,
                PAGE,
                {"Content-Type": "text/html; charset=utf-8", "Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT"},
            )
        elif path == "/page.php":
            self._send(200, PAGE, {"Content-Type": "text/html"})
        elif path == "/agent":
            self._send(
                200, f"{self.headers['User-Agent']} {self.headers['Host']}".encode(), {"Content-Type": "text/plain"}
            )
        elif path == "/packed":
            self._send(200, gzip.compress(b"x" * 5_000_000), {"Content-Type": "text/plain", "Content-Encoding": "gzip"})
        elif path == "/loop":
            self._send(302, b"", {"Location": "/loop"})
        elif path == "/twice":
            self._send(301, b"", {"Location": "/once"})
        elif path == "/once":
            self._send(307, b"", {"Location": "page"})
        elif path == "/to-file":
            self._send(302, b"", {"Location": "file:///etc/passwd"})
        elif path == "/to-password":
            self._send(302, b"", {"Location": f"http://me:hunter2@{self.headers['Host']}/page"})
        elif path == "/big":
            self._send(200, b"x" * 3_000_000, {"Content-Type": "text/plain"})
        elif path == "/liar":
            self._stream(b"x" * 100_000, 40, pause=0.0)
        elif path == "/drip":
            self._stream(b"x", 300, pause=0.1)
        elif path == "/empty":
            self._send(200, b"", {})
        elif path == "/dead":
            self.close_connection = True
        else:
            self._send(404, b"not here", {})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, piece: bytes, times: int, *, pause: float) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(times):
                self.wfile.write(piece)
                self.wfile.flush()
                time.sleep(pause)
        except OSError:
            pass

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_address[1]}"
    running.shutdown()
    running.server_close()


def limits(*, mb: float = 1, seconds: float = 10, redirects: int = 5) -> DocumentSettings:
    return DocumentSettings(max_file_mb=mb, url_timeout_s=seconds, url_max_redirects=redirects)


def test_a_page_is_fetched_and_read(server: str) -> None:
    source = Source(f"{server}/page")
    loaded = source.load(limits())
    assert loaded.modified == "2023-11-14T22:13:20Z"
    kind, parsed = read(loaded.data, name=source.name, settings=limits(), content_type=loaded.content_type)
    assert (kind, parsed.title, parsed.text) == ("html", "Pears", "# Pears\n\nPears are fruit.")


def test_the_content_type_outranks_an_ending_that_names_the_server_s_language(server: str) -> None:
    loaded = fetch(f"{server}/page.php", limits())
    kind, _ = read(loaded.data, name="page.php", settings=limits(), content_type=loaded.content_type)
    assert kind == "html"


def test_it_says_who_it_is_and_asks_for_the_right_host(server: str) -> None:
    agent, host = fetch(f"{server}/agent", limits()).data.decode().rsplit(" ", 1)
    assert "instill" in agent
    assert host == server.removeprefix("http://")


def test_redirects_are_followed_to_their_end(server: str) -> None:
    assert fetch(f"{server}/twice", limits()).data == PAGE


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/loop", "redirects more than 5 times"),
        ("/nothing", "404"),
        ("/to-file", "redirects to file"),
        ("/to-password", "password"),
        ("/big", "limit is 1 MB"),
        ("/liar", "limit is 1 MB"),
        ("/packed", "limit is 1 MB"),
        ("/empty", "empty"),
        ("/dead", "could not be reached"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(server: str, path: str, reason: str) -> None:
    with pytest.raises(DocumentError, match=reason) as error:
        fetch(server + path, limits())
    assert error.value.where == server + path
    assert error.value.remedy
    assert "hunter2" not in str(error.value)


def test_no_redirect_at_all_can_be_asked_for(server: str) -> None:
    with pytest.raises(DocumentError, match="more than 0 times"):
        fetch(f"{server}/once", limits(redirects=0))


def test_a_body_that_drips_is_cut_off_by_the_total_time(server: str) -> None:
    start = time.monotonic()
    with pytest.raises(DocumentError, match=r"more than 0\.5 s"):
        fetch(f"{server}/drip", limits(seconds=0.5))
    assert time.monotonic() - start < 15  # the whole body takes 30


def test_headers_that_drip_are_cut_off_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not ended.wait(0.05):
                    connection.sendall(b"X-A: 1\r\n")

        threading.Thread(target=drip, daemon=True).start()
        try:
            with pytest.raises(DocumentError, match=r"more than 0\.5 s"):
                fetch(f"http://127.0.0.1:{listener.getsockname()[1]}/", limits(seconds=0.5))
        finally:
            ended.set()


def test_secrets_in_the_query_do_not_get_into_messages(server: str) -> None:
    with pytest.raises(DocumentError) as error:
        fetch(f"{server}/nothing?token=hunter2", limits())
    assert "hunter2" not in str(error.value)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(DocumentError, match="could not be reached"):
        fetch(f"http://127.0.0.1:{port}/", limits())


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_private_host_that_the_user_named_is_fetched(server: str, host: str) -> None:
    assert fetch(f"{server.replace('127.0.0.1', host)}/twice", limits()).data == PAGE
