"""How many documents are being added that no answer can stand on yet."""

from __future__ import annotations

from collections.abc import Sequence

from instill.catalog import Labels
from instill.server.jobs.store import Job, JobStore
from instill.workspace import Workspace

ADDING = ("add", "add url")
"""The kinds of jobs that add documents which they name."""

_LOOKED_AT = 1000


class BeingRead:
    """Counts them for each question, and anew only when a job or the index has changed."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs
        self._known: dict[Labels, tuple[object, int]] = {}

    def count(self, workspace: Workspace) -> int:
        """How many documents of the jobs that the caller of `workspace` may see are not in the index yet."""
        labels = workspace.labels
        going = [job for job in self._jobs.all(labels, limit=_LOOKED_AT, going=True) if job.kind in ADDING]
        if not going:
            self._known.pop(labels, None)
            return 0
        state = ([job.job_id for job in going], workspace.index.generation.name, workspace.index.version())
        before, count = self._known.get(labels, (None, 0))
        if before != state:
            count = not_in_yet(workspace, going)
            self._known[labels] = (state, count)
        return count


def not_in_yet(workspace: Workspace, going: Sequence[Job]) -> int:
    """How many of the documents that these jobs add no answer can stand on; an older version of one is one."""
    wanted = {source for job in going for source in job.arguments.get("paths") or (job.arguments.get("url", ""),)}
    return len(wanted - {record.source for record in workspace.index.records(sorted(wanted))}) if wanted else 0
