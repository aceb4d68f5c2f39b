"""Questions whose answers are known become rows that the reader and the encoder are trained on.

A question that the documents answer becomes a row for each passage that holds an answer of it. One that they do not
answer becomes rows of the passages that the search finds for it. What was shown as an answer and is none becomes a row
of that piece alone: the passage around it may hold the answer. The result is shared by all callers, so only documents
that all of them see are used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from instill.answer.reading.reader_input import heading
from instill.answer.terms import terms
from instill.documents.table_heads import under_head
from instill.fit.documents_for_all import seen_by_everyone
from instill.study.answer_places import answer_in, is_named, places_of
from instill.study.questions_from_people import WHICH_QUOTE
from instill.study.types import AskedQuestion, EvidenceText, StudyQuestion
from instill.train.reader.rows import Row

if TYPE_CHECKING:
    from instill.fit.fitted_workspace import FittedWorkspace
    from instill.index.lookup import StoredDocument, StoredPassage

LONGEST_MARKED = 30
"""Words of an answer whose words are marked; of a longer one it is only said that the passage answers."""

_PASSAGES = 3
"""Passages for a question that the documents do not answer, all of one document, so that they stay together."""
_LOOKED_AT = 20


@dataclass(slots=True)
class QuestionRows:
    """What the questions became.

    Args:
        rows: in the order of the questions; those of one question have one group, its document.
        places: the answers, by document, for ranking.
        left_out: questions without any row, each with the reason.
    """

    rows: list[Row] = field(default_factory=list)
    places: list[StudyQuestion] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A piece with the question that it is for, and the answer that it should hold, or ""."""

    question: str
    answer: str
    piece: EvidenceText


@dataclass(frozen=True, slots=True)
class _Place:
    """A piece: `[start, end)` in the document.

    Args:
        passage: where it begins.
        marked: the answer's words in it, `[start, end)` in the document; None where they are not known.
    """

    document: StoredDocument
    passage: StoredPassage
    start: int
    end: int
    marked: tuple[int, int] | None

    @property
    def is_whole(self) -> bool:
        """Whether its passage holds all of it."""
        return self.end <= self.passage.end


def rows_of_questions(workspace: FittedWorkspace, questions: Sequence[AskedQuestion]) -> QuestionRows:
    """A row for each passage that answers a question, and for each that is known not to.

    Args:
        workspace: as its owner sees it.
        questions: of people, from a file or from what they judged (`Feedback.question_set(unknown=True)`).

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from instill import Workspace
        >>> with Workspace.init(Path(tempfile.mkdtemp()) / "kb") as workspace:
        ...     _ = workspace.add_text("# Tea\\n\\nTea is brewed at 80 degrees.", name="tea.md")
        ...     found = rows_of_questions(workspace, [AskedQuestion("How hot is tea brewed?", "80 degrees")])
        >>> [(row.title, row.texts) for row in found.rows]
        [('Tea', ['80 degrees'])]
    """
    return _Making(workspace).made(questions)


class _Making:
    def __init__(self, workspace: FittedWorkspace) -> None:
        self._workspace = workspace
        self._records = {record.doc_id: record for record in seen_by_everyone(workspace)}
        self._documents: dict[str, tuple[StoredDocument, list[StoredPassage]]] = {}

    def made(self, questions: Sequence[AskedQuestion]) -> QuestionRows:
        found = QuestionRows()
        for question in questions:
            reason = self._add(question, found)
            if reason:
                found.left_out.append(f"{question.question} ({reason})")
        return found

    def _add(self, question: AskedQuestion, found: QuestionRows) -> str:
        rows: list[Row] = []
        reason = ""
        if not question.answerable:
            rows += self._unanswered(question)
            reason = "no passage is found for it"
        elif question.together:
            reason = WHICH_QUOTE
        elif question.is_known:
            places = [place for place in map(self._place, self._pieces(question)) if place is not None]
            places = list({(each.document.record.doc_id, each.start, each.end): each for each in places}.values())
            rows += [_row(question.question, place) for place in places]
            found.places += [_study_question(question.question, place) for place in places[:1]]
            reason = "its answer stands in no document that all callers see"
        held = {text for row in rows for text in row.texts}
        for piece in question.wrong:
            place = self._place(_Wanted(question.question, "", piece))
            if place is not None and piece not in question.evidence and not any(text in piece.text for text in held):
                rows.append(_wrong(question.question, place))
        found.rows += [replace(row, group=rows[0].group) for row in rows]
        return "" if rows else reason or "what it was answered with is gone"

    def _pieces(self, question: AskedQuestion) -> Iterator[_Wanted]:
        for piece in question.evidence or (EvidenceText(""),):
            yield _Wanted(question.question, question.answer, piece)

    def _place(self, wanted: _Wanted) -> _Place | None:
        """Where the piece stands: of several places the one whose passage shares the most words with the question."""
        asked, quote = set(terms(wanted.question)), wanted.piece.text
        best: tuple[int, _Place] | None = None
        for doc_id in self._likely(wanted):
            stored, passages = self._read(doc_id)
            for start, end in places_of(stored.text, quote, wanted.answer):
                holding = [each for each in passages if each.start <= start < each.end]
                if not holding:
                    continue
                passage = max(holding, key=lambda each: each.end)
                marked = _marked(stored.text, start, end, wanted.answer)
                shared = len(asked & set(terms(f"{stored.record.title} {passage.headings} {passage.text}")))
                if best is None or shared > best[0]:
                    best = shared, _Place(stored, passage, start, end, marked)
        return None if best is None else best[1]

    def _likely(self, wanted: _Wanted) -> list[str]:
        """The documents that the piece names; where it names none, those that a search finds."""
        if wanted.piece.doc_id or wanted.piece.source.strip():
            return [doc_id for doc_id, record in self._records.items() if is_named(record, wanted.piece)]
        words = f"{wanted.question} {wanted.piece.text or wanted.answer}"[:1000]
        hits = self._workspace.search(words, k=_LOOKED_AT).hits
        return list(dict.fromkeys(hit.doc_id for hit in hits if hit.doc_id in self._records))

    def _unanswered(self, question: AskedQuestion) -> Iterator[Row]:
        hits = self._workspace.search(question.question[:1000], k=_LOOKED_AT).hits
        seen = [hit for hit in hits if hit.doc_id in self._records]
        for hit in [hit for hit in seen if hit.doc_id == seen[0].doc_id][:_PASSAGES]:
            text = under_head(hit.table_head, hit.text)
            yield Row(question.question, text, heading(hit.title, hit.headings), hit.doc_id, ())

    def _read(self, doc_id: str) -> tuple[StoredDocument, list[StoredPassage]]:
        if doc_id not in self._documents:
            stored = self._workspace.index.document_text(doc_id)
            assert stored is not None
            self._documents[doc_id] = stored, self._workspace.index.passages_of(doc_id)
        return self._documents[doc_id]


def _marked(text: str, start: int, end: int, answer: str) -> tuple[int, int] | None:
    if not answer.strip() or len(answer.split()) > LONGEST_MARKED:
        return None
    found = answer_in(text[start:end], answer)
    return found and (start + found[0], start + found[1])


def _row(question: str, place: _Place) -> Row:
    """The passage with the answer's words marked. Where they are not known, the passage from the piece on: what a
    reader is shown of a long passage then begins with it."""
    low = place.passage.start if place.marked and place.is_whole else place.start
    high = max(place.passage.end, place.end)
    text, title, group = _shown(place, low, high)
    if place.marked is None:
        return Row(question, text, title, group, (), whole=True)
    shift = len(text) - high
    return Row(question, text, title, group, ((place.marked[0] + shift, place.marked[1] + shift),))


def _wrong(question: str, place: _Place) -> Row:
    text, title, group = _shown(place, place.start, place.end)
    return Row(question, text, title, group, ())


def _shown(place: _Place, low: int, high: int) -> tuple[str, str, str]:
    """Text, title and group of a row."""
    record, passage = place.document.record, place.passage
    text = under_head(passage.table_head, place.document.text[low:high])
    return text, heading(record.title, passage.headings), record.doc_id


def _study_question(question: str, place: _Place) -> StudyQuestion:
    start, end = place.marked or (place.start, min(place.end, place.passage.end))
    text = place.document.text[start:end]
    return StudyQuestion(question, text, place.document.record.doc_id, start, end, (place.start, place.end), "asked")
