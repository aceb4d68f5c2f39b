"""The mechanics of the SmolLM2 week, on the micro model: what happens on which day, and what is asked of whom."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import scenes_smollm2
from scenes import ATTRIBUTES
from scenes_smollm2 import Week, asked_by_rows, forward, measured, reverse
from smollm2_rows import tasks

from instill.lab.world import questions
from instill.study.leaks import alike


def test_nothing_is_replayed_that_is_measured() -> None:
    replayed, asked = tasks(1)
    assert (len(replayed), len(asked)) == (190, 60)
    assert not {each.asked for each in replayed} & {each.asked for each in asked}
    capitals = [{each.answer for each in part if each.kind == "capital"} for part in (replayed, asked)]
    assert len(capitals[1]) == 12
    assert not capitals[0] & capitals[1]
    assert {each.kind for each in asked} - {each.kind for each in replayed} == {"other"}
    assert all(each.answer not in each.asked for each in asked if each.kind != "reading")


@pytest.mark.long
def test_five_days_without_a_training(tmp_path: Path) -> None:
    with_cache = tmp_path / "cache"
    with_cache.mkdir()
    week = Week(tmp_path / "week", 0, people=2, base="micro", cache=with_cache)
    assert (with_cache / "replay-0.jsonl").is_file()
    for day in (1, 2, 3):
        week.live(day)
    assert len(week.candidates()) == 2 * len(ATTRIBUTES)  # Those asked for once are none.
    assert {fact.stage for fact in week.workspace.memory().facts()} == {"indexed"}
    week.live(4)
    assert week.changed is not None
    assert week.changed.facts["employer"] != week.old_value
    week.live(5)
    known = week.known(5)
    assert [person.name for person in known] == [week.changed.name, week.late[0].name]
    assert week.gone[0] not in known
    rows = week.workspace.home / "memory" / "training" / "memory-owner" / "rows.jsonl"
    rows.parent.mkdir(parents=True)
    told = forward(known)[0]
    turns = [{"role": "user", "content": told.question}, {"role": "assistant", "content": "anything"}]
    rows.write_text(json.dumps({"messages": turns}) + "\n")
    assert asked_by_rows(week, forward(known)) == {told.question}
    found = measured(week, 5, None)
    assert found["recurring"][3] == len(forward(known)) - 1 == 23
    assert found["old value"][3] == 4
    assert found["forgotten"][3] == 12
    assert found["recurring"][0] <= 0.2  # Nobody told it.
    assert found["perplexity of open replies"] > 1
    index = scenes_smollm2.by_index(week, ask=True)
    assert index["stages"] == {"indexed": 6}
    assert index["quoted"][3] == 6
    week.workspace.close()


def test_questions_are_in_no_wording_in_which_people_ask() -> None:
    from instill.lab.world import make_world

    people = make_world().group("C")[:2]
    asked = {
        question
        for person in people
        for attribute in ATTRIBUTES
        for question in questions(person, attribute)[: scenes_smollm2.WORDINGS]
    }
    assert not asked & {each.question for each in forward(people)}
    assert all(not alike(each.question, other) for each in reverse(people) for other in asked)
