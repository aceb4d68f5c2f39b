"""A question over the documents, with the place that answers it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StudyQuestion:
    """A question whose answer stands in a document.

    Args:
        question: as a person might put it, a sentence or keywords; it never holds the answer.
        answer: verbatim, `document.text[start:end]`.
        start, end: the answer's span in characters of the canonical text.
        evidence: the span of the sentence (or of a heading with the sentence below it) that carries the answer.
        kind: how it was made: "definition", "heading", "date", "number", "name", "place", "reason" or "cloze".
    """

    question: str
    answer: str
    doc_id: str
    start: int
    end: int
    evidence: tuple[int, int]
    kind: str


@dataclass(frozen=True, slots=True)
class EvidenceText:
    """A quotation that answers a user's question; it may leave out which document it stands in.

    `source` is what a person calls the document (a path, the end of one), `doc_id` its id; either may be "".
    """

    text: str
    source: str = ""
    doc_id: str = ""


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question from a user's own file.

    Args:
        answer: the expected answer, or "".
        evidence: quotations that answer it, or ().
        answerable: False for a question that the documents do not answer.
        accepted: other ways to write the answer that are as right.
        form: how it asks: "direct", "reworded", "keywords", "reverse" or "indirect".
        line: in the file, from 1; 0 where it came from no file.
        wrong: quotations that were shown as its answer and are none; only training uses them.
        together: the quotations were judged right as one answer; which of them answers is not known.
    """

    question: str
    answer: str = ""
    evidence: tuple[EvidenceText, ...] = ()
    answerable: bool = True
    accepted: tuple[str, ...] = ()
    form: str = "direct"
    line: int = 0
    wrong: tuple[EvidenceText, ...] = ()
    together: bool = False

    @property
    def is_known(self) -> bool:
        """Whether it is known what answers it, or that nothing does; otherwise only what does not."""
        return not self.answerable or bool(self.answer or self.evidence)
