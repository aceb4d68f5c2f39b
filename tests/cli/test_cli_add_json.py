"""`add --json` and `sync --json`: a line a file as soon as it holds, and the report as the last line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.cli.test_cli import instill


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_for_each_file_and_the_report_at_the_end(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "a.txt").write_text("Apples are red.")
    (notes / "b.txt").write_text("")
    instill("init", ".", cwd=tmp_path)
    first = lines(instill("add", "notes", "--json", cwd=tmp_path, code=3).stdout)
    found = {Path(str(line["source"])).name: line for line in first[:-1]}
    assert (found["a.txt"]["result"], found["a.txt"]["passages"]) == ("added", 1)
    assert (found["b.txt"]["result"], found["b.txt"]["what"]) == ("failed", "The file is empty.")
    assert found["b.txt"]["remedy"]
    assert first[-1]["added"] == [found["a.txt"]["source"]]
    assert first[-1]["passages"] == 1

    (notes / "a.txt").rename(notes / "c.txt")
    (notes / "b.txt").write_text("Bananas are yellow.")
    (notes / "d.txt").write_text("Dates are brown.")
    second = lines(instill("sync", "--json", cwd=tmp_path).stdout)
    assert {Path(str(line["source"])).name: line["result"] for line in second[:-1]} == {
        "b.txt": "added",
        "c.txt": "moved",
        "d.txt": "added",
    }
    (notes / "d.txt").unlink()
    (notes / "c.txt").write_text("Cherries are red.")
    third = lines(instill("sync", "--json", cwd=tmp_path).stdout)
    assert {Path(str(line["source"])).name: line["result"] for line in third[:-1]} == {
        "b.txt": "unchanged",
        "c.txt": "changed",
        "d.txt": "removed",
    }


def test_a_stopped_run_has_said_what_it_did(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    os.mkfifo(tmp_path / "b.txt")  # refused at once
    (tmp_path / "c.txt").write_text("word " * 400_000)  # keeps the run busy
    instill("init", ".", cwd=tmp_path)
    run = subprocess.Popen(
        [sys.executable, "-m", "instill", "add", "a.txt", "b.txt", "c.txt", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert run.stdout is not None
    said = [json.loads(run.stdout.readline()), json.loads(run.stdout.readline())]
    run.send_signal(signal.SIGKILL)
    run.wait(timeout=60)
    run.stdout.close()
    assert [(Path(line["source"]).name, line["result"]) for line in said] == [("a.txt", "failed"), ("b.txt", "failed")]
