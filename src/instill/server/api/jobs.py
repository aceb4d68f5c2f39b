"""Jobs: what is being done, what it tells, and stopping it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
from fastapi import APIRouter, Header, Request
from fastapi.responses import PlainTextResponse, StreamingResponse

from instill.errors import UsageError
from instill.server.api.comparison_estimate import check_comparison
from instill.server.errors import event, is_of_a_page, unknown
from instill.server.jobs.job_kinds import WORK, Begin
from instill.server.jobs.store import ENDED, Job, JobList
from instill.server.page_words import in_page_words
from instill.server.service import Editing, Reading, Seen, must_be

router = APIRouter(prefix="/api/jobs", tags=["jobs"])

_LOOK_S = 0.25
_BEAT_S = 15.0
_LONGEST_LOG = 1_000_000
_ALL = 1_000_000


@router.get("")
def list_jobs(seen: Reading, limit: int = 100) -> JobList:
    """The newest jobs that the caller may see, a thousand at most, and how many there are."""
    found = seen.service.jobs.all(seen.labels, limit=_ALL)
    return JobList(jobs=found[: max(1, min(limit, 1000))], total=len(found))


@router.post("", status_code=202)
def begin(seen: Editing, request: Begin) -> Job:
    """Have something done that takes long: calibrate, tune, make a study set, compare, measure a curve, train,
    reindex, consolidate, forget."""
    must_be(seen.who, WORK[request.kind].role)
    WORK[request.kind].refuse_under(seen.labels, request.kind)
    arguments = WORK[request.kind].checked(request.arguments)
    if request.kind == "compare":
        check_comparison(seen, arguments)
    return seen.service.jobs.add(request.kind, "work", arguments, labels=seen.labels, asked_by=seen.who.name)


@router.get("/{job_id}")
def show(seen: Reading, job_id: str) -> Job:
    """A job, how far it is, and what came of it."""
    return _found(seen, job_id)


@router.delete("/{job_id}")
def stop(seen: Editing, job_id: str) -> Job:
    """Stop a job. What it has finished stays."""
    _found(seen, job_id)
    return seen.service.jobs.stop(job_id, seen.labels)


@router.post("/{job_id}/again", status_code=202)
def again(seen: Editing, job_id: str) -> Job:
    """Do a job that has ended once more. Its failure counts as seen."""
    work = WORK.get(_found(seen, job_id).kind)
    if work is not None:
        must_be(seen.who, work.role)
    return seen.service.jobs.again(job_id, seen.labels, asked_by=seen.who.name)


@router.post("/{job_id}/dismiss")
def dismiss(seen: Editing, job_id: str) -> Job:
    """Say that the failure of a job was seen: pages no longer show it first."""
    _found(seen, job_id)
    return seen.service.jobs.dismiss(job_id, seen.labels)


@router.get("/{job_id}/log", response_class=PlainTextResponse)
def log(seen: Reading, job_id: str) -> str:
    """What the job's process wrote; the last million characters of it."""
    _found(seen, job_id)
    file = seen.service.jobs.folder / f"{job_id}.log"
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - _LONGEST_LOG))
            said = stream.read().decode("utf-8", "replace")
            return said if seen.names is None else seen.names.in_text(said)
    except FileNotFoundError:
        return ""


@router.get("/{job_id}/events", response_class=StreamingResponse)
async def events(
    seen: Reading, request: Request, job_id: str, after: int = 0, last_event_id: str | None = Header(None)
) -> StreamingResponse:
    """What the job tells, as server-sent events until it or the server ends: `state`, `progress`, `file`, `log`,
    `error`, and at last `job`, the job as it then is. Takes up after the event that was seen last (`Last-Event-ID`, or
    `after`)."""
    await anyio.to_thread.run_sync(_found, seen, job_id)
    words = in_page_words if is_of_a_page(request) else _as_it_is
    first = int(last_event_id) if last_event_id and last_event_id.isdecimal() else after
    return StreamingResponse(
        _events(seen, job_id, min(first, 2**62), words),
        media_type="text/event-stream",
        headers={"x-accel-buffering": "no"},
    )


async def _events(seen: Seen, job_id: str, after: int, words: Callable[[Any], Any]) -> AsyncIterator[bytes]:
    jobs = seen.service.jobs
    beat = anyio.current_time()
    while not seen.service.is_ending.is_set():
        job = await anyio.to_thread.run_sync(jobs.get, job_id, seen.labels)
        found = await anyio.to_thread.run_sync(jobs.events, job_id, seen.labels, after)
        for each in found:
            after = each.number
            yield f"id: {each.number}\n".encode() + event(each.kind, words(each.data))
        if job.state in ENDED and not found:
            yield event("job", words(job.model_dump(mode="json")))
            return
        if anyio.current_time() - beat > _BEAT_S:
            beat = anyio.current_time()
            yield b": still there\n\n"
        await anyio.sleep(_LOOK_S)


def _as_it_is(told: Any) -> Any:
    return told


def _found(seen: Seen, job_id: str) -> Job:
    try:
        return seen.service.jobs.get(job_id, seen.labels)
    except UsageError as error:
        raise unknown(error.what, error.where, "List them: GET /api/jobs") from error
