"""Labels of many documents at once: who may give which, and what stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from instill import Workspace
from instill.server.access.caller_role import Role
from instill.server.access.keys import KeyStore
from tests.server.running import Running, running
from tests.server.test_api import ok
from tests.server.test_keys import login

ADDRESS = "/api/documents/labels"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.init(tmp_path / "kb") as found:
        for name, labels in (("tea", "staff"), ("pay", "staff,hr"), ("board", "board"), ("open", None)):
            found.add_text(f"# {name}\n\nThe {name} is good.", name=f"{name}.md", labels=labels and labels.split(","))
        yield found


@pytest.fixture
def server(workspace: Workspace) -> Iterator[Running]:
    KeyStore(workspace.catalog).add("boss", role="admin")
    with running(workspace.path) as found:
        yield found


def labels_now(workspace: Workspace) -> dict[str, tuple[str, ...]]:
    return {each.title: each.labels for each in workspace.index.records()}


def key(workspace: Workspace, *labels: str) -> str:
    role: Role = "editor" if labels else "admin"
    return KeyStore(workspace.catalog).add(f"x {labels}", role=role, labels=labels or None).secret


def test_a_search_in_the_list_is_labelled_in_one_go(workspace: Workspace, server: Running) -> None:
    with login(server, key(workspace)) as client:
        before = workspace.index.version()
        told = ok(client.put(ADDRESS, json={"words": "STAFF", "count": 2, "add": ["kitchen"], "remove": ["hr"]}))
        assert (told["documents"], told["changed"]) == (2, 2)
        after = {"tea": ("kitchen", "staff"), "pay": ("kitchen", "staff"), "board": ("board",), "open": ()}
        assert labels_now(workspace) == after
        assert workspace.index.version() == before + 1
        same = client.put(ADDRESS, json={"words": "staff", "add": ["kitchen"]})
        assert ok(same) == {"documents": 2, "changed": 0, "undo": []}
        ids = {each.title: each.doc_id for each in workspace.index.records()}
        ok(client.put(ADDRESS, json={"documents": [ids["open"]], "add": ["all"]}))
        assert labels_now(workspace) == {**after, "open": ("all",)}


def test_labels_of_many_are_as_they_were_after_an_undo(workspace: Workspace, server: Running) -> None:
    before = labels_now(workspace)
    with login(server, key(workspace)) as client:
        told = ok(client.put(ADDRESS, json={"words": "", "add": ["kitchen", "staff"], "remove": ["hr"]}))
        assert labels_now(workspace) == {
            "tea": ("kitchen", "staff"), "pay": ("kitchen", "staff"),
            "board": ("board", "kitchen", "staff"), "open": ("kitchen", "staff"),
        }  # fmt: skip
        for each in told["undo"]:
            ok(client.put(ADDRESS, json=each))
    assert labels_now(workspace) == before


def test_what_is_not_meant_changes_nothing(workspace: Workspace, server: Running) -> None:
    before = labels_now(workspace)
    with login(server, key(workspace)) as client:
        for wrong, status, said in (
            ({"words": "staff", "count": 3, "add": ["x"]}, 400, "It is 2 documents now."),
            ({"words": "staff"}, 400, "Name labels to add or to take away"),
            ({"words": "staff", "add": ["x"], "remove": ["x"]}, 400, "Name labels to add or to take away"),
            ({"documents": ["0" * 16], "add": ["x"]}, 404, "No document has this id."),
        ):
            assert ok(client.put(ADDRESS, json=wrong), status)["error"]["what"].startswith(said)
    assert labels_now(workspace) == before


def test_who_holds_labels_changes_only_these(workspace: Workspace, server: Running) -> None:
    ids = {each.title: each.doc_id for each in workspace.index.records()}
    with login(server, key(workspace, "staff", "kitchen")) as client:
        assert ok(client.put(ADDRESS, json={"add": ["hr"]}), 403)
        assert ok(client.put(ADDRESS, json={"documents": [ids["board"]], "add": ["staff"]}), 404)
        told = ok(client.put(ADDRESS, json={"remove": ["staff"]}), 400)["error"]
        assert told["what"] == "A document of yours keeps a label of yours."
        assert labels_now(workspace)["pay"] == ("hr", "staff")
        assert ok(client.put(ADDRESS, json={"add": ["kitchen"], "remove": ["staff"]}))["changed"] == 2
    assert labels_now(workspace) == {
        "tea": ("kitchen",), "pay": ("hr", "kitchen"), "board": ("board",), "open": (),
    }  # fmt: skip
    with login(server, key(workspace, "hr")) as client:
        assert [each["title"] for each in ok(client.get("/api/documents"))["documents"]] == ["pay"]


def test_a_reader_labels_nothing(workspace: Workspace, server: Running) -> None:
    secret = KeyStore(workspace.catalog).add("reads", role="reader").secret
    with login(server, secret) as client:
        assert client.put(ADDRESS, json={"add": ["x"]}).status_code == 403
