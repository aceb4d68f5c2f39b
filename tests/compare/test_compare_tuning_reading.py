"""Rows that teach to read, from a real index: what stands in them, and what must not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from instill import Workspace
from instill.answer.said.prompt import UNKNOWN as NOT_IN_PASSAGES
from instill.answer.said.reply import read_reply
from instill.compare.arms.passages import Passages
from instill.compare.arms.prompts import PLAIN, RULES, Wording
from instill.compare.tuned.reading_rows import reading_rows
from instill.errors import UsageError
from instill.study.rows_from_facts import UNKNOWN as NOT_SAID
from instill.study.study_making import find_leaks
from instill.study.study_set import Evidence, StudyItem
from tests.compare.compare_world import World


def made(world: World, wording: Wording = PLAIN, **given: Any) -> list[dict[str, Any]]:
    return reading_rows(world.items, world.passages, wording, **{"facts": world.facts, "seed": 0, **given})


def prompt_of(row: dict[str, Any]) -> str:
    return str(row["messages"][-2]["content"])


def reply_of(row: dict[str, Any]) -> str:
    return str(row["messages"][-1]["content"])


def shown(row: dict[str, Any]) -> list[str]:
    return re.findall(r"^Passage \d+: (.*)$", prompt_of(row), re.MULTILINE)


def trained(world: World) -> dict[str, StudyItem]:
    return {item.id: item for item in world.items if item.split == "train"}


def evidence_in(item: StudyItem, text: str) -> bool:
    return any(" ".join(evidence.text.split()) in text for evidence in item.evidence)


def test_every_training_question_is_asked_and_no_other(world: World) -> None:
    rows, items = made(world), trained(world)
    assert [row["item"] for row in rows] == list(items)
    for row in rows:
        item = items[row["item"]]
        assert prompt_of(row).endswith(f"\nQuestion: {item.question}")
        assert row["facts"] == list(item.fact_ids)
        assert [message["role"] for message in row["messages"]] == ["user", "assistant"]


@pytest.mark.parametrize("distractors", [0, 1, 2])
def test_the_evidence_stands_among_distractors_and_the_answer_follows_from_it(world: World, distractors: int) -> None:
    items = trained(world)
    for row in made(world, without=0, distractors=distractors):
        item = items[row["item"]]
        holding = [evidence_in(item, passage) for passage in shown(row)]
        assert len(holding) == distractors + 1
        assert sum(holding) == bool(item.answer)
        assert (row["task"], reply_of(row)) == (
            ("reading", item.answer) if item.answer else ("reading_unanswerable", NOT_SAID)
        )


def test_the_evidence_is_at_no_fixed_place(world: World) -> None:
    items = trained(world)
    places = {
        [evidence_in(items[row["item"]], passage) for passage in shown(row)].index(True)
        for row in made(world, without=0, distractors=2)
        if row["task"] == "reading"
    }
    assert places == {0, 1, 2}


@pytest.mark.parametrize(("without", "bare"), [(0.0, 0), (0.2, 5), (0.5, 12), (1.0, 23)])
def test_a_share_has_no_evidence_and_no_answer(world: World, without: float, bare: int) -> None:
    items = trained(world)
    rows = [row for row in made(world, without=without, distractors=1) if items[row["item"]].answer]
    assert len(rows) == 23
    lacking = [row for row in rows if row["task"] == "reading_unanswerable"]
    assert len(lacking) == bare
    for row in lacking:
        item = items[row["item"]]
        assert reply_of(row) == NOT_SAID
        assert len(shown(row)) == 2  # As many as with evidence.
        assert not any(evidence_in(item, passage) for passage in shown(row))
        assert not any(answer in passage for answer in item.accepted for passage in shown(row))


def test_nothing_that_is_not_taught_stands_in_a_row(world: World) -> None:
    untaught = [fact for fact in world.facts if fact.role != "taught"]
    assert untaught
    for wording in (PLAIN, RULES):
        rows = reading_rows(world.items, world.passages, wording, facts=world.facts, distractors=5, seed=0)
        told = "\n".join(prompt_of(row) for row in rows)
        assert not any(fact.evidence.text in told for fact in untaught)
        assert "It is used for cakes on Sundays." in told  # What stands beside it in the same passage is left.
        assert find_leaks(world.facts, world.items, [*world.study.rows(), *rows]) == []
    leaking = reading_rows(world.items, world.passages, PLAIN, facts=(), distractors=5, seed=0)
    assert find_leaks(world.facts, world.items, leaking) != []  # The check would have found it.


def test_a_question_about_something_untaught_is_left_out(world: World) -> None:
    held = next(fact for fact in world.facts if fact.role == "control")
    items = [item.model_copy(update={"split": "train"}) for item in world.items if held.id in item.fact_ids]
    assert items
    assert reading_rows(items, world.passages, PLAIN, facts=world.facts, seed=0) == []
    renamed = [item.model_copy(update={"fact_ids": ("another",)}) for item in items]
    assert reading_rows(renamed, world.passages, PLAIN, facts=world.facts, seed=0) == []


def test_the_same_again_is_the_same_and_another_seed_is_not(world: World) -> None:
    assert made(world, RULES) == made(world, RULES)
    assert made(world, RULES) != made(world, RULES, seed=1)
    fences = {match for row in made(world, RULES) for match in re.findall(r"<<(\w+) end 1>>", prompt_of(row))}
    assert len(fences) == len(made(world))  # One for each row, so that none is learnt.
    alone = reading_rows(world.items[:40], world.passages, PLAIN, facts=world.facts, without=0, seed=0)
    assert [row for row in made(world, without=0) if row in alone] == alone


def test_where_the_wording_cites_the_reply_does_with_a_quote_of_the_evidence(world: World) -> None:
    items = trained(world)
    for row in made(world, RULES):
        item = items[row["item"]]
        reply = read_reply(reply_of(row))
        assert row["messages"][0]["role"] == "system"
        if row["task"] == "reading_unanswerable":
            assert reply_of(row) == NOT_IN_PASSAGES
            assert reply.unknown
            continue
        (statement,) = reply.statements
        (number,) = statement.passages
        assert statement.text == item.answer
        assert reply.quotes == {number: [item.evidence[0].text.strip(" \"'")]}
        passage = re.search(rf"passage {number}>>\n(.*?)\n<<\w+ end {number}>>", prompt_of(row), re.DOTALL)
        assert passage is not None
        assert item.evidence[0].text in passage[1]


def test_evidence_of_two_documents_is_all_there_and_all_cited(world: World) -> None:
    sentences = ("The copper oven was painted in 1991 by Ove Nyman.", "It stands beside the river and grinds rye.")
    evidence = []
    for record in world.workspace.index.records():
        document = world.workspace.index.document_text(record.doc_id)
        assert document is not None
        for text in sentences:
            start = document.text.find(text)
            if start >= 0:
                evidence.append(Evidence(doc_id=record.doc_id, start=start, end=start + len(text), text=text))
    assert len(evidence) == 2
    question, accepted = "What grinds rye, and when was the oven painted?", ("the timber mill, 1991", "mill, 1991")
    item = StudyItem(
        id="two", fact_ids=("a", "b"), phrasing="two_documents", form="two_documents", question=question,
        answer=accepted[0], accepted=accepted, evidence=tuple(evidence),
    )  # fmt: skip
    (row,) = reading_rows([item], world.passages, RULES, facts=world.facts, without=0, distractors=1, seed=0)
    reply = read_reply(reply_of(row))
    assert sorted(quote for quotes in reply.quotes.values() for quote in quotes) == sorted(sentences)
    assert set(reply.statements[0].passages) == set(reply.quotes)
    assert prompt_of(row).count(" end ") == 3
    assert {each.doc_id for each in evidence} < set(row["documents"])
    assert "answers" not in row  # They are replies that are right as a whole.
    (plain,) = reading_rows([item], world.passages, PLAIN, facts=world.facts, without=0, distractors=1, seed=0)
    assert plain["answers"] == ["mill, 1991"]


def test_evidence_across_two_passages_is_quoted_from_both(tmp_path: Path) -> None:
    workspace = Workspace.init(tmp_path / "kb")
    sentences = [f"Room {number} of the long house holds {number + 100} jars of honey." for number in range(120)]
    workspace.add_text(" ".join(sentences), name="rooms.txt")
    (record,) = workspace.index.records()
    document = workspace.index.document_text(record.doc_id)
    assert document is not None
    first, second = workspace.index.passages_of(record.doc_id)[:2]
    start, end = first.end - 40, second.start + 40
    text = document.text[start:end]
    item = StudyItem(
        id="i", fact_ids=("f",), phrasing="direct", form="direct", question="Where is the honey?", answer="honey",
        accepted=("honey",), evidence=(Evidence(doc_id=record.doc_id, start=start, end=end, text=text),),
    )  # fmt: skip
    (row,) = reading_rows([item], Passages(workspace), RULES, facts=(), distractors=0, seed=1)
    quotes = read_reply(reply_of(row)).quotes
    assert sorted(quotes) == [1, 2]
    said = " ".join(quote for number in (1, 2) for quote in quotes[number])
    assert sorted(said.split()) == sorted(text.split())
    for number in (1, 2):
        shown_there = prompt_of(row).split(f"passage {number}>>")[1].split(f"end {number}>>")[0]
        assert quotes[number][0] in shown_there


def test_another_reply_may_be_taught_where_nothing_answers(world: World) -> None:
    rows = made(world, without=1, unknown="unknown")
    assert {reply_of(row) for row in rows} == {"unknown"}


def test_numbers_out_of_their_range_are_refused(world: World) -> None:
    for given in ({"distractors": -1}, {"without": 1.1}, {"without": -0.1}):
        with pytest.raises(UsageError, match="between 0 and 1"):
            made(world, **given)
