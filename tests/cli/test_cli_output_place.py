"""A place that cannot be written is refused before the work begins, in one sentence, by every command that writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from instill.cli.output_place import must_be_writable
from instill.errors import UsageError
from tests.cli.test_cli import instill

COMMANDS = [
    ["lab", "run", "replay", "--out"],
    ["lab", "pretrain", "--out"],
    ["compare", "--out"],
    ["curve", "recipe.toml", "--out"],
    ["calibrate", "--plot"],
    ["study", "export", "3f2a", "--to"],
    ["questions", "export", "--to"],
    ["models", "export", "dates"],
    ["train", "attack", "reward.toml", "--out"],
    ["train", "pairs", "p.jsonl", "--principles", "p.txt", "--out"],
    ["train", "reader", "--data", "rows.jsonl", "--out"],
    ["train", "encoder", "--data", "rows.jsonl", "--out"],
    ["train", "init"],
    ["forget", "a.md", "--receipt"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_it_is_refused_before_the_work(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "instill.toml").touch()
    (tmp_path / "file").touch()
    shown = instill(*command, "file/below/place.toml", cwd=tmp_path, code=2)
    assert "file is a file" in " ".join(shown.stderr.split())
    assert "Traceback" not in shown.stderr


def test_which_places_are_refused(tmp_path: Path) -> None:
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.touch()
    folder.mkdir()
    for place, is_folder in ((file, False), (folder, True), (folder / "a" / "b", False), (folder / "a" / "b", True)):
        must_be_writable(place, "--out", folder=is_folder)
    must_be_writable(None, "--out")
    must_be_writable(Path("/dev/null"), "--out")
    assert list(folder.iterdir()) == []
    for place, is_folder, said in (
        (file, True, "it is a file"),
        (folder, False, "it is a folder"),
        (file / "a", False, f"{file} is a file"),
        (folder / ("a" * 300), False, "File name too long"),
    ):
        with pytest.raises(UsageError, match="so nothing was done") as caught:
            must_be_writable(place, "--out", folder=is_folder)
        assert caught.value.where == f"--out {place}: {said}"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder of the kernel")
def test_a_folder_that_takes_no_files_is_refused() -> None:
    with pytest.raises(UsageError, match="so nothing was done"):
        must_be_writable(Path("/proc/x.jsonl"), "--out")
