"""A large folder is searched before its vectors are computed, and in the end every vector is as if it had not been."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import numpy as np
import pytest

from instill import Workspace
from instill.index import upkeep
from instill.index.types import DocumentRecord
from instill.ingest import refining, run, words_first
from instill.ingest.passages import is_in_words
from instill.ingest.types import Progress
from instill.models.encoders.protocol import Vectors
from instill.models.encoders.wrapped import Wrapped

WORDS = ["river", "coat", "letter", "house", "boat", "window", "garden", "copper", "maple", "engine", "valve", "pump"]
BATCH, FROM, DOCUMENTS = 16, 24, 60


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sixty documents of one passage each; sixteen make a batch, and 24 that wait are many."""
    for module in (run, words_first, refining):
        monkeypatch.setattr(module, "BATCH_PASSAGES", BATCH)
    monkeypatch.setenv("INSTILL_DOCUMENTS__WORDS_FIRST_FROM", str(FROM))
    return made(tmp_path / "files", DOCUMENTS)


def made(files: Path, documents: int) -> Path:
    files.mkdir()
    random = Random(3)
    for number in range(documents):
        (files / f"{number:02d}.txt").write_text(f"Note {number}: the {' '.join(random.choices(WORDS, k=12))}.\n")
    return files


def vectors(workspace: Workspace) -> dict[str, Vectors]:
    """The vector of each passage, by its document and number."""
    columns = ["source", "ordinal", "vector"]
    found = workspace.index.reading(
        lambda view: [batch.to_pylist() for batch in view.batches("passages", columns, None)]
    )
    return {
        f"{Path(row['source']).name} {row['ordinal']}": np.array(row["vector"], np.float32)
        for batch in found
        for row in batch
    }


def in_words(workspace: Workspace) -> list[DocumentRecord]:
    return [record for record in workspace.documents() if is_in_words(record.passage_identity)]


def same(one: dict[str, Vectors], other: dict[str, Vectors]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


def test_first_in_words_then_as_if_computed_at_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        report = workspace.add(folder, refine=False)
        assert (len(report.added), report.passages, report.in_words, report.refined) == (60, 60, 44, 0)
        assert workspace.passages_in_words() == workspace.status().passages_in_words == 44
        assert len(in_words(workspace)) == 44
        first = vectors(workspace)
        assert workspace.search("Note 57", k=1).hits[0].title == "57"
        progress: list[Progress] = []
        after = workspace.refine(progress.append)
        assert (after.refined, after.failed, workspace.passages_in_words()) == (44, [], 0)
        assert [(now.done, now.total) for now in progress] == [(0, 44), (16, 44), (32, 44), (44, 44)]
        assert workspace.refine().refined == 0
        last = vectors(workspace)
        done = {record.passage_identity for record in workspace.documents()}
    monkeypatch.setenv("INSTILL_DOCUMENTS__WORDS_FIRST_FROM", "0")
    with Workspace.init(tmp_path / "at once") as other:
        at_once = other.add(folder)
        assert (at_once.in_words, at_once.refined) == (0, 0)
        wanted = vectors(other)
        identities = {record.passage_identity for record in other.documents()}
    assert same(last, wanted)
    assert not same(first, wanted)
    assert sum(np.array_equal(first[key], wanted[key]) for key in wanted) == BATCH  # what the encoder read first
    likeness = [float(first[key] @ wanted[key]) for key in wanted]
    assert np.mean(likeness) > 0.6
    assert done == identities


def test_the_graph_of_the_vectors_is_built_when_they_are_computed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "EXACT_BELOW", 40)
    monkeypatch.setattr(upkeep, "is_due", lambda _table: True)
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add(folder, refine=False)
        assert (workspace.index.stats().vector_index, workspace.index.stats().unindexed) == (False, 0)
        answers = iter([False, True])
        workspace.refine(stop=lambda: next(answers))
        assert not workspace.index.stats().vector_index
        workspace.refine()
        assert (workspace.index.stats().vector_index, workspace.index.stats().unindexed) == (True, 0)


def test_add_does_both(folder: Path, tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        report = workspace.add(folder)
        assert (report.in_words, report.refined, workspace.passages_in_words()) == (44, 44, 0)
        again = workspace.add(folder)
        assert (again.unchanged, again.in_words, again.refined) == (60, 0, 0)


def test_a_small_folder_is_computed_at_once(folder: Path, tmp_path: Path) -> None:
    """The first sixteen passages are on their way; of 39 fewer than 24 are left."""
    for file in sorted(folder.iterdir())[39:]:
        file.unlink()
    with Workspace.init(tmp_path / "kb") as workspace:
        report = workspace.add(folder, refine=False)
        assert (report.passages, report.in_words) == (39, 0)


def test_one_very_long_document_is_told_from_words_too(folder: Path, tmp_path: Path) -> None:
    long = tmp_path / "long.txt"
    random = Random(5)
    long.write_text("\n\n".join(" ".join(random.choices(WORDS, k=40)) + "." for _ in range(240)))
    with Workspace.init(tmp_path / "kb") as workspace:
        report = workspace.add(long, refine=False)
        assert report.in_words == report.passages > 2 * BATCH
        assert workspace.refine().refined == report.passages
        assert in_words(workspace) == []


def test_what_was_stopped_goes_on_and_nothing_is_read_again(folder: Path, tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add(folder, refine=False)
        answers = iter([False, True])
        report = workspace.refine(stop=lambda: next(answers))
        assert (report.refined, workspace.passages_in_words()) == (16, 28)
    with Workspace.open(tmp_path / "kb") as workspace:
        again = workspace.sync()
        assert (again.unchanged, again.changed, again.refined) == (60, [], 28)


class Between(Wrapped):
    """Calls `before` when texts are to be encoded: after they were read from the index, before they are put back."""

    def __init__(self, workspace: Workspace, before: Callable[[], None]) -> None:
        super().__init__(workspace.encoder)
        self._before = before

    def encode_passages(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        self._before()
        return super().encode_passages(texts, progress=progress)


def test_who_changes_a_document_meanwhile_is_not_overwritten(folder: Path, tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace, Workspace.open(tmp_path / "kb") as other:
        workspace.add(folder, refine=False)
        ids = {record.title: record.doc_id for record in workspace.documents()}
        batches: list[int] = []

        def change() -> None:
            batches.append(0)
            if len(batches) == 3:
                (folder / "59.txt").write_text("A new text about lanterns.\n")
                other.add(folder / "59.txt", refine=False)
                other.remove([str(folder / "58.txt")])
                other.index.relabel(ids["57"], ["hr"])

        workspace.encoder = Between(workspace, change)
        assert workspace.refine().refined == 44 - 3
        assert {record.title for record in in_words(workspace)} == {"57"}  # the new text was encoded at once
        assert workspace.refine().refined == 1
        titles = {record.title: record.labels for record in workspace.documents()}
        assert "58" not in titles
        assert titles["57"] == ("hr",)
        changed = workspace.index.document_text(ids["59"])
        assert changed is not None
        assert changed.text == "A new text about lanterns.\n"
