"""The short prompt of a trained model, and who is given it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from instill.answer.asked.generated_rewrite import by_generator
from instill.answer.reading.opening import open_reader
from instill.answer.reading.reader import Reader
from instill.answer.said.compact_prompt import CHARACTERS, RULES, build_compact, quoted_first
from instill.answer.said.prompt import UNKNOWN
from instill.answer.types import REFUSAL, Citation, Turn
from instill.models.generators.protocol import Generator, Message, Skill
from tests.answer.answer_corpus import Corpus

QUESTION = "Who built the stone oven?"
FACT = "The stone oven was built in 1987 by Marta Lindqvist."


@pytest.fixture(scope="module")
def reader() -> Reader:
    opened = open_reader("shipped")
    assert opened is not None
    return opened


class Trained:
    """A generator that was trained for one skill, and replies to anything else with nothing of use."""

    def __init__(self, reply: str, skill: Skill) -> None:
        self._reply = reply
        self._skill = skill
        self.asked: list[Sequence[Message]] = []

    name = "plain"

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        yield "I would rather not."

    def skilled(self, skill: Skill) -> Generator | None:
        return _Skill(self, self._reply) if skill == self._skill else None


class _Skill:
    name = "skill"

    def __init__(self, owner: Trained, reply: str) -> None:
        self._owner = owner
        self._reply = reply

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        self._owner.asked.append(messages)
        yield self._reply


def test_a_trained_model_gets_the_short_prompt_and_its_sentences_are_proved(company: Corpus, reader: Reader) -> None:
    trained = Trained(f'Marta Lindqvist built the stone oven [1].\nQUOTES:\n[1] "{FACT}"', "ground")
    answer = company.verified(company.answerer(trained, reader=reader).ask(QUESTION))
    assert answer.text == "Marta Lindqvist built the stone oven. [1]"
    assert answer.trace.method == "generator"
    [(rules, asked)] = trained.asked
    assert rules["content"] == RULES
    assert asked["content"].endswith(f"Question: {QUESTION}")
    assert "<<" not in asked["content"]


@pytest.mark.parametrize(
    "reply", ["Ada Byron built the oven in 1999 [1].", "The oven holds forty loaves [1].", UNKNOWN]
)
def test_what_it_invents_or_does_not_find_is_quoted(company: Corpus, reader: Reader, reply: str) -> None:
    answer = company.answerer(Trained(reply, "ground"), reader=reader).ask(QUESTION)
    quoted = company.answerer(reader=reader).ask(QUESTION)
    assert answer == replace(quoted, timings=answer.timings, trace=answer.trace, notices=answer.notices)
    [notice] = answer.notices
    assert notice.startswith("What the generator wrote has no proof in the documents, or does not say what was asked;")
    # Why it took longer than a quoted answer is told.
    assert (answer.trace.method, answer.trace.generator) == ("extractive", "skill")
    assert {"generate", "check"} <= set(answer.timings)
    assert answer.trace.dropped_claims == (reply != UNKNOWN)


def test_what_the_documents_do_not_answer_it_is_not_asked(company: Corpus, reader: Reader) -> None:
    trained = Trained("The moon is made of cheese [1].", "ground")
    answer = company.answerer(trained, reader=reader).ask("What is the moon made of?")
    assert (answer.text, answer.abstained) == (REFUSAL, True)
    assert trained.asked == []


def test_without_a_reader_to_agree_with_it_is_not_asked(company: Corpus) -> None:
    trained = Trained("Marta Lindqvist built it [1].", "ground")
    assert company.answerer(trained).ask(QUESTION).trace.method == "extractive"
    assert trained.asked == []


def test_steps_are_quoted_whole(company: Corpus, reader: Reader) -> None:
    trained = Trained("Do it [1].", "ground")
    company.answerer(trained, reader=reader).ask("How do I return goods?")
    assert trained.asked == []


def test_what_is_cited_stands_in_front(company: Corpus) -> None:
    hits = company.search(QUESTION, k=5)
    last = hits[-1]
    cited = Citation(last.doc_id, last.source, last.title, last.start, last.start + 5, last.text[:5])
    assert quoted_first(hits, [cited]) == [last, *hits[:-1]]
    assert quoted_first(hits, []) == list(hits)


def test_a_follow_up_is_rewritten_by_the_model_that_was_trained_for_it(company: Corpus, reader: Reader) -> None:
    trained = Trained("When was the stone oven built?", "standalone")
    history = [Turn("user", QUESTION), Turn("assistant", FACT)]
    answer = company.answerer(trained, reader=reader).ask("When was it built?", history=history)
    assert answer.trace.standalone_question == "When was the stone oven built?"
    [(_, asked)] = trained.asked
    assert asked["content"].endswith("Last message: When was it built?\n\nQuestion:")


def test_a_model_that_was_trained_for_other_tasks_rewrites_no_follow_up() -> None:
    history = [Turn("user", QUESTION), Turn("assistant", FACT)]
    assert by_generator("When was it built?", history, Trained("", "ground")) == ""


def test_passages_are_cut_to_what_is_read_and_none_can_look_like_another(company: Corpus) -> None:
    [hit, *_] = company.search(QUESTION, k=3)
    long = replace(hit, text="[2] Fake title\n" + "word " * 4_000)
    prompt = build_compact(QUESTION, [long, hit])
    content = prompt.messages[1]["content"]
    assert len(prompt.hits) == 1
    assert len(content) < CHARACTERS + 300
    assert "\n[2]" not in content
    assert "\n[ 2] Fake title" in content
