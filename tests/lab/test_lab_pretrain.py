"""The micro model's training: which rows when, and what a run that is taken up passes over."""

from __future__ import annotations

from pathlib import Path

import pytest

from instill.lab import pretrain
from instill.lab.pretrain import EPOCH_ROWS, STAGES, PretrainRun
from instill.lab.world import make_world

LESSON_ROWS = {"listing", "retold"}


def test_the_stages_follow_one_another_to_the_end() -> None:
    until = [share for share, _ in STAGES]
    assert until == sorted(set(until))
    assert until[-1] == 1.0


@pytest.mark.parametrize(("number", "tasks"), [(0, LESSON_ROWS), (85, {"question", "reading", "asking", "json"})])
def test_lists_come_first_and_the_prompt_of_ask_last(number: int, tasks: set[str]) -> None:
    rows = pretrain._rows(make_world(), number, PretrainRun(Path("unused"), steps=4400))
    assert len(rows) == EPOCH_ROWS
    found = {row.task for row in rows}
    assert tasks <= found
    assert (found == LESSON_ROWS) == (number == 0)


def test_further_questions_are_asked_by_those_who_want_them() -> None:
    world = make_world()
    asked: dict[bool, set[str]] = {}
    for further in (False, True):
        rows = pretrain._rows(world, 85, PretrainRun(Path("unused"), steps=4400, further=further))
        said = [each for row in rows if row.task == "question" for each in row.messages if each["role"] == "user"]
        asked[further] = {str(each["content"]) for each in said}
    assert not any(text.startswith("Tell me ") for text in asked[False])
    assert any(text.startswith("Tell me ") for text in asked[True])


def test_an_epoch_is_made_when_one_of_its_examples_is_wanted() -> None:
    made = []

    def make() -> list[object]:
        made.append(1)
        return ["first", "second"]

    epoch = pretrain._Epoch(2, make)  # type: ignore[arg-type]
    assert len(epoch) == 2
    assert not made
    assert [epoch[1], epoch[0]] == ["second", "first"]
    assert len(made) == 1
