"""SIGKILL at any moment, two writers and a reader: every document is wholly of one version, once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from instill.index.fusion import ZScoreFusion
from instill.index.store import Index
from instill.index.types import SearchRequest
from tests.index.index_builders import DIMENSION, FINGERPRINT, encode, open_index
from tests.index.index_crash_writer import DOCUMENTS, passages_in, version_of
from tests.warm import Warm

KILLS = int(os.environ.get("CRASH_KILLS", "6"))
ROOT = Path(__file__).parents[2]


class Writer:
    """A process that commits from the moment on when it says so."""

    def __init__(self, warm: Warm, folder: Path, seed: int) -> None:
        reading, printing = os.pipe()
        arguments = ("-m", "tests.index.index_crash_writer", str(folder), str(seed))
        self._process = warm.start(*arguments, streams=(0, printing, 2))
        os.close(printing)
        self._said = os.fdopen(reading)

    def wait_until_it_commits(self) -> None:
        assert self._said.readline() == "ready\n"

    def kill(self) -> bool:
        """SIGKILL; was it running?"""
        self._said.close()
        return self._process.kill()


def assert_whole(index: Index) -> None:
    """One snapshot of everything, checked row by row."""
    rows = index.sql(
        "select doc_id, ordinal, text, passage_count, (metadata->>'version')::int as version from passages"
    ).to_pylist()
    versions = {(row["doc_id"], row["version"]) for row in rows}
    assert len(versions) == len({doc_id for doc_id, _ in versions}), "two versions of a document at once"
    counted = Counter(row["doc_id"] for row in rows)
    for row in rows:
        number = int(row["doc_id"], 16)
        assert counted[row["doc_id"]] == row["passage_count"] == passages_in(number, row["version"])
        assert row["text"] == f"document {number} version {row['version']} passage {row['ordinal']}"
    assert len({(row["doc_id"], row["ordinal"]) for row in rows}) == len(rows)


def assert_search_is_whole(index: Index) -> None:
    hits = index.search(SearchRequest("document version passage", k=100), encode("version"), ZScoreFusion()).hits
    assert len({(hit.doc_id, hit.ordinal) for hit in hits}) == len(hits)
    versions = {(hit.doc_id, hit.metadata["version"]) for hit in hits}
    assert len(versions) == len({doc_id for doc_id, _ in versions}), "a search mixed two versions of a document"


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_documents_are_whole_whenever_writers_are_killed(tmp_path: Path, warm: Warm) -> None:
    folder = tmp_path / "index"
    open_index(folder).commit([version_of(number, number) for number in range(DOCUMENTS)])
    stop, failures, reads = threading.Event(), list[BaseException](), Counter[str]()

    def read() -> None:
        reader = Index.open(folder, dimension=DIMENSION, fingerprint=FINGERPRINT, read_only=True)
        while not stop.is_set():
            try:
                assert_whole(reader)
                assert_search_is_whole(reader)
                reads["done"] += 1
            except BaseException as error:
                failures.append(error)
                return

    thread = threading.Thread(target=read)
    thread.start()
    rng, seeds = random.Random(), iter(range(1, 10_000))
    writers = [Writer(warm, folder, next(seeds)) for _ in range(2)]
    try:
        for kill in range(KILLS):
            victim = writers[kill % 2]
            victim.wait_until_it_commits()
            time.sleep(rng.uniform(0.0, 0.5))
            assert victim.kill()
            writers[kill % 2] = Writer(warm, folder, next(seeds))
            assert_whole(open_index(folder))
    finally:
        for writer in writers:
            writer.kill()
        stop.set()
        thread.join()
    assert not failures, failures[0]
    assert reads["done"] > 0
    after = open_index(folder)
    after.commit([version_of(number, 7) for number in range(DOCUMENTS)])
    after.upkeep(force=True)
    assert_whole(after)
    assert after.count() == (DOCUMENTS, sum(passages_in(number, 7) for number in range(DOCUMENTS)))


_FULL_DISK = """
import resource, sys
from pathlib import Path
from tests.index.index_builders import document, open_index
from instill.errors import WorkspaceError
index = open_index(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
try:
    index.commit([document(50, ["x" * 500 + str(i) for i in range(400)])])
except WorkspaceError as error:
    print(error)
    sys.exit(7)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="resource limits")
def test_a_full_disk_is_a_clear_error_and_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    index = open_index(folder)
    index.commit([version_of(number, 1) for number in range(DOCUMENTS)])
    before = index.count()
    result = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, str(folder)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 7, result.stdout + result.stderr
    assert "full" in result.stdout
    assert index.count() == before
    assert_whole(index)
    index.commit([version_of(0, 2)])
    assert_whole(index)
