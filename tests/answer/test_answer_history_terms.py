from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.answer.asked.history_terms import MODEL, MOST_WORDS, Asking, left_unsaid, unsaid_signs, word_signs
from instill.answer.asked.subject import phrases, subject_of
from instill.answer.terms import content_words, terms
from instill.answer.types import Turn


def said(*questions: str) -> list[Turn]:
    return [Turn("user", question) for question in questions]


def test_the_subject_of_the_first_turn_is_carried_on() -> None:
    history = said("What is worth seeing in Chattanooga?", "Are there tourism activities related to trains?")
    assert left_unsaid("What are the opening hours?", history) == ["chattanooga"]


def test_the_questions_own_words_are_not_added() -> None:
    history = said("Tell me about the Bronze Age collapse.")
    assert left_unsaid("When did it start?", history) == ["bronze", "age", "collapse"]
    assert left_unsaid("Why did it collapse?", history) == ["bronze", "age"]


@pytest.mark.parametrize(
    "question",
    ["Who wrote the handbook of Harbour Mills?", "What is frictional unemployment?", "How does binge drinking start?"],
)
def test_a_complete_question_gets_nothing(question: str) -> None:
    assert left_unsaid(question, said("What are the pros and cons of electric cars?")) == []


def test_nothing_said_nothing_added() -> None:
    assert left_unsaid("What does it cost?", []) == []
    assert left_unsaid("What does it cost?", [Turn("assistant", "The rye loaf costs four crowns.")]) == []


def test_the_thresholds_decide() -> None:
    history = said("What is worth seeing in Chattanooga?")
    assert left_unsaid("Are there any famous foods?", history, replace(MODEL, least_unsaid=1.0)) == []
    assert left_unsaid("Are there any famous foods?", history, replace(MODEL, least_wanted_otherwise=1.0)) == []
    never = replace(MODEL, least_unsaid=1.0)
    assert left_unsaid("Are there any famous foods?", history, never, points_back=True) == ["chattanooga"]


def test_every_sign_has_its_coefficient() -> None:
    asking = Asking.after("What does it cost?", said("What is a rye loaf?"))
    assert list(unsaid_signs(asking)) == list(MODEL.unsaid)
    assert [list(signs) for signs in word_signs(asking).values()] == [list(MODEL.wanted)] * 2


@given(st.lists(st.text(max_size=80), min_size=1, max_size=6), st.text(max_size=80), st.booleans())
def test_words_come_from_the_earlier_turns(turns: list[str], question: str, points_back: bool) -> None:
    history = said(*turns)
    found = left_unsaid(question, history, points_back=points_back)
    assert len(found) <= MOST_WORDS
    assert set(found) <= {word for text in turns for word in content_words(text)}
    assert all(set(terms(word)) - set(terms(question)) for word in found)
    signs = unsaid_signs(Asking.after(question, history))
    assert all(0 <= value <= 1 for value in signs.values())


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Tell me about lung cancer.", "lung cancer"),
        ("What are baby backs?", "baby backs"),
        ("What is Tió de Nadal?", "Tió de Nadal"),
        ("How is cassoulet made?", "cassoulet"),
        ("When did Netflix shift from DVDs to streaming?", "Netflix"),
        ("How about goulash?", "goulash"),
        ("What are the types of networks?", ""),
        ("What are the side effects of long term PPI use?", ""),
        ("What about disadvantages?", ""),
        ("Tell me about its founding.", ""),
        ("Wow! Is there more?", ""),
    ],
)
def test_what_becomes_the_subject(question: str, expected: str) -> None:
    assert subject_of(question, current="throat cancer") == expected


def test_phrases_keep_names_together() -> None:
    assert phrases("the Museum of Art and the price of bread") == ["Museum of Art", "price", "bread"]
