"""What a refused upload leaves, how the jobs of one upload are listed, and that a stopped answer leaves nothing."""

from __future__ import annotations

import io
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from instill import Workspace
from instill.answer.streaming import AnswerStream
from instill.catalog.tables import JOBS
from instill.errors import InstillError
from instill.server.access.caller_role import Who
from instill.server.jobs.documents import do_documents
from instill.server.jobs.job_results import TITLES, outcome
from instill.server.jobs.store import Job, Progress, State
from instill.server.pages.job_lists import JobsShown, jobs_of, unread, uploads_together
from instill.server.service import Seen, Service
from instill.server.uploads import Uploads
from instill.settings import DocumentSettings
from instill.workspace.asked_questions import Feedback

TEA = "# Tea\n\nTea is brewed at 80 degrees.\n"
QUESTION = "At how many degrees is tea brewed?"


def _at(minute: int) -> str:
    return f"2026-01-01T00:{minute:02}:00Z"


def job(number: int, created: int, ended: int, state: State = "done", *, kind: str = "add", **more: Any) -> Job:
    result = {"added": ["x"] * 2, "unchanged": 1, "failed": more.pop("failed", []), "seconds": 0.5}
    return Job(
        job_id=str(number), kind=kind, title=TITLES[kind], state=state, asked_by="ann", created=_at(created),
        started="", ended=_at(ended), attempts=1, dismissed="", progress=Progress(),
        arguments={"paths": ["x", "y"]}, result=result, outcome=outcome(kind, state, result),
    ).model_copy(update=more)  # fmt: skip


def test_the_jobs_of_one_upload_are_listed_as_one() -> None:
    lost = [{"source": "/x/odd.pdf", "what": "The file is empty."}]
    jobs = [
        job(5, 50, 51),
        job(4, 12, 20, asked_by="bob"),
        job(3, 12, 20),
        job(2, 11, 15, failed=lost),
        job(1, 10, 13),
        job(0, 9, 11, "cancelled"),
    ]
    found = uploads_together(jobs)
    assert [each.job_id for each in found] == ["5", "4", "3", "0"]
    assert found[2].outcome.said == "6 added, 3 there already, 1 could not be added."
    assert found[2].outcome.problems == ["odd.pdf: The file is empty."]
    assert found[2].result["seconds"] == 1.5
    assert (found[2].created, found[2].ended) == (jobs[4].created, jobs[2].ended)
    assert JobsShown([], [], found, True, "ann").counted == "3 done, 1 cancelled; 1 document could not be added"
    assert [each.job_id for each in uploads_together([job(2, 1, 5, kind="sync"), job(1, 1, 3, kind="sync")])] == [
        "2",
        "1",
    ]


def test_an_old_failure_is_told_in_one_line_until_it_is_dismissed(tmp_path: Path) -> None:
    Workspace.init(tmp_path / "kb").close()
    service = Service(tmp_path / "kb", loopback=True)
    seen = Seen(service, Who("admin", None, "owner"))
    jobs = service.jobs
    ids = [
        jobs.add("add", "documents", {"paths": ["a"]}, labels=None, asked_by=name).job_id
        for name in ("ann", "bob", "eve", "joe")
    ]
    for job_id in ids:
        jobs.end(job_id, "done", {"added": [], "failed": [{"source": "/x/odd.pdf", "what": "It is empty."}]})
    with service.opened.catalog.writing() as connection:
        assert connection is not None
        for job_id, hours in zip(ids, (30, 25, 23, 1), strict=True):
            then = (datetime.now(UTC) - timedelta(hours=hours)).isoformat(timespec="seconds").replace("+00:00", "Z")
            connection.execute(sa.update(JOBS).where(JOBS.c.job_id == job_id).values(created=then, ended=then))
    jobs.dismiss(ids[0])
    found = jobs_of(seen, "add")
    assert [[each.job_id for each in part] for part in (found.failed, found.old, found.ended)] == [
        [ids[3], ids[2]], [ids[1]], [ids[0]],
    ]  # fmt: skip
    assert found.counted_old == "1 done; 1 document could not be added"
    service.close()


def test_what_goes_on_is_listed_in_its_order_and_its_total_stays(tmp_path: Path) -> None:
    Workspace.init(tmp_path / "kb").close()
    service = Service(tmp_path / "kb", loopback=True)
    seen = Seen(service, Who("admin", None, "owner"))
    jobs = service.jobs
    assert unread(seen) == ""
    one = jobs.add("add", "documents", {"paths": ["a"]}, labels=None, asked_by="ann")
    assert unread(seen) == "The document that is being added is not read yet. You can ask when it is."
    jobs.stop(one.job_id)
    first, second, third = (
        jobs.add("add", "documents", {"paths": [str(n) for n in range(10)]}, labels=None, asked_by="ann").job_id
        for _ in range(3)
    )
    assert jobs.take("documents").job_id == first  # type: ignore[union-attr]
    assert [each.job_id for each in jobs_of(seen, "add").going] == [first, second, third]
    jobs.tell(first, "progress", {"done": 4, "total": 10, "what": "x"})
    total = 30 + (jobs.get(one.job_id).ended >= jobs.get(first).created)
    soon = "and none is in the index yet. You can ask in a moment, when the first are in."
    done = total - 30
    assert unread(seen) == f"{done + 4} of {total} documents are read, {soon}"
    jobs.end(first, "done", {"added": ["x"] * 10})
    assert unread(seen) == f"{done + 10} of {total} documents are read, {soon}"
    assert jobs.take("documents").job_id == second  # type: ignore[union-attr]
    jobs.tell(second, "progress", {"done": 10, "total": 10, "what": ""})
    jobs.tell(third, "progress", {"done": 9, "total": 10, "what": ""})
    assert unread(seen) == f"{total - 1} of {total} documents are read, {soon}"
    with Workspace.open(tmp_path / "kb") as workspace:
        for name in ("1", "other"):
            workspace.add_text("Tea.", name=name)
    jobs.add("add", "documents", {"paths": ["stdin:1", "new.md"]}, labels=None, asked_by="ann")
    assert unread(seen) == "Answers stand on 2 of 13 documents so far.", "ten of both jobs, and one of the last"
    service.close()


def test_nothing_is_left_of_a_refused_upload(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        folder = tmp_path / "kb" / ".instill" / "uploads"
        uploads = Uploads(folder, workspace, None, DocumentSettings(max_file_mb=0.001))
        kept = uploads.keep("tea.md", io.BytesIO(TEA.encode()))
        large = io.BytesIO(b"x" * 2000)
        with pytest.raises(InstillError):
            uploads.keep_all([("tea.md", io.BytesIO(b"other")), ("new.md", io.BytesIO(b"new")), ("large.md", large)])
        assert [each for each in folder.rglob("*") if each.is_file()] == [kept]
        assert kept.read_text() == TEA
        both = uploads.keep_all([("a", io.BytesIO(b"file")), ("a/b.md", io.BytesIO(b"below"))])
        assert [each.read_bytes() for each in both] == [b"file", b"below"]


def test_an_upload_that_cannot_be_added_is_deleted_by_its_job(tmp_path: Path) -> None:
    Workspace.init(tmp_path / "kb").close()
    service = Service(tmp_path / "kb", loopback=True)
    uploads = Uploads(service.uploads, service.opened.whole, None, service.settings.documents)

    def added(*files: tuple[str, bytes]) -> Any:
        paths = [str(each) for each in uploads.keep_all([(name, io.BytesIO(data)) for name, data in files])]
        arguments: dict[str, Any] = {"paths": paths, "labels": None, "metadata": {}}
        service.jobs.add("add", "documents", arguments, labels=None, asked_by="ann")
        task = service.jobs.take("documents")
        assert task is not None
        return do_documents(service.opened, service.jobs, task)

    result = added(("tea.md", TEA.encode()), ("broken.pdf", b"%PDF-1.4 nothing"))
    assert [Path(each["source"]).name for each in result["failed"]] == ["broken.pdf"]
    assert [each.name for each in service.uploads.rglob("*") if each.is_file()] == ["tea.md"]
    added(("tea.md", b""))
    assert [each.name for each in service.uploads.rglob("*") if each.is_file()] == ["tea.md"], "it is in the index"
    service.close()


def test_a_stopped_answer_leaves_nothing(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text(TEA, name="tea.md")
        talk = workspace.chat()
        stopped: list[AnswerStream] = []

        def work(put: Any) -> Any:
            stopped[0].close()  # While it is looked for: no piece was written so far.
            return talk.say(QUESTION, on_token=put)

        stopped.append(AnswerStream(work))
        assert list(stopped[0]) == []
        for thread in threading.enumerate():
            if thread.name == "instill-answer":
                thread.join(30)
        assert Feedback(workspace).newest() == []
        assert talk.turns == ()
        assert workspace.memory().facts() == []
        assert list(workspace.ask(QUESTION, stream=True)) == ["Tea is brewed at 80 degrees. [1]"], (
            "no empty piece comes out"
        )
