"""What counts as unanswerable is answered by nothing that may be seen."""

from __future__ import annotations

import re

from instill.index.lookup import StoredDocument
from instill.index.types import DocumentRecord
from instill.study.answered_elsewhere import Elsewhere
from instill.study.question_filters import unanswered
from instill.study.rules.wordings_of_fact import items_of
from instill.study.splits import Shares, with_roles
from instill.study.study_making import StudySettings, make_study
from instill.study.study_set import Evidence, Fact


def document(name: str, text: str) -> StoredDocument:
    record = DocumentRecord(name, f"{name}.md", "markdown", name.title(), "", 0, "", "", (), {}, 1, "")
    return StoredDocument(record, text, (), (), ())


def fact(held: StoredDocument, sentence: str, answer: str, kind: str, subject: str = "") -> Fact:
    start = held.text.index(sentence)
    at = start + sentence.index(answer)
    evidence = Evidence(doc_id=held.record.doc_id, start=start, end=start + len(sentence), text=sentence)
    return Fact(
        id=f"{kind}:{answer}", doc_id=held.record.doc_id, evidence=evidence, subject=subject, answer=answer, start=at,
        end=at + len(answer), kind=kind, title=held.record.title,
    )  # fmt: skip


INSIGHTS = "Code insights is the first feature that was built for managers."
OVEN = document(
    "oven",
    f"{INSIGHTS}\n\nThe oven was built in 1987. The oven was restored in 1999 by Ove Nyman.\n\n"
    "Loaves are sold by Elin Dahl on Fridays. Bread is baked with GNU (a kind of flour).",
)
OTHER = document(
    "strategy", "Code insights lets people track code.\n\nElin Dahl sells all loaves.\n\nThe mill is of 1999."
)


def test_only_what_nothing_else_tells_is_hidden() -> None:
    facts = {
        "open": fact(OVEN, INSIGHTS, "the first feature that was built for managers", "definition", "Code insights"),
        "hidden": fact(OVEN, "The oven was built in 1987.", "1987", "date", "The oven"),
        "other subject": fact(OVEN, "The oven was restored in 1999 by Ove Nyman.", "1999", "date", "The oven"),
        "told elsewhere": fact(OVEN, "Loaves are sold by Elin Dahl on Fridays.", "Elin Dahl", "name", "Loaves"),
        "gap": fact(OVEN, "Loaves are sold by Elin Dahl on Fridays.", "Fridays", "cloze"),
        "explained": fact(OVEN, "Bread is baked with GNU (a kind of flour).", "GNU", "cloze"),
        "common word": fact(OVEN, "Loaves are sold by Elin Dahl on Fridays.", "sold", "cloze"),
    }
    elsewhere = Elsewhere([OVEN, OTHER], list(facts.values()))
    assert [name for name, each in facts.items() if elsewhere.can_be_hidden(each)] == ["hidden", "other subject", "gap"]
    gone = with_roles(
        list(facts.values()), shares=Shares(controls=0, removed=0.9), can_be_hidden=elsewhere.can_be_hidden
    )
    removed = {each.id for each in gone if each.role == "removed"}
    assert removed == {"date:1987", "date:1999"}, "the gap shares its sentence with what is told elsewhere"


STONE = document("stone", "The stone oven was built in 1987 by Marta Lindqvist.")
BUILT = fact(STONE, STONE.text, "1987", "date", "the stone oven")
HIDDEN = BUILT.model_copy(update={"role": "removed"})


def test_hidden_facts_are_not_asked_by_keywords() -> None:
    forms = {item.form for item in items_of(HIDDEN)}
    assert "direct" in forms
    assert "keywords" not in forms


def test_what_a_reader_finds_an_answer_to_is_left_out() -> None:
    items = items_of(HIDDEN)
    asked = items_of(BUILT)
    found = unanswered([*items, *asked], [HIDDEN], lambda item, _: item.form == "direct")
    assert [item for item in found.kept if item.answer] == asked
    assert {item.form for item in found.kept if not item.answer} == {item.form for item in items} - {"direct"}
    assert found.rejected == {"something else may answer what should have no answer": 1}


def test_a_study_set_hides_no_definition() -> None:
    """As in a handbook: many definitions, some of them said twice in other words."""
    pages = [
        document(f"page{n}", f"Thing{n} is a tool that helps people with task {n} in the office.\n\n"
                 f"Thing{n} was built in {1900 + n} by Marta Holm{n}.\n\nPeople like Thing{n} for its speed.")
        for n in range(40)
    ]  # fmt: skip
    made = make_study(pages, StudySettings(shares=Shares(removed=0.2), unsaid=0))
    removed = [each for each in made.study.facts if each.role == "removed"]
    asked = [item.question for item in made.study.items if not item.answer]
    assert len(removed) >= 10
    assert {each.kind for each in removed} <= {"date", "name"}
    assert not [each for each in asked if re.search(r"^What (?:is|are)|define|definition", each)]
