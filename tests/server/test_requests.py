"""What a request may be: its size and speed, its headers, its files' names, the addresses that it names."""

from __future__ import annotations

import io
import json
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill import Workspace
from instill.documents import web
from instill.errors import DocumentError
from instill.server.served_workspace import service_settings
from instill.server.uploads import Uploads, plain_name
from instill.settings import DocumentSettings
from tests.server.running import Running, running
from tests.server.test_api import ok

TOML = "[server]\nmax_body_mb = 0.01\nmax_upload_mb = 0.5\nbody_timeout_s = 0.5\n[documents]\nmax_file_mb = 0.1\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("requests") / "kb"
    Workspace.init(folder).close()
    (folder / "instill.toml").write_text(TOML)
    with running(folder) as found:
        yield found


def raw(server: Running, *pieces: bytes, wait: float = 0.0) -> bytes:
    """Send bytes as they are; all that comes back until the server closes or says nothing for ten seconds."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        found = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(wait)
            while chunk := connection.recv(65536):
                found += chunk
        except (TimeoutError, ConnectionError):
            pass
        return found


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server: Running) -> None:
    with server.client() as client:
        long = {"query": "x" * 20_000}
        told = ok(client.post("/api/search", json=long), 413)["error"]
        assert told["what"] == "The request is larger than 0.01 MB."

        def pieces() -> Iterator[bytes]:
            yield b'{"query": "'
            for _ in range(40):
                yield b"x" * 1000
            yield b'"}'

        assert ok(client.post("/api/search", content=pieces()), 413)["error"]["what"] == told["what"]
        large = {"files": ("a.txt", b"x" * 200_000)}
        refused = ok(client.post("/api/documents", files=large, data={"paths": "notes/a.txt"}), 413)["error"]
        assert (refused["what"], refused["where"]) == ("The file is larger than 0.1 MB.", "notes/a.txt")
        assert ok(client.post("/api/documents", files={"files": ("a.txt", b"x" * 600_000)}), 413)
        assert ok(client.get("/api/documents"))["documents"] == []
    head = b"POST /api/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n"
    began = time.monotonic()
    assert b" 413 " in raw(server, head)
    assert time.monotonic() - began < 9


def test_a_body_that_drips_is_given_up(server: Running) -> None:
    head = b"POST /api/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    assert b" 408 " in raw(server, head + b"{")
    dripping = raw(server, head, *[b"x"] * 8, wait=0.1)
    assert b" 408 " in dripping or dripping == b""


def test_headers_that_drip_are_given_up_and_a_kept_connection_is_not(server: Running) -> None:
    began = time.monotonic()
    assert raw(server, b"GET /healthz HTTP/1.1\r\nHost: ", *[b"x"] * 8, wait=0.1) == b""
    assert raw(server) == b""
    assert time.monotonic() - began < 10
    whole = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert raw(server, whole, whole, whole, wait=0.3).count(b" 200 OK") == 3
    again = time.monotonic()
    assert raw(server, whole, b"GET /heal", wait=0.2).count(b" 200 OK") == 1
    assert time.monotonic() - again < 9, "it is closed"


SMUGGLED = b"GET /api/me HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        b"Content-Length: 3\r\nContent-Length: 90\r\n",
        b"Content-Length: 3, 90\r\n",
        b"Content-Length: +3\r\n",
        b"Content-Length: -1\r\n",
        b"Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"X: a\r\n Content-Length: 5\r\nContent-Length: 3\r\nTransfer-Encoding:\x0bchunked\r\n",
    ],
)
def test_a_request_of_two_lengths_is_one_request_and_refused(server: Running, head: bytes) -> None:
    request = b"POST /api/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + head + b"\r\n"
    answer = raw(server, request + b"0\r\n\r\n" + SMUGGLED)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b" 400 " in answer.split(b"\r\n")[0]
    assert b'"way"' not in answer


def test_headers_cannot_be_made_longer_by_what_a_caller_sends(server: Running) -> None:
    with server.client() as client:
        for path in ("/api/documents/%0d%0aset-cookie:%20a=b", "/login?next=%0d%0aset-cookie:%20a=b", "/%0d%0ax:y"):
            response = client.get(path, headers={"accept": "text/html"})
            assert "set-cookie" not in response.headers
            assert "x" not in response.headers
    assert raw(server, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200_000 + b"\r\n\r\n").startswith(
        b"HTTP/1.1 4"
    )


def test_every_answer_tells_the_browser_what_it_may_do(server: Running) -> None:
    with server.client() as client:
        for response in (
            client.get("/healthz"),
            client.get("/api/me"),
            client.get("/none"),
            client.post("/api/search"),
        ):
            policy = response.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["cache-control"] == "no-store"
            assert "server" not in response.headers


@given(
    st.text(max_size=300) | st.sampled_from(["../../a", "/etc/passwd", "..", "a/../../b", "C:\\x\\..\\y", ".ssh/key"])
)
def test_a_file_s_name_leads_nowhere_else(name: str) -> None:
    from instill.errors import UsageError

    try:
        found = plain_name(name)
    except UsageError:
        return
    assert not found.is_absolute()
    assert all(part not in ("", ".", "..") and not part.startswith(".") for part in found.parts)
    assert all(len(part.encode()) <= 120 and part.isprintable() for part in found.parts)


def test_uploads_keep_apart_what_callers_do_not_see(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        folder = tmp_path / "kb" / ".instill" / "uploads"
        of_hr = Uploads(folder, workspace, ("hr",), DocumentSettings())
        of_all = Uploads(folder, workspace, None, DocumentSettings())
        first = of_hr.keep("plan.md", io.BytesIO(b"# Plan\n\nThe plan of hr."))
        assert of_all.keep("plan.md", io.BytesIO(b"x")) != first
        assert of_hr.keep("../plan.md", io.BytesIO(b"y")) == first
        workspace.add(first, labels="hr", follow=False)
        [record] = workspace.documents()
        workspace.index.relabel(record.doc_id, ["board"])
        aside = of_hr.keep("plan.md", io.BytesIO(b"z"))
        assert aside != first
        assert first.read_bytes() == b"y"
        outside = tmp_path / "kb" / "instill.toml"
        of_all.forget([str(outside), str(folder / ".." / ".." / "instill.toml"), str(first)])
        assert outside.exists()
        assert not first.exists()


class Names:
    """A resolver that gives other answers each time it is asked, and connects nowhere but to loopback."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def look_up(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]

    def transport(self) -> httpx.BaseTransport | None:
        return None


PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "192.168.1.1",
    "172.16.0.9",
    "::1",
    "fd00::1",
    "100.64.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
]
NEVER = ["169.254.169.254", "fe80::1", "0.0.0.0", "100.100.100.200", "fd00:ec2::254"]


@pytest.mark.parametrize("address", [*PRIVATE, *NEVER])
def test_the_service_fetches_no_private_address_by_name_or_number(tmp_path: Path, address: str) -> None:
    Workspace.init(tmp_path / "kb").close()
    settings = service_settings(tmp_path / "kb").documents
    number = f"[{address}]" if ":" in address else address
    for host, network in (
        (number, Names([address])),
        ("wiki.example", Names([address])),
        ("a.b", Names(["8.8.8.8", address])),
    ):
        with pytest.raises(DocumentError) as refused:
            web.fetch(f"http://{host}:9/x", settings, network)
        assert any(word in refused.value.what for word in ("private", "link-local", "not an address")), (
            refused.value.what
        )
        assert len(network.asked) <= 1, "a name is looked up once, and connected to by what was judged"


def test_the_service_follows_no_redirect_into_the_machine(tmp_path: Path) -> None:
    """What `url_allow` opens is fetched, and leads no further."""
    Workspace.init(tmp_path / "kb").close()
    (tmp_path / "kb" / "instill.toml").write_text('[documents]\nurl_allow = ["wiki.example"]\n')
    settings = service_settings(tmp_path / "kb").documents
    with (
        answering(
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:{port}/secret\r\nContent-Length: 0\r\n\r\n"
        ) as port,
        pytest.raises(DocumentError, match=r"redirects to 127\.0\.0\.2"),
    ):
        web.fetch(f"http://wiki.example:{port}/", settings, Names(["127.0.0.1"]))
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") as port:
        assert web.fetch(f"http://wiki.example:{port}/", settings, Names(["127.0.0.1"])).data == b"ok"
        with pytest.raises(DocumentError, match="private"):
            web.fetch(f"http://other.example:{port}/", settings, Names(["127.0.0.1"]))


class answering:  # noqa: N801 - used like a function
    """A server on loopback that says one thing to everybody."""

    def __init__(self, said: bytes) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._said = said.replace(b"{port}", str(self.port).encode())

    def __enter__(self) -> int:
        threading.Thread(target=self._serve, daemon=True).start()
        return self.port

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(self._said)

    def __exit__(self, *_: object) -> None:
        self._socket.close()


@given(
    st.lists(
        st.sampled_from(["a.md", "A.md", "a?.md", "a*.md", "x/a.md", "a-2.md", ".a.md", "a", "../a.md"]), max_size=8
    )
)
def test_files_that_are_sent_together_never_take_each_others_place(server: Running, names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        uploads = Uploads(Path(folder) / "uploads", server.service.opened.whole, None, DocumentSettings())
        files = [(name, io.BytesIO(f"{number}".encode())) for number, name in enumerate(names)]
        paths = uploads.keep_all(files)
        assert [path.read_text() for path in paths] == [f"{number}" for number in range(len(names))]
        assert len({str(path).casefold() for path in paths}) == len(names)
        again = uploads.keep_all([(name, io.BytesIO(b"new")) for name in names])
        assert again == paths  # sent again they are the same documents


def test_documents_and_names_that_are_hostile_stay_text(server: Running) -> None:
    with server.client() as client:
        name = '<script>alert(1)</script>"\u202e.md'
        job = ok(client.post("/api/documents", files={"files": (name, b"x")}), 202)
        [path] = job["arguments"]["paths"]
        assert "<" not in path
        assert "\u202e" not in path
        wrong = client.post(
            "/api/documents", files={"files": ("a.md", b"x")}, data={"metadata": '{"<b>": "' + "x" * 9 + '"}'}
        )
        assert wrong.status_code == 400
        assert json.loads(wrong.text)["error"]["what"] == "This is not a valid field name."
        assert wrong.headers["content-type"] == "application/json"
