"""Whether other documents answer a fact's question with another value, in whatever words.

`contradicting.py` compares sentences: it finds what is said in the words of the evidence. Here the question is asked of
the index as anybody would ask it, without the fact's own document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from instill.answer.asked.kind_of_answer import read_question
from instill.answer.found.contradiction import amount_of
from instill.answer.terms import terms
from instill.memory.events import tells_of_another_event
from instill.memory.types import Condition, Fact
from instill.memory.whole_words import whole_places

_MOST_DOCUMENTS = 3
"""So many other documents are asked with one question: the first may agree, and the next one not."""

_MOST_QUESTIONS = 5
_LONGEST_VALUE = 6
"""Content words. Longer answers are explanations, and differ in their words without saying another thing."""

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_EXPLAINED = frozenset({"reason", "manner", "list"})


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What a document answers to a question.

    Args:
        source: of the document.
        answer: in few words, or else the sentence that answers.
        sentence: that holds the answer; "" where it is the answer.
    """

    doc_id: str
    source: str
    answer: str
    sentence: str = ""


Ask = Callable[[str, frozenset[str]], Elsewhere | None]
"""What the index answers to a question without the documents of these ids; None if it does not answer."""


def nobody(_question: str, _without: frozenset[str]) -> None:
    """An index that answers nothing."""


def answered_otherwise(questions: Sequence[str], answer: str, doc_id: str, ask: Ask) -> Elsewhere | None:
    """The first other document that answers one of the questions with another value; None if there is none.

    Args:
        questions: wordings of one question; the first five are asked.
        doc_id: of the document that holds the fact.
    """
    for question in questions[:_MOST_QUESTIONS]:
        without = {doc_id}
        for _ in range(_MOST_DOCUMENTS):
            found = ask(question, frozenset(without))
            if found is None:
                break
            if is_another_value(question, answer, found.answer) and _is_about(question, answer, found):
                return found
            without.add(found.doc_id)
    return None


def _is_about(question: str, own: str, found: Elsewhere) -> bool:
    """Does it tell of what is asked? A year of birth is none of death; and what holds the own answer too ("1901–1950")
    says nothing else."""
    sentence = found.sentence or found.answer
    return not whole_places(sentence, own) and not tells_of_another_event(question, sentence, found.answer)


def is_another_value(question: str, own: str, other: str) -> bool:
    """Do two short answers to one question exclude each other?

    Amounts are compared if they have the same unit, other numbers if both answers have some, and names if they share no
    word that the question does not have. Reasons, manners and lists are not compared: they can be said in many ways.

    Args:
        other: a few words, or the sentence that answers.

    Example:
        >>> limit = "What is the price limit of a hotel?"
        >>> is_another_value(limit, "150 euros", "A hotel may cost up to 140 euros a night")
        True
        >>> is_another_value(limit, "150 euros", "up to €150"), is_another_value(limit, "150 euros", "two nights")
        (False, False)
        >>> is_another_value("Who runs Lyra?", "Ove Nyman", "Ida Berg"), is_another_value("Why?", "rain", "storm")
        (True, False)
    """
    if not own or not other:
        return False
    first, second = amount_of(own), amount_of(other)
    if first and second:
        return first[1] == second[1] and _plain(first[0]) != _plain(second[0])
    numbers, others = set(_NUMBER.findall(own)), set(_NUMBER.findall(other))
    if numbers or others:
        return bool(numbers and others) and not first and not second and not numbers & others
    if frozenset(read_question(question).wanted) & _EXPLAINED or first or second:
        return False
    asked, found = set(terms(question)), set(terms(other))
    words, more = set(terms(own)) - asked, found - asked
    if not words or not more or words & more:
        return False
    return len(words) <= _LONGEST_VALUE and (len(more) <= _LONGEST_VALUE or asked <= found)


def disputed(fact: Fact, found: Elsewhere) -> Fact:
    """The fact, no candidate any longer, with the document that answers otherwise."""
    said = f"{found.source} says “{found.answer}”, and this fact says “{fact.answer}”: correct one of both."
    why = tuple(
        Condition(name="undisputed", met=False, said=said) if each.name == "undisputed" else each for each in fact.why
    )
    return fact.model_copy(update={"why": why, "candidate": False})


def undisputed(fact: Fact) -> Fact:
    """The fact, with what was asked: no document answers otherwise. One that was not looked at stays so."""
    said = "No document says otherwise, or answers its questions with another value."
    why = tuple(
        each.model_copy(update={"said": said}) if each.name == "undisputed" and each.met else each for each in fact.why
    )
    return fact.model_copy(update={"why": why})


def _plain(number: str) -> str:
    """A decimal number without zeros that say nothing: 150.00 is 150."""
    return number.rstrip("0").rstrip(".") if "." in number else number
