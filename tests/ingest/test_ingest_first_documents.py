"""The first documents of a large folder are in while the others are still read."""

from __future__ import annotations

from pathlib import Path

from instill import Workspace
from instill.ingest.run import FIRST_PASSAGES
from instill.ingest.types import FileOutcome

DOCUMENTS = 230


def test_batches_grow_from_a_small_first_one(tmp_path: Path) -> None:
    files = tmp_path / "notes"
    files.mkdir()
    for number in range(DOCUMENTS):
        (files / f"{number:03d}.md").write_text(f"# Note {number}\n\nThe note of room {number} is kept.\n")
    there: list[int] = []
    with Workspace.init(tmp_path / "kb") as workspace:

        def told(_: FileOutcome) -> None:
            there.append(workspace.index.count()[0])

        workspace.add(files, on_file=told)
        assert sorted(set(there)) == [FIRST_PASSAGES, 3 * FIRST_PASSAGES, DOCUMENTS]
        assert len(workspace.documents()) == DOCUMENTS
