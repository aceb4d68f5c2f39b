"""Planted leaks are found, and independent questions raise no alarm."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from instill.study.leaks import Text, evidence_leaks, longest_run, question_leaks, texts_of_rows
from instill.study.study_set import Evidence, Fact, StudyItem
from tests.study.documents import FIRST, LAST, MATERIALS, PLACES, THINGS

VERBS = ["built", "repaired", "sold", "painted", "moved", "closed", "opened", "inspected", "insured", "rented"]


def item(question: str, id_: str = "i") -> StudyItem:
    return StudyItem(id=id_, fact_ids=("f",), phrasing="direct", form="direct", question=question, answer="x")


def questions(count: int, *, seed: int) -> list[str]:
    """Different questions from few frames: each has its own thing, place, name and verb."""
    rng = Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        thing = f"{rng.choice(MATERIALS)} {rng.choice(THINGS)} of {rng.choice(PLACES)}"
        name = f"{rng.choice(FIRST)} {rng.choice(LAST)}"
        verb = rng.choice(VERBS)
        frame = rng.choice(
            (
                f"When was the {thing} {verb} by {name}?",
                f"In what year was the {thing} {verb}?",
                f"Could you tell me who {verb} the {thing} for {name}?",
                f"{thing} {verb} {name}",
            )
        )
        found[frame] = None
    return list(found)


ASKED = questions(400, seed=1)
OTHERS = [Text(question, f"t{number}", is_question=True) for number, question in enumerate(questions(400, seed=2))]


def planted(how: str, question: str, rng: Random) -> Text:
    words = question.rstrip("?").split()
    match how:
        case "exact":
            return Text(question.upper(), "planted", is_question=True)
        case "within a row":
            return Text(f"It was a long day. He asked: {question} Nobody knew.", "planted")
        case "reordered":
            rng.shuffle(words)
            return Text(" ".join(words), "planted", is_question=True)
        case _:  # A paraphrase with a long overlap: another opening and another last word.
            return Text(f"Please say, {' '.join(words[:-1])} back then?", "planted", is_question=True)


@pytest.mark.parametrize("how", ["exact", "within a row", "reordered", "long overlap"])
def test_planted_leaks_are_found(how: str) -> None:
    rng = Random(5)
    for question in [one for one in ASKED if one.endswith("?")][:40]:
        leaks = question_leaks([item(question)], [*OTHERS, planted(how, question, rng)])
        assert any(leak.where == "planted" for leak in leaks), question


def test_leaks_into_rows_and_prompts_are_found_by_their_place() -> None:
    question = "In what year was the copper forge of Skara repaired?"
    turns = [{"role": "user", "content": f"Please tell me: {question}"}, {"role": "assistant", "content": "1702"}]
    rows: list[dict[str, Any]] = [
        {"text": "Somebody wanted to know in what year was the copper forge of Skara repaired."},
        {"messages": turns},
    ]
    leaks = question_leaks([item(question)], texts_of_rows([{"text": "Nothing."}, *rows]))
    assert {leak.where for leak in leaks} == {"row 2", "row 3"}
    prompt = Text(f"Rewrite the text. Never answer this: {question}\nText: The forge is old.", "prompt 1")
    assert [leak.where for leak in question_leaks([item(question)], [prompt])] == ["prompt 1"]


def test_a_statement_of_the_fact_is_no_leak_of_its_question() -> None:
    text = "The copper forge of Skara in the old harbour was repaired in 1702 by Nils Dahl."
    for question in (
        "When was the copper forge of Skara in the old harbour repaired?",
        "Who repaired the copper forge of Skara in the old harbour?",
        "copper forge Skara repaired",
    ):
        assert question_leaks([item(question)], [Text(text, "row 1")]) == []


def test_independent_questions_raise_few_alarms() -> None:
    """Of 400 x 400 pairs that differ in thing, name or verb, at most a hundredth of the questions is suspected."""
    asked = [item(question, str(number)) for number, question in enumerate(questions(400, seed=11))]
    same = {text.text for text in OTHERS}
    suspected = {leak.id for leak in question_leaks(asked, OTHERS) if asked[int(leak.id)].question not in same}
    assert len(suspected) <= 40
    far = [Text(f"How many {word}s are sent to the mainland every winter?", str(word)) for word in THINGS]
    assert question_leaks(asked, far) == []


def fact(text: str, id_: str = "f") -> Fact:
    evidence = Evidence(doc_id="d", start=0, end=len(text), text=text)
    return Fact(id=id_, doc_id="d", evidence=evidence, subject="", answer="1702", start=0, end=4, kind="date")


def test_evidence_of_a_control_is_found_in_texts() -> None:
    held = fact("The copper forge of Skara was repaired in 1702 by Nils Dahl and two friends.")
    told = Text("As we know, the copper forge of SKARA was repaired in 1702, long ago.", "row 7")
    [leak] = evidence_leaks([held], [Text("The forge is old.", "row 1"), told])
    assert (leak.kind, leak.id, leak.where) == ("evidence", "f", "row 7")
    assert "of skara was repair" in leak.shared
    silent = Text(
        "As we know, the copper forge of Skara was repaired in the spring by Nils Dahl and two friends.", "row 8"
    )
    assert evidence_leaks([held], [silent]) == []  # Without the answer.
    short = fact("Skara has 1702 wells.")
    assert [one.where for one in evidence_leaks([short], [Text("In Skara has 1702 wells now.", "row 2")])] == ["row 2"]
    assert evidence_leaks([short, held], [Text("Skara has wells.", "row 3")]) == []


def test_the_longest_run() -> None:
    assert longest_run("", "a") == (0, 0)
    assert longest_run("abcd", "xbcyab") == (0, 2)
    assert longest_run("abc", "abc") == (0, 3)
