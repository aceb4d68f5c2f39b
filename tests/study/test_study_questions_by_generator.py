"""The generator writer, over the real protocol with scripted replies: what is checked, asked again, logged."""

from __future__ import annotations

import json

import pytest

from instill.errors import GeneratorError
from instill.models.generators.endpoint_generator import EndpointGenerator
from instill.study.facts import find_facts
from instill.study.questions_by_generator import ATTEMPTS, GIVE_UP_AFTER, GeneratorWriter
from instill.study.splits import Shares
from instill.study.study_making import StudySettings, make_study
from tests.study.documents import stored
from tests.study.scripted_server import scripted

TEXT = "The stone oven was built in 1987 by Marta Lindqvist."
FACT = find_facts([stored(TEXT)]).facts[0]


def draft(form: str, question: str, answer: str = "1987") -> dict[str, str]:
    return {"form": form, "question": question, "answer": answer}


def said(*drafts: object) -> str:
    return json.dumps({"questions": drafts})


def writer(url: str, **options: int) -> GeneratorWriter:
    return GeneratorWriter(EndpointGenerator(url, "scripted"), **options)


def test_good_questions_are_taken_and_bad_ones_counted() -> None:
    reply = said(
        draft("direct", "When did Marta Lindqvist build the stone oven?"),
        draft("reverse", "What did Marta Lindqvist finish in 1987?", "The stone oven"),
        draft("direct", "Was the stone oven built in 1987?"),
        draft("direct", "Who built the stone oven?", "Marta Lindqvist"),
        draft("keywords", "stone oven building year", "in the year 1987"),
        draft("riddle", "When was it?"),
        draft("reverse", "What is old?", "The stone oven"),
        {"question": "When?"},
    )
    with scripted([f"Here you are:\n```json\n{reply}\n```"]) as server:
        own = writer(server.url)
        found = own.items(FACT)
    assert [(item.form, item.answer, item.writer) for item in found] == [
        ("direct", "1987", f"scripted at {server.url}"),
        ("reverse", "The stone oven", f"scripted at {server.url}"),
    ]
    assert dict(own.rejected) == {
        "generator: a question lacks form, question or answer": 1,
        "generator: a question holds its answer, or says too little": 1,
        "generator: an answer is not the given one": 1,
        "generator: an answer does not stand in the text, character by character": 1,
        "generator: a form is not known": 1,
        "generator: a reverse question does not name the given answer": 1,
    }
    [logged] = own.log
    assert logged["messages"] == server.seen[0]["messages"]
    assert (logged["purpose"], logged["fact"], TEXT in logged["messages"][1]["content"]) == ("questions", FACT.id, True)


@pytest.mark.parametrize("useless", ["I cannot do that.", '{"questions": "none"}', "{", "[" * 3000, said()])
def test_it_asks_again_with_what_was_wrong_and_gives_up(useless: str) -> None:
    with scripted([useless, said(draft("direct", "When did Marta Lindqvist build the stone oven?"))]) as server:
        assert len(writer(server.url).items(FACT)) == 1
        assert len(server.seen) == 2
        assert "cannot be used" in server.seen[1]["messages"][-1]["content"]
    with scripted([useless]) as server:
        own = writer(server.url)
        assert own.items(FACT) == []
        assert len(server.seen) == len(own.log) == ATTEMPTS
        assert all(len(request["messages"]) <= 4 for request in server.seen)


def test_a_model_that_cannot_write_questions_is_not_asked_for_every_fact() -> None:
    good = said(draft("direct", "When did Marta Lindqvist build the stone oven?"))
    nothing = ["I cannot do that."] * (GIVE_UP_AFTER - 1)
    with scripted([*nothing, good, "I cannot do that."]) as server:
        own = writer(server.url, attempts=1)
        found = [len(own.items(FACT)) for _ in range(2 * GIVE_UP_AFTER + 3)]
        # One good reply begins the count anew.
        assert found == [0] * (GIVE_UP_AFTER - 1) + [1] + [0] * (GIVE_UP_AFTER + 3)
        assert own.retell(FACT, "note") is None
        assert len(server.seen) == 2 * GIVE_UP_AFTER
    assert own.rejected["generator: not asked, because earlier facts gave no usable question"] == 3


def test_a_text_holds_answer_and_subject() -> None:
    good = "In 1987 Marta Lindqvist built the stone oven."
    replies = ["no", '{"text": "It is old."}', json.dumps({"text": "Built in 1987."}), json.dumps({"text": good})]
    with scripted(replies) as server:
        assert writer(server.url, attempts=4).retell(FACT, "note") == good
    with scripted(replies[:3]) as server:
        assert writer(server.url).retell(FACT, "note") is None


def test_a_server_that_is_gone_is_reported() -> None:
    with scripted(["x"]) as server:
        url = server.url
    with pytest.raises(GeneratorError):
        writer(url, attempts=1).items(FACT)


def test_a_whole_set_with_a_generator() -> None:
    reply = said(draft("indirect", "Somebody wants to know how old that oven is; which year would you name?"))
    with scripted([reply]) as server:
        own = writer(server.url, attempts=1)
        made = make_study([stored(TEXT)], StudySettings(shares=Shares(controls=0, removed=0)), writer=own)
    assert made.study.card.writer == f"scripted at {server.url}"
    assert {item.writer for item in made.study.items} == {"rules", made.study.card.writer}
    assert {prompt["purpose"] for prompt in made.prompts} == {"questions", "texts"}
    assert made.study.card.rejected["generator: the reply is not the JSON that was asked for"] >= 1
    assert made.study.card.leaks["left"] == 0
