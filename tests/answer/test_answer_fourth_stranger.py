"""What a fourth stranger met: lists that are no records, benefits that are no contradiction, wrong words in large."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from instill import Workspace
from instill.answer.asked.compared_things import sides_of
from instill.answer.asked.kind_of_answer import read_question
from instill.answer.found.record_query import _have_fields
from instill.answer.found.records import Record, fields_of
from instill.answer.types import UNCERTAIN_BELOW
from tests.answer.answer_corpus import workspace_of

HANDBOOK = {
    "leave.md": """# Leave of absence

## In short

- Paid leave: we give up to 4 weeks of paid medical leave.
- Unpaid leave: after these, eight weeks of unpaid leave are possible.
- In total, a colleague can take up to 12 weeks of medical leave per year.

## Questions

### Q: Can I work part-time during my medical leave and make it longer than 12 weeks?

A: We allow such requests as far as the law requires it and as far as your team can do without you for that time.

### Q: What if I have used up my family leave of 12 weeks through parental leave this year?

A: You may still take medical leave if a doctor says so and you have not taken all of your medical leave before this.

### Q: Do I need to qualify for family leave to take medical leave?

A: No, but if you do qualify for it, both run at the same time, and the papers for both are sent to you by our partner.

### Q: Who do I ask if the form does not open or shows an error?

A: Write to the people team and tell them what you see on the screen, at best with a picture of it and the time of day.
""",
    "parental.md": """# Parental leave

Parents get 16 weeks of paid parental leave, which they can take in the first 12 months after the birth.
""",
    "interviews.md": """# Interviews for engineers

## Technical interview

- Interviewers: two members of the team
- Duration: 45 minutes
- Details: we talk about a system that you have built.

## Pairing

- Interviewers: two engineers
- Duration: 60 minutes
- Details: we solve a small problem together.

## Technical background

- Interviewers: Ona Bruun, co-founder and CTO
- Duration: 45 minutes
- Details: we talk about what you have done so far.

## Last talk

- Interviewers: Ona Bruun, co-founder and CTO
- Duration: 30 minutes
- Details: you ask, we answer.
""",
    "laptops.md": """# Laptops

## Laptop of the sales team

A light one with 16 GB of memory.

## Laptop of the support team

A large one with 32 GB of memory.
""",
}


@pytest.fixture(scope="module")
def handbook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with workspace_of(tmp_path_factory.mktemp("handbook"), HANDBOOK) as opened:
        yield opened


def test_questions_with_their_answers_are_no_records(handbook: Workspace) -> None:
    answer = handbook.ask("How many weeks of medical leave can I take?")
    assert "12 weeks of medical leave per year" in answer.text
    assert "records" not in " ".join(answer.notices)
    prose = "We allow such requests as far as the law requires it and the team can do without you."
    assert not _have_fields([Record(f"Q{n}", 0, 1, f"A: {prose}", fields_of(f"A: {prose}")) for n in range(5)])
    values = "Interviewers: two engineers; Duration: 45 minutes"
    assert _have_fields([Record(f"Stage {n}", 0, 1, values, fields_of(values)) for n in range(5)])


def test_who_somebody_is_is_no_selection_of_what_they_do(handbook: Workspace) -> None:
    answer = handbook.ask("Who is the CTO?")
    assert "Ona Bruun" in answer.text
    assert not any("records" in notice for notice in answer.notices)
    listed = handbook.ask("Which interviews take 45 minutes?")
    assert "Technical interview" in listed.text
    assert "Technical background" in listed.text


def test_two_benefits_that_are_compared_do_not_contradict_each_other(handbook: Workspace) -> None:
    answer = handbook.ask("What is the difference between parental leave and medical leave in weeks?")
    assert not any("different answers" in notice for notice in answer.notices)


def test_that_of_stands_for_the_first_thing(handbook: Workspace) -> None:
    sides = sides_of("Compare the laptop of the sales team with that of the support team.")
    assert [side.text for side in sides] == ["laptop of the sales team", "laptop of the support team"]
    answer = handbook.ask("Compare the laptop of the sales team with that of the support team.")
    assert not answer.abstained
    assert "16 GB" in answer.text
    assert "32 GB" in answer.text


def test_words_alone_are_shown_only_where_the_answer_is_certain(handbook: Workspace) -> None:
    for question in ("How long can parents stay away?", "Who pairs with me?", "What is the memory of laptops?"):
        answer = handbook.ask(question)
        assert answer.is_uncertain is (not answer.abstained and answer.confidence < UNCERTAIN_BELOW)
        assert not (answer.is_uncertain and answer.short)
    assert read_question("Who is the CTO?").wanted[0] == "person"


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Wie hoch ist das Budget für die Einrichtung des Arbeitsplatzes?", "German"),
        ("Combien de semaines de congé maladie sont payées ?", "French"),
        ("¿Cuántas semanas de vacaciones son pagadas por la empresa?", "Spanish"),
    ],
)
def test_a_question_in_another_language_is_told_so(handbook: Workspace, question: str, language: str) -> None:
    answer = handbook.ask(question)
    assert answer.abstained
    assert f"The question is in {language}, and what was found is in English. Ask it in English." in answer.text
    assert not any("Searched for" in notice for notice in answer.notices)


def test_a_question_in_the_language_of_the_documents_is_not(handbook: Workspace) -> None:
    assert "language" not in handbook.ask("What is the wifi password of the office?").text
    assert "Ask it in" not in handbook.ask("How much is the fee for the garage?").text
