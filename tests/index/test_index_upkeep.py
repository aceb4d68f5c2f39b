"""Upkeep changes speed, never answers, and nobody waits for it."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from instill.index import upkeep
from instill.index.fusion import ZScoreFusion
from instill.index.store import Index
from instill.index.types import SearchRequest, SearchResult
from tests.index.index_builders import DIMENSION, doc_id_of, document, encode, open_index

WORDS = [f"word{i}" for i in range(40)]


def fill(index: Index, count: int, *, first: int = 0) -> None:
    rng = np.random.default_rng(first)
    index.commit(
        [
            document(number, [" ".join(rng.choice(WORDS, 8)) for _ in range(4)], labels=[str(number % 3)])
            for number in range(first, first + count)
        ]
    )


def results(index: Index) -> list[list[tuple[str, int]]]:
    def ranked(query: str, labels: tuple[str, ...] | None) -> list[tuple[str, int]]:
        # The pool takes in everything: which of many equal scores stand at its edge is nobody's promise.
        request = SearchRequest(query, k=5, labels=labels, pool=2000)
        found = index.search(request, encode(query), ZScoreFusion())
        return [(hit.doc_id, hit.ordinal) for hit in found.hits]

    return [ranked(f"word{i} word{i + 1} word{i + 7}", labels) for i in range(5) for labels in (None, ("1",))]


def test_it_is_due_when_much_is_new(tmp_path: Path) -> None:
    index = open_index(tmp_path / "index")
    assert not index.needs_upkeep()
    fill(index, 250)
    assert not index.needs_upkeep()
    fill(index, 10, first=250)
    assert index.needs_upkeep()
    before = results(index)
    index.upkeep()
    assert not index.needs_upkeep()
    stats = index.stats()
    assert (stats.rows, stats.unindexed, stats.vector_index) == (1040, 0, False)
    assert stats.bytes > 1000
    assert results(index) == before


def test_many_small_commits_make_it_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "_MOST_FRAGMENTS", 5)
    index = open_index(tmp_path / "index")
    for number in range(7):
        index.commit([document(number, ["few words"])])
    assert index.needs_upkeep()
    index.upkeep()
    assert not index.needs_upkeep()


def test_tombstones_go(tmp_path: Path) -> None:
    index = open_index(tmp_path / "index")
    index.commit([document(1, ["a", "b", "c"])])
    index.commit([document(1, ["d"])])
    assert index.stats().rows == 3
    index.upkeep(force=True)
    assert index.stats().rows == 1
    assert index.count() == (1, 1)


def test_the_vector_index_finds_what_the_exact_search_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = open_index(tmp_path / "index")
    fill(index, 300)
    exact = results(index)
    monkeypatch.setattr(upkeep, "EXACT_BELOW", 1000)
    index.upkeep(force=True)
    assert index.stats().vector_index
    same = [len(set(a) & set(b)) for a, b in zip(exact, results(index), strict=True)]
    assert sum(same) >= 0.95 * sum(len(ranking) for ranking in exact)
    # What comes later is found too, before and after it is indexed.
    index.commit([document(1000, ["word1 newcomer"])])
    for _ in range(2):
        hits = index.search(SearchRequest("newcomer word1", mode="vector"), encode("word1 newcomer"), ZScoreFusion())
        assert hits.hits[0].doc_id == doc_id_of(1000)
        index.upkeep(force=True)
    index.remove([doc_id_of(1000)])
    hits = index.search(SearchRequest("newcomer", mode="vector"), encode("word1 newcomer"), ZScoreFusion())
    assert doc_id_of(1000) not in {hit.doc_id for hit in hits.hits}


def test_too_many_segments_are_built_into_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "EXACT_BELOW", 300)
    monkeypatch.setattr(upkeep, "_MOST_SEGMENTS", 2)
    index = open_index(tmp_path / "index")
    steps: list[str] = []
    for turn in range(4):
        fill(index, 100, first=turn * 100)
        index.upkeep(force=True, progress=steps.append)
    assert sum("building" in step for step in steps) == 2


def test_searching_goes_on_and_agrees_during_upkeep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "EXACT_BELOW", 10**9)  # approximate neighbours may differ, exact ones may not
    index = open_index(tmp_path / "index")
    fill(index, 200)
    expected, stop = results(index), threading.Event()
    failures: list[BaseException] = []
    rounds: list[int] = []

    def read() -> None:
        reader = open_index(index.folder)
        while not stop.is_set():
            try:
                assert results(reader) == expected
                rounds.append(1)
            except BaseException as error:
                failures.append(error)
                return

    thread = threading.Thread(target=read)
    thread.start()
    try:
        while not rounds and not failures:
            stop.wait(0.01)
        for _ in range(5):
            index.upkeep(force=True)
    finally:
        stop.set()
        thread.join()
    assert not failures, failures[0]


def test_writers_and_upkeep_at_the_same_time(tmp_path: Path) -> None:
    index = open_index(tmp_path / "index")
    fill(index, 50)
    done = threading.Event()
    failures: list[BaseException] = []

    def write() -> None:
        try:
            for turn in range(12):
                fill(open_index(index.folder), 5, first=(turn % 3) * 5)
                index.remove([doc_id_of(40 + turn % 5)])
        except BaseException as error:
            failures.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=write)
    thread.start()
    while not done.is_set():
        index.upkeep(force=True)
    thread.join()
    assert not failures, failures[0]
    assert index.count() == (45, 180)
    rows = index.sql("select count(*) as n, count(distinct (doc_id, ordinal)) as d from passages").to_pylist()
    assert rows == [{"n": 180, "d": 180}]


def test_only_one_does_it(tmp_path: Path) -> None:
    from filelock import FileLock

    index = open_index(tmp_path / "index")
    fill(index, 10)
    steps: list[str] = []
    with FileLock(index.folder / "upkeep.lock"):
        index.upkeep(force=True, progress=steps.append)
    assert steps == []
    index.upkeep(force=True, progress=steps.append)
    assert steps != []


def test_a_reader_whose_files_were_cleaned_up_reads_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    monkeypatch.setattr(upkeep, "_KEEP_VERSIONS", timedelta(0))
    index = open_index(tmp_path / "index")
    fill(index, 20)
    index._tables.snapshot()
    attempts: list[SearchResult] = []

    def read(table: object) -> int:
        if not attempts:
            attempts.append(SearchResult(()))
            writer = open_index(index.folder)
            fill(writer, 20)  # replaces every passage
            with pytest.warns(UserWarning, match="removes every version"):
                writer.upkeep(force=True)
        return int(table.search(np.ones(DIMENSION, np.float32)).limit(1000).to_arrow().num_rows)  # type: ignore[attr-defined]

    assert index._tables.reading(read) == 80
