"""An upload that has the name of another document replaces it, says so, and gives it back; forgotten words stay out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from instill import Workspace
from instill.server.access.keys import KeyStore
from instill.server.jobs.documents import do_documents
from tests.server.running import running
from tests.server.test_api import ok

OLD, NEW = b"# Tea\n\nThe tea is in the tin.", b"# Tea\n\nThe tea is in the blue jar now."


@contextmanager
def served(folder: Path) -> Iterator[tuple[Workspace, httpx.Client]]:
    with (
        Workspace.init(folder / "kb") as workspace,
        running(workspace.path, jobs=True) as server,
        server.client() as client,
    ):
        yield workspace, client


def sent(client: httpx.Client, name: str, content: bytes, **data: Any) -> Any:
    reply = client.post("/api/documents", files={"files": (name, content)}, data={"wait": "60", **data})
    assert reply.json()["state"] == "done", reply.text
    return reply.json()


def text_of(workspace: Workspace, doc_id: str) -> str:
    stored = workspace.index.document_text(doc_id)
    assert stored is not None
    return stored.text


def test_the_earlier_document_is_kept_and_comes_back_with_its_file(tmp_path: Path) -> None:
    with served(tmp_path) as (workspace, client):
        sent(client, "a/index.md", OLD)
        [before] = workspace.documents()
        job = sent(client, "a/index.md", NEW)
        [[source, reference]] = job["result"]["replaced"]
        assert (source, reference.partition("@")[0]) == (before.source, before.doc_id)
        assert job["outcome"]["said"] == "1 replaces the earlier a/index.md."
        assert "blue jar" in text_of(workspace, before.doc_id)
        [listed] = ok(client.get("/api/documents/removed"))["removed"]
        assert (listed["document"]["content_hash"], listed["reference"], listed["replaced"]) == (
            before.content_hash, reference, True,
        )  # fmt: skip
        assert "replaced" in client.get("/documents").text
        undo = {"documents": [before.doc_id]}
        assert len(ok(client.post("/api/documents/restore", json=undo))["restored"]) == 1
        assert workspace.documents() == [before]
        assert (Path(before.source).read_bytes(), "tin" in text_of(workspace, before.doc_id)) == (OLD, True)
        ok(client.post("/api/documents/restore", json=undo))
        assert (Path(before.source).read_bytes(), "blue jar" in text_of(workspace, before.doc_id)) == (NEW, True)
        assert sent(client, "a/index.md", NEW)["outcome"]["said"] == "1 there already."


def version(number: int) -> bytes:
    return f"# Tea\n\nThe tea is in tin number {number}.".encode()


def numbers(client: httpx.Client) -> list[tuple[str, bool]]:
    """Of the versions that can be brought back, the last first: what each is named by, and whether it was replaced."""
    return [(each["reference"], each["replaced"]) for each in ok(client.get("/api/documents/removed"))["removed"]]


def test_every_version_comes_back_and_the_one_at_its_place_is_kept(tmp_path: Path) -> None:
    with served(tmp_path) as (workspace, client):
        for number in (1, 2, 3, 4):
            sent(client, "tea.md", version(number))
        [record] = workspace.documents()
        (third, _), (second, _), (first, _) = numbers(client)

        def back(*references: str) -> httpx.Response:
            return client.post("/api/documents/restore", json={"documents": references})

        def now() -> tuple[str, bytes]:
            return text_of(workspace, record.doc_id)[-2:-1], Path(record.source).read_bytes()

        page = client.get("/documents").text
        assert [each in page for each in (first, second, third)] == [True, True, True]
        assert back(first, second).status_code == 400
        ok(back(first))
        assert now() == ("1", version(1))
        (fourth, is_replaced), *others = numbers(client)
        assert (is_replaced, others) == (True, [(third, True), (second, True)])
        ok(client.delete(f"/api/documents/{record.doc_id}"))
        (first, is_replaced), *others = numbers(client)
        assert (is_replaced, others) == (False, [(fourth, True), (third, True), (second, True)])
        ok(back(third))
        assert now() == ("3", version(3))
        assert numbers(client) == [(first, False), (fourth, True), (second, True)]
        ok(back(first))
        assert now() == ("1", version(1))
        sent(client, "tea.md", version(2))
        assert now() == ("2", version(2))
        assert (len(numbers(client)), back(second).status_code) == (3, 404), "the second is the one that is there"
        ok(client.post("/api/forget", json={"reference": record.doc_id}))
        held = [each.read_bytes() for each in (workspace.path / ".instill").rglob("*") if each.is_file()]
        assert (numbers(client), [each for each in held if b"in tin number" in each]) == ([], [])


def test_uploads_of_one_name_before_the_first_is_read_are_all_read(tmp_path: Path) -> None:
    with (
        Workspace.init(tmp_path / "kb") as workspace,
        running(workspace.path) as server,
        server.client() as client,
    ):
        service = server.service
        for number in (1, 2, 3):
            ok(client.post("/api/documents", files={"files": ("tea.md", version(number))}), 202)
        held = {each.read_bytes() for each in service.uploads.rglob("*") if each.is_file()}
        assert held == {version(1), version(2), version(3)}, "all of them are on the disk"
        workspace.purge()
        said = []
        while (task := service.jobs.take("documents")) is not None:
            report = do_documents(service.opened, service.jobs, task)
            service.jobs.end(task.job_id, "done", report)
            said.append(service.jobs.get(task.job_id).outcome.said)
            do_documents(service.opened, service.jobs, task)  # as after a crash at its end
        assert said == ["1 added.", "1 replaces the earlier tea.md.", "1 replaces the earlier tea.md."]
        workspace.refresh()
        [record] = workspace.documents()
        assert ("number 3" in text_of(workspace, record.doc_id), len(numbers(client))) == (True, 2)
        ok(client.post("/api/documents/restore", json={"documents": [numbers(client)[1][0]]}))
        assert Path(record.source).read_bytes() == version(1)
        assert list((service.uploads / ".waiting").glob("*")) == []


def test_what_waits_is_deleted_where_its_job_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        Workspace.init(tmp_path / "kb") as workspace,
        running(workspace.path) as server,
        server.client() as client,
    ):
        service = server.service
        for number in (1, 2):
            job = ok(client.post("/api/documents", files={"files": ("tea.md", version(number))}), 202)
        ok(client.delete(f"/api/jobs/{job['job_id']}"))
        [waits] = (service.uploads / ".waiting").glob("*")
        task = service.jobs.take("documents")
        assert task is not None
        do_documents(service.opened, service.jobs, task)
        assert waits.read_bytes() == version(2), "for a week it can be tried again"
        monkeypatch.setattr("instill.server.uploads.KEPT_S", 0.0)
        do_documents(service.opened, service.jobs, task)
        assert not waits.exists()


def test_a_purge_ends_the_way_back_and_forgotten_words_do_not_come(tmp_path: Path) -> None:
    with served(tmp_path) as (workspace, client):
        sent(client, "index.md", OLD)
        [record] = workspace.documents()
        sent(client, "index.md", NEW)
        ok(client.post("/api/forget", json={"reference": record.doc_id}))
        workspace.refresh()
        held = [each for each in (workspace.path / ".instill").rglob("*") if each.is_file()]
        assert not [each for each in held if OLD in each.read_bytes() or NEW in each.read_bytes()]
        assert ok(client.get("/api/documents/removed"))["removed"] == []
        assert client.post("/api/documents/restore", json={"documents": [record.doc_id]}).status_code == 404


def test_forgetting_one_upload_leaves_the_versions_of_others_and_keeps_its_own_out(tmp_path: Path) -> None:
    with served(tmp_path) as (workspace, client):
        for number in (1, 2):
            sent(client, "tea.md", version(number))
            sent(client, "oven.md", f"# Oven\n\nThe oven has {number} doors.".encode())
        by_name = {Path(each.source).name: each for each in workspace.documents()}
        tea, oven = by_name["tea.md"], by_name["oven.md"]
        plan = ok(client.post("/api/forget/plan", json={"reference": tea.doc_id}))
        assert plan["versions"] == 1
        assert "1 earlier version of it, or copy, that could be brought back, is deleted too." in plan["said"]
        ok(client.post("/api/forget", json={"reference": tea.doc_id}))
        assert sent(client, "copy.md", version(1))["outcome"]["said"] == "1 not added, because it was forgotten."
        assert [reference.partition("@")[0] for reference, _ in numbers(client)] == [oven.doc_id]
        ok(client.post("/api/documents/restore", json={"documents": [oven.doc_id]}))
        assert Path(oven.source).read_bytes() == b"# Oven\n\nThe oven has 1 doors."
        held = [each.read_bytes() for each in (workspace.path / ".instill").rglob("*") if each.is_file()]
        assert [each for each in held if b"in tin number" in each] == []


def test_only_who_could_delete_both_versions_brings_the_earlier_one_back(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        keys = KeyStore(workspace.catalog)
        boss = keys.add("boss", role="admin").secret
        hr, board = (keys.add(name, role="editor", labels=[name]).secret for name in ("hr", "board"))
        with running(workspace.path, jobs=True) as server, server.client(boss) as owner, server.client(hr) as mine:
            sent(owner, "pay.md", OLD, labels=["hr"])
            [record] = workspace.documents()
            sent(owner, "pay.md", NEW, labels=["hr", "board"])
            assert ok(mine.get("/api/documents/removed"))["removed"] == []
            with server.client(board) as other:
                assert other.post("/api/documents/restore", json={"documents": [record.doc_id]}).status_code == 404
            sent(owner, "pay.md", NEW, labels=["hr"])
            assert len(ok(mine.get("/api/documents/removed"))["removed"]) == 1
            ok(mine.post("/api/documents/restore", json={"documents": [record.doc_id]}))
            assert workspace.documents() == [record]


def test_a_sync_keeps_nothing(tmp_path: Path) -> None:
    file = tmp_path / "tea.md"
    file.write_bytes(OLD)
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add(file)
        file.write_bytes(NEW)
        assert (workspace.sync().replaced, workspace.removed()) == ([], [])


@pytest.mark.parametrize("by", ["the notice", "its name"])
def test_what_was_forgotten_is_not_added_and_can_be_allowed(tmp_path: Path, by: str) -> None:
    with served(tmp_path) as (workspace, client):
        sent(client, "a/letter.md", OLD)
        [record] = workspace.documents()
        ok(client.post("/api/forget", json={"reference": record.doc_id}))
        workspace.refresh()
        name = "copy.md" if by == "the notice" else "a/letter.md"
        job = sent(client, name, OLD)
        reference = record.content_hash[:16] if by == "the notice" else "a/letter.md"
        [[source, named]] = job["result"]["forgotten"]
        assert (named if by == "the notice" else source.endswith(reference)) in (reference, True)
        assert job["outcome"]["said"] == "1 not added, because it was forgotten."
        assert job["outcome"]["problems"] == [
            f"{name}: It was forgotten, so that it is not added. "
            f"An admin allows it again: instill forget --allow {reference}"
        ]
        assert (workspace.documents(), Path(source).exists()) == ([], False)
        assert client.post("/api/forget/allow", json={"reference": "nothing.md"}).status_code == 404
        assert ok(client.post("/api/forget/allow", json={"reference": reference})) == {"allowed": True}
        assert sent(client, name, OLD)["outcome"]["said"] == "1 added."


def test_forgotten_words_under_the_name_of_a_document_leave_it_and_its_file(tmp_path: Path) -> None:
    with served(tmp_path) as (workspace, client):
        sent(client, "letter.md", OLD)
        [record] = workspace.documents()
        ok(client.post("/api/forget", json={"reference": record.doc_id}))
        workspace.refresh()
        sent(client, "tea.md", NEW)
        before = workspace.documents()
        assert sent(client, "tea.md", OLD)["outcome"]["said"] == "1 not added, because it was forgotten."
        assert (workspace.documents(), Path(before[0].source).read_bytes()) == (before, NEW)
