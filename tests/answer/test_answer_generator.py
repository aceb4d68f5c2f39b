"""Generated answers: real index, real encoder, a real server process, the official client."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from time import sleep

import pytest
from pydantic import SecretStr

from instill.answer.types import REFUSAL, Turn
from instill.models.generators.endpoint_generator import EndpointGenerator
from instill.settings import GeneratorSettings
from tests.answer.answer_corpus import Corpus
from tests.models.generators.endpoint_process import Endpoint

QUESTION = "Who built the stone oven?"
FACT = "The stone oven was built in 1987 by Marta Lindqvist."
KEY = "sk-secret-0815"


def generator(endpoint: Endpoint, model: str, timeout_s: float = 10.0) -> EndpointGenerator:
    return EndpointGenerator(endpoint.url, model, api_key=SecretStr(KEY), timeout_s=timeout_s)


@pytest.mark.parametrize(
    "model",
    [
        "honest",
        "thinking",
        "unquoted",
        "wide-brackets",
        "misnumbering",
        "unquoted-misnumbering",
    ],
)
def test_a_proved_answer_is_cited_verbatim(company: Corpus, endpoint: Endpoint, model: str) -> None:
    answer = company.verified(company.answerer(generator(endpoint, model)).ask(QUESTION))
    assert answer.trace.method == "generator"
    assert answer.trace.generator == f"{model} at {endpoint.url}"
    assert answer.text == f"{FACT} [1]"
    assert [citation.text for citation in answer.citations] == [FACT]
    assert answer.citations[0].headings.startswith("Ovens")
    assert not answer.abstained
    assert answer.notices == ()
    assert answer.confidence > 0.5


def test_the_answer_is_streamed_without_its_quotes(company: Corpus, endpoint: Endpoint) -> None:
    pieces: list[str] = []
    company.answerer(generator(endpoint, "honest")).ask(QUESTION, on_token=pieces.append)
    assert len(pieces) > 3
    assert re.fullmatch(rf"{re.escape(FACT)} \[\d\]\s*", "".join(pieces))


def test_an_invented_claim_is_dropped_and_counted(company: Corpus, endpoint: Endpoint) -> None:
    answer = company.verified(company.answerer(generator(endpoint, "inventing")).ask(QUESTION))
    assert "cheese" not in answer.text
    assert FACT in answer.text
    assert answer.trace.dropped_claims == 1
    assert "1 sentence" in answer.notices[0]


def test_when_nothing_is_proved_the_documents_are_quoted(company: Corpus, endpoint: Endpoint) -> None:
    answer = company.verified(company.answerer(generator(endpoint, "liar")).ask(QUESTION))
    assert answer.trace.method == "extractive"
    assert "moon" not in answer.text
    assert FACT in answer.text
    assert answer.trace.dropped_claims == 1
    assert "could be proved" in answer.notices[0]


def test_a_generator_that_does_not_know_is_a_refusal(company: Corpus, endpoint: Endpoint) -> None:
    answer = company.answerer(generator(endpoint, "unknown")).ask(QUESTION)
    assert answer.abstained
    assert answer.text == REFUSAL
    assert answer.trace.candidates


@pytest.mark.parametrize(
    ("model", "notice"),
    [("silent", "too slow"), ("malformed/f", "malformed"), ("truncated/f", "broke off"), ("status-500/f", "HTTP 500"),
     ("status-401/f", "refused the key"), ("empty/f", "empty"), ("thoughts-only/f", "empty")],
)  # fmt: skip
def test_a_failing_endpoint_falls_back_to_quoting(company: Corpus, endpoint: Endpoint, model: str, notice: str) -> None:
    answer = company.verified(company.answerer(generator(endpoint, model, timeout_s=1.0)).ask(QUESTION))
    assert answer.trace.method == "extractive"
    assert FACT in answer.text
    assert notice in answer.notices[0]
    assert "quotes the documents instead" in answer.notices[0]
    assert answer.trace.failure
    assert answer.notices[0] == f"{answer.trace.failure} This answer quotes the documents instead."
    assert KEY not in str(answer.as_dict())


def test_a_dead_endpoint_falls_back_to_quoting(company: Corpus) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    answer = company.answerer(EndpointGenerator(url, "m")).ask(QUESTION)
    assert FACT in answer.text
    assert "could not be reached" in answer.notices[0]


def test_extractive_mode_does_not_call_the_generator(company: Corpus, endpoint: Endpoint) -> None:
    answer = company.answerer(generator(endpoint, "honest/never")).ask(QUESTION, mode="extractive")
    assert answer.trace.method == "extractive"
    assert endpoint.seen("honest/never") == []


def test_the_generator_rewrites_a_follow_up(company: Corpus, endpoint: Endpoint) -> None:
    history = [Turn("user", "Tell me about the blue widget."), Turn("assistant", "The blue widget is a widget.")]
    answer = company.answerer(generator(endpoint, "honest/rewrite")).ask("What is the price?", history=history)
    assert answer.trace.standalone_question == "What is the price of the blue widget?"
    rewriting, answering = endpoint.seen("honest/rewrite")
    assert "Tell me about the blue widget." in rewriting["body"]["messages"][1]["content"]
    assert "What is the price of the blue widget?" in answering["body"]["messages"][1]["content"]


def test_a_figure_that_is_in_no_passage_is_not_believed(company: Corpus) -> None:
    class Rounding:
        name = "rounding"

        def stream(self, messages: object, *, max_tokens: int, temperature: float = 0.0) -> list[str]:
            prompt = str(messages)
            number = re.search(r"passage (\d+)>>\\nTitle: Ovens", prompt)
            assert number
            n = number.group(1)
            return [
                f'The stone oven was built in 1990. [{n}] Quotes follow.\nQUOTES:\n[{n}] "The stone oven was built"'
            ]

    answer = company.answerer(Rounding()).ask(QUESTION)  # type: ignore[arg-type]
    assert "1990" not in answer.text
    assert FACT in answer.text


def test_without_passages_the_generator_is_not_called(tmp_path: Path, endpoint: Endpoint) -> None:
    corpus = Corpus.of({"a.md": "# A\n\nText.\n"}, tmp_path / "index")
    corpus.index.remove([corpus.search("A", k=1)[0].doc_id])
    answer = corpus.answerer(generator(endpoint, "honest/empty-index")).ask(QUESTION)
    assert answer.abstained
    assert endpoint.seen("honest/empty-index") == []


class Rambling:
    """Proves one sentence, then goes on without end, slowly."""

    name = "rambling"

    def __init__(self, pause: float = 0.0, quotes: bool = False) -> None:
        self.pause, self.quotes = pause, quotes
        self.pieces = 0
        self.stopped = False

    def stream(self, messages: object, *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        found = re.search(r"passage (\d+)>>\\nTitle: Ovens", str(messages))
        assert found
        try:
            yield f"{FACT} [{found.group(1)}]\n"
            yield f'QUOTES:\n[{found.group(1)}] "{FACT}"\n' if self.quotes else ""
            for self.pieces in range(100_000):
                sleep(self.pause)
                yield f" and so on to {self.pieces}"
        finally:
            self.stopped = True


@pytest.mark.parametrize("quotes", [False, True])
def test_an_answer_that_does_not_end_is_stopped_and_what_is_proved_is_kept(company: Corpus, quotes: bool) -> None:
    rambling = Rambling(quotes=quotes)
    answer = company.verified(company.answerer(rambling).ask(QUESTION))
    assert answer.text == f"{FACT} [1]"
    assert rambling.stopped
    assert rambling.pieces < 1000  # A person is asked for: 160 tokens, 6 characters each, and what was on its way.


def test_an_answer_that_takes_too_long_is_quoted_instead(company: Corpus) -> None:
    rambling = Rambling(pause=0.05)
    answer = company.verified(
        company.answerer(rambling, generator_settings=GeneratorSettings(answer_s=0.4)).ask("How is the oven built?")
    )
    assert answer.trace.method == "extractive"
    assert FACT in answer.text
    assert "took longer than 0.4 s" in answer.notices[0]


@pytest.mark.parametrize("goes_on", ["It is what it is. ", "<<FENCE end {number}>>\n\n"])
def test_a_reply_that_turns_in_circles_is_stopped_early(company: Corpus, goes_on: str) -> None:
    class Circling(Rambling):
        def stream(self, messages: object, *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
            found = re.search(r"<<(\w+) passage (\d+)>>\\nTitle: Ovens", str(messages))
            assert found
            yield f"{FACT} [{found.group(2)}]\n"
            for self.pieces in range(1000):
                yield goes_on.replace("FENCE", found.group(1)).replace("{number}", str(self.pieces))

    circling = Circling()
    answer = company.verified(company.answerer(circling).ask(QUESTION))
    assert answer.text == f"{FACT} [1]"
    assert circling.pieces < 300  # It was far on its way when it was heard out; not all of a thousand.


def test_a_small_model_is_given_fewer_passages(company: Corpus) -> None:
    class Small:
        name = "small"
        context_characters = 100
        asked = ""

        def stream(self, messages: object, *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
            self.asked = str(messages)
            yield "NOT IN THE DOCUMENTS"

    small = Small()
    company.answerer(small).ask(QUESTION)
    assert "passage 1>>" in small.asked.replace("passage N>>", "")
    assert len(re.findall(r"passage \d+>>", small.asked)) <= 2
