"""A file size limit in the process stands for a full disk: both make the write fail half-way."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from instill import Workspace
from tests.warm import Warm

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="file size limits are a POSIX thing")

LIMITED = """
import resource, runpy, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
sys.argv = ["instill", "add", sys.argv[1], "--workspace", sys.argv[2]]
runpy.run_module("instill", run_name="__main__")
"""


def test_a_full_disk_is_a_clear_error_and_the_workspace_stays_whole(tmp_path: Path, handbook: Path, warm: Warm) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([str(handbook)])
    more = tmp_path / "more"
    more.mkdir()
    for number in range(24):
        (more / f"note{number}.txt").write_text(f"Note {number}. " + f"Shelf {number} holds boxes of paper. " * 40)
    with (tmp_path / "said.txt").open("w+") as said:
        code = warm.start("-c", LIMITED, str(more), str(tmp_path / "kb"), streams=(0, said, said)).wait()
    printed = (tmp_path / "said.txt").read_text()
    assert code == 4, printed[-2000:]
    assert "Traceback" not in printed
    assert "next:" in printed
    with Workspace.open(tmp_path / "kb") as workspace:
        assert workspace.status().documents == 4
        assert "thirty days" in workspace.ask("Within how many days may customers return goods?").text
        assert len(workspace.add([str(more)]).added) == 24
