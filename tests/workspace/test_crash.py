"""SIGKILL in the middle of `add` and `sync`, with two writers and a reader."""

from __future__ import annotations

import os
import random
import time
from itertools import pairwise
from pathlib import Path

import pytest

from instill import Workspace
from tests.warm import Program, Warm

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "5"))  # two writers are killed in each
FILES = 12
VERSION_LINES = 8
ENVIRONMENT = {"INSTILL_DOCUMENTS__PASSAGE_TOKENS": "48"}


class Running:
    """A process beside the test, and the lines that it prints."""

    def __init__(self, warm: Warm, *arguments: str) -> None:
        reading, printing = os.pipe()
        self.process: Program = warm.start(
            "-m", "tests.workspace.crash_processes", *arguments, streams=(0, printing, 2)
        )
        os.close(printing)
        self._said = os.fdopen(reading)

    def said(self) -> str:
        """The next line; empty when it ended without one."""
        return self._said.readline().rstrip()

    def kill(self) -> bool:
        """SIGKILL; was it running?"""
        self._said.close()
        return self.process.kill()


def write_version(folder: Path, version: int) -> None:
    """Every file in whole versions: each of its passages names the version, so that a mixture would show."""
    for number in range(FILES):
        lines = [
            f"## Part {part}\n\nMachine {number} runs release {version} of the software; part {part} of the sheet says "
            "so, and every part is long enough to become a passage of its own when the passages are small.\n"
            for part in range(VERSION_LINES)
        ]
        part = folder / f"machine{number}.md.part"
        part.write_text(f"# Machine {number}\n\n" + "\n".join(lines))
        part.replace(folder / f"machine{number}.md")


@pytest.mark.timeout(280)
def test_every_document_is_wholly_old_or_wholly_new_after_sigkill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: Warm
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "machines"
    folder.mkdir()
    write_version(folder, 0)
    chance = random.Random(20261121)
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([str(folder)])
    path, stop = str(tmp_path / "kb"), tmp_path / "stop"
    reader = Running(warm, "read", path, str(stop))
    killed = 0
    for turn in range(ROUNDS):
        write_version(folder, turn + 1)
        writers = [Running(warm, verb, path, str(folder)) for verb in ("add", "sync")]
        for writer in writers:
            assert writer.said() == "ready"
        time.sleep(chance.uniform(0.0, 0.9))  # Before, in and after the commit: a writer alone takes 0.6 s.
        killed += sum([writer.kill() for writer in writers])
        with Workspace.open(path) as workspace:
            check_whole(workspace, folder)
    stop.touch()
    rounds = reader.said()
    assert rounds.isdecimal(), rounds
    assert int(rounds) > 0
    assert reader.process.wait() == 0
    assert not reader.kill()
    assert killed > 0
    with Workspace.open(path) as workspace:
        report = workspace.sync()
        assert report.failed == []
        assert workspace.status().documents == FILES
        texts = {stored.text for stored in (workspace.show(record.doc_id) for record in workspace.documents())}
        assert all(f"release {ROUNDS} " in text for text in texts)


def check_whole(workspace: Workspace, folder: Path) -> None:
    """No document twice, and each one's passages are spans of one version that cover it."""
    records = workspace.documents()
    assert len({record.source for record in records}) == len(records) == FILES
    for record in records:
        stored = workspace.show(record.doc_id)
        passages = workspace.index.passages_of(record.doc_id)
        assert len(passages) == record.passage_count
        assert [passage.ordinal for passage in passages] == list(range(len(passages)))
        for passage in passages:
            assert stored.text[passage.start : passage.end] == passage.text
        between = [stored.text[a.end : b.start] for a, b in pairwise(passages)]
        assert all(gap.strip() == "" for gap in between)
