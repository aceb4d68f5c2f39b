"""Rule-written questions: exact spans, no answer given away, the same every time, spread evenly."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.answer.terms import terms
from instill.documents.document import Block, Heading
from instill.index.lookup import StoredDocument
from instill.index.types import DocumentRecord
from instill.study.quick_questions import StudyQuestion, write_questions
from instill.study.rules.questions_from_heading import heading_question
from instill.study.rules.questions_from_sentence import drafts

SENTENCES = (
    "The stone oven was built in 1987 by Marta Lindqvist.",
    "Every baker has 31 days of paid holiday a year.",
    "Harbour Mills is a bakery on the northern coast of Gotland.",
    "Ove Nyman founded the delivery service in 1994 with two vans.",
    "The bakery school is located in Visby near the harbour wall.",
    "Ovens are cleaned on Sundays because no bread is baked on that day.",
    "Visitors sign the book at the reception and wear a yellow badge.",
    "It was moved there in 1990 by the new owners of the mill.",
    "As shown above, the crates are counted by the driver Ingrid Holm.",
    "Restaurants in Visby order by telephone until eight in the evening of the day before.",
    "Sourdough means bread that rises by wild yeast from the air of the mill.",
    "Prices rise by 4 percent in Stockholm every March, says the Guild of Bakers.",
)


def stored(
    text: str, doc_id: str = "d1", headings: tuple[Heading, ...] = (), blocks: tuple[Block, ...] = ()
) -> StoredDocument:
    record = DocumentRecord(doc_id, f"{doc_id}.md", "markdown", "A page", "", 0, "", "", (), {}, 1, "")
    return StoredDocument(record, text, headings, (), blocks)


def by_kind(text: str, headings: tuple[Heading, ...]) -> dict[str, StudyQuestion]:
    found: dict[str, StudyQuestion] = {}
    for seed in range(20):
        for question in write_questions([stored(text, headings=headings)], seed=seed):
            found.setdefault(question.kind, question)
    return found


@pytest.mark.parametrize(
    ("sentence", "kind", "answer", "beginnings"),
    [
        (SENTENCES[0], "date", "1987", ("when was the stone oven built", "in what year was the stone oven built")),
        (
            SENTENCES[0],
            "name",
            "Marta Lindqvist",
            ("who built the stone oven", "by whom was", "was the stone oven built"),
        ),
        (SENTENCES[1], "number", "31 days", ("how many days", "every", "baker", "paid")),
        (SENTENCES[2], "definition", "a bakery on the northern coast of Gotland", ("what", "harbour", "explain")),
        (SENTENCES[3], "date", "1994", ("when did ove nyman found the", "in what year did ove nyman found the")),
        (SENTENCES[3], "name", "Ove Nyman", ("who founded the delivery service",)),
        (SENTENCES[4], "place", "Visby", ("where is the bakery school",)),
        (SENTENCES[5], "reason", "no bread is baked on that day", ("why are ovens cleaned on sundays",)),
        (SENTENCES[10], "definition", "bread that rises by wild yeast from the air of the mill", ("what", "meaning")),
    ],
)
def test_each_rule_asks_for_the_right_thing(sentence: str, kind: str, answer: str, beginnings: tuple[str, ...]) -> None:
    found = [draft for seed in range(5) for draft in drafts(sentence, random.Random(seed)) if draft.kind == kind]
    assert len(found) == 5
    for draft in found:
        assert sentence[draft.start : draft.end] == answer
        assert draft.question.lower().startswith(beginnings)


@pytest.mark.parametrize("sentence", [SENTENCES[7], SENTENCES[8]])
def test_sentences_that_lean_on_their_page_are_passed_over(sentence: str) -> None:
    assert write_questions([stored(sentence)]) == []


def test_a_heading_is_asked_about_with_the_sentence_below_it() -> None:
    text = "# Guide\n\n## Installing on Windows\n\nUnpack the archive and run the setup program as an administrator.\n"
    headings = (Heading(1, "Guide", 0), Heading(2, "Installing on Windows", text.index("##")))
    question = by_kind(text, headings=headings)["heading"]
    assert question.question in {f"{form} install on Windows?" for form in ("How do I", "How can I", "How do you")}
    assert question.answer == "Unpack the archive and run the setup program as an administrator."
    assert question.evidence == (text.index("##"), question.end)


@pytest.mark.parametrize("title", ["Introduction", "See also", "Notes", "42", ""])
def test_a_heading_that_says_nothing_is_not_asked_about(title: str) -> None:
    assert heading_question([title or "#"], random.Random(0)) == ""


def test_code_and_tables_are_passed_over() -> None:
    text = SENTENCES[0]
    assert write_questions([stored(text)])
    assert write_questions([stored(text, blocks=(Block("code", 0, len(text)),))]) == []


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.lists(st.lists(st.sampled_from(SENTENCES), max_size=6), max_size=6),
    st.sampled_from([" ", "\n", "\n\n"]),
    st.integers(0, 5),
    st.integers(1, 8),
)
def test_what_holds_for_every_question(pages: list[list[str]], between: str, seed: int, most: int) -> None:
    documents = [stored(between.join(page), f"d{number}") for number, page in enumerate(pages)]
    questions = write_questions(documents, most=most, seed=seed)
    texts = {document.record.doc_id: document.text for document in documents}
    assert len(questions) <= most
    for question in questions:
        text = texts[question.doc_id]
        assert text[question.start : question.end] == question.answer
        assert question.evidence[0] <= question.start < question.end <= question.evidence[1]
        plain = " ".join(question.answer.lower().split())
        assert plain not in question.question.lower()
        assert not set(terms(question.answer)) <= set(terms(question.question))
    for first in questions:
        for second in questions:
            ours, theirs = set(terms(first.question)), set(terms(second.question))
            assert first is second or len(ours & theirs) < 0.8 * len(ours | theirs)
    assert questions == write_questions(list(reversed(documents)), most=most, seed=seed)


@settings(deadline=None)  # a busy machine is no failure
@given(st.text(max_size=300), st.integers(0, 3))
def test_any_text_is_survived(text: str, seed: int) -> None:
    for question in write_questions([stored(text)], seed=seed):
        assert text[question.start : question.end] == question.answer


def test_documents_get_their_turn_before_one_gets_a_second() -> None:
    names = ("Gotland", "Visby", "Uppsala", "Lund", "Kiruna", "Malmo", "Falun", "Boden")
    pages = [
        " ".join(f"The {trade} guild of {name} was founded in {1500 + 10 * n + m} by Brother {name}."
                 for m, trade in enumerate(("baker", "miller", "tanner", "cooper", "glazier", "potter")))
        for n, name in enumerate(names)
    ]  # fmt: skip
    documents = [stored(page, f"d{number}") for number, page in enumerate(pages)]
    assert set(Counter(q.doc_id for q in write_questions(documents, most=8)).values()) == {1}
    assert set(Counter(q.doc_id for q in write_questions(documents, most=400)).values()) <= {1, 2, 3}
    assert write_questions(documents, most=8, seed=1) != write_questions(documents, most=8, seed=2)
