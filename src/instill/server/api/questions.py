"""What people asked, and what they say of the answers."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field

from instill.errors import UsageError
from instill.server.errors import unknown
from instill.server.service import Owning, Reading, Seen
from instill.workspace.asked_questions import JudgementVerdict, Kind, Question, Questions

router = APIRouter(prefix="/api/questions", tags=["questions"])


class Saying(BaseModel):
    """What somebody says of an answer: see `instill questions judge`."""

    model_config = ConfigDict(extra="forbid")

    verdict: JudgementVerdict
    correction: str = Field("", max_length=10_000)
    note: str = Field("", max_length=10_000)


class Cleared(BaseModel):
    """How many questions were deleted."""

    cleared: int


@router.get("")
def list_questions(
    seen: Reading,
    kind: Kind = "all",
    words: str = Query("", max_length=1000),
    limit: int = Query(100, ge=1, le=1000),
    before: int = Query(0, ge=0, le=2**62),
) -> Questions:
    """The newest questions that the caller may see. Where the list goes on, `next` of the reply is the `before` of the
    next request."""
    return Questions.of(seen.feedback.newest(kind, words=words, limit=limit + 1, before=before), limit)


@router.get("/set", response_class=PlainTextResponse)
def question_set(seen: Reading) -> str:
    """The judged questions with their answers and evidence as JSON Lines, as `instill questions export` writes them."""
    import json
    from dataclasses import asdict

    found: Sequence[object] = [asdict(each) for each in seen.feedback.question_set()]
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in found)


@router.get("/{question_id}")
def show(seen: Reading, question_id: int) -> Question:
    """One question, what was shown, and what is said of it."""
    return _found(seen, question_id)


@router.post("/{question_id}/judgements", status_code=201)
def judge(seen: Reading, question_id: int, saying: Saying) -> Question:
    """Say whether the answer is right, and what would be. The words of a correction are looked for in the documents."""
    _found(seen, question_id)
    return seen.feedback.judge(
        question_id, saying.verdict, correction=saying.correction, note=saying.note, judge=seen.who.name
    )


@router.delete("/{question_id}/judgements")
def take_back(seen: Reading, question_id: int) -> Question:
    """Delete what the caller said of whether the answer is right; for the owner, what everybody said of it."""
    _found(seen, question_id)
    return seen.feedback.take_back(question_id, None if seen.who.may("admin") else seen.who.name)


@router.delete("")
def clear(seen: Owning, about: str = Query("", max_length=1000)) -> Cleared:
    """Delete all questions, what was said of them, and all conversations; or, with `about`, only the questions that
    contain these words, with what followed each in its conversation."""
    return Cleared(cleared=seen.feedback.clear(about))


def _found(seen: Seen, question_id: int) -> Question:
    if not 0 < question_id < 2**62:
        raise unknown("There is no such question.", "question_id")
    try:
        return seen.feedback.get(question_id)
    except UsageError as error:
        raise unknown(error.what, error.where, "List them: GET /api/questions") from error
