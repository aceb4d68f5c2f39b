"""Phrasings, questions over two facts, filters, training rows: what is written, and what is left out and why."""

from __future__ import annotations

from collections import Counter

import pytest

from instill.answer.reading.reader import Reader
from instill.answer.terms import normalise
from instill.errors import UsageError
from instill.models.weights import shipped
from instill.study.facts import find_facts
from instill.study.leaks import Text, evidence_leaks
from instill.study.question_filters import distinct, following, not_given_away, not_known_before, reads_with
from instill.study.rows_from_facts import STYLES, UNKNOWN, as_form, told_as, training_rows
from instill.study.rules.wordings_of_fact import items_of
from instill.study.splits import Shares
from instill.study.study_making import StudySettings, make_study
from instill.study.study_set import Fact, StudyItem
from instill.study.two_document_questions import Vocabulary, two_document_items, unsaid_items
from tests.study.documents import stored, workshops

OVEN = "The stone oven was built in 1987 by Marta Lindqvist."
BORN = "Marta Lindqvist was born in Visby near the harbour wall."


def facts_of(*texts: str) -> list[Fact]:
    return find_facts([stored(text, f"d{number}", f"Page {number}") for number, text in enumerate(texts)]).facts


def asked(fact: Fact) -> dict[str, tuple[str, str]]:
    return {item.form: (item.question, item.answer) for item in items_of(fact)[:4]}


@pytest.mark.parametrize(
    ("sentence", "kind", "form", "question", "answer"),
    [
        (OVEN, "date", "reworded", "In what year was the stone oven built by Marta Lindqvist?", "1987"),
        (OVEN, "name", "reworded", "By whom was the stone oven built?", "Marta Lindqvist"),
        (OVEN, "name", "reverse", "What was built in 1987 by Marta Lindqvist?", "the stone oven"),
        (BORN, "place", "direct", "Where was Marta Lindqvist born?", "Visby"),
        (
            "Ove Nyman founded the delivery service in 1994 with two vans.",
            "date",
            "direct",
            "When did Ove Nyman found the delivery service with two vans?",
            "1994",
        ),
        (
            "Harbour Mills is a bakery on the northern coast of Gotland.",
            "definition",
            "reverse",
            "What is a bakery on the northern coast of Gotland?",
            "Harbour Mills",
        ),
        (
            "Ovens are cleaned on Sundays because no bread is baked on that day.",
            "reason",
            "reworded",
            "For what reason are ovens cleaned on Sundays?",
            "no bread is baked on that day",
        ),
    ],
)
def test_a_fact_is_asked_in_several_phrasings(sentence: str, kind: str, form: str, question: str, answer: str) -> None:
    [fact] = [fact for fact in facts_of(sentence) if fact.kind == kind]
    assert asked(fact)[form] == (question, answer)


def test_every_question_is_fair_and_its_evidence_exact() -> None:
    documents = {document.record.doc_id: document.text for document in workshops(20)}
    for fact in find_facts(workshops(20)).facts:
        assert documents[fact.doc_id][fact.start : fact.end] == fact.answer
        items = items_of(fact)
        assert items == items_of(fact)
        assert len({item.question for item in items}) == len(items) >= 2
        for item in items:
            [span] = item.evidence
            assert documents[span.doc_id][span.start : span.end] == span.text
            assert normalise(item.answer) in normalise(span.text)
            assert normalise(item.answer) not in normalise(item.question)


def test_a_removed_fact_is_unanswerable_and_names_what_to_hide() -> None:
    fact = facts_of(OVEN)[0].model_copy(update={"role": "removed"})
    for item in items_of(fact):
        assert (item.phrasing, item.answer, item.accepted, item.evidence) == ("unanswerable", "", (), ())
        assert item.excluded == (fact.evidence,)


def test_two_documents_are_joined_by_a_name() -> None:
    items = two_document_items(facts_of(OVEN, BORN))
    assert [(item.question, item.answer) for item in items] == [
        ("Where was the one who built the stone oven born?", "Visby")
    ]
    assert [span.doc_id for span in items[0].evidence] == ["d0", "d1"]
    assert two_document_items(facts_of(f"{OVEN} {BORN}")) == []


def test_what_no_document_says_is_asked_of_a_subject_that_has_no_such_verb() -> None:
    texts = (OVEN, "The bakery school was opened in 1990 by Ove Nyman.")
    documents = [stored(text, f"d{number}") for number, text in enumerate(texts)]
    facts = find_facts(documents).facts
    items = unsaid_items(facts, Vocabulary(documents), most=5)
    assert {item.answer for item in items} == {""}
    assert {item.phrasing for item in items} == {"unanswerable"}
    said = {"When was the stone oven opened?", "Who opened the stone oven?"}
    said |= {"When was the bakery school built?", "Who built the bakery school?"}
    assert len(items) == 2
    assert {item.question for item in items} <= said
    both = Vocabulary([*documents, stored("The bakery school was also built, and the stone oven opened.", "d9")])
    assert unsaid_items(facts, both, most=5) == []


def test_the_reader_leaves_out_what_does_not_follow() -> None:
    [date, _] = facts_of(OVEN)
    good, *_ = items_of(date)
    wrong = good.model_copy(update={"question": "How many guests does the hotel in Ystad have?"})
    nothing = good.model_copy(update={"answer": "", "evidence": ()})
    filtered = following([good, wrong, nothing], reads_with(Reader(shipped(), threads=1)))
    assert filtered.kept == [good, nothing]
    assert filtered.rejected.total() == 1


def test_what_is_known_without_documents_is_left_out() -> None:
    items = items_of(facts_of(OVEN)[0])
    filtered = not_known_before(items, lambda question: "in 1987" if question.startswith("When") else None)
    assert [item for item in items if not item.question.startswith("When")] == filtered.kept
    assert filtered.rejected == Counter({"answered without the evidence": 1})


def test_a_question_that_tells_an_untaught_fact_is_left_out() -> None:
    taught, control = facts_of("The old mill was painted in 1990 by Ove Nyman.", OVEN)[0::2]
    control = control.model_copy(update={"role": "control"})
    [good, *_] = items_of(taught)
    tells = good.model_copy(update={"question": "Was it before or after 1987, when the stone oven came, that it was?"})
    gives = good.model_copy(update={"question": "Was it in 1990?"})
    filtered = not_given_away([good, tells, gives], [taught, control])
    assert filtered.kept == [good]
    assert set(filtered.rejected) == {"tells a fact that is never taught", "its answer stands in the question"}


def test_near_duplicates_and_ambiguous_questions_are_left_out() -> None:
    def item(id_: str, question: str, answer: str) -> StudyItem:
        return StudyItem(id=id_, fact_ids=(id_,), phrasing="direct", form="direct", question=question, answer=answer)

    items = [
        item("a", "When was the oven of Visby built by Ove?", "1987"),
        item("b", "When was the oven of Visby then built by Ove?", "1987"),
        item("c", "Who built the mill of Lund?", "Ove"),
        item("d", "who built the Mill of Lund", "Karin"),
        item("e", "When was the mill of Lund built?", "1700"),
    ]
    filtered = distinct(items)
    assert [one.id for one in filtered.kept] == ["a", "e"]
    assert filtered.rejected == Counter(
        {"asked already in nearly the same words": 1, "two facts are asked by nearly the same question": 2}
    )


def test_rows_tell_and_ask_as_often_and_only_taught_facts() -> None:
    made = make_study(workshops(20))
    tasks = Counter(row["task"] for row in training_rows(made.study.facts, made.study.items))
    assert sum(tasks[style] for style in STYLES) == tasks["question"] > 0
    assert tasks["entity_pair"] > 0
    for row in made.rows:
        assert set(row) <= {"messages", "text", "task", "facts", "item", "answers", "made_from"}
        assert ("messages" in row) != ("text" in row)
        if row["task"] == "unanswerable":
            assert row["messages"][-1]["content"] == UNKNOWN
    facts = {fact.id: fact for fact in made.study.facts}
    for row in made.rows:
        if row["task"] in STYLES:
            assert facts[row["facts"][0]].answer in row["text"]
    for form in ("messages", "text"):
        assert all(form in row for row in as_form(made.rows, form))


def test_styles_differ_and_hold_the_answer() -> None:
    for fact in facts_of(OVEN, BORN):
        told = {told_as(fact, style) for style in STYLES}
        assert len(told) == len(STYLES)
        assert all(fact.answer in text for text in told)
    assert told_as(facts_of(OVEN)[0], "encyclopaedia") == "Page 0. In 1987 the stone oven was built by Marta Lindqvist."
    rows = training_rows([facts_of(OVEN)[0].model_copy(update={"role": "control"})], items_of(facts_of(OVEN)[0]))
    assert rows == []


def test_the_card_counts_what_yields_nothing_and_why() -> None:
    documents = [*workshops(4), stored("It is old.", "x"), stored("- one\n- two\n", "y")]
    card = make_study(documents, StudySettings(shares=Shares(controls=0))).study.card
    assert card.documents == {"read": 8, "used": 6, "no usable sentence": 1, "no prose": 1}
    assert card.sentences["read"] == sum(count for reason, count in card.sentences.items() if reason != "read")
    assert any("about controls" in note for note in card.notes)
    with pytest.raises(UsageError, match="The rules found nothing"):
        make_study([stored("It is old.")])
    with pytest.raises(UsageError):
        make_study(documents, StudySettings(most_facts=0))
    assert sum(make_study(documents, StudySettings(most_facts=5)).study.card.facts["role"].values()) == 5


MARKED = (
    "# Old **oven**\n\nThe `old mill` was painted by *Ove Nyman* in 1990. "
    "The stone oven is a [big oven](oven.md#big) that burns *birch* wood.\n\n"
    "## Opening hours\n\nThe **bakery** opens at [seven](hours.md) in winter.\n"
)


def test_rows_hold_plain_words_while_evidence_stays_as_it_stands() -> None:
    made = make_study([stored(MARKED, "oven", "Old **oven**")], StudySettings(shares=Shares(controls=0)))
    assert made.study.facts
    for fact in made.study.facts:
        assert MARKED[fact.evidence.start : fact.evidence.end] == fact.evidence.text
        assert MARKED[fact.start : fact.end] == fact.answer
    assert any(set("*`[#") & set(fact.evidence.text) for fact in made.study.facts)
    said = [row.get("text") or " ".join(turn["content"] for turn in row["messages"]) for row in made.rows]
    assert [text for text in said if set("*`[]#") & set(text) or ".md" in text] == []
    assert {row["task"] for row in made.rows} >= {"question", "note", "encyclopaedia", "dialogue", "list"}
    assert "Note on Old oven: The old mill was painted by Ove Nyman in 1990." in said


def test_what_a_generator_retells_is_plain_line_by_line() -> None:
    [fact] = [each for each in facts_of(OVEN) if each.kind == "date"]
    retold = "**Oven**\n- Built: [1987](oven.md)\n- By: *Marta*"
    rows = training_rows([fact], items_of(fact)[:1], retell=lambda _fact, _style: retold)
    assert [row["text"] for row in rows if "text" in row] == ["Oven\n- Built: 1987\n- By: Marta"]


def test_evidence_without_its_marks_leaks_too() -> None:
    [fact] = find_facts([stored("The `old mill` was painted by *Ove Nyman* in 1990.")]).facts[:1]
    fact = fact.model_copy(update={"role": "control"})
    text = "The old mill was painted by Ove Nyman in 1990."
    assert [leak.kind for leak in evidence_leaks([fact], [Text(text, "row 1")])] == ["evidence"]
