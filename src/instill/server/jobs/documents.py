"""Documents into the index, in a process of its own."""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from instill.common.place_in_words import short_name
from instill.documents.formats import ending_of_type
from instill.documents.sources import Source
from instill.errors import DocumentError
from instill.ingest.types import FileOutcome
from instill.ingest.types import Progress as Reading
from instill.server.jobs.store import JobStore, Lane, Task
from instill.server.served_workspace import Opened
from instill.server.uploads import Uploads, name_of_upload
from instill.workspace.replies import plain

LANE: Lane = "documents"

_BETWEEN_S = 0.3
_JOBS_LOOKED_AT = 100_000


def do_documents(opened: Opened, jobs: JobStore, task: Task) -> Any:
    """Add what the task names; the report of the ingest as plain data.

    Vectors that were told from words first are computed by a job of their own ("refine"), which lets others go first:
    what somebody adds meanwhile does not wait for it.

    Raises:
        InstillError: nothing could be added.
    """
    report = _done(opened, jobs, task)
    if opened.whole.passages_in_words() and not jobs.is_waiting(LANE, "refine"):
        jobs.add("refine", LANE, {}, labels=None, asked_by="")
    return report


def _done(opened: Opened, jobs: JobStore, task: Task) -> Any:
    workspace = opened.whole
    told = _Told(jobs, task)
    if task.kind == "refine":
        report = workspace.refine(told.progress, stop=lambda: jobs.is_waiting(LANE))
        return json.loads(json.dumps(report, default=plain))
    if task.kind == "sync":
        report = workspace.sync(refine=False, progress=told.progress, on_file=told.file)
        return json.loads(json.dumps(report, default=plain))
    labels, metadata = task.arguments["labels"], task.arguments["metadata"]
    paths = task.arguments.get("paths")
    _take_waiting(opened, jobs, task)
    if paths is None:
        paths = [task.arguments["url"] if task.labels is None else _fetched(opened, task)]
    report = workspace.add(
        paths,
        labels=labels,
        metadata=metadata,
        follow=False,
        refine=False,
        keep=task.kind == "add",
        moves=task.labels
        is None,  # Of who does not see all, the same content is no proof that it is the same document.
        progress=told.progress,
        on_file=told.file,
    )
    _forget_refused(opened, task, [failure.source for failure in report.failed])
    _uploads(opened, task).forget_words([source for source, _ in report.forgotten])
    return json.loads(json.dumps(report, default=plain))


def _take_waiting(opened: Opened, jobs: JobStore, task: Task) -> None:
    """Uploads that waited until an earlier one of their name was read; see `Uploads.put_in_place`."""
    uploads = _uploads(opened, task)
    uploads.put_in_place(task.arguments.get("waiting", {}))
    going = jobs.all(None, limit=_JOBS_LOOKED_AT, going=True)
    uploads.drop_waiting({file for job in going for file in job.arguments.get("waiting", {}).values()})


def _forget_refused(opened: Opened, task: Task, sources: Sequence[str]) -> None:
    """Delete the uploads that could not be added; one of which an earlier version is in the index stays."""
    index = opened.whole.index
    held = {record.source for record in index.records(list(sources))} if sources else set()
    _uploads(opened, task).forget([source for source in sources if source not in held])


def _uploads(opened: Opened, task: Task) -> Uploads:
    return Uploads(opened.folder / ".instill" / "uploads", opened.whole, task.labels, opened.whole.settings.documents)


def _fetched(opened: Opened, task: Task) -> str:
    """What is at the address, kept as a file of those who hold the caller's labels: under the address itself there may
    be a document that they do not see."""
    url, settings = task.arguments["url"], opened.whole.settings.documents
    loaded = Source(url).load(settings)
    parts = urlsplit(url)
    name = parts.path.rstrip("/").rpartition("/")[2] or "index"
    if "." not in name:
        media_type = loaded.content_type.partition(";")[0].strip().lower()
        name += f".{ending_of_type(media_type) or 'html'}"
    if not loaded.data:
        raise DocumentError("There is nothing at the address.", where=parts._replace(query="", fragment="").geturl())
    mark = hashlib.sha256(url.encode()).hexdigest()[:8]
    return str(_uploads(opened, task).keep(f"{parts.hostname}/{mark}/{name}", io.BytesIO(loaded.data)))


class _Told:
    """Passes on what an ingest tells, a few times a second."""

    def __init__(self, jobs: JobStore, task: Task) -> None:
        self._jobs, self._id = jobs, task.job_id
        self._next = 0.0

    def progress(self, now: Reading) -> None:
        if time.monotonic() >= self._next or now.done == now.total:
            self._next = time.monotonic() + _BETWEEN_S
            what = short_name(now.source) if name_of_upload(now.source) == now.source else name_of_upload(now.source)
            self._jobs.tell(self._id, "progress", {"done": now.done, "total": now.total, "what": what})

    def file(self, outcome: FileOutcome) -> None:
        self._jobs.tell(self._id, "file", plain(outcome))
