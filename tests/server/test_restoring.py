"""Deleted documents come back through the service, for whoever could delete them."""

from __future__ import annotations

from pathlib import Path

import httpx

from instill import Workspace
from instill.server.access.caller_role import Role
from instill.server.access.keys import KeyStore
from tests.server.running import running
from tests.server.test_api import ok


def test_who_may_delete_may_bring_back(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        for name, labels in (("tea", ["hr", "it"]), ("pay", ["hr"]), ("board", ["board"])):
            workspace.add_text(f"# {name}\n\nThe {name} is good.", name=f"{name}.md", labels=labels)
        before = workspace.documents()
        ids = {each.title: each.doc_id for each in before}
        keys = KeyStore(workspace.catalog)

        def secret(name: str, role: Role, *labels: str) -> str:
            return keys.add(name, role=role, labels=labels or None).secret

        boss, reader = secret("boss", "admin"), secret("ann", "reader", "hr")
        hr, board = secret("bob", "editor", "hr"), secret("eve", "editor", "board")
        with running(workspace.path) as server:

            def removed(key: str) -> list[tuple[str, list[str]]]:
                with server.client(key) as client:
                    found = ok(client.get("/api/documents/removed"))["removed"]
                return [(each["document"]["title"], each["document"]["labels"]) for each in found]

            def restore(key: str, *titles: str) -> httpx.Response:
                with server.client(key) as client:
                    return client.post("/api/documents/restore", json={"documents": [ids[each] for each in titles]})

            with server.client(hr) as client:
                for title in ("tea", "pay"):
                    assert ok(client.delete(f"/api/documents/{ids[title]}"))["restorable"] == [ids[title]]
            assert {each.title: each.labels for each in workspace.documents()} == {"tea": ("it",), "board": ("board",)}
            assert removed(hr) == [("pay", ["hr"]), ("tea", ["hr"])]
            assert (removed(boss), removed(board)) == ([("pay", ["hr"]), ("tea", ["hr", "it"])], [])
            assert [restore(key, "pay").status_code for key in (board, reader)] == [404, 403]
            assert [each["title"] for each in ok(restore(hr, "pay", "tea"))["restored"]] == ["pay", "tea"]
            assert (workspace.documents(), removed(boss)) == (before, [])
            assert restore(hr, "pay").status_code == 404


def test_an_upload_comes_back_with_its_file_and_does_not_after_a_purge(tmp_path: Path) -> None:
    with (
        Workspace.init(tmp_path / "kb") as workspace,
        running(workspace.path, jobs=True) as server,
        server.client() as client,
    ):
        sent = {"files": {"files": ("up.md", b"# Up\n\nUp is not down.")}, "data": {"wait": "60"}}
        assert client.post("/api/documents", **sent).json()["state"] == "done"  # type: ignore[arg-type]
        [record] = workspace.documents()
        ok(client.delete(f"/api/documents/{record.doc_id}"))
        assert Path(record.source).is_file()
        ok(client.post("/api/documents/restore", json={"documents": [record.doc_id]}))
        assert workspace.documents() == [record]
        ok(client.delete(f"/api/documents/{record.doc_id}"))
        workspace.purge()
        again = client.post("/api/documents/restore", json={"documents": [record.doc_id]})
        assert (again.status_code, again.json()["error"]["what"]) == (
            404,
            "No removed document that can be brought back has this id.",
        )
        assert not Path(record.source).exists()


def test_all_of_a_list_are_deleted_and_come_back_together(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        for number in range(12):
            labels = ["hr", "it"] if number == 11 else ["hr"]
            workspace.add_text(f"# Note {number}\n\nIt is {number}.", name=f"{number}.md", labels=labels)
        workspace.add_text("# Pay\n\nIt is paid.", name="pay.md", labels=["board"])
        before = workspace.documents()
        secret = KeyStore(workspace.catalog).add("bob", role="editor", labels=["hr"]).secret
        with running(workspace.path) as server, server.client(secret) as client:
            many = {"words": "note", "count": 12}
            assert ok(client.post("/api/documents/removal", json=many))["said"] == (
                "For a week they can be brought back on the page Documents. The text of them is kept nowhere else. "
                "Who sees them by other labels still sees them. Conversations, the list of questions and the "
                "memory keep the words of them that were shown. Forgetting them, which an admin can do, takes them "
                "out of these too."
            )
            assert client.post("/api/documents/remove", json={"words": "note"}).status_code == 400
            assert client.post("/api/documents/remove", json=many | {"count": 11}).status_code == 400
            page = client.get("/documents?words=note").text
            assert ("Delete all 12" in page, "Delete all" in client.get("/documents?words=Note+11").text) == (
                True,
                False,
            )
            done = ok(client.post("/api/documents/remove", json=many))
            assert (len(done["removed"]), len(done["restorable"])) == (12, 12)
            assert sorted((each.title, each.labels) for each in workspace.documents()) == [
                ("Note 11", ("it",)), ("Pay", ("board",)),
            ]  # fmt: skip
            ok(client.post("/api/documents/restore", json={"documents": done["restorable"]}))
            assert workspace.documents() == before
