"""Planted leaks are found in every dress; questions that share words with the evidence pass."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.compare.arms.prompts import CLOSED_RULES, RULES
from instill.models.generators.protocol import Message
from instill.study.closed_book import GRAM, ClosedBook, EvidenceInPrompt
from instill.study.study_making import make_study
from tests.study.documents import workshops

EVIDENCE = "The copper press of Lund was built in 1735 by Karin Dahl, who had come from Motala."
SHORT = "It opened in 1987."
QUESTION = "When was the copper press of Lund built by Karin Dahl?"


def assert_closed_book(messages: Sequence[Message], evidence: Sequence[str], *, question: str = "") -> None:
    ClosedBook(evidence).check(messages, question)


def user(content: str) -> list[Message]:
    return [{"role": "user", "content": content}]


@pytest.mark.parametrize(
    "leak",
    [EVIDENCE, EVIDENCE.upper(), EVIDENCE.replace(" ", "\n"), f"> **{EVIDENCE}**", "; ".join(EVIDENCE.split()),
     "press of Lund was built in 1735", "in 1735 by Karin Dahl, from Motala", "built 1735 Karin Dahl",
     SHORT, "opened: 1987"],
)  # fmt: skip
@pytest.mark.parametrize(
    "shape", ["{leak}\n{question}", "{question} {leak}", "Passages:\n{leak}\n\nQuestion: {question}"]
)
def test_a_planted_leak_is_found(leak: str, shape: str) -> None:
    content = shape.format(leak=leak, question=QUESTION)
    with pytest.raises(EvidenceInPrompt):
        assert_closed_book(user(content), [EVIDENCE, SHORT], question=QUESTION)
    messages: list[Message] = [{"role": "system", "content": leak}, {"role": "user", "content": QUESTION}]
    with pytest.raises(EvidenceInPrompt):
        assert_closed_book(messages, [EVIDENCE, SHORT], question=QUESTION)
    turns: list[Message] = [*user("Hello"), {"role": "assistant", "content": leak}, *user(QUESTION)]
    with pytest.raises(EvidenceInPrompt):
        assert_closed_book(turns, [EVIDENCE, SHORT], question=QUESTION)


@pytest.mark.parametrize(
    "question",
    [QUESTION, "Was the copper press of Lund built in 1735?", "Who built the press of Lund in 1735, Karin Dahl?",
     "Fill in the gap: The copper press of Lund was built in ___ by Karin Dahl, who had come from Motala.",
     "What opened?", EVIDENCE],
)  # fmt: skip
def test_a_question_that_shares_words_with_the_evidence_passes(question: str) -> None:
    assert_closed_book(RULES.closed(question), [EVIDENCE, SHORT], question=question)


def test_without_the_question_its_own_words_count_too() -> None:
    with pytest.raises(EvidenceInPrompt):
        assert_closed_book(user(EVIDENCE), [EVIDENCE])


def test_instructions_are_no_leak_even_where_a_document_repeats_them() -> None:
    evidence = [CLOSED_RULES, "Answer.", "Questions?", "", "it is"]
    ClosedBook(evidence, [CLOSED_RULES]).check(RULES.closed(QUESTION), QUESTION)
    with pytest.raises(EvidenceInPrompt):
        ClosedBook(evidence).check(RULES.closed(QUESTION), QUESTION)


@given(st.lists(st.sampled_from(list("abcdefghij")), min_size=1, max_size=14), st.integers(0, 8), st.integers(1, 10))
def test_a_run_is_found_from_four_words_or_the_whole(names: list[str], start: int, length: int) -> None:
    evidence = [f"word{name}" for name in names]
    planted = evidence[start : start + length]
    found = False
    try:
        assert_closed_book(user(" ".join(["tell", *planted, "please"])), [" ".join(evidence)])
    except EvidenceInPrompt:
        found = True
    least = min(GRAM, len(evidence))
    grams = {tuple(evidence[place : place + least]) for place in range(len(evidence) - least + 1)}
    runs = {tuple(planted[place : place + least]) for place in range(len(planted) - least + 1)}
    assert found == bool(grams & runs)


def test_no_question_of_a_study_set_is_a_leak_and_every_passage_is() -> None:
    documents = workshops(20)
    made = make_study(documents).study
    closed = ClosedBook([fact.evidence.text for fact in made.facts], [RULES.instructions])
    for item in made.items:
        closed.check(RULES.closed(item.question), item.question)
        for evidence in item.evidence:
            if evidence.text not in item.question:
                with pytest.raises(EvidenceInPrompt):
                    closed.check([*user(evidence.text), *RULES.closed(item.question)], item.question)
