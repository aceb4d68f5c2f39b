"""Lists of the service say whether they go on, and where."""

from __future__ import annotations

from pathlib import Path

from instill import Workspace
from instill.server.access.keys import KeyStore
from tests.server.running import running
from tests.server.test_api import ok


def test_conversations_and_questions_are_listed_to_their_end(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text("# Tea\n\nTea is brewed at 80 degrees.", name="tea.md", labels=["hr"])
        keys = KeyStore(workspace.catalog)
        ann, bob = (keys.add(name, labels=["hr"]).secret for name in ("ann", "bob"))
        with running(workspace.path) as server, server.client(ann) as client, server.client(bob) as other:
            other.post("/api/chat", json={"text": "How is tea brewed?"})
            for number in range(25):
                ok(client.post("/api/chat", json={"text": f"At how many degrees is tea number {number} brewed?"}))
            first = ok(client.get("/api/conversations"))
            assert (len(first["conversations"]), first["total"], first["next"]) == (20, 25, 20)
            rest = ok(client.get("/api/conversations", params={"after": first["next"]}))
            assert (len(rest["conversations"]), rest["total"], rest["next"]) == (5, 25, None)
            ids = [each["conversation_id"] for each in (*first["conversations"], *rest["conversations"])]
            assert len(set(ids)) == 25
            found = ok(client.get("/api/conversations", params={"words": "number 7 ", "limit": 1}))
            assert (found["total"], found["next"]) == (1, None)
            beyond = ok(client.get("/api/conversations", params={"after": 400}))
            assert (beyond["conversations"], beyond["total"], beyond["next"]) == ([], 25, None)
            assert client.get("/api/conversations", params={"after": -1}).status_code == 422
            numbers: list[int] = []
            before: int | None = 0
            while before is not None:
                part = ok(client.get("/api/questions", params={"limit": 10, "before": before}))
                numbers += [each["question_id"] for each in part["questions"]]
                before = part["next"]
            assert (len(numbers), numbers) == (25, sorted(set(numbers), reverse=True))
        with running(workspace.path) as server, server.client(ann) as client:
            for _ in range(3):
                server.service.jobs.add("sync", "documents", {}, labels=None, asked_by="ann")
            assert ok(client.get("/api/jobs")) == {"jobs": [], "total": 0}, "those of others are not counted"
        listed = workspace.conversations(limit=20, after=20)
        assert (len(listed), len(workspace.conversations(limit=100))) == (6, 26)
