"""The endpoint generator against a real server process on loopback."""

from __future__ import annotations

import logging
import socket
import time
import traceback

import pytest
from pydantic import SecretStr

from instill.errors import GeneratorError, UsageError
from instill.models.generators import open_generator
from instill.models.generators.endpoint_generator import ATTEMPTS, EndpointGenerator
from instill.models.generators.protocol import Message
from instill.settings import GeneratorSettings
from tests.models.generators.endpoint_process import Endpoint

KEY = "sk-very-secret-4711"
PROMPT: list[Message] = [
    {"role": "system", "content": "rules"},
    {
        "role": "user",
        "content": "<<ab passage 1>>\nTitle: Tea\nGreen tea is brewed at 80 degrees. Salt is white.\n<<ab end 1>>\n\n"
        "Question: At how many degrees is green tea brewed?",
    },
]
ANSWER = 'Green tea is brewed at 80 degrees. [1]\nQUOTES:\n[1] "Green tea is brewed at 80 degrees."'


def generator(
    endpoint: Endpoint, model: str, *, timeout_s: float = 5.0, total_s: float | None = None
) -> EndpointGenerator:
    return EndpointGenerator(endpoint.url, model, api_key=SecretStr(KEY), timeout_s=timeout_s, total_timeout_s=total_s)


def reply(endpoint: Endpoint, model: str, *, timeout_s: float = 5.0, total_s: float | None = None) -> str:
    return "".join(generator(endpoint, model, timeout_s=timeout_s, total_s=total_s).stream(PROMPT, max_tokens=64))


def test_streams_the_reply_in_pieces(endpoint: Endpoint) -> None:
    pieces = list(generator(endpoint, "honest").stream(PROMPT, max_tokens=64))
    assert "".join(pieces) == ANSWER
    assert len(pieces) > 5


def test_sends_what_the_settings_say(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-someone")
    list(generator(endpoint, "honest/sent").stream(PROMPT, max_tokens=77, temperature=0.5))
    (request,) = endpoint.seen("honest/sent")
    assert request["body"]["max_tokens"] == 77
    assert request["body"]["temperature"] == 0.5
    assert request["body"]["stream"] is True
    assert request["body"]["messages"] == PROMPT
    assert request["headers"]["authorization"] == f"Bearer {KEY}"
    assert "openai-organization" not in request["headers"]


def test_a_key_of_the_environment_is_not_sent_to_other_servers(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    "".join(EndpointGenerator(endpoint.url, "honest/nokey").stream(PROMPT, max_tokens=64))
    assert "sk-of-the-environment" not in str(endpoint.seen("honest/nokey"))


@pytest.mark.parametrize("model", ["thinking", "honest"])
def test_thinking_is_left_out(endpoint: Endpoint, model: str) -> None:
    assert reply(endpoint, model) == ANSWER


@pytest.mark.parametrize(
    ("model", "says", "remedy"),
    [
        ("status-401/a", "refused the key", "INSTILL_GENERATOR__API_KEY"),
        ("status-403/a", "refused the key", "INSTILL_GENERATOR__API_KEY"),
        ("status-404/a", "does not have the model", "generator.model"),
        ("status-400/a", "HTTP 400", "log"),
        ("status-429/a", "busy", "later"),
        ("status-500/a", "HTTP 500", "log"),
        ("malformed/a", "malformed", "chat endpoint"),
        ("wrong-shape/a", "malformed", "chat endpoint"),
        ("truncated/a", "broke off", "again"),
        ("aborted/a", "broke off", "again"),
        ("error-event/a", "out of memory", "log"),
        ("empty/a", "empty", "another model"),
        ("thoughts-only/a", "empty", "max_tokens"),
        ("page/a", "no stream", "base_url"),
    ],
)
def test_failures_say_what_happened_and_never_the_key(
    endpoint: Endpoint, model: str, says: str, remedy: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(GeneratorError) as caught:
        reply(endpoint, model)
    assert says in caught.value.what
    assert remedy in caught.value.remedy
    shown = "".join(traceback.format_exception(caught.value)) + str(caught.value.as_dict()) + repr(caught.value)
    assert KEY not in shown
    assert KEY not in caplog.text


def test_what_came_before_a_break_has_been_yielded(endpoint: Endpoint) -> None:
    pieces = generator(endpoint, "truncated/b").stream(PROMPT, max_tokens=64)
    assert next(pieces) + next(pieces) == ANSWER[:14]
    with pytest.raises(GeneratorError):
        next(pieces)


@pytest.mark.parametrize(
    ("model", "attempts"),
    [("status-500/n", ATTEMPTS), ("status-429/n", ATTEMPTS), ("status-401/n", 1), ("status-404/n", 1),
     ("truncated/n", 1), ("malformed/n", 1), ("aborted/n", 1)],
)  # fmt: skip
def test_only_what_may_pass_is_tried_again(endpoint: Endpoint, model: str, attempts: int) -> None:
    with pytest.raises(GeneratorError):
        reply(endpoint, model)
    assert len(endpoint.seen(model)) == attempts


def test_a_server_that_is_still_loading_is_asked_again(endpoint: Endpoint) -> None:
    assert reply(endpoint, "flaky/x") == ANSWER
    assert len(endpoint.seen("flaky/x")) == 2


def test_the_newer_name_of_the_limit_is_used_when_asked_for(endpoint: Endpoint) -> None:
    assert reply(endpoint, "new-name/x") == ANSWER
    assert endpoint.seen("new-name/x")[-1]["body"]["max_completion_tokens"] == 64


@pytest.mark.parametrize("model", ["silent", "stalling"])
def test_a_silent_server_is_given_up(endpoint: Endpoint, model: str) -> None:
    started = time.monotonic()
    with pytest.raises(GeneratorError, match="too slow"):
        reply(endpoint, model, timeout_s=0.3)
    assert time.monotonic() - started < 20  # the server would sleep for 30


@pytest.mark.parametrize("model", ["keepalive", "dripping"])
def test_the_whole_reply_has_a_limit_of_its_own(endpoint: Endpoint, model: str) -> None:
    with pytest.raises(GeneratorError, match="too slow"):
        reply(endpoint, model, timeout_s=5.0, total_s=0.6)


def test_a_refused_connection() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(GeneratorError, match="could not be reached"):
        list(EndpointGenerator(url, "m").stream(PROMPT, max_tokens=64))


def test_a_reader_may_stop_early(endpoint: Endpoint) -> None:
    pieces = generator(endpoint, "dripping").stream(PROMPT, max_tokens=64)
    assert next(pieces)
    pieces.close()  # type: ignore[attr-defined]


def test_the_key_is_in_no_name() -> None:
    made = EndpointGenerator("http://localhost:1/v1/", "m", api_key=SecretStr(KEY))
    assert made.name == "m at http://localhost:1/v1"
    assert KEY not in repr(made) + str(vars(made))


@pytest.mark.parametrize(
    ("base_url", "model"),
    [("ftp://host/v1", "m"), ("host", "m"), ("http://me:pw@host/v1", "m"), ("http://host/v1", "")],
)
def test_unusable_settings_are_refused_at_once(base_url: str, model: str) -> None:
    with pytest.raises(UsageError):
        EndpointGenerator(base_url, model)


def test_open_generator_follows_the_settings() -> None:
    assert open_generator(GeneratorSettings()) is None
    made = open_generator(GeneratorSettings(base_url="http://localhost:1/v1", model="m"))
    assert isinstance(made, EndpointGenerator)
    with pytest.raises(UsageError, match="2 generators are set"):
        open_generator(GeneratorSettings(base_url="http://localhost:1/v1", model="m", folder="x"))
