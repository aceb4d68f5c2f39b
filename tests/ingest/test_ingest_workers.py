"""A batch is encoded while the next one is read, and a run that is stopped leaves no encoding behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from instill import Workspace
from instill.ingest import run
from instill.ingest.types import Progress
from instill.models.encoders.protocol import Vectors
from instill.models.encoders.wrapped import Wrapped

WAIT_S = 30.0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four documents of one passage each; two make a batch."""
    monkeypatch.setattr(run, "BATCH_PASSAGES", 2)
    files = tmp_path / "files"
    files.mkdir()
    for name in ("a", "b", "c", "d"):
        (files / f"{name}.txt").write_text(f"The room {name} has a window to the garden.\n")
    return files


class Watched(Wrapped):
    """Calls `before` with the number of texts before it encodes them, in the thread that encodes."""

    def __init__(self, workspace: Workspace, before: Callable[[int], None]) -> None:
        super().__init__(workspace.encoder)
        self._before = before

    def encode_passages(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        self._before(len(texts))
        return super().encode_passages(texts, progress=progress)


def test_the_next_documents_are_read_while_a_batch_is_encoded(folder: Path, tmp_path: Path) -> None:
    """The first batch is not encoded before the third document is looked at."""
    looked_at, batches = threading.Event(), list[tuple[int, bool]]()

    def tell(progress: Progress) -> None:
        if progress.source.endswith("d.txt"):
            looked_at.set()

    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.encoder = Watched(
            workspace, lambda count: batches.append((count, not batches and looked_at.wait(WAIT_S)))
        )
        report = workspace.add(folder, progress=tell)
    assert batches == [(2, True), (2, False)]
    assert [Path(source).name for source in report.added] == ["a.txt", "b.txt", "c.txt", "d.txt"]


def test_a_run_that_is_stopped_ends_its_encoding(folder: Path, tmp_path: Path) -> None:
    """Ctrl-C while a batch is encoded: the encoder stops at the next sign of progress, and nothing is committed."""
    encoding, ended = threading.Event(), threading.Event()

    class Endless(Watched):
        def encode_passages(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
            encoding.set()
            assert progress is not None
            until = time.monotonic() + WAIT_S
            try:
                while time.monotonic() < until:
                    progress(0)
                    time.sleep(0.01)
            finally:
                ended.set()
            raise AssertionError("nobody stopped it")

    def tell(progress: Progress) -> None:
        if progress.source.endswith("d.txt"):
            assert encoding.wait(WAIT_S)
            raise KeyboardInterrupt

    started = time.monotonic()
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.encoder = Endless(workspace, lambda _count: None)
        with pytest.raises(KeyboardInterrupt):
            workspace.add(folder, progress=tell)
        assert ended.is_set()
        assert time.monotonic() - started < WAIT_S
        assert workspace.documents() == []


def test_an_error_of_the_encoder_ends_the_run(folder: Path, tmp_path: Path) -> None:
    def fail(_count: int) -> None:
        raise ValueError("no memory")

    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.encoder = Watched(workspace, fail)
        with pytest.raises(ValueError, match="no memory"):
            workspace.add(folder)
        assert workspace.documents() == []
