"""Rows for reading and refusing, from a real index: what they show, and what they never show."""

from __future__ import annotations

from pathlib import Path

import pytest

from instill.answer.said.prompt import UNKNOWN as NOT_IN_PASSAGES
from instill.compare.arms.prompts import PLAIN, RULES, Wording
from instill.compare.tuned.skill_rows import reading_rows_of, refusal_rows_of
from instill.study.rows_from_facts import UNKNOWN as NOT_SAID
from instill.train.generator.data.rows import Row, read_rows, write_rows
from tests.compare.compare_world import World

BOTH = pytest.mark.parametrize("wording", [PLAIN, RULES], ids=["plain", "rules"])


def shown(row: Row) -> str:
    return " ".join(" ".join(str(message["content"]) for message in row.prompt).split())


@BOTH
def test_reading_is_asked_about_controls_with_their_evidence(world: World, wording: Wording) -> None:
    items = [item for item in world.study.items("gate") if item.phrasing == "control"]
    assert items
    rows = reading_rows_of(world.study, world.passages, wording)
    assert [row.answer for row in rows] == [item.answer for item in items]
    roles = {fact.id: fact.role for fact in world.facts}
    for row, item in zip(rows, items, strict=True):
        assert item.question in shown(row)
        assert all(" ".join(evidence.text.split()) in shown(row) for evidence in item.evidence)
        assert (row.answers, row.group, row.task) == (item.accepted[1:], item.fact_ids[-1], "reading")
        assert roles[row.group] == "control"
        assert item.id in row.place


def test_what_reading_asks_for_is_in_no_training_row(world: World) -> None:
    taught = {fact for row in world.study.rows() for fact in row["facts"]}
    assert taught.isdisjoint(row.group for row in reading_rows_of(world.study, world.passages, PLAIN))


@BOTH
def test_refusals_show_passages_without_what_would_answer(world: World, wording: Wording) -> None:
    items = [item for item in world.study.items("gate") if item.phrasing == "unanswerable"]
    rows = refusal_rows_of(world.study, world.passages, wording)
    assert len(rows) == len(items) > 0
    for row, item in zip(rows, items, strict=True):
        assert item.excluded
        assert item.question in shown(row)
        assert all(" ".join(hidden.text.split()) not in shown(row) for hidden in item.excluded)
        assert row.group == item.fact_ids[-1]


def test_the_right_refusal_is_the_one_of_the_wording(world: World) -> None:
    for wording, unknown, right in ((RULES, "", NOT_IN_PASSAGES), (PLAIN, "", NOT_SAID), (PLAIN, "unknown", "unknown")):
        rows = refusal_rows_of(world.study, world.passages, wording, unknown=unknown)
        assert {row.answer for row in rows} == {right}


def test_a_refusal_shows_as_many_passages_as_asked_for(world: World) -> None:
    for found in (1, 2):
        for row in refusal_rows_of(world.study, world.passages, PLAIN, found=found):
            assert shown(row).count("Passage ") == found


@BOTH
def test_rows_are_the_same_each_time_and_some_can_be_drawn(world: World, wording: Wording) -> None:
    rows = reading_rows_of(world.study, world.passages, wording)
    assert rows == reading_rows_of(world.study, world.passages, wording)
    drawn = reading_rows_of(world.study, world.passages, wording, most=2, seed=1)
    assert len(drawn) == 2
    assert all(row in rows for row in drawn)
    assert len(refusal_rows_of(world.study, world.passages, wording, most=1)) == 1


def test_fences_of_the_rules_still_differ_from_row_to_row(world: World) -> None:
    rows = reading_rows_of(world.study, world.passages, RULES)
    fences = [str(row.prompt[0]["content"]).split("<<")[1].split(" ")[0] for row in rows]
    assert len(set(fences)) == len(rows)
    for fence, row in zip(fences, rows, strict=True):
        assert f"<<{fence} end 1>>" in str(row.prompt[1]["content"])


def test_rows_can_be_written_and_read(world: World, tmp_path: Path) -> None:
    rows = reading_rows_of(world.study, world.passages, RULES)
    file = tmp_path / "reading.jsonl"
    write_rows(rows, file)
    assert [row.as_dict() for row in read_rows(file)] == [row.as_dict() for row in rows]
