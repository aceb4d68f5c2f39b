"""A request whose replica is lost: read again elsewhere, or told; never done twice, never half."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import anyio
import pytest
from starlette.testclient import TestClient
from starlette.types import Message, Scope

from instill import Workspace
from instill.server import asking_again
from instill.server.app import create_app
from instill.server.asking_again import AsksAgain, may_be_repeated


class Lost(Exception):
    """The one who answered is gone."""


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking_again, "_PAUSE_S", 0.0)


class Replicas:
    """Answer with the request's body in pieces; the first `losses` of them are lost after so many messages."""

    def __init__(self, losses: int, after: int = 0) -> None:
        self.losses, self.after = losses, after
        self.bodies: list[bytes] = []
        self.closed = 0

    async def answered(self, scope: Scope, body: bytes) -> AsyncGenerator[Message, None]:
        self.bodies.append(body)
        said: list[Message] = [{"type": "http.response.start", "status": 200, "headers": []}]
        said += [{"type": "http.response.body", "body": piece, "more_body": True} for piece in (b"he", b"llo")]
        said.append({"type": "http.response.body", "body": b"", "more_body": False})
        try:
            for number, message in enumerate(said):
                if len(self.bodies) <= self.losses and number == self.after:
                    raise Lost
                yield message
        finally:
            self.closed += 1


def called(replicas: Replicas, method: str, path: str, parts: tuple[bytes, ...] = (b"a", b"b")) -> list[Message]:
    """What went out for one request whose body comes in these parts."""
    sent: list[Message] = []
    coming: list[Message] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    coming.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        if coming:
            return coming.pop(0)
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    async def run() -> None:
        with anyio.fail_after(10):
            scope = {"type": "http", "method": method, "path": path, "headers": []}
            await AsksAgain(replicas.answered, (Lost,))(scope, receive, send)

    anyio.run(run)
    return sent


def text_of(sent: list[Message]) -> bytes:
    return b"".join(each.get("body", b"") for each in sent)


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("losses", [0, 1, 5])
def test_a_question_is_asked_again_until_somebody_answers(losses: int, after: int) -> None:
    replicas = Replicas(losses, after)
    sent = called(replicas, "POST", "/api/ask")
    assert [each["type"] for each in sent].count("http.response.start") == 1
    assert sent[0]["status"] == 200
    assert text_of(sent) == b"hello"
    assert replicas.bodies == [b"ab"] * (losses + 1)
    assert replicas.closed == losses + 1


def test_a_question_that_nobody_can_answer_is_refused() -> None:
    sent = called(Replicas(100), "POST", "/v1/chat/completions")
    assert sent[0]["status"] == 503
    assert "Ask again" in json.loads(text_of(sent))["error"]["message"]


def test_what_changes_something_is_done_once_and_its_caller_is_told() -> None:
    replicas = Replicas(1)
    sent = called(replicas, "POST", "/api/documents")
    assert len(replicas.bodies) == 1
    assert sent[0]["status"] == 503
    assert "unknown whether" in json.loads(text_of(sent))["error"]["what"]


def test_what_has_gone_out_is_not_begun_anew() -> None:
    replicas = Replicas(1, after=2)
    with pytest.raises(ExceptionGroup) as raised:  # The server cuts the connection.
        called(replicas, "POST", "/api/ask")
    assert raised.group_contains(Lost)
    assert len(replicas.bodies) == 1


def test_a_caller_who_leaves_ends_the_work() -> None:
    closed = []

    async def answered(scope: Scope, body: bytes) -> AsyncGenerator[Message, None]:
        try:
            await anyio.sleep_forever()
            yield {}
        finally:
            closed.append(body)

    async def run() -> None:
        coming: list[Message] = [{"type": "http.request", "body": b"x"}, {"type": "http.disconnect"}]

        async def receive() -> Message:
            return coming.pop(0)

        async def send(message: Message) -> None:
            raise AssertionError(message)

        with anyio.fail_after(10):
            await AsksAgain(answered, (Lost,))({"type": "http", "method": "GET", "path": "/"}, receive, send)

    anyio.run(run)
    assert closed == [b"x"]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/documents", True),
        ("POST", "/api/search", True),
        ("POST", "/v1/vector_stores/kb/search", True),
        ("POST", "/v1/responses/", True),
        ("POST", "/api/chat", False),
        ("POST", "/api/jobs", False),
        ("POST", "/mcp", False),
        ("DELETE", "/api/documents/1", False),
        ("PUT", "/api/ask", False),
    ],
)
def test_only_what_reads_may_be_repeated(method: str, path: str, expected: bool) -> None:
    assert may_be_repeated({"method": method, "path": path}) is expected


def test_every_path_that_is_read_from_is_a_route(tmp_path: Path) -> None:
    Workspace.init(tmp_path).close()
    with TestClient(create_app(tmp_path, jobs=False)) as client:
        answers = {path: client.post(path, json={}).status_code for path in asking_again._READING}
    assert not {404, 405} & set(answers.values()), answers
