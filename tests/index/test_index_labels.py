"""A caller with labels gets what an index that holds only the visible documents would give: rows, order and scores."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instill.index.fusion import Fusion, ReciprocalRankFusion, ZScoreFusion
from instill.index.store import Index
from instill.index.types import Mode, SearchRequest, SearchResult
from tests.index.index_builders import document, encode, open_index

WORDS = ["rent", "rents", "sales", "the", "café", "river", "stone", "検索", "Ärger", "v2"]
texts = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join), min_size=1, max_size=3)
labels = st.lists(st.sampled_from(["hr", "it", "it's"]), max_size=2)
worlds = st.lists(st.tuples(texts, labels), min_size=1, max_size=6)
queries = st.lists(st.sampled_from([*WORDS, "absent", '"rent"', "＂sales＂", '"the']), min_size=1, max_size=4).map(
    " ".join
)


def fill(index: Index, world: Sequence[tuple[list[str], list[str]]], held: tuple[str, ...] | None) -> None:
    index.commit(
        [
            document(number, body, labels=own)
            for number, (body, own) in enumerate(world)
            if held is None or set(own) & set(held)
        ]
    )


def seen(result: SearchResult) -> dict[tuple[str, int], tuple[float, float, float]]:
    return {(h.doc_id, h.ordinal): (h.score, h.keyword_score, h.vector_score) for h in result.hits}


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    world=worlds,
    held=st.lists(st.sampled_from(["hr", "it", "it's", "none"]), min_size=1, max_size=2).map(tuple),
    query=queries,
    mode=st.sampled_from(["hybrid", "keyword", "vector"]),
    indexed=st.booleans(),
)
def test_results_and_scores_do_not_depend_on_hidden_documents(
    world: list[tuple[list[str], list[str]]], held: tuple[str, ...], query: str, mode: Mode, indexed: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole, part = open_index(Path(folder) / "whole"), open_index(Path(folder) / "part")
        fill(whole, world, None)
        fill(part, world, held)
        if indexed:
            whole.upkeep(force=True)
        fusions: list[Fusion] = [ZScoreFusion(), ReciprocalRankFusion()]
        for fusion in fusions:
            request = SearchRequest(query, k=50, mode=mode, labels=held)
            here, there = (index.search(request, encode(query), fusion) for index in (whole, part))
            assert seen(here).keys() == seen(there).keys()
            for passage, scores in seen(here).items():
                assert scores == pytest.approx(seen(there)[passage], abs=1e-5)
        assert whole.count(held) == part.count(held) == part.count()
        assert [r.doc_id for r in whole.records(labels=held)] == [r.doc_id for r in part.records()]


@pytest.fixture
def index(tmp_path: Path) -> Index:
    made = open_index(tmp_path / "index")
    made.commit(
        [
            document(1, ["salary of ann", "salary of bob"], labels=["hr"]),
            document(2, ["salary table"], labels=["hr", "it"]),
            document(3, ["servers and salary"], labels=["it"]),
            document(4, ["salary for nobody"]),
        ]
    )
    return made


@pytest.mark.parametrize(
    ("held", "numbers", "count"),
    [(None, {1, 2, 3, 4}, (4, 5)), (("hr",), {1, 2}, (2, 3)), (("it",), {2, 3}, (2, 2)), ((), set(), (0, 0))],
)
def test_every_path_shows_the_same_documents(
    index: Index, held: tuple[str, ...] | None, numbers: set[int], count: tuple[int, int]
) -> None:
    wanted = {f"{number:016x}" for number in numbers}
    result = index.search(SearchRequest("salary", k=50, labels=held), encode("salary"), ZScoreFusion())
    assert {hit.doc_id for hit in result.hits} == wanted
    assert {record.doc_id for record in index.records(labels=held)} == wanted
    assert index.count(held) == count
    for number in range(1, 5):
        doc_id = f"{number:016x}"
        assert (index.document_text(doc_id, held) is not None) == (doc_id in wanted)
        assert bool(index.passages_of(doc_id, held)) == (doc_id in wanted)
        assert bool(index.neighbours(doc_id, 0, labels=held)) == (doc_id in wanted)
    sql = index.sql("select distinct doc_id from passages", held)
    assert set(sql["doc_id"].to_pylist()) == wanted
    assert index.sql("select count(*) as n from documents", held)["n"].to_pylist() == [len(wanted)]


def test_scores_of_a_labelled_caller_change_with_what_the_caller_sees(index: Index) -> None:
    def score() -> float:
        hits = index.search(SearchRequest("servers", mode="keyword", labels=("it",)), None, ZScoreFusion()).hits
        return hits[0].keyword_score

    before = score()
    index.commit([document(9, ["servers everywhere", "more servers"], labels=["hr"])])
    assert score() == before
    index.commit([document(10, ["servers everywhere", "more servers"], labels=["it"])])
    assert score() < before


@pytest.mark.parametrize("query", ['"salary"', 'of the "salary" -- ; drop', "＂salary＂"])
def test_quotation_marks_are_no_phrase(index: Index, query: str) -> None:
    index.upkeep(force=True)
    for held in (("it",), None):
        found = index.search(SearchRequest(query, mode="keyword", labels=held), None, ZScoreFusion())
        plain = index.search(SearchRequest("of the salary drop", mode="keyword", labels=held), None, ZScoreFusion())
        assert {hit.doc_id for hit in found.hits} == {hit.doc_id for hit in plain.hits}
