"""What people asked: what was refused, what was judged, and what is made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from instill.errors import InstillError, UsageError
from instill.index.types import Hit
from instill.server.errors import unknown
from instill.server.jobs.store import Job
from instill.server.pages.job_lists import chosen_jobs, unread
from instill.server.pages.question_groups import grouped
from instill.server.pages.rendering import page
from instill.server.pages.subject_headings import heading_of
from instill.server.service import Reading, Seen
from instill.workspace import Workspace
from instill.workspace.asked_questions import Feedback, Kind, LeftOut, Question
from instill.workspace.still_refused import StillRefused

router = APIRouter()

_A_PAGE = 50
_JOBS = 5
"""Of those that ended."""
_SAME = 20
"""Of so many of the newest questions with the same words it is seen whether one was asked again."""
_GROUPED, _GROUPS, _NEAREST = 200, 12, 2
_still_refused = StillRefused()
KINDS = (
    ("all", "All"), ("refused", "Refused"), ("wanted", "Told the owner"), ("unjudged", "Not judged yet"),
    ("right", "Right"), ("wrong", "Wrong"),
    ("corrected", "Corrected"), ("missing", "Missing"), ("slow", "Slow"),
)  # fmt: skip
_TEACHING = {
    "refused": "Every question so far has an answer in the documents.",
    "wanted": "Nobody waits for an answer. The flag below a refusal tells the owner.",
    "unjudged": "Somebody has said of each answer whether it is right.",
    "right": "Nobody has said of an answer that it is right. The thumb below an answer does.",
    "wrong": "Nobody has said of an answer that it is wrong.",
    "corrected": "Nobody has corrected an answer.",
    "missing": "The words of every correction stand in a document.",
    "slow": "No answer took more than two seconds.",
}

_LEFT_OUT: Mapping[LeftOut, str] = {
    "deleted": "of documents that were deleted",
    "changed": "of documents that have changed since",
    "no answer": "judged wrong without the right answer",
    "not found": "corrected by words that were found in no document",
    "other documents": "rightly refused to somebody who sees other documents",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Refused questions about one thing, and the passages that come nearest.

    Args:
        before: the question before the first of them, where that is a follow-up that is not understood without it.
        asked_again: whether the present documents refuse them too; otherwise they were asked before.
    """

    questions: Sequence[Question]
    before: str
    asked_again: bool
    nearest: Sequence[Hit]

    @property
    def heading(self) -> str:
        """What they are about, in a few words."""
        return heading_of(self.wordings)

    @property
    def wordings(self) -> list[str]:
        """What was asked, each once; the newest first."""
        return list(dict.fromkeys(_words(each) for each in self.questions))


@router.get("/questions", response_class=HTMLResponse)
def questions(
    seen: Reading,
    kind: str = "all",
    words: str = Query("", max_length=1000),
    before: int = Query(0, ge=0, le=2**62),
    number: int = Query(0, ge=0, le=2**62),
) -> HTMLResponse:
    """The newest questions of a kind; with `number` one of them."""
    chosen: Kind = kind if kind in get_args(Kind) else "all"  # type: ignore[assignment]
    feedback = seen.feedback
    if number:
        try:
            shown = [feedback.get(number)]
        except UsageError as error:
            raise unknown(error.what, error.where) from error
    else:
        shown = feedback.newest(chosen, words=words, limit=_A_PAGE + 1, before=before)
    judged = feedback.question_set()
    more = len(shown) > _A_PAGE
    shown = shown[:_A_PAGE]
    subjects: list[Subject] = []
    more_subjects = 0
    if chosen == "refused" and not (words or before or number):
        subjects, more_subjects = _subjects(seen, feedback)
    return page(
        seen, "questions.html", "/questions", kinds=KINDS, kind=chosen, words=words, number=number, questions=shown,
        next=shown[-1].question_id if more else 0, teaching=_TEACHING.get(chosen, ""),
        early={each.question_id for each in shown if each.unread and not _was_asked_again(feedback, each)},
        reading=bool(unread(seen)),
        subjects=subjects, more_subjects=more_subjects,
        jobs=chosen_jobs(seen, _is_begun_here, _JOBS),
        judged=len(judged), left_out=_left_out(feedback.left_out(judged)), keeps=seen.workspace.settings.log.questions,
    )  # fmt: skip


def _left_out(reasons: Mapping[LeftOut, int]) -> str:
    """Why some judged questions do not count, in a sentence; "" where all do.

    Example:
        >>> _left_out({"deleted": 2, "no answer": 1})
        'Judged, and not counted: 2 of documents that were deleted; 1 judged wrong without the right answer.'
    """
    parts = [f"{reasons[reason]} {words}" for reason, words in _LEFT_OUT.items() if reason in reasons]
    return f"Judged, and not counted: {'; '.join(parts)}." if parts else ""


def _is_begun_here(job: Job) -> bool:
    return job.kind in ("calibrate", "tune") or job.arguments.get("questions") == "feedback"


def _was_asked_again(feedback: Feedback, question: Question) -> bool:
    """Whether the same question was asked later."""
    wording = {question.question, _words(question)}
    newer = (each for words in sorted(wording) for each in feedback.newest(words=words, limit=_SAME))
    return any(each.question_id > question.question_id and wording & {each.question, _words(each)} for each in newer)


def _subjects(seen: Seen, feedback: Feedback) -> tuple[list[Subject], int]:
    """Refused questions by subject, those asked most first, with what comes nearest; and how many subjects more there
    are. What the caller's documents answer by now, or what only others' labels kept from an answer, is no gap and is
    left out; so is what somebody found in them. What was asked while documents were being read is none until it is
    asked again."""
    workspace = seen.workspace
    newest = _without_corrected(feedback.newest("refused", limit=_GROUPED), workspace)
    newest = [each for each in newest if not each.unread]
    gaps = list(_still_refused.of(workspace, newest))
    if not all(gap.asked_again for gap in gaps):
        _still_refused.go_on(workspace, newest)
    refused = [gap.question for gap in gaps]
    befores = _befores(seen, refused)
    try:
        meant = [f"{before} {_words(each)}".strip() for before, each in zip(befores, refused, strict=True)]
        vectors = workspace.encoder.encode_queries(meant)
    except InstillError:
        return [], 0
    found, groups = [], grouped(vectors)
    for members in groups[:_GROUPS]:
        questions = [refused[each] for each in members]
        try:
            nearest = workspace.search(meant[members[0]][:1000], k=_NEAREST).hits
        except InstillError:
            nearest = ()
        asked_again = all(gaps[each].asked_again for each in members)
        found.append(Subject(questions, befores[members[0]], asked_again, nearest))
    return found, len(groups) - len(found)


def _without_corrected(refused: Sequence[Question], workspace: Workspace) -> list[Question]:
    """Without the questions, however often asked, of which somebody gave the right answer in words of a document that
    is still there."""
    said = {_words(each): each.verdict.spans for each in reversed(refused) if each.verdict and each.verdict.spans}
    cited = [span.doc_id for spans in said.values() for span in spans]
    held = {each.doc_id for each in workspace.index.records(doc_ids=cited)} if cited else set()
    found = {words for words, spans in said.items() if any(span.doc_id in held for span in spans)}
    return [each for each in refused if _words(each) not in found]


def _words(question: Question) -> str:
    return question.standalone_question or question.question


def _befores(seen: Seen, refused: Sequence[Question]) -> list[str]:
    """Of each question, what was asked before it in its conversation, where it says nothing without that; else ""."""
    bare = {each.question for each in refused if _words(each) == each.question}
    asked = seen.workspace.catalog.asked_before(bare, seen.labels, key_id=seen.own_questions) if bare else []
    return [
        next((told.before for told in asked if told.text == each.question and told.at >= each.at), "")
        if each.question in bare
        else ""
        for each in refused
    ]
