"""The pointer to the live index: damaged, of another format, and mended as the message says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from instill import Workspace
from instill.errors import WorkspaceError
from instill.index.generations import FORMAT, POINTER, live_generation


@pytest.mark.parametrize(
    ("change", "what", "remedy"),
    [
        (lambda text: text[:-5], "damaged", "workspace.repair()"),
        (lambda text: json.dumps({**json.loads(text), "format": 99}), "format 99", "workspace.sync()"),
    ],
)
def test_a_pointer_that_cannot_be_used_says_what_to_do(
    tmp_path: Path, handbook: Path, change: object, what: str, remedy: str
) -> None:
    assert callable(change)
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([str(handbook)])
        folder = workspace.home / "index"
    generation = live_generation(folder)
    assert generation is not None
    assert generation.format == FORMAT
    pointer = folder / POINTER
    pointer.write_text(change(pointer.read_text()))
    with Workspace.open(tmp_path / "kb") as again, pytest.raises(WorkspaceError, match=what) as caught:
        again.search("refund")
    assert remedy in caught.value.remedy
    shutil.rmtree(folder)
    with Workspace.open(tmp_path / "kb") as mended:
        assert len(mended.sync().added) == 4
