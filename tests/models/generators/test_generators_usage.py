"""Tokens in and out, as a server tells them and as a local model counts them."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from instill.errors import GeneratorError
from instill.models.generators.endpoint_dialect import Dialect
from instill.models.generators.endpoint_generator import ATTEMPTS, EndpointGenerator
from instill.models.generators.protocol import Message
from tests.models.generators.endpoint_process import Endpoint

PROMPT: list[Message] = [
    {
        "role": "user",
        "content": "<<ab passage 1>>\nTitle: Tea\nGreen tea is brewed at 80 degrees.\n<<ab end 1>>\n\n"
        "Question: How hot?",
    }
]
ANSWER = 'Green tea is brewed at 80 degrees. [1]\nQUOTES:\n[1] "Green tea is brewed at 80 degrees."'
LONG: list[Message] = [{"role": "user", "content": PROMPT[0]["content"] + " Please?" * 200}]


def generator(endpoint: Endpoint, model: str) -> EndpointGenerator:
    return EndpointGenerator(endpoint.url, model, api_key=SecretStr("sk-secret"), timeout_s=5.0)


def reply(made: EndpointGenerator, prompt: list[Message] = PROMPT) -> str:
    return "".join(made.stream(prompt, max_tokens=64))


def test_the_server_is_asked_for_the_usage_and_tells_it(endpoint: Endpoint) -> None:
    made = generator(endpoint, "counted/a")
    assert made.last_usage is None
    assert reply(made) == ANSWER
    assert made.last_usage == (31, 17)
    (request,) = endpoint.seen("counted/a")
    assert request["body"]["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("model", ["honest", "odd-usage", "no-object", "zero-usage"])
def test_a_server_that_tells_nothing_of_use_leaves_it_open(endpoint: Endpoint, model: str) -> None:
    made = generator(endpoint, model)
    assert reply(made) == ANSWER
    assert made.last_usage is None


def test_of_running_figures_the_last_one_holds(endpoint: Endpoint) -> None:
    made = generator(endpoint, "running-usage")
    assert reply(made) == ANSWER
    assert made.last_usage == (31, (len(ANSWER) - 1) // 7)


@pytest.mark.parametrize("behaviour", ["strict-400", "strict-422", "strict-500", "mute-400"])
def test_a_server_that_rejects_the_option_is_asked_without_from_then_on(endpoint: Endpoint, behaviour: str) -> None:
    made = generator(endpoint, f"{behaviour}/w")
    assert [reply(made), reply(made)] == [ANSWER, ANSWER]
    bodies = [request["body"] for request in endpoint.seen(f"{behaviour}/w")]
    assert ["stream_options" in body for body in bodies] == [True, False, False]
    assert made.last_usage is None


def test_usage_is_taken_from_a_server_that_refuses_to_be_asked_for_it(endpoint: Endpoint) -> None:
    made = generator(endpoint, "strict-counted")
    assert reply(made) == ANSWER
    assert made.last_usage == (31, 17)


def test_two_things_can_be_learnt_of_one_server(endpoint: Endpoint) -> None:
    made = generator(endpoint, "strict-new-name/a")
    assert [reply(made), reply(made)] == [ANSWER, ANSWER]
    bodies = [request["body"] for request in endpoint.seen("strict-new-name/a")]
    assert [("max_completion_tokens" in body, "stream_options" in body) for body in bodies] == [
        (False, True), (True, True), (True, False), (True, False),
    ]  # fmt: skip


def test_a_refused_prompt_does_not_end_the_asking(endpoint: Endpoint) -> None:
    made = generator(endpoint, "short/a")
    with pytest.raises(GeneratorError, match="too long"):
        reply(made, LONG)
    assert reply(made) == ANSWER
    with pytest.raises(GeneratorError, match="too long"):
        reply(made, LONG)
    asked = ["stream_options" in request["body"] for request in endpoint.seen("short/a")]
    # The first refusal may be about the option. Once a request with it has been answered, it is the prompt.
    assert asked == [True, False, True, True]


def test_a_failing_server_is_not_taken_for_a_refusing_one(endpoint: Endpoint) -> None:
    with pytest.raises(GeneratorError):
        reply(generator(endpoint, "status-500/u"))
    bodies = [request["body"] for request in endpoint.seen("status-500/u")]
    assert ["stream_options" in body for body in bodies] == [True] * ATTEMPTS


@pytest.mark.parametrize("model", ["truncated/u", "error-event/u", "malformed/u"])
def test_a_reply_that_fails_leaves_no_usage_of_the_one_before(endpoint: Endpoint, model: str) -> None:
    made = generator(endpoint, "counted/b")
    reply(made)
    made._model = model
    with pytest.raises(GeneratorError):
        reply(made)
    assert made.last_usage is None


def test_a_reply_of_thoughts_alone_has_its_price(endpoint: Endpoint) -> None:
    made = generator(endpoint, "thoughts-only/u")
    with pytest.raises(GeneratorError, match="empty"):
        reply(made)
    assert made.last_usage == (31, 17)


def test_a_reader_who_stops_early_is_told_nothing(endpoint: Endpoint) -> None:
    made = generator(endpoint, "counted/c")
    pieces = made.stream(PROMPT, max_tokens=64)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert made.last_usage is None


@pytest.mark.parametrize("status", [400, 401, 404, 422, 429, 500, 503])
def test_each_thing_is_learnt_once_whatever_is_said(status: int) -> None:
    dialect = Dialect()
    learnt = [dialect.learns(status, "max_completion_tokens, not stream_options") for _ in range(5)]
    assert learnt == [True, True, False, False, False]
    assert dialect.body("m", PROMPT, 7, 0.0) == {
        "model": "m", "messages": PROMPT, "max_completion_tokens": 7, "temperature": 0.0, "stream": True,
    }  # fmt: skip
