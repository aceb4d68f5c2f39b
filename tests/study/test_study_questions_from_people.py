"""Questions that people bring: each is tied to the words that answer it, and goes where it measures."""

import json
from collections import Counter
from pathlib import Path

import pytest

from instill.errors import UsageError
from instill.index.lookup import StoredDocument
from instill.study.purged import without_documents
from instill.study.questions_from_people import PEOPLE, tie
from instill.study.stored_study import write_study
from instill.study.study_making import NOT_DRAWN, StudySettings, make_study
from instill.study.types import AskedQuestion, EvidenceText
from tests.study.documents import stored

OVEN = "# Stone oven\n\nIt rained in 1987.\n\nThe stone oven was built in 1987 by Marta Lindqvist. It holds 40\nloaves."
MILL = "# Water mill\n\nThe mill was built in 1854. It grinds 40 sacks a day."


def held() -> list[StoredDocument]:
    return [stored(OVEN, "oven", "Stone oven"), stored(MILL, "mill", "Water mill")]


def test_a_question_is_tied_to_the_sentence_that_answers_it() -> None:
    tied = tie([AskedQuestion(question="When was the oven built?", answer="1987")], held())
    [item] = tied.items
    assert item.evidence[0].text == "The stone oven was built in 1987 by Marta Lindqvist."
    assert OVEN[item.evidence[0].start : item.evidence[0].end] == item.evidence[0].text
    [fact] = tied.facts
    assert OVEN[fact.start : fact.end] == fact.answer == "1987"


def test_the_words_of_the_question_choose_among_documents() -> None:
    tied = tie(
        [
            AskedQuestion(question="How many sacks does the mill grind?", answer="40"),
            AskedQuestion(question="How many loaves fit in?", answer="40"),
        ],
        held(),
    )
    assert [item.evidence[0].text for item in tied.items] == ["It grinds 40 sacks a day.", "It holds 40\nloaves."]


def test_a_quote_is_found_whatever_its_white_space_and_a_document_by_the_end_of_its_path() -> None:
    asked = AskedQuestion(
        question="Loaves?", answer="40 loaves", evidence=(EvidenceText("It  holds 40 loaves.", "oven.md"),)
    )
    [item] = tie([asked], held()).items
    assert item.evidence[0].text == "It holds 40\nloaves."
    assert item.answer == "40\nloaves"
    assert "40 loaves" in item.accepted


def test_an_answer_inside_a_longer_word_is_none() -> None:
    tied = tie([AskedQuestion(question="How many days?", answer="8", line=3)], held())
    assert not tied.items
    assert tied.problems == ["line 3: its answer stands in no document: How many days?"]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (AskedQuestion("When?", "1987", (EvidenceText("1987", "barn.md"),)), "its document is not in the workspace"),
        (AskedQuestion("When?", "1987", (EvidenceText("It was never built."),)), "its quote stands in no document"),
        (
            AskedQuestion("When?", "1999", (EvidenceText("It rained in 1987."),)),
            "its answer does not stand in its quote",
        ),
    ],
)
def test_what_cannot_be_tied_is_told(asked: AskedQuestion, reason: str) -> None:
    tied = tie([asked], held())
    assert [each.reason for each in tied.left_out] == [reason]


def test_wordings_of_one_fact_are_of_one_fact_and_reverse_questions_too() -> None:
    quote = (EvidenceText("The stone oven was built in 1987 by Marta Lindqvist."),)
    tied = tie(
        [
            AskedQuestion(
                question="What did Marta Lindqvist build in 1987?", answer="stone oven", evidence=quote, form="reverse"
            ),
            AskedQuestion(question="Who built the oven?", answer="Marta Lindqvist", evidence=quote),
            AskedQuestion(
                question="Whose work is the oven?", answer="Marta Lindqvist", evidence=quote, form="reworded"
            ),
        ],
        held(),
    )
    assert len(tied.facts) == 1
    assert {item.fact_ids for item in tied.items} == {(tied.facts[0].id,)}
    assert {item.answer for item in tied.items} == {"stone oven", "Marta Lindqvist"}


def test_unanswerable_questions_stand_beside_the_nearest_fact_none_twice() -> None:
    asked = [
        AskedQuestion(question="When was the oven built?", answer="1987"),
        AskedQuestion(question="When was the mill built?", answer="1854"),
        AskedQuestion(question="Who sold the mill?", answerable=False),
        AskedQuestion(question="Who sold the oven?", answerable=False),
        AskedQuestion(question="Who sold the barn?", answerable=False),
    ]
    tied = tie(asked, held())
    mill = next(fact.id for fact in tied.facts if fact.answer == "1854")
    found = [item for item in tied.items if item.phrasing == "unanswerable"]
    assert [item.fact_ids[0] == mill for item in found] == [True, False]
    assert [each.reason for each in tied.left_out] == ["more unanswerable questions than facts"]


def test_the_gate_asks_what_people_ask_and_training_what_the_rules_write() -> None:
    documents = [stored(f"The mill {number} was built in {1800 + number}.", f"m{number}") for number in range(40)]
    brought = [
        AskedQuestion(question=f"How old is mill {number}, by its year?", answer=str(1800 + number))
        for number in range(40)
    ]
    made = make_study(documents, brought=brought)
    people = [item for item in made.study.items if item.writer == PEOPLE]
    assert len(people) == 40
    assert all(item.split != "train" for item in people)
    taught = {fact.id for fact in made.study.facts if fact.role == "taught"}
    trained = {item.fact_ids[0] for item in made.study.of("train")}
    assert trained == taught
    assert made.study.card.writer == PEOPLE
    removed = {fact.id for fact in made.study.facts if fact.role == "removed"}
    hidden = [item for item in people if item.fact_ids[0] in removed]
    assert removed
    assert all(item.phrasing == "unanswerable" and item.excluded for item in hidden)
    shown = " ".join(json.dumps(row) for row in made.rows)
    untaught = [fact for fact in made.study.facts if fact.role != "taught"]
    assert not any(fact.evidence.text in shown for fact in untaught)


def test_without_an_answer_the_quote_is_the_answer() -> None:
    [item] = tie([AskedQuestion("Does it rain?", evidence=(EvidenceText("It rained in 1987."),))], held()).items
    assert item.answer == item.evidence[0].text == "It rained in 1987."


def test_without_a_question_that_can_be_tied_there_is_no_set() -> None:
    with pytest.raises(UsageError, match="None of the answers occurs in the documents"):
        make_study(held(), brought=[AskedQuestion("When?", "2001")])


def test_questions_of_people_that_are_left_out_are_kept_with_the_reason(tmp_path: Path) -> None:
    documents = [stored(f"The mill {number} was built in {1800 + number}.", f"m{number}") for number in range(12)]
    brought = [AskedQuestion(f"How old is mill {number}, by its year?", str(1800 + number)) for number in range(12)]
    brought += [
        AskedQuestion("How old is mill 3, by its year?", "1803"),
        AskedQuestion("Was mill 5 built in 1805?", "1805"),
        AskedQuestion("When was the tower built?", "2001"),
    ]
    made = make_study(documents, brought=brought)
    card = made.study.card
    reasons = {
        "How old is mill 3, by its year?": "asked already in nearly the same words",
        "Was mill 5 built in 1805?": "its answer stands in the question",
        "When was the tower built?": "its answer stands in no document",
    }
    assert {each.question: each.reason for each in made.left_out} == reasons
    assert card.rejected_of_people == dict(Counter(sorted(reasons.values())))
    assert card.writers == dict(Counter(sorted(item.writer for item in made.study.items)))
    assert (card.writers[PEOPLE], card.writers["rules"] > 0) == (12, True)
    study = write_study(tmp_path, made.study, made.rows, made.prompts, left_out=made.left_out)
    assert study.left_out() == list(made.left_out)
    [mill] = {doc_id for each in made.left_out if "mill 3" in each.question for doc_id in each.doc_ids}
    left = without_documents(study, [mill])
    assert left is not None
    assert [each.question for each in left.left_out()] == ["Was mill 5 built in 1805?"]
    assert left.card.writers[PEOPLE] == 11


def test_questions_whose_facts_are_not_drawn_are_told() -> None:
    documents = [stored(f"The mill {number} was built in {1800 + number}.", f"m{number}") for number in range(6)]
    brought = [AskedQuestion(f"How old is mill {number}, by its year?", str(1800 + number)) for number in range(6)]
    made = make_study(documents, StudySettings(most_facts=4), brought=brought)
    assert [each.reason for each in made.left_out] == [NOT_DRAWN] * 2
    assert made.study.card.rejected_of_people == {NOT_DRAWN: 2}
