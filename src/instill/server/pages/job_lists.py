"""Jobs as the pages list them, and how many documents wait to be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from instill.server.jobs.store import ENDED, Job
from instill.server.service import Seen

_LOOKED_AT = 1000
_MOST_ENDED = 10
_ADDING = ("add", "add url")


@dataclass(frozen=True, slots=True)
class JobsShown:
    """Jobs, newest first: those that go on, and the last few that ended."""

    going: Sequence[Job]
    ended: Sequence[Job]

    @property
    def counted(self) -> str:
        """How many ended in which way: "2 done, 1 failed; 3 documents could not be added"."""
        states = [job.state for job in self.ended]
        said = ", ".join(f"{states.count(each)} {each}" for each in ENDED if each in states)
        lost = sum(len(job.outcome.problems) for job in self.ended)
        return said + (f"; {lost} document{'s' * (lost != 1)} could not be added" if lost else "")


def jobs_of(seen: Seen, *kinds: str, ended: int = _MOST_ENDED) -> JobsShown:
    """The newest jobs of some kinds that the caller may see.

    Args:
        ended: of those that ended, so many at most.
    """
    return chosen_jobs(seen, lambda job: job.kind in kinds, ended)


def chosen_jobs(seen: Seen, fits: Callable[[Job], bool], ended: int = _MOST_ENDED) -> JobsShown:
    """The newest jobs that fit and that the caller may see."""
    found = [job for job in seen.service.jobs.all(seen.labels, limit=_LOOKED_AT) if fits(job)]
    return JobsShown(
        [job for job in found if job.state not in ENDED], [job for job in found if job.state in ENDED][:ended]
    )


def unread(seen: Seen) -> str:
    """How many of the documents that are being added are not read yet, as a sentence; "" where all are."""
    jobs = jobs_of(seen, *_ADDING, ended=0).going
    files = sum(len(job.arguments.get("paths") or ("url",)) for job in jobs)
    left = files - sum(job.progress.done for job in jobs)
    if left <= 0:
        return ""
    return f"{left:,} of {files:,} documents that are being added {'is' if left == 1 else 'are'} not read yet."
