"""What passages that name the subject of a question say of it, where an answer would be refused or not certain; and
the sentence to quote.

Whoever asks is shown no such answer. Here it only tells that somebody has to look: a relation worded as a noun ("the
employer of Ann") is often not certain in a page that says "Ann works for ...".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from instill.answer.asked.kind_of_answer import read_question, shows
from instill.answer.asked.must_be_spoken_of import Evidence, missing_pins, pins_of
from instill.answer.found.sentences import split_sentences
from instill.answer.reading.reader import Reader
from instill.answer.said.short_answer import LONGEST_SHORT, whole
from instill.answer.terms import terms
from instill.index.types import Hit
from instill.memory.answered_elsewhere import Elsewhere
from instill.memory.kind_of_value import has_kind_wanted, kinds_wanted
from instill.study.questions_about_any_text import sentence_around

_MOST_READ = 3
"""Passages."""

_LEAST_SPAN = -3.0
"""Least logit of the reader's span; a short answer that is shown has -1 or more. Of relations that a page does not
speak of, nearly all have less than -4."""


def uncertain_answer(question: str, hits: Sequence[Hit], reader: Reader) -> Elsewhere | None:
    """The value of the kind that the question asks for, in the passage that answers best of those that speak of all its
    names; None if there is none, if the question names nothing, or if its words do not say what kind it asks for.

    Args:
        hits: passages, best first; the first three that speak of the names are read.
    """
    pins = pins_of(question)
    if not kinds_wanted(question) or all(pin.kind != "name" for pin in pins):
        return None
    naming = [hit for hit in hits if not missing_pins(pins, Evidence([hit.title, hit.headings, hit.text]))][:_MOST_READ]
    if not naming:
        return None
    return max(_found(question, naming, reader), key=lambda each: each[0], default=(0.0, None))[1]


def sentence_about(question: str, text: str, read: str) -> str:
    """The sentence that the reader chose, or one with the kind of value asked for that has more words of the question.

    Args:
        text: the passage. `read`: a sentence of it.

    Example:
        >>> text = "In Ulm a hotel may cost 210 euros. In Basel a hotel may cost 135 euros."
        >>> sentence_about("How much may a hotel in Basel cost?", text, "In Ulm a hotel may cost 210 euros.")
        'In Basel a hotel may cost 135 euros.'
    """
    asked = set(terms(question))
    others = [text[unit.start : unit.end] for unit in split_sentences(text)]
    fitting = [each for each in others if _has_value(question, each)]
    return max([read, *fitting], key=lambda each: len(asked & set(terms(each))))


def _has_value(question: str, sentence: str) -> bool:
    kinds = kinds_wanted(question)
    return bool(kinds) and any(shows(kind, read_question(question), sentence) for kind in kinds)


def _found(question: str, hits: Sequence[Hit], reader: Reader) -> Iterator[tuple[float, Elsewhere]]:
    readings = reader.read(question, [(f"{hit.title} > {hit.headings}", hit.text) for hit in hits])
    for hit, reading in zip(hits, readings, strict=True):
        if reading.start >= reading.end or reading.span < _LEAST_SPAN:
            continue
        start, end = whole(hit.text, reading.start, reading.end)
        value = hit.text[start:end].strip(" \n.,;:")
        if "\n" not in value and len(value) <= LONGEST_SHORT and _is_value(question, value):
            first, last = sentence_around(hit.text, start, end)
            yield reading.score, Elsewhere(hit.doc_id, hit.source, value, hit.text[first:last])


def _is_value(question: str, value: str) -> bool:
    """Has it the kind that is asked for; of who and where, a name that the question lacks?"""
    named = bool(kinds_wanted(question) & {"person", "place"})
    asked = read_question(question)
    fresh = bool(set(terms(value)) - set(asked.terms))
    return has_kind_wanted(question, value) and fresh and (not named or shows("person", asked, f"is {value}"))
