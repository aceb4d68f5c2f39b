"""A removed document comes back whole, and what was purged or forgotten does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from instill import Workspace
from instill.errors import UsageError
from instill.index.stores.copying import documents_in
from instill.index.types import IndexedDocument
from instill.workspace import removed_documents

TEA = "# Tea\n\nGreen tea is brewed at 80 degrees.\n\n| kind | degrees |\n|---|---|\n| green | 80 |\n| black | 96 |\n"
COFFEE = "# Coffee\n\nCoffee is brewed at 93 degrees.\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "tea.md").write_text(TEA)
    (notes / "coffee.md").write_text(COFFEE)
    workspace = Workspace.init(tmp_path / "kb")
    workspace.add(notes / "tea.md", labels=["hr", "it"], metadata={"year": 2024})
    workspace.add(notes / "coffee.md", labels=["hr"])
    return workspace


def whole(workspace: Workspace) -> dict[str, IndexedDocument]:
    """All that the index holds, by title."""
    wanted = {record.doc_id for record in workspace.documents()}
    found = workspace.index.reading(lambda view: list(documents_in(view, wanted)))
    return {entry.document.title: entry for entry in found}


def same(one: IndexedDocument, other: IndexedDocument) -> bool:
    return (
        (one.document, one.passages, one.added, one.passage_identity)
        == (other.document, other.passages, other.added, other.passage_identity)
    ) and np.array_equal(one.vectors, other.vectors)


@pytest.mark.parametrize("one_by_one", [100, 0])
def test_a_document_comes_back_as_it_was(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, one_by_one: int
) -> None:
    monkeypatch.setattr(removed_documents, "_READ_ONE_BY_ONE", one_by_one)
    before, records, roots = whole(workspace), workspace.documents(), workspace.catalog.roots()
    workspace.remove([record.doc_id for record in records])
    assert (workspace.documents(), workspace.catalog.roots()) == ([], [])
    assert [each.document.title for each in workspace.removed()] == ["Coffee", "Tea"]
    done = workspace.restore("*/tea.md")
    assert ([record.title for record in done.restored], done.left_out) == (["Tea"], [])
    assert [root.path for root in workspace.catalog.roots()] == [records[1].source]
    assert [each.document.title for each in workspace.removed()] == ["Coffee"]
    workspace.restore("coffee.md")
    assert (workspace.documents(), workspace.removed()) == (records, [])
    assert sorted(workspace.catalog.roots(), key=str) == sorted(roots, key=str)
    after = whole(workspace)
    assert {title: same(entry, after[title]) for title, entry in before.items()} == {"Tea": True, "Coffee": True}
    assert workspace.ask("At how many degrees is coffee brewed?").citations[0].text == COFFEE.split("\n")[2]
    assert list((workspace.home / "removed").iterdir()) == []


def test_what_was_purged_or_forgotten_does_not_come_back(workspace: Workspace) -> None:
    tea, coffee = (next(each for each in workspace.documents() if each.title == name) for name in ("Tea", "Coffee"))
    workspace.remove(tea.doc_id)
    workspace.purge([tea.doc_id])
    assert (workspace.removed(), (workspace.home / "removed").exists()) == ([], False)
    with pytest.raises(UsageError, match="No removed document that can be brought back"):
        workspace.restore(tea.doc_id)
    workspace.remove(coffee.doc_id)
    kept = [file.read_bytes() for file in (workspace.home / "removed").rglob("*.arrow")]
    [place] = [file.parent for file in (workspace.home / "removed").rglob("*.arrow")]
    listed = (place / "kept.json").read_text()
    workspace.restore(coffee.doc_id)
    workspace.forget(coffee.doc_id)
    assert workspace.removed() == []
    place.mkdir(parents=True)  # A backup of the folder that somebody puts back.
    (place / "documents.arrow").write_bytes(kept[0])
    now = workspace.index.generation.name
    (place / "kept.json").write_text(listed.replace(listed.split('"generation":"')[1].split('"')[0], now))
    assert len(workspace.removed()) == 1
    done = workspace.restore(coffee.doc_id)
    assert (done.restored, done.left_out) == ([], [(coffee.source, "It was forgotten, and stays out.")])
    assert workspace.documents() == []


def test_a_caller_brings_back_what_it_could_remove(workspace: Workspace) -> None:
    workspace.remove([record.doc_id for record in workspace.documents()])
    assert [each.document.title for each in workspace.removed(labels=["hr"])] == ["Coffee"]
    assert workspace.removed(labels=["it"]) == []
    with pytest.raises(UsageError, match="No removed document"):
        workspace.restore("tea.md", labels=["hr"])
    assert [each.title for each in workspace.restore("coffee.md", labels=["hr"]).restored] == ["Coffee"]


def test_labels_that_were_taken_are_given_back(workspace: Workspace) -> None:
    tea = next(each for each in workspace.documents() if each.title == "Tea")
    workspace.take_labels(tea.doc_id, ["hr"])
    assert [each.labels for each in workspace.documents() if each.title == "Tea"] == [("it",)]
    assert (workspace.removed(labels=["it"]), len(workspace.removed())) == ([], 1)
    [seen] = workspace.removed(labels=["hr"])
    assert (seen.document.doc_id, seen.document.labels) == (tea.doc_id, ("hr",))
    workspace.restore(tea.doc_id, labels=["hr"])
    assert [each.labels for each in workspace.documents() if each.title == "Tea"] == [("hr", "it")]
    assert workspace.removed() == []


def test_another_document_at_the_place_stays(workspace: Workspace) -> None:
    coffee = next(each for each in workspace.documents() if each.title == "Coffee")
    workspace.remove(coffee.doc_id)
    Path(coffee.source).write_text("# Cocoa\n\nCocoa is brewed at 70 degrees.\n")
    workspace.add(coffee.source)
    done = workspace.restore(coffee.doc_id) if workspace.removed() else None
    assert [each.title for each in workspace.documents()] == ["Cocoa", "Tea"]
    assert done is None or done.left_out == [(coffee.source, "Another document is at its place now.")]


def test_after_a_week_nothing_is_kept(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    tea, coffee = (next(each for each in workspace.documents() if each.title == name) for name in ("Tea", "Coffee"))
    workspace.remove(tea.doc_id)
    monkeypatch.setattr(removed_documents, "KEPT_S", 0.0)
    assert workspace.removed() == []
    assert list((workspace.home / "removed").iterdir()) == [], "whoever looks deletes what is old"
    monkeypatch.undo()
    workspace.remove(coffee.doc_id)
    assert [each.document.title for each in workspace.removed()] == ["Coffee"]
    workspace.reindex()
    assert (workspace.removed(), list((workspace.home / "removed").iterdir())) == ([], [])
