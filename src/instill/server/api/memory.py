"""The facts that people keep asking for, what is decided on them, forgetting, and receipts."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from instill.errors import UsageError
from instill.memory.forgetting.receipts import Receipt, Taken
from instill.memory.forgetting.receipts import verify as verified
from instill.memory.types import Fact, Facts, RemovedFact
from instill.server.errors import Refused, unknown
from instill.server.service import Editing, Owning, Seen
from instill.workspace.jobs_pause import TAKES_OUT

router = APIRouter(prefix="/api", tags=["memory"])

_LONGEST = 2000
_JOBS = 1000


class Deciding(BaseModel):
    """What is decided on a fact; "" takes it back."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["", "pinned", "excluded"]
    note: str = Field("", max_length=_LONGEST)


class Wording(BaseModel):
    """Other words for a fact's question and answer; "" leaves them. The answer has to stand in the evidence.

    Args:
        wording: one more wording of the question, beside those that there are.
    """

    model_config = ConfigDict(extra="forbid")

    question: str = Field("", max_length=_LONGEST)
    answer: str = Field("", max_length=_LONGEST)
    wording: str = Field("", max_length=_LONGEST)
    note: str = Field("", max_length=_LONGEST)


class Adding(BaseModel):
    """A fact that somebody writes; its answer has to stand in a document.

    Args:
        document: its id or source; "" for one that a search for the question finds.
        wordings: other wordings of the question.
    """

    model_config = ConfigDict(extra="forbid")

    question: str = Field(min_length=1, max_length=_LONGEST)
    answer: str = Field(min_length=1, max_length=_LONGEST)
    document: str = Field("", max_length=_LONGEST)
    wordings: list[str] = Field([], max_length=50)
    note: str = Field("", max_length=_LONGEST)


class Forgetting(BaseModel):
    """What is to be forgotten: a document's id or source, or a fact's id.

    Args:
        questions: whether questions in the log that name it go too; see `instill forget --questions`.
    """

    model_config = ConfigDict(extra="forbid")

    reference: str = Field(min_length=1, max_length=_LONGEST)
    questions: bool = False


class Allowing(BaseModel):
    """What may be added again: a path, a folder, or what a notice names."""

    model_config = ConfigDict(extra="forbid")

    reference: str = Field(min_length=1, max_length=_LONGEST)


class Allowed(BaseModel):
    """Whether a forgotten document may be added again."""

    allowed: bool


class RunningJob(BaseModel):
    """A job that runs; `title` is what it does, and `started` when it began (ISO 8601 UTC)."""

    job_id: str
    title: str
    started: str


class ForgettingPlan(BaseModel):
    """What forgetting would do, in the words of the receipt.

    Args:
        kind: "documents", or "fact".
        documents: sources of the documents, or of the document of the fact.
        names: the same as a person calls them, with the folders below the one that was added.
        deleted: what was made from them and is deleted as a whole, such as "report 3f2a".
        changed: what loses their part and keeps the rest, such as "study set 91c0".
        exchanges: how many questions with their answers are deleted.
        naming: how many questions name it and show nothing of it; they stay, or go with `questions`.
        withdrawn: candidates whose weights are deleted.
        weights: what becomes of weights and of edits.
        rebuild: weights that have to be trained again.
        stays: what cannot be taken out, and why.
        words: of a fact, those that are blanked in its document.
        facts: questions of facts that the memory keeps of it by hand, and loses.
        jobs: what runs now. It stops, and begins again afterwards. To forget when it is done, begin a job of the kind
            "forget" instead.
        versions: how many earlier versions, and deleted copies of the same content, go that could be brought back.
        said: what is deleted and changed, for people.
    """

    kind: Literal["documents", "fact"]
    versions: int
    documents: list[str]
    names: list[str]
    deleted: list[str]
    changed: list[str]
    exchanges: int
    naming: int
    withdrawn: list[str]
    weights: list[Taken]
    rebuild: list[str]
    stays: list[Taken]
    words: str
    facts: list[str]
    jobs: list[RunningJob]
    said: str


class Receipts(BaseModel):
    """What was forgotten so far."""

    receipts: list[Receipt]


class Verified(BaseModel):
    """Whether a receipt is genuine, and the short name of the key that signed it."""

    id: str
    genuine: bool
    key: str


@router.get("/memory")
def list_facts(seen: Editing, candidates: bool = False, limit: int = Query(100, ge=1, le=1000)) -> Facts:
    """The facts that people keep asking for, of documents that the caller sees; see `instill memory`."""
    found = seen.workspace.memory().facts()
    every = [each for each in found if each.candidate or not candidates]
    return Facts(facts=every[:limit], total=len(every))


@router.get("/memory/{fact_id}")
def show_fact(seen: Editing, fact_id: str) -> Fact:
    """One fact, with why it is, or is not, a candidate for weights."""
    return _found(seen, fact_id)


@router.post("/memory/{fact_id}/decision")
def decide(seen: Owning, fact_id: str, deciding: Deciding) -> Fact:
    """Pin or exclude a fact, or take that back; see `instill memory pin`."""
    fact = _found(seen, fact_id)
    return seen.workspace.memory().decide(fact.fact_id, deciding.decision, note=deciding.note)


@router.post("/memory/{fact_id}/words")
def reword(seen: Owning, fact_id: str, wording: Wording) -> Fact:
    """Word a fact's question or answer otherwise; see `instill memory edit`."""
    fact = _found(seen, fact_id)
    return seen.workspace.memory().edit(
        fact.fact_id,
        question=wording.question,
        answer=wording.answer,
        note=wording.note,
        wordings=[wording.wording],
    )


@router.delete("/memory/{fact_id}")
def remove_fact(seen: Owning, fact_id: str) -> RemovedFact:
    """Take back what was done with a fact by hand; see `instill memory remove`."""
    fact = _found(seen, fact_id)
    return seen.workspace.memory().remove(fact.fact_id)


@router.post("/memory")
def add_fact(seen: Owning, adding: Adding) -> Fact:
    """Add a fact by hand and pin it; see `instill memory add`."""
    return seen.workspace.memory().add(
        adding.question, adding.answer, document=adding.document, note=adding.note, wordings=adding.wordings
    )


@router.post("/forget/plan")
def plan_forgetting(seen: Owning, forgetting: Forgetting) -> ForgettingPlan:
    """What `POST /api/forget` would delete, change and leave. Nothing is written."""
    jobs = [
        RunningJob(job_id=each.job_id, title=each.title, started=each.started)
        for each in seen.service.jobs.all(limit=_JOBS)
        if each.state == "running" and each.kind != TAKES_OUT
    ]
    names = seen.service.names()
    plan = seen.workspace.forgetting_plan(forgetting.reference, questions=forgetting.questions, jobs_end=bool(jobs))
    return ForgettingPlan.model_validate(
        {**plan.as_dict(), "names": [names.of(each) for each in plan.documents], "jobs": jobs}
    )


@router.post("/forget")
def forget(seen: Owning, forgetting: Forgetting) -> Receipt:
    """Take a document or a fact out of the index, of what was made from it, and of weights; see `instill forget`. Jobs
    that run stop, and begin again afterwards."""
    return seen.workspace.forget(forgetting.reference, questions=forgetting.questions)


@router.post("/forget/allow")
def allow(seen: Owning, forgetting: Allowing) -> Allowed:
    """Let a forgotten document be added again; see `instill forget --allow`. Nothing comes back by that. For
    callers who see everything."""
    if seen.labels is not None:
        raise Refused(403, "Only who sees all documents allows forgotten ones again.")
    if not seen.workspace.allow(forgetting.reference):
        remedy = "Give the path from which it was added, or what the notice of the job names."
        raise unknown("No document from this source was forgotten.", forgetting.reference[:80], remedy)
    return Allowed(allowed=True)


@router.get("/receipts")
def list_receipts(seen: Owning) -> Receipts:
    """The receipts of what was forgotten, oldest first."""
    return Receipts(receipts=seen.workspace.receipts())


@router.get("/receipts/{receipt_id}")
def show_receipt(seen: Owning, receipt_id: str) -> Receipt:
    """One receipt, as `instill receipt verify` reads it."""
    return _receipt(seen, receipt_id)


@router.post("/receipts/{receipt_id}/verify")
def verify(seen: Owning, receipt_id: str) -> Verified:
    """Check a receipt's signature; see `instill receipt verify`."""
    receipt = _receipt(seen, receipt_id)
    found = verified(receipt)
    return Verified(id=receipt.id, genuine=found.genuine, key=found.key)


def _found(seen: Seen, fact_id: str) -> Fact:
    try:
        return seen.workspace.memory().get(fact_id)
    except UsageError as error:
        raise unknown(error.what, error.where, "List them: GET /api/memory") from error


def _receipt(seen: Seen, receipt_id: str) -> Receipt:
    found = [each for each in seen.workspace.receipts() if each.id == receipt_id]
    if not found:
        raise unknown("There is no such receipt.", receipt_id, "List them: GET /api/receipts")
    return found[0]
