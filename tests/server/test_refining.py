"""Vectors that were told from words are computed by a job of their own, which lets what is added meanwhile go first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from instill import Workspace
from instill.ingest import refining, run, words_first
from instill.server.jobs.documents import do_documents
from instill.server.service import Service


def files(folder: Path, first: int, count: int) -> list[str]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{number:02d}.txt" for number in range(first, first + count)]
    for path in paths:
        path.write_text(f"Pump {path.stem} runs at {int(path.stem) * 7} bar.\n")
    return [str(path) for path in paths]


def test_it_is_computed_after_the_next_upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (run, words_first, refining):
        monkeypatch.setattr(module, "BATCH_PASSAGES", 8)
    monkeypatch.setenv("INSTILL_DOCUMENTS__WORDS_FIRST_FROM", "16")
    Workspace.init(tmp_path / "kb").close()
    service = Service(tmp_path / "kb", loopback=True)

    def add(first: int, count: int) -> None:
        paths = files(tmp_path / "files", first, count)
        arguments: dict[str, Any] = {"paths": paths, "labels": None, "metadata": {}}
        service.jobs.add("add", "documents", arguments, labels=None, asked_by="ann")

    def do() -> tuple[str, dict[str, Any]]:
        task = service.jobs.take("documents")
        assert task is not None
        result = do_documents(service.opened, service.jobs, task)
        service.jobs.end(task.job_id, "done", result)
        return task.kind, result

    def waiting() -> list[str]:
        return [job.kind for job in service.jobs.all() if job.state == "waiting"]

    add(0, 32)
    kind, result = do()
    assert (kind, result["in_words"], waiting()) == ("add", 24, ["refine"])
    add(32, 2)
    kind, result = do()
    assert (kind, result["refined"], waiting()) == ("refine", 0, ["refine", "add"])
    kind, result = do()
    assert (kind, len(result["added"]), waiting()) == ("add", 2, ["refine"])
    kind, result = do()
    assert (kind, result["refined"], waiting()) == ("refine", 24, [])
    assert service.jobs.all()[0].outcome.said == "The vectors of 24 passages are computed."
    assert service.opened.whole.passages_in_words() == 0
    service.close()
