"""A workspace moves to another store and back: nothing is lost or encoded, and the old store answers until then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from instill.errors import UsageError, WorkspaceError
from instill.index.generations import live_generation
from instill.index.store import Index
from instill.index.stores.copying import compared
from instill.workspace import Workspace
from instill.workspace.moving import move
from tests.plugins.packages import install


@pytest.fixture
def filled(tmp_path: Path, handbook: Path) -> Path:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([str(handbook)], labels=["staff"])
    return tmp_path / "kb"


@pytest.fixture(autouse=True)
def _tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that another package brings, so that no driver is needed here."""
    module = "from tests.index.tiny_collection import open_store"
    packages = install(
        tmp_path / "packages", "instill-tiny", {"stores.tiny": "instill_tiny:open_store"}, {"instill_tiny": module}
    )
    monkeypatch.syspath_prepend(str(packages))
    sys.modules.pop("instill_tiny", None)  # of the folder of an earlier test


def told(workspace: Workspace) -> list[object]:
    hits = workspace.search("how much may a hotel cost", labels=["staff"]).hits
    return [
        workspace.documents(),
        [(hit.doc_id, hit.ordinal, hit.text, round(hit.vector_score, 4)) for hit in hits],
        workspace.ask("How much may a hotel cost a night?").text,
    ]


def test_an_unknown_store_is_refused_with_the_known_ones(filled: Path) -> None:
    with Workspace.open(filled) as workspace, pytest.raises(UsageError) as caught:
        move(workspace, "foo", "")
    assert caught.value.what == "There is no store 'foo'."
    assert caught.value.command == (
        "Choose one of lance, postgres, qdrant, chroma, milvus, s3, opensearch, weaviate, pinecone, tiny. "
        "A store of your own has to be an installed package: docs/stores.md"
    )


def test_all_is_there_afterwards_and_after_moving_back(filled: Path, handbook: Path) -> None:
    with Workspace.open(filled) as workspace:
        before = told(workspace)
        moved = move(workspace, "tiny")
    assert (moved.copied, moved.compared.documents, moved.compared.differences) == (4, 4, ())
    assert moved.compared.queries == 4
    assert 'kind = "tiny"' in (filled / "instill.toml").read_text()
    with Workspace.open(filled) as workspace:
        assert workspace.index.generation.store == "tiny"
        assert told(workspace) == before
        (handbook / "new.md").write_text("# Parking\n\nCars are parked behind the mill.\n")
        assert len(workspace.sync().added) == 1
        assert "Cars are parked" in workspace.search("where are cars parked").hits[0].text
        assert workspace.reindex() == 5
    with Workspace.open(filled) as workspace:
        workspace.remove([str(handbook / "new.md")])
        workspace.purge()
        assert move(workspace, "lance").copied == 4
    with Workspace.open(filled) as workspace:
        assert workspace.index.generation.store == "lance"
        assert told(workspace) == before


def test_a_move_that_was_stopped_goes_on(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instill.index.stores.copying._PASSAGES", 1)

    class StoppedError(Exception):
        pass

    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise StoppedError

    with Workspace.open(filled) as workspace:
        with pytest.raises(StoppedError):
            move(workspace, "tiny", progress=stop)
        assert len(workspace.documents()) == 4
    seen: list[tuple[int, int]] = []
    with Workspace.open(filled) as workspace:
        assert workspace.index.generation.store == "lance"
        assert move(workspace, "tiny", progress=lambda *now: seen.append(now)).copied == 2
    assert seen == [(3, 4), (4, 4)]
    assert not (filled / ".instill" / "index" / "moving.json").exists()


def test_what_differs_is_found_and_nothing_is_switched(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.index.tiny_collection import TinyCollection

    original = TinyCollection.read

    def altered(self: TinyCollection, ids: list[int], fields: tuple[str, ...]) -> list[object]:
        from dataclasses import replace

        rows = original(self, ids, fields)  # type: ignore[arg-type]
        return [replace(row, passage=row.passage.replace("fourteen", "fifteen!")) for row in rows]

    monkeypatch.setattr(TinyCollection, "read", altered)
    with Workspace.open(filled) as workspace:
        with pytest.raises(WorkspaceError, match=r"2 documents differ .* The old store is in use"):
            move(workspace, "tiny")
        live = live_generation(filled / ".instill" / "index")
        assert live is not None
        assert live.store == "lance"
    assert 'kind = "tiny"' not in (filled / "instill.toml").read_text()


def test_two_indices_are_compared_by_counts_texts_and_vectors(filled: Path, tmp_path: Path) -> None:
    with Workspace.open(filled) as workspace:
        index = workspace.index
        empty = Index.open(tmp_path / "other", dimension=384, fingerprint="f", create=True)
        assert compared(index, index).differences == ()
        found = compared(index, empty).differences
    assert found[0].startswith("0 documents with 0 passages are there, not 4 with")
    assert len(found) == 3


def test_doctor_and_comparisons_work_with_another_store(filled: Path, tmp_path: Path) -> None:
    from instill.compare.changed.copies import fresh_copy, put_again
    from instill.workspace.doctor import examine

    with Workspace.open(filled) as workspace:
        before = told(workspace)
        move(workspace, "tiny")
    findings = {finding.name: finding for finding in examine(str(filled))}
    assert findings["index"].what.startswith("4 documents")
    assert "transactions, keywords, filters, labels by Instill" in findings["store"].what
    with Workspace.open(filled) as workspace:
        copy = fresh_copy(workspace, tmp_path / "copy")
        assert copy.index.generation.store == "lance"
        assert told(copy) == before
        put_again(copy, [copy.documents()[0].doc_id])
        assert workspace.status().index_bytes
        with pytest.raises(WorkspaceError, match="repairs Lance tables only"):
            workspace.repair()


def test_moving_where_the_documents_are_is_refused(filled: Path) -> None:
    with Workspace.open(filled) as workspace, pytest.raises(UsageError, match="in this store already"):
        move(workspace, "lance")


def test_the_command_shows_and_moves(filled: Path, tmp_path: Path) -> None:
    def run(*words: str) -> str:
        command = [sys.executable, "-m", "instill", "store", *words, "-w", str(filled), "--json"]
        path = [str(tmp_path / "packages"), *sys.path]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(filter(None, path))}
        )
        return done.stdout

    assert json.loads(run("show"))["kind"] == "lance"
    moved = json.loads(run("copy", "--to", "tiny"))
    assert (moved["store"], moved["copied"]) == ("tiny", 4)
    shown = json.loads(run("show"))
    assert (shown["kind"], shown["capabilities"]["keywords"]) == ("tiny", "instill")


def test_a_store_that_cannot_be_made_leaves_nothing(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.index.tiny_collection import TinyCollection

    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(TinyCollection, "__init__", fail)
    before = sorted(path.name for path in (filled / ".instill" / "index").iterdir())
    with Workspace.open(filled) as workspace:
        with pytest.raises(WorkspaceError, match=r"The store 'tiny' failed: no route to host"):
            move(workspace, "tiny")
        assert len(workspace.documents()) == 4
    assert sorted(path.name for path in (filled / ".instill" / "index").iterdir()) == before


def test_an_old_generation_in_another_store_is_deleted_after_a_while(filled: Path) -> None:
    with Workspace.open(filled) as workspace:
        move(workspace, "tiny")
    folder = filled / ".instill" / "index"
    with Workspace.open(filled) as workspace:
        old = workspace.index.generation.name
        workspace.reindex()
    with Workspace.open(filled) as workspace:
        workspace.index.upkeep(force=True)
        assert (folder / old / "rows.db").exists()
        for file in (folder / old, *(folder / old).iterdir()):
            os.utime(file, (0, 0))
        workspace.index.upkeep(force=True)
        assert not (folder / old).exists()
        assert len(workspace.documents()) == 4
