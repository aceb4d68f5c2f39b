"""How many documents are being added that no answer can stand on yet."""

from __future__ import annotations

from collections.abc import Sequence

from instill.server.jobs.store import Job, JobStore
from instill.workspace import Workspace

ADDING = ("add", "add url")
"""The kinds of jobs that add documents which they name."""

_LOOKED_AT = 1000


def being_read(jobs: JobStore, workspace: Workspace) -> int:
    """How many documents of the jobs that the caller of `workspace` may see are not in the index yet."""
    going = [job for job in jobs.all(workspace.labels, limit=_LOOKED_AT, going=True) if job.kind in ADDING]
    return not_in_yet(workspace, going)


def not_in_yet(workspace: Workspace, going: Sequence[Job]) -> int:
    """How many of the documents that these jobs add no answer can stand on; an older version of one is one."""
    wanted = {source for job in going for source in job.arguments.get("paths") or (job.arguments.get("url", ""),)}
    return len(wanted - {record.source for record in workspace.index.records(sorted(wanted))}) if wanted else 0
