"""Several facts of one paragraph: a value belongs to the questions that ask for it, and to no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from instill import Workspace
from instill.memory.answered_elsewhere import Elsewhere, answered_otherwise
from instill.memory.kind_of_value import has_kind_wanted, kinds_wanted

PEOPLE = {
    "Ruben Askel": ("Koralla", "Juniper Motors", "1929"),
    "Edda Wynn": ("Tilsby", "Vector Tools", "1935"),
}
WORDINGS = (
    (
        "Where was {} born?",
        "What is the birthplace of {}?",
        "In which town was {} born?",
        "What town does {} come from?",
    ),
    ("Who does {} work for?", "Who is the employer of {}?", "Which company employs {}?", "What is the employer of {}?"),
    ("When was {} born?", "What is the year of birth of {}?", "In what year was {} born?", "What is {}'s birth year?"),
)
"""Of the town, the employer and the year."""


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    for name, (town, employer, year) in PEOPLE.items():
        text = f"{name} was born in {town}. {name} works for {employer}. {name} was born in the year {year}.\n"
        (tmp_path / f"{name}.md").write_text(text)
    with Workspace.init(tmp_path / "kb") as found:
        for name in PEOPLE:
            found.add(tmp_path / f"{name}.md")
        yield found


def test_no_fact_pairs_a_question_with_the_value_of_another(workspace: Workspace) -> None:
    asked = {
        wording.format(name): values[number]
        for name, values in PEOPLE.items()
        for number, wordings in enumerate(WORDINGS)
        for wording in wordings
    }
    for question in asked:
        workspace.ask(question)
    facts = workspace.memory().facts(asked="none")
    assert all(len({asked[wording] for wording in fact.wordings}) == 1 for fact in facts)
    assert all(not fact.answer or asked[fact.question] in fact.answer for fact in facts)
    answered = {asked[fact.question] for fact in facts if fact.answer and fact.uses >= 3}
    assert answered == {value for values in PEOPLE.values() for value in values}


@pytest.mark.parametrize(
    ("name", "noun", "value", "disputed_by"),
    [
        ("Selma Tarrow", "employer", "Vector Tools", "Cobalt Mills"),
        ("Selma Tarrow", "employer", "Cobalt Mills", ""),
        ("Jonas Pell", "employer", "Vector Tools", "Lantern Foods"),
        ("Jonas Pell", "manager", "Ida Berg", ""),
        ("Jonas Pell", "phone number", "555 0100", ""),
    ],
)
def test_a_page_that_says_otherwise_in_other_words_disputes_what_is_edited(
    tmp_path: Path, name: str, noun: str, value: str, disputed_by: str
) -> None:
    question = f"What is the {noun} of {name}?"
    with Workspace.init(tmp_path / "kb") as workspace:
        for who, town, employer in (
            ("Selma Tarrow", "Norhaven", "Cobalt Mills"),
            ("Jonas Pell", "Marrowick", "Lantern Foods"),
            ("Edda Wynn", "Tilsby", "Vector Tools"),
        ):
            workspace.add_text(f"{who} was born in {town}. {who} works for {employer}.\n", name=f"{who}.md")
        workspace.add_text(f"The answer to “{question}” is: {value}.\n", name="note.md")
        workspace.refresh()
        fact = workspace.remember(question, value, document="stdin:note.md")
    [found] = [each for each in fact.why if each.name == "undisputed"]
    if disputed_by:
        assert found.met is False
        assert found.said.startswith(f"stdin:{name}.md says “")
        assert found.said.endswith(f"{disputed_by}”, and this fact says “{value}”: correct one of both.")
    else:
        assert found.met is not False


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("What is the year of birth of Ann?", "date"),
        ("What is Ann's birth year?", "date"),
        ("What is the birthplace of Ann?", "place"),
        ("Ann: what is the employer?", "person"),
        ("Name the employer of Ann.", "person"),
        ("Which company employs Ann?", "person"),
        ("What is the price of a ticket?", "number"),
        ("How much is it?", "number"),
        ("What is the distance to the town?", ""),
        ("What is the company car?", ""),
    ],
)
def test_the_kind_of_value_that_is_asked_for(question: str, kind: str) -> None:
    assert kinds_wanted(question) == (frozenset({kind}) if kind else frozenset())


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ("When was Ann born?", "Koralla", False),
        ("When was Ann born?", "Ann was born in 1929", True),
        ("When is it reported?", "as soon as it is found", True),
        ("How many tons?", "Vector Tools", False),
        ("How many tons?", "twelve", True),
        ("Who employs Ann?", "1929", False),
        ("Who employs Ann?", "Ann", False),
        ("Who approves it?", "the head of department", True),
        ("What does it do?", "1929", True),
    ],
)
def test_an_answer_has_the_kind_of_value_that_is_asked_for(question: str, answer: str, expected: bool) -> None:
    assert has_kind_wanted(question, answer) is expected


@pytest.mark.parametrize(
    ("question", "answer", "document", "disputed"),
    [
        ("When did Ada Holm die?", "1950", "deaths", False),
        ("What is the year of death of Ada Holm?", "1950", "deaths", False),
        ("When was Ada Holm born?", "1901", "births", False),
        ("What is the year of birth of Ove Nyman?", "1899", "births", False),
        ("When did Ove Nyman die?", "1961", "deaths", True),
    ],
)
def test_two_dates_of_one_person_are_two_facts(
    tmp_path: Path, question: str, answer: str, document: str, disputed: bool
) -> None:
    """A year of birth disputes no year of death; another year of death does."""
    with Workspace.init(tmp_path / "kb") as found:
        found.add_text("# Obituaries\n\nAda Holm died in 1950.\n\nOve Nyman died in 1961.\n", name="deaths.md")
        births = "Ada Holm was born in 1901 in Lund.\n\nOve Nyman was born in 1899 in Malmo."
        found.add_text(f"# Births\n\n{births}\n", name="births.md")
        found.add_text("# Chronicle\n\nThe painter Ove Nyman died in 1963 at home.\n", name="chronicle.md")
        fact = found.remember(question, answer, document=f"stdin:{document}.md")
        said = next(each for each in fact.why if each.name == "undisputed")
        assert (said.met is False) is disputed, said.said


def test_what_holds_the_same_value_too_says_nothing_else() -> None:
    def ask(_: str, without: frozenset[str]) -> Elsewhere | None:
        return None if "d2" in without else Elsewhere("d2", "page.md", "1901", "Ada Holm (1901–1950) was a painter.")

    assert answered_otherwise(["When did Ada Holm leave?"], "1950", "d1", ask) is None
    found = answered_otherwise(["When did Ada Holm leave?"], "1951", "d1", ask)
    assert found is not None
    assert found.source == "page.md"
