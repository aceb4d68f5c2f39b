"""Endpoints that are broken or mean harm: every reply ends in time, in little memory, and in words."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instill.errors import GeneratorError, UsageError
from instill.models.generators.bounded_transport import EventLength
from instill.models.generators.endpoint_generator import EndpointGenerator
from instill.models.generators.protocol import Message
from tests.models.generators import hostile_server as hostile
from tests.models.generators.hostile_server import HostileServer, hostile_server

PROMPT: list[Message] = [{"role": "user", "content": "How hot?"}]
TIMEOUT_S = 0.4
TOTAL_S = 5 * TIMEOUT_S
SLACK_S = 1.5
"""For a machine that is busy: the server and eight clients share it."""


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    with hostile_server() as found:
        yield found


@pytest.fixture(scope="module")
def asked(server: HostileServer) -> dict[str, Any]:
    """What came of every kind, asked by a process of its own, and the most memory that it had."""
    kinds = [*hostile.ONCE, *hostile.BOMBS, *hostile.ANSWERED, *hostile.ENDLESS, *hostile.DRIPPING, "silent", "reset"]
    for kind in hostile.BOMBS:
        hostile.bomb(kind)  # Now, and not while the clients wait.
    script = Path(hostile.__file__).with_name("hostile_client.py")
    result = subprocess.run(
        [sys.executable, str(script), str(TIMEOUT_S)],
        input=json.dumps({kind: server.url(kind) for kind in kinds}),
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(result.stdout)
    assert sorted(found["results"]) == sorted(kinds)
    return found


def test_every_kind_ends_in_words_and_in_time(asked: dict[str, Any]) -> None:
    for kind, result in asked["results"].items():
        assert "crash" not in result, kind
        assert result["seconds"] < TOTAL_S + SLACK_S, kind
        if kind in hostile.ANSWERED:
            assert (result["said"].replace("\0", "").replace("\ufffd", ""), result["error"]) == ("Fine.", ""), kind
        else:
            assert result["error"], kind
            assert result["remedy"], kind
        assert result["usage"] is None, kind  # none of them tells numbers that can be true


def test_all_of_them_together_take_less_than_200_mb(asked: dict[str, Any]) -> None:
    assert asked["peak_mb"] < 200


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("digits", "malformed"),
        ("deep", "malformed"),
        ("bad-utf8", "malformed"),
        ("gzip", "compressed"),
        ("endless-line", "far longer"),
        ("endless-event", "far longer"),
        ("endless-page", "far longer"),
        ("endless-error", "HTTP 500"),
        ("gzip-error", "HTTP 500"),
        ("deep-error", "HTTP 500"),
        ("redirect-scheme", "another one, file:"),
        ("redirect-circle", "circles"),
        ("redirect-get", "HTTP 303"),
        ("redirect-odd", "nowhere"),
        ("drip-header", "too slow"),
        ("drip-body", "too slow"),
        ("drip-chunk-size", "too slow"),
        ("silent", "too slow"),
        ("closed-in-a-chunk", "broke off"),
        ("many-headers", "could not be reached"),
        ("no-http", "could not be reached"),
    ],
)
def test_it_says_what_was_wrong(asked: dict[str, Any], kind: str, says: str) -> None:
    assert says in asked["results"][kind]["error"]


def test_a_redirect_to_another_origin_is_not_followed(server: HostileServer) -> None:
    with hostile_server() as other:
        server.elsewhere = other.url("cookies")
        with pytest.raises(GeneratorError, match="leads to another one") as caught:
            list(EndpointGenerator(server.url("redirect-to"), "m", timeout_s=5).stream(PROMPT, max_tokens=16))
        assert f"http://127.0.0.1:{other.port}" in caught.value.what
        assert other.posts == []


def test_a_redirect_at_the_same_origin_is_followed_with_the_question(server: HostileServer) -> None:
    server.elsewhere = "/cookies/v1"
    made = EndpointGenerator(server.url("redirect-to-same"), "m", timeout_s=5)
    assert "".join(made.stream(PROMPT, max_tokens=16)) == "Fine."
    assert server.posts[-1] == "/cookies/v1"


def test_no_cookie_is_sent_back(server: HostileServer) -> None:
    made = EndpointGenerator(server.url("cookies"), "m", timeout_s=5)
    for _ in range(2):
        list(made.stream(PROMPT, max_tokens=16))
    assert b"\r\ncookie:" not in server.requests[-1].lower()
    assert b"accept-encoding: identity" in server.requests[-1].lower()


def test_the_clock_runs_while_the_name_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()

    def slow(*_: object, **__: object) -> Any:
        asked.set()
        time.sleep(3)
        raise OSError("never")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    started = time.monotonic()
    with pytest.raises(GeneratorError, match="too slow"):
        list(EndpointGenerator("http://models.test/v1", "m", timeout_s=0.2).stream(PROMPT, max_tokens=16))
    assert asked.is_set()
    assert time.monotonic() - started < 2.5


def test_the_clock_runs_over_all_addresses_of_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that is full takes no connection, on any of the host's hundred addresses."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        port = full.getsockname()[1]
        numbers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))] * 3
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: numbers)
        started = time.monotonic()
        with pytest.raises(GeneratorError):
            list(EndpointGenerator(f"http://models.test:{port}/v1", "m", timeout_s=0.2).stream(PROMPT, max_tokens=16))
        assert time.monotonic() - started < 2.5


def test_the_clock_runs_while_a_secure_connection_is_made(server: HostileServer) -> None:
    """A handshake that comes byte by byte: the server announces a record of 16 kB and drips it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"\x16\x03\x03\x40\x00")
                for _ in range(200):
                    try:
                        connection.sendall(b"\x02")
                    except OSError:
                        return
                    time.sleep(0.02)

        threading.Thread(target=drip, daemon=True).start()
        made = EndpointGenerator(
            f"https://127.0.0.1:{listener.getsockname()[1]}/v1", "m", timeout_s=0.2, total_timeout_s=0.5
        )
        started = time.monotonic()
        with pytest.raises(GeneratorError):
            list(made.stream(PROMPT, max_tokens=16))
        assert time.monotonic() - started < 2.5


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["choices", "delta", "content", "finish_reason", "usage", "prompt_tokens", "completion_tokens",
                         "error", "message", "id", "model"]), inner, max_size=6),
    max_leaves=12,
)  # fmt: skip
CHUNKS = st.fixed_dictionaries(
    {"choices": JSON | st.lists(st.fixed_dictionaries({"delta": JSON, "finish_reason": JSON}), max_size=3)},
    optional={"usage": JSON, "error": JSON, "id": JSON, "created": JSON},
)


@given(
    events=st.lists(JSON | CHUNKS, max_size=4),
    garbage=st.binary(max_size=40),
    status=st.sampled_from([200, 200, 200, 201, 299, 400, 418]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_said_becomes_text_or_an_error(
    server: HostileServer, events: list[Any], garbage: bytes, status: int
) -> None:
    lines = b"".join(b"data: %s\n\n" % json.dumps(each).encode() for each in events)
    head = b"HTTP/1.1 %d Oh\r\nContent-Type: text/event-stream\r\nConnection: close\r\n" % status
    hostile.ONCE["made-up"] = hostile.whole(lines + garbage + hostile.END, head)
    made = EndpointGenerator(server.url("made-up"), "m", timeout_s=5)
    said = ""
    with suppress(GeneratorError):
        said = "".join(made.stream(PROMPT, max_tokens=16))
    said.encode("utf-8")  # Half a surrogate pair could be neither stored nor shown.
    assert made.last_usage is None or min(made.last_usage) >= 0


@given(st.lists(st.sampled_from([b"\n", b"\r", b"x", b"data: 1", b"\n\n", b"\r\n"]), max_size=12))
@settings(max_examples=200, deadline=None)
def test_the_length_of_an_event_does_not_depend_on_chunks(pieces: list[bytes]) -> None:
    text = b"".join(pieces)
    apart = EventLength()
    counts = [apart.after(piece) for piece in pieces]
    expected = EventLength().after(text) if text else 0
    assert (counts[-1] if counts else 0) == expected


@pytest.mark.parametrize("key", ["sk-\u00e4", "sk-1\nX-Other: 1", "sk\0"])
def test_a_key_that_no_header_can_carry_is_refused_unseen(key: str) -> None:
    from pydantic import SecretStr

    with pytest.raises(UsageError, match="cannot be sent") as caught:
        EndpointGenerator("http://127.0.0.1:1/v1", "m", api_key=SecretStr(key))
    assert key not in str(caught.value)


@pytest.mark.parametrize("address", ["http://127.0.0.1:99999/v1", "http://[::1/v1", "http://a:b/v1", "http://h:0/v1"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="not an http"):
        EndpointGenerator(address, "m")
