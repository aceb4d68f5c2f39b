"""Whether the answer to an earlier question answers a new one.

The likeness of two questions does not decide it: of pairs of questions that people asked about one paragraph with a
cosine above 0.9, and with the same names and numbers, 43% had different answers (SQuAD 1.1, 1,360 questions). So the
reader reads the earlier evidence with the new question, and has to find the words that answered before.
"""

from __future__ import annotations

from dataclasses import dataclass

from instill.answer.longest_question import LONGEST_QUESTION
from instill.answer.reading.reader import Reader
from instill.answer.terms import normalise, terms
from instill.answer.types import Answer, Citation
from instill.memory.answer_cache.similarity_threshold import FLOOR
from instill.memory.same_question import cosine, same_kind, same_pins
from instill.models.encoders.protocol import Vectors

MASS = 0.8
"""Least probability that the new question is answered by the words that answered the earlier one."""

ANSWERS = 3.0
"""Least score of the reader that the evidence answers the new question at all (`Reading.score`)."""


@dataclass(frozen=True, slots=True, eq=False)
class Earlier:
    """An earlier question with what answered it.

    Args:
        short: the words of `evidence` that answer; "" where there are none, so that only the very same question fits.
        about: title and headings over the evidence.
        vector: of the question, of length 1.
    """

    question: str
    short: str
    evidence: str
    about: str
    vector: Vectors


def earlier_of(question: str, vector: Vectors, answer: Answer) -> Earlier:
    """The question with the citation that holds its short answer."""
    holding = next((each for each in answer.citations if answer.short and answer.short in each.text), None)
    if holding is None:
        return Earlier(question, "", "", "", vector)
    return Earlier(question, answer.short, holding.text, about(holding), vector)


def about(citation: Citation) -> str:
    """Title and headings, as the reader sees them."""
    return " > ".join(part for part in (citation.title, citation.headings) if part)


def is_same_question(one: str, other: str) -> bool:
    """Are both the same words, whatever the case, spaces and the mark at the end?

    Example:
        >>> is_same_question("Who built it?", " who  built it "), is_same_question("Who built it?", "Who built this?")
        (True, False)
    """
    return _bare(one) == _bare(other)


def likeness(question: str, vector: Vectors, earlier: Earlier, reader: Reader | None) -> float:
    """How sure it is that the earlier answer answers the question: the cosine of both questions, 1 for the same words;
    0 where they have other pins, ask for another kind of thing, the new one holds a word that neither the earlier one
    nor its evidence does, or the reader finds other words in the evidence."""
    if is_same_question(question, earlier.question):
        return 1.0
    alike = min(0.9999, cosine(vector, earlier.vector))
    if alike < FLOOR or not earlier.short or reader is None:
        return 0.0
    if not same_pins(question, earlier.question) or not same_kind(question, earlier.question):
        return 0.0
    if not _says_nothing_new(question, earlier):
        return 0.0
    return alike if _reads_the_same(question, earlier, reader) else 0.0


_ASKING = frozenset(
    terms(
        "year date day month time hour person place name number amount kind type thing tell know called exactly please"
    )
)
"""Words that only say what kind of answer is wanted."""


def _says_nothing_new(question: str, earlier: Earlier) -> bool:
    """Does every content word stand in the earlier question or over or in its evidence? What is new may be another
    subject: "the mill of Ystad" instead of "the mill of Visby"."""
    known = set(terms(" ".join((earlier.question, earlier.evidence, earlier.about))))
    return set(terms(question)) <= known | _ASKING


def _reads_the_same(question: str, earlier: Earlier, reader: Reader) -> bool:
    start = earlier.evidence.find(earlier.short)
    if start < 0:
        return False
    [found] = reader.read(question, [(earlier.about, earlier.evidence)])
    return found.score >= ANSWERS and found.mass(start, start + len(earlier.short)) >= MASS


def _bare(question: str) -> str:
    return " ".join(normalise(question[:LONGEST_QUESTION]).split()).rstrip("?!. ")
