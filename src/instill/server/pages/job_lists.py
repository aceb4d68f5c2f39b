"""Jobs as the pages list them, and how many documents wait to be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from instill.common.plurals import are, counted
from instill.server.jobs.documents_being_read import ADDING, not_in_yet
from instill.server.jobs.job_results import Outcome, outcome
from instill.server.jobs.store import ENDED, Job
from instill.server.service import Seen

_LOOKED_AT = 1000
_MOST_ENDED = 10
_MOST_FAILED = 3
_OLD = timedelta(days=1)
"""A failure that ended so long ago is told in one line."""


@dataclass(frozen=True, slots=True)
class Together:
    """Jobs that are shown as one; `sizes`: how many documents each is to add."""

    jobs: Sequence[Job]
    sizes: Sequence[int]


class Ended(Job):
    """Jobs of one upload that have ended, as one; `ids`: theirs, newest first."""

    ids: list[str]


@dataclass(frozen=True, slots=True)
class JobsShown:
    """Jobs that go on, in the order in which they are done; and the last few that ended, newest first.

    Args:
        failed: those that failed, or left documents out, and that nobody has dismissed; for who may act on them.
        old: the same, of those that ended more than a day ago.
        ended: the others.
        acts: whether who looks may do a job again.
        own: the name of who looks: of the other jobs it is said whose they are.
        all: how many there are of those of which `ended` has the newest.
    """

    going: Sequence[Job]
    failed: Sequence[Job]
    ended: Sequence[Job]
    acts: bool
    own: str
    all: int = 0
    old: Sequence[Job] = ()

    @property
    def going_together(self) -> list[Together]:
        """Those that go on; the uploads of one person are one."""
        found: dict[tuple[str, str], list[Job]] = {}
        for job in self.going:
            found.setdefault((job.kind, job.asked_by if job.kind == "add" else job.job_id), []).append(job)
        return [Together(jobs, list(map(files_of, jobs))) for jobs in found.values()]

    @property
    def counted(self) -> str:
        """How many ended in which way: "2 done, 1 failed; 3 documents could not be added"."""
        return _counted(self.ended)

    @property
    def counted_old(self) -> str:
        """The same of those that are old."""
        return _counted(self.old)


def jobs_of(seen: Seen, *kinds: str, ended: int = _MOST_ENDED) -> JobsShown:
    """The newest jobs of some kinds that the caller may see.

    Args:
        ended: of those that ended, so many at most.
    """
    return chosen_jobs(seen, lambda job: job.kind in kinds, ended)


def chosen_jobs(seen: Seen, fits: Callable[[Job], bool], ended: int = _MOST_ENDED) -> JobsShown:
    """The newest jobs that fit and that the caller may see."""
    found = [job for job in seen.service.jobs.all(seen.labels, limit=_LOOKED_AT) if fits(job)]
    going = [job for job in reversed(found) if job.state not in ENDED]
    over = uploads_together([job for job in found if job.state in ENDED])
    acts = seen.who.may("editor")
    failed, old = _failed(over) if acts else ([], [])
    first = {job.job_id for job in (*failed, *old)}
    others = [job for job in over if job.job_id not in first]
    return JobsShown(
        sorted(going, key=lambda job: job.state != "running"),
        [_told(seen, job) for job in failed],
        [_told(seen, job) for job in others[:ended]],
        acts,
        seen.who.name,
        len(others),
        [_told(seen, job) for job in old],
    )


def _failed(over: Sequence[Job]) -> tuple[list[Job], list[Job]]:
    """Of jobs that have ended, those whose failure is to be seen: of the last day, and older ones."""
    day = (datetime.now(UTC) - _OLD).isoformat()
    found = [job for job in over if _is_to_be_seen(job)]
    fresh = [job for job in found if job.ended >= day][:_MOST_FAILED]
    return fresh, [job for job in found if job.ended < day][:_MOST_ENDED]


def _counted(jobs: Sequence[Job]) -> str:
    states = [job.state for job in jobs]
    said = ", ".join(f"{states.count(each)} {each}" for each in ENDED if each in states)
    lost = sum(map(_lost, jobs))
    return said + (f"; {counted(lost, 'document')} could not be added" if lost else "")


def _lost(job: Job) -> int:
    """How many documents a job that is done could not add."""
    if job.state != "done" or not isinstance(job.result, dict):
        return 0
    return len(job.result.get("failed", ())) + len(job.result.get("forgotten", ()))


def _told(seen: Seen, job: Job) -> Job:
    return job.model_copy(update={"outcome": Outcome(**seen.told(job.outcome.model_dump()))})


def _is_to_be_seen(job: Job) -> bool:
    return not job.dismissed and (job.state == "failed" or bool(job.outcome.problems))


def uploads_together(ended: Sequence[Job]) -> list[Job]:
    """The jobs, newest first, with those of one upload as one: a folder is sent in portions, each a job of its own.

    Jobs that are done belong together where the same person asked for them, the later one was asked for before the
    earlier one ended, and both were dismissed or neither was.
    """
    found: list[Job] = []
    for job in ended:
        last = found[-1] if found else None
        if last is not None and _is_of_one_upload(job, last):
            result = _sum(job.result, last.result)
            told = outcome(job.kind, job.state, result)
            ids = [*(last.ids if isinstance(last, Ended) else [last.job_id]), job.job_id]
            both = {"created": job.created, "result": result, "outcome": told, "ids": ids}
            found[-1] = Ended.model_construct(**dict(last) | both)
        else:
            found.append(job)
    return found


def _is_of_one_upload(job: Job, later: Job) -> bool:
    alike = all(each.kind == "add" and each.state == "done" and isinstance(each.result, dict) for each in (job, later))
    seen = bool(job.dismissed) == bool(later.dismissed)
    return alike and seen and job.asked_by == later.asked_by and later.created <= job.ended


def _sum(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Two reports of what was added as one: lists one after the other, numbers added."""
    both = {name: (one.get(name), other.get(name)) for name in {**one, **other}}
    return {name: mine if theirs is None else theirs if mine is None else mine + theirs
            for name, (mine, theirs) in both.items()}  # fmt: skip


def unread(seen: Seen) -> str:
    """What of the documents that are being added can be asked about by now, in sentences; "" where all can.

    The documents of an upload are counted until all of them are read, so that the total does not shrink on the way.
    """
    jobs = [job for job in seen.service.jobs.all(seen.labels, limit=_LOOKED_AT) if job.kind in ADDING]
    going = [job for job in jobs if job.state not in ENDED]
    if not going:
        return ""
    documents = seen.workspace.index.count()[0]
    if documents:
        missing = not_in_yet(seen.workspace, going)
        return f"Answers stand on {documents:,} of {documents + missing:,} documents so far." if missing else ""
    since = min(job.created for job in going)
    files = sum(map(files_of, going))
    for job in jobs:  # newest first
        if job.state in ENDED and job.ended >= since:
            since = min(since, job.created)
            files += files_of(job)
    read = files - sum(files_of(job) - job.progress.done for job in going)
    if files == 1:
        return "The document that is being added is not read yet. You can ask when it is."
    if not read:
        return f"None of the {files:,} documents is read yet. You can ask when the first are in."
    return (
        f"{read:,} of {files:,} documents {are(read)} read, and none is in the index yet. "
        "You can ask in a moment, when the first are in."
    )


def files_of(job: Job) -> int:
    """How many documents a job is to add."""
    return len(job.arguments.get("paths") or ("url",))
