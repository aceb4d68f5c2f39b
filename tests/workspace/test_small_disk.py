"""A small disk that is full, or that takes no writing: what can be done is done, and what cannot is said rightly."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from instill import Workspace
from instill.errors import InstillError, WorkspaceError
from instill.models.registry import Champions, Registry
from tests.models.registry.made import make_adapter, make_base, make_card

QUESTION = "At how many degrees is green tea brewed?"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if not made or made.returncode:
        pytest.skip("needs the right to mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@contextmanager
def full(disk: Path, *, but: int = 0) -> Iterator[None]:
    """Not one block is free, or `but` bytes are."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as stream, suppress(OSError):
        while True:
            stream.write(bytes(4096))
    if but:
        os.truncate(filler, filler.stat().st_size - but)
    try:
        yield
    finally:
        filler.unlink()


def written(folder: Path, name: str, degrees: int) -> str:
    file = folder / f"{name}.md"
    file.write_text(f"# {name}\n\n{name} is brewed at {degrees} degrees.\n", encoding="utf-8")
    return str(file)


def command(*arguments: str, workspace: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "instill", *arguments, "--workspace", str(workspace)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture
def filled(disk: Path, tmp_path: Path) -> Path:
    with Workspace.init(disk / "kb") as workspace:
        workspace.add([written(tmp_path, "Green tea", 80)])
        workspace.ask(QUESTION)
    return disk / "kb"


def test_a_full_disk_answers_and_gives_right_advice(disk: Path, filled: Path) -> None:
    with full(disk):
        result = command("ask", QUESTION, workspace=filled)
        assert result.returncode == 0, result.stderr
        assert "80 degrees" in result.stdout
        with Workspace.open(filled) as workspace:
            assert workspace.status().documents == 1
            assert workspace.search("tea", k=1).hits
            assert not workspace.catalog.writable
    with Workspace.open(filled) as workspace:
        assert workspace.catalog.writable


def test_what_does_not_fit_loses_nothing(disk: Path, filled: Path, tmp_path: Path) -> None:
    """Nothing at all is free, or so little that the store gets some way."""
    coffee = written(tmp_path, "Coffee", 95)
    for but in (0, 8 * 1024, 64 * 1024):
        with full(disk, but=but), Workspace.open(filled) as workspace:
            for change in (lambda: workspace.add([coffee]), workspace.sync, workspace.reindex):
                try:
                    change()
                except InstillError as error:
                    assert "disk is full" in error.what  # noqa: PT017  Where there is room, it may get through.
                except OSError as error:
                    assert error.errno == errno.ENOSPC  # noqa: PT017  The command says it in words.
            assert "80 degrees" in " ".join(hit.text for hit in workspace.search("green tea brewed", k=5).hits)
    with Workspace.open(filled) as workspace:
        workspace.add([coffee])
        assert [record.title for record in workspace.documents()] == ["Coffee", "Green tea"]
        assert workspace.index.count() == (2, 2)
        assert workspace.reindex() == 2


def test_a_promotion_that_does_not_fit_leaves_nothing(disk: Path, tmp_path: Path) -> None:
    home = disk / ".instill"
    registry = Registry(home)
    base = make_base(tmp_path / "base")
    for number in (1, 2):
        registry.add(make_adapter(tmp_path / f"run{number}"), make_card(f"a-{number}", base))
    Champions(registry).promote("a-1")
    before = {file.name: file.read_bytes() for file in home.iterdir() if file.is_file()}
    with full(disk), pytest.raises(OSError, match="No space left"):
        Champions(registry).promote("a-2")
    assert {file.name: file.read_bytes() for file in home.iterdir() if file.is_file()} == before
    Champions(registry).promote("a-2")
    assert sorted(file.name for file in home.iterdir()) == ["adapters", "champion.json", "registry.lock"]


def test_a_checkpoint_that_does_not_fit_keeps_the_one_before(disk: Path) -> None:
    import torch

    from instill.train.checkpoint_file import resume, save_checkpoint

    weight = torch.nn.Parameter(torch.ones(1000, 100))
    optimizer = torch.optim.AdamW([weight])
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    path, trained = disk / "checkpoint.safetensors", {"weight": weight}
    save_checkpoint(path, trained, optimizer, step=1, identity="run")
    kept = path.read_bytes()
    with full(disk), pytest.raises(InstillError, match="disk is full; the run has stopped at step 2") as caught:
        save_checkpoint(path, trained, optimizer, step=2, identity="run")
    assert "goes on from the last checkpoint" in caught.value.remedy
    assert [file.name for file in disk.iterdir()] == ["checkpoint.safetensors"]
    assert path.read_bytes() == kept
    assert resume(path, trained, optimizer, identity="run") == 1


def test_a_disk_that_takes_no_writing_can_be_read(disk: Path, filled: Path, tmp_path: Path) -> None:
    coffee, tea = written(tmp_path, "Coffee", 95), str(tmp_path / "Green tea.md")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    result = command("ask", QUESTION, workspace=filled)
    assert result.returncode == 0, result.stderr
    with Workspace.open(filled) as workspace:
        assert not workspace.status().writable
        assert workspace.search("tea", k=1).hits
        assert "80 degrees" in workspace.show(tea).text
        for change in (lambda: workspace.add([coffee]), workspace.sync, workspace.reindex,
                       lambda: workspace.remove([tea])):  # fmt: skip
            with pytest.raises(WorkspaceError, match=r"read-only|cannot be written"):
                change()
