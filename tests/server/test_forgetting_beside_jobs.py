"""Forgetting while jobs run: they stop, begin again from what is left, and leave no word of what was forgotten."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from instill import Workspace
from instill.errors import IndexRebuilt, WorkspaceError
from instill.server.access.keys import KeyStore
from instill.server.jobs import job_process
from instill.server.jobs.job_kinds import WORK, command_line
from instill.server.jobs.job_process import FORGOTTEN, MADE_ANEW, Worker, lane_lock
from instill.server.served_workspace import Opened
from instill.workspace import jobs_pause
from instill.workspace.jobs_pause import is_paused, job_may_begin, jobs_paused
from tests.server.running import running
from tests.server.test_api import ok
from tests.server.test_jobs import OVENS, ended_job, ok_log, store_of, until

SECRET = "# Letter\n\nThe blue lantern was built in 1931 by Quentin Ashgrove.\n\nIt burns for nineteen hours a night.\n"


def begun(client: httpx.Client, kind: str, **arguments: Any) -> str:
    job = ok(client.post("/api/jobs", json={"kind": kind, "arguments": arguments}), 202)
    return str(job["job_id"])


def states(workspace: Workspace, job_id: str) -> list[str]:
    return [each.data["state"] for each in store_of(workspace).events(job_id) if each.kind == "state"]


def holding(home: Path, word: bytes) -> list[str]:
    return [file.name for file in home.rglob("*") if file.is_file() and word in file.read_bytes()]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    notes = tmp_path / "notes"
    notes.mkdir()
    for number in range(40):  # What is measured on them takes some seconds.
        (notes / f"{number}.md").write_text(
            f"# Hall {number}\n\nThe oven in hall {number} bakes at {200 + number} degrees.\n"
        )
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add(notes)
        workspace.add_text(OVENS, name="ovens.md")
        workspace.add_text(SECRET, name="letter.md")
    return tmp_path / "kb"


def test_work_that_runs_begins_again_without_the_document(place: Path) -> None:
    with running(place, jobs=True) as server, server.client() as client, Workspace.open(place) as workspace:
        job_id = begun(client, "calibrate")
        until(lambda: "$ instill calibrate" in ok_log(client, job_id))
        plan = ok(client.post("/api/forget/plan", json={"reference": "stdin:letter.md"}))
        assert [(each["job_id"], each["title"]) for each in plan["jobs"]] == [(job_id, "Calibrating")]

        receipt = ok(client.post("/api/forget", json={"reference": "stdin:letter.md"}))

        assert receipt["not_removed"] == plan["stays"]
        assert [each["where"] for each in plan["stays"]] == ["outside"]
        job = until(lambda: ended_job(client, job_id))
        assert (job["state"], job["attempts"]) == ("done", 1), ok_log(client, job_id)
        assert states(workspace, job_id) == ["waiting", "running", "waiting", "running", "done"]
        told = [each.data["what"] for each in store_of(workspace).events(job_id) if each.kind == "progress"]
        assert FORGOTTEN in told
    assert holding(place / ".instill", b"Quentin Ashgrove") == []


def test_documents_that_are_being_added_are_added_all_the_same(place: Path) -> None:
    with running(place, jobs=True) as server, server.client() as client, Workspace.open(place) as workspace:
        text = "Filling words stand here. " * 400
        files = [("files", (f"note {n}.md", f"# Note {n}\n\nThis is note {n}.\n{text}".encode())) for n in range(12)]
        job_id = ok(client.post("/api/documents", files=files), 202)["job_id"]
        until(lambda: ok(client.get(f"/api/jobs/{job_id}"))["state"] == "running")
        ok(client.post("/api/forget", json={"reference": "stdin:letter.md"}))
        job = until(lambda: ended_job(client, job_id))
        assert (job["state"], job["attempts"]) == ("done", 1)
        names = {Path(each["source"]).name for each in ok(client.get("/api/documents"))["documents"]}
        assert names == {"stdin:ovens.md", *(f"{n}.md" for n in range(40)), *(f"note {n}.md" for n in range(12))}
        assert states(workspace, job_id)[:3] == ["waiting", "running", "waiting"]


def test_forgetting_waits_where_one_wants_it(place: Path) -> None:
    with Workspace.open(place) as workspace:
        [letter] = [each.doc_id for each in workspace.documents() if each.source == "stdin:letter.md"]
    with running(place, jobs=True) as server, server.client() as client, Workspace.open(place) as workspace:
        study = begun(client, "study", most=5, check=False)
        until(lambda: ok(client.get(f"/api/jobs/{study}"))["state"] == "running")
        forget = begun(client, "forget", reference=letter)
        job = until(lambda: ended_job(client, forget))
        assert (job["state"], job["outcome"]["said"], job["outcome"]["page"]) == ("done", "It is forgotten.", "/memory")
        assert ended_job(client, study)["state"] == "done"
        assert states(workspace, study) == states(workspace, forget) == ["waiting", "running", "done"]
        [receipt] = ok(client.get("/api/receipts"))["receipts"]
        assert job["result"] == {"id": receipt["id"]}
        assert [each["source"] for each in receipt["documents"]] == ["stdin:letter.md"]


def test_only_an_admin_forgets_by_a_job(place: Path) -> None:
    with Workspace.open(place) as workspace:
        store = KeyStore(workspace.catalog)
        store.add("boss", role="admin")
        editor = store.add("ann", role="editor").secret
    with running(place) as server, server.client(editor) as client:
        refused = ok(client.post("/api/jobs", json={"kind": "forget", "arguments": {"reference": "x"}}), 403)["error"]
        assert refused["what"] == "This takes the role admin."
        assert ok(client.get("/api/jobs"))["jobs"] == []


def test_a_reference_is_no_option(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="reference"):
        WORK["forget"].checked({"reference": "--allow=x"})
    words = command_line("forget", WORK["forget"].checked({"reference": "tea.md"}), None, tmp_path)
    assert words[:2] == ["forget", "tea.md"]


def test_a_pause_waits_for_jobs_and_keeps_them_from_beginning(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = place / ".instill"
    with Workspace.open(place) as workspace:
        jobs = store_of(workspace)
        job = jobs.add("tune", "work", {}, labels=None, asked_by="ann")
        assert jobs.take("work") is not None
        with jobs_paused(home, workspace.catalog):  # Nobody does it: its process was killed.
            assert is_paused(home)
            with job_may_begin(home) as free:
                assert not free
        assert not is_paused(home)
        with lane_lock(jobs.folder, "work") as held:
            assert held is not None
            with job_may_begin(home) as free, job_may_begin(home) as other:
                assert free
                assert other, "lanes do not stop each other"
            monkeypatch.setattr(jobs_pause, "_ENDING_S", 0.1)
            with pytest.raises(WorkspaceError, match="does not end"), jobs_paused(home, workspace.catalog):
                pytest.fail("a job runs")
            monkeypatch.setattr(jobs_pause, "_ENDING_S", 30)
            late = threading.Timer(0.3, lambda: jobs.put_back(job.job_id, FORGOTTEN, counts=False))
            late.start()
            started = time.monotonic()
            with jobs_paused(home, workspace.catalog):
                assert time.monotonic() - started > 0.25
        assert (jobs.get(job.job_id).state, jobs.get(job.job_id).attempts) == ("waiting", 0)


def test_a_job_whose_index_was_made_anew_begins_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_process, "IDLE_S", 0.5)
    gone = IndexRebuilt("The index was made anew meanwhile.", remedy="Run the command again.")
    times = []

    def done(*_: Any) -> dict[str, str]:
        times.append(1)
        if len(times) != 3:
            raise gone
        return {"verdict": "good"}

    with Workspace.open(place) as workspace:
        jobs = store_of(workspace)
        first = jobs.add("tune", "work", {}, labels=None, asked_by="ann").job_id
        second = jobs.add("tune", "work", {}, labels=None, asked_by="ann").job_id
        monkeypatch.setattr(Worker, "_done", done)
        worker = Worker(Opened(place), "work", 0)
        worker.run()
        assert (jobs.get(first).state, jobs.get(first).attempts) == ("done", 3)
        assert MADE_ANEW in [each.data["what"] for each in jobs.events(first) if each.kind == "progress"]
        ended = jobs.get(second)
        assert (ended.state, ended.outcome.said) == ("failed", "The index was made anew meanwhile. Try it again.")
        worker.opened.close()
