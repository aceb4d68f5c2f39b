"""`add --json` and `sync --json`: a line a file as soon as it holds, and the report as the last line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from instill.ingest import refining, run, words_first
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
    stopped = subprocess.Popen(
        [sys.executable, "-m", "instill", "add", "a.txt", "b.txt", "c.txt", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert stopped.stdout is not None
    said = [json.loads(stopped.stdout.readline()), json.loads(stopped.stdout.readline())]
    stopped.send_signal(signal.SIGKILL)
    stopped.wait(timeout=60)
    stopped.stdout.close()
    assert [(Path(line["source"]).name, line["result"]) for line in said] == [("a.txt", "failed"), ("b.txt", "failed")]


def test_a_large_folder_is_said_to_be_searchable_before_its_vectors_are_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (run, words_first, refining):
        monkeypatch.setattr(module, "BATCH_PASSAGES", 8)
    monkeypatch.setenv("INSTILL_DOCUMENTS__WORDS_FIRST_FROM", "16")
    notes = tmp_path / "notes"
    notes.mkdir()

    def write(month: str) -> None:
        for number in range(32):
            (notes / f"{number:02d}.txt").write_text(f"The pump {number} runs at {number * 7} bar since {month}.")

    write("May")
    instill("init", ".", cwd=tmp_path)
    found = instill("add", "notes", cwd=tmp_path)
    assert "24 passages can be searched; their vectors are told from words so far." in found.stderr
    assert "The vectors of 24 passages were told from words first, and are computed now." in found.stdout
    assert "told from words" not in instill("status", cwd=tmp_path).stdout
    write("June")
    report = lines(instill("sync", "--json", cwd=tmp_path).stdout)[-1]
    assert (report["passages"], report["in_words"], report["refined"]) == (32, 24, 24)
