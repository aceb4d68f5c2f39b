"""Study questions by a model that lists them: which are taken, and when this way is chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from instill.study.facts import find_facts
from instill.study.questions_by_adapter import ListingWriter
from instill.study.splits import Shares
from instill.study.study_making import StudySettings, make_study
from instill.study.study_workspace import study_workspace
from instill.workspace import Workspace
from tests.study.documents import stored
from tests.study.test_study_questions_about_any_text import Lister

TEXT = "The stone oven was built in 1987 by Marta Lindqvist."
[FACT] = [fact for fact in find_facts([stored(TEXT)]).facts if fact.answer == "1987"]
REPLY = (
    "Q: When was the oven made of stone built?\nA: 1987\n"
    "Q: In which year did Marta Lindqvist finish the stone oven?\nA: in 1987\n"
    "Q: Who built the oven?\nA: Marta Lindqvist\n"
    "Q: Was the oven built in 1987?\nA: 1987\n"
    "Q: When was this text written?\nA: 1987\n"
)


def test_questions_with_the_answer_of_the_fact_are_taken() -> None:
    writer = ListingWriter(Lister(REPLY))
    found = writer.items(FACT)
    assert [(each.question, each.form, each.answer, each.writer) for each in found] == [
        ("When was the oven made of stone built?", "direct", "1987", "lister"),
        ("In which year did Marta Lindqvist finish the stone oven?", "reworded", "1987", "lister"),
    ]
    [logged] = writer.log
    assert (logged["purpose"], logged["fact"], logged["problems"]) == ("questions", FACT.id, [])
    assert TEXT in logged["messages"][-1]["content"]
    assert not writer.rejected


def test_a_fact_without_a_question_is_counted_and_asked_by_the_rules() -> None:
    writer = ListingWriter(Lister("I cannot."))
    assert writer.items(FACT) == []
    assert dict(writer.rejected) == {"generator: no question has the fact's answer": 1}
    made = make_study([stored(TEXT)], StudySettings(shares=Shares(controls=0)), writer=ListingWriter(Lister("No.")))
    assert {item.writer for item in made.study.items} == {"rules"}
    assert made.study.card.writer == "lister"


class Trained(Lister):
    """A small model with an adapter for questions: as it is, it lists nothing."""

    name = "small"

    def __init__(self) -> None:
        super().__init__("As a helpful assistant, I ...")

    def skilled(self, skill: str) -> Any:
        return Lister(REPLY) if skill == "questions" else None


@pytest.mark.parametrize("trained", [True, False])
def test_a_workspace_asks_its_generator_in_the_way_that_it_was_trained_for(trained: bool, tmp_path: Path) -> None:
    generator = Trained() if trained else Lister("As a helpful assistant, I ...")
    with Workspace.init(tmp_path) as workspace:
        workspace.add_text(TEXT, name="oven.md")

        class Studied:
            home, is_empty, reader = workspace.home, False, None
            stored_documents = staticmethod(workspace.stored_documents)

        Studied.generator = generator  # type: ignore[attr-defined]
        made = study_workspace(Studied(), StudySettings(shares=Shares(controls=0)), check=False, generated=True)  # type: ignore[arg-type]
    writers = {item.writer for item in (*made.items("train"), *made.items("gate"))}
    assert writers == ({"rules", "lister"} if trained else {"rules"})
