"""A process that has the catalog open keeps SQLite's locks on it, whatever it does with the workspace.

Locks belong to a process and a file: whoever opens and closes the file of a database by other means than SQLite, in a
process that has it open, takes all its locks away. Then another process that ends its visit takes itself for the last
one, and removes the log in which committed data stands.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from instill import Workspace
from instill.compare.changed.copies import fresh_copy
from instill.workspace.doctor import examine

_VISIT = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('select count(*) from roots'); c.close()"


def check(workspace: Workspace) -> None:
    """Another process comes and goes; what this one has committed is there for it and stays."""
    catalog = workspace.home / "catalog.db"
    log = catalog.with_name("catalog.db-wal")
    workspace.ask("When does the gate of Ulm open?")
    assert log.exists()
    before = log.stat().st_ino
    for _ in range(2):
        subprocess.run([sys.executable, "-I", "-S", "-c", _VISIT, str(catalog)], check=True)
    assert log.exists(), "the other process took the log away"
    assert log.stat().st_ino == before
    with Workspace.open(workspace.path) as other:
        seen = other.catalog.question_count()
    assert seen == workspace.catalog.question_count()


def added_itself(workspace: Workspace) -> None:
    """The catalog by its name, by a link, and in a folder of which nothing is excluded; then all of it is synced."""
    outside = workspace.path.parent
    (outside / "link.txt").symlink_to(workspace.home / "catalog.db")
    (workspace.path / "instill.toml").write_text('[documents]\nexclude = ["index/"]\n')
    with Workspace.open(workspace.path) as anew:
        for file in (workspace.home / "catalog.db", outside / "link.txt"):
            [failure] = workspace.add(file).failed
            assert failure.what == "It is a file in which a workspace keeps its data."
        report = anew.add(workspace.path)
        assert (report.added, report.failed) == ([], [])
        anew.sync()


@pytest.mark.parametrize(
    "do",
    [
        lambda workspace: None,
        lambda workspace: workspace.forget("bridge.md"),
        lambda workspace: workspace.purge([each.doc_id for each in workspace.remove("bridge.md")]),
        lambda workspace: workspace.status(),
        lambda workspace: list(examine(str(workspace.path))),
        lambda workspace: workspace.reindex(),
        lambda workspace: workspace.forgetting_plan("bridge.md"),
        lambda workspace: workspace.add(workspace.path),
        lambda workspace: added_itself(workspace),
        lambda workspace: fresh_copy(workspace, workspace.path.parent / "copy").close(),
    ],
    ids=["nothing", "forget", "purge", "status", "doctor", "reindex", "plan", "add all", "add it", "copy"],
)
def test_whatever_is_done_the_locks_stay(do: Callable[[Workspace], object], tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text("The gate of Ulm opens at nine.", name="gate.md")
        workspace.add_text("The bridge of Ulm is 40 metres long.", name="bridge.md")
        check(workspace)
        do(workspace)
        check(workspace)
