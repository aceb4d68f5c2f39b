"""SIGKILL in the middle of `add` and `sync`, with two writers and a reader."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from instill import Workspace

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "15"))  # two writers are killed in each
FILES = 24
VERSION_LINES = 12


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


def start(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "INSTILL_DOCUMENTS__PASSAGE_TOKENS": "48"}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


WRITER = """
import sys
from instill import Workspace
with Workspace.open(sys.argv[1]) as workspace:
    workspace.encoder.encode_queries(["warm"])
    print("ready", flush=True)
    report = workspace.sync() if sys.argv[3] == "sync" else workspace.add([sys.argv[2]])
    print(len(report.added), len(report.changed), report.unchanged, len(report.failed))
"""
READER = """
import sys, time, re, pathlib
from instill import Workspace
stop = pathlib.Path(sys.argv[2])
rounds = 0
with Workspace.open(sys.argv[1]) as workspace:
    while not stop.exists():
        hits = workspace.search("which release does machine 7 run", k=20).hits
        for doc_id in {hit.doc_id for hit in hits}:
            stored = workspace.index.document_text(doc_id)
            releases = set(re.findall(r"release (\\d+)", stored.text))
            assert len(releases) == 1, releases
        rounds += 1
print(rounds)
"""


@pytest.mark.timeout(280)
def test_every_document_is_wholly_old_or_wholly_new_after_sigkill(tmp_path: Path) -> None:
    folder = tmp_path / "machines"
    folder.mkdir()
    write_version(folder, 0)
    environment = {"INSTILL_DOCUMENTS__PASSAGE_TOKENS": "48"}
    os.environ.update(environment)
    chance = random.Random(20261121)
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([str(folder)])
    path, stop = str(tmp_path / "kb"), tmp_path / "stop"
    reader = start(READER, path, str(stop))
    killed = 0
    for turn in range(ROUNDS):
        write_version(folder, turn + 1)
        writers = [start(WRITER, path, str(folder), verb) for verb in ("add", "sync")]
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.6))
        for writer in writers:
            killed += writer.poll() is None
            writer.kill()
            writer.communicate()
        with Workspace.open(path) as workspace:
            check_whole(workspace, folder)
    stop.touch()
    output, errors = reader.communicate(timeout=60)
    assert reader.returncode == 0, errors.decode()[-2000:]
    assert int(output) > 0
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
