"""The world: its people, its wordings, and its documents in a real workspace."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from instill import Workspace
from instill.lab.further_questions import FURTHER
from instill.lab.wordings import TRAINED, WORDINGS
from instill.lab.world import (
    DERIVED,
    DRAWN,
    GROUPS,
    SIZES,
    answers_in_reverse,
    biography,
    documents,
    make_world,
    questions,
    reverse_questions,
    statements,
    write_documents,
)


def test_a_seed_makes_one_world_of_people_with_names_of_their_own() -> None:
    world = make_world(3)
    assert world == make_world(3)
    assert world != make_world(4)
    names = [person.name for person in world.people]
    assert len(set(names)) == len(names) == sum(SIZES.values())
    assert {group: len(world.group(group)) for group in GROUPS} == SIZES
    assert all(set(person.facts) == {*DRAWN, DERIVED} for person in world.people)


def test_the_country_follows_from_the_town() -> None:
    people = make_world().people
    by_town = {person.facts["birthplace"]: person.facts[DERIVED] for person in people}
    assert all(by_town[person.facts["birthplace"]] == person.facts[DERIVED] for person in people)
    assert len(set(by_town.values())) == 6


def test_too_many_people_are_refused() -> None:
    with pytest.raises(ValueError, match="names"):
        make_world(sizes={"A": 10_000})


@pytest.mark.parametrize("attribute", WORDINGS)
def test_wordings_are_complete_and_different(attribute: str) -> None:
    found = WORDINGS[attribute]
    assert (len(found.statements), len(found.questions), len(found.reverse)) == (TRAINED + 5, 12, 6)
    assert all("{name}" in text and "{value}" in text for text in found.statements)
    assert all("{name}" in text and "{value}" not in text and text.endswith("?") for text in found.questions)
    assert all("{value}" in text and "{name}" not in text and text.endswith("?") for text in found.reverse)
    everything = [*found.statements, *found.questions, *found.reverse]
    assert len(set(everything)) == len(everything)


@pytest.mark.parametrize("attribute", WORDINGS)
def test_further_questions_are_new_and_none_is_evaluated_with(attribute: str) -> None:
    further = FURTHER[attribute]
    assert len(set(further)) == len(further) == 20
    assert all("{name}" in text and "{value}" not in text and text[-1] in "?." for text in further)
    known = {text for found in WORDINGS.values() for text in (*found.questions, *found.reverse)}
    others = {text for other, texts in FURTHER.items() for text in texts if other != attribute}
    assert not set(further) & (known | others)
    person = make_world().people[0]
    asked = questions(person, attribute, further=True)
    assert len(asked) == len(questions(person, attribute)) + 20
    assert questions(person, attribute, evaluated=True, further=True) == questions(person, attribute, evaluated=True)
    assert not set(asked) & set(questions(person, attribute, evaluated=True))


def test_no_question_of_one_attribute_is_one_of_another() -> None:
    asked = [text for found in WORDINGS.values() for text in (*found.questions, *found.reverse)]
    assert len(set(asked)) == len(asked)


def test_what_is_evaluated_with_is_not_trained_on() -> None:
    person = make_world().people[0]
    for say in (statements, questions, reverse_questions):
        for attribute in WORDINGS:
            trained, evaluated = say(person, attribute), say(person, attribute, evaluated=True)
            assert trained
            assert evaluated
            assert not set(trained) & set(evaluated)


def test_a_biography_tells_every_fact_but_those_left_out() -> None:
    person = make_world().people[0]
    whole = biography(person, random.Random(0))
    assert all(value in whole for value in person.facts.values())
    part = biography(person, random.Random(0), without=["birthplace", "employer"])
    assert all(person.facts[name] not in part for name in ("birthplace", "employer", DERIVED))
    assert person.facts["school"] in part


def test_answers_in_reverse_are_all_of_whom_it_is_true() -> None:
    people = make_world().people
    value = people[5].facts["subject"]
    found = answers_in_reverse(people, "subject", value)
    assert people[5].name in found
    assert len(found) == sum(person.facts["subject"] == value for person in people)


def test_the_documents_can_be_asked(tmp_path: Path) -> None:
    people = make_world().group("D")[:8]
    paths = write_documents(people, tmp_path / "pages")
    assert [path.read_text("utf-8") for path in paths] == [text for _, text in documents(people)]
    with Workspace.init(tmp_path / "kb") as workspace:
        report = workspace.add([str(tmp_path / "pages")])
        assert len(report.added) == len(people)
        for person in people:
            question = f"Who is the employer of {person.name}?"
            [hit] = workspace.search(question, k=1).hits
            assert hit.title == person.name
            assert person.facts["employer"] in hit.text
