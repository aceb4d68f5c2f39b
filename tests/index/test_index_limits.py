"""The limits and defaults of this room, each from both of its sides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from instill.documents.document import Block
from instill.errors import UsageError, WorkspaceError
from instill.index.clusters import cluster, cluster_terms
from instill.index.filters import compiled, parsed
from instill.index.fusion import ReciprocalRankFusion, ZScoreFusion, fusion_named
from instill.index.index_for_caller import SeenIndex
from instill.index.lookup import records
from instill.index.soundness import lost_versions, note, noted_version
from instill.index.store import Index
from instill.index.types import SearchRequest
from instill.index.upkeep import stats
from tests.index.index_builders import DIMENSION, doc_id_of, document, encode, open_index


def test_a_filter_has_at_most_4000_characters() -> None:
    assert compiled("a = 'x'".ljust(3_999) + " ")
    assert compiled(f"a = '{'x' * 3_994}'")
    with pytest.raises(UsageError, match="too long") as refusal:
        compiled(f"a = '{'x' * 3_995}'")
    assert refusal.value.where == "4001 characters, at most 4000"


def test_a_filter_is_at_most_40_deep() -> None:
    assert compiled("(" * 40 + "a = 1" + ")" * 40) == compiled("a = 1")
    with pytest.raises(UsageError, match="nested too deeply"):
        compiled("(" * 41 + "a = 1" + ")" * 41)
    assert compiled("not " * 40 + "a = 1").count("NOT") == 40
    with pytest.raises(UsageError, match="nested too deeply"):
        compiled("not " * 41 + "a = 1")


@pytest.mark.parametrize(
    ("where", "written"),
    [
        ("size = 999999999999999999", "(size = 999999999999999999)"),
        ("size = 1000000000000000000", "(size = 1e+18)"),  # more than a whole number of 64 bits may hold
        ("size = -3", "(size = -3)"),
        ("size = 2.50", "(size = 2.5)"),
        ("3 < size", "(size > 3)"),
        ("3 <= size", "(size >= 3)"),
        ("3 > size", "(size < 3)"),
        ("3 >= size", "(size <= 3)"),
        ("3 = size", "(size = 3)"),
        ("size != 3", "(size <> 3)"),
        ("a = true", "(json_get_string(metadata, 'a') = 'true')"),
        ("a is false", "((json_get_string(metadata, 'a') = 'false') IS TRUE)"),
        ("a is not null", "(NOT (json_get_string(metadata, 'a') IS NULL))"),
        ("kind is null", "(kind IS NULL)"),
        ("metadata.kind is null", "(json_get_string(metadata, 'kind') IS NULL)"),
        ("modified >= 2024", "(modified >= '2024')"),
        ("kind in ('a', 'b')", "(kind IN ('a', 'b'))"),
        ("a in (1, 'b')", "(TRY_CAST(json_get_string(metadata, 'a') AS DOUBLE) IN (1) "
                          "OR json_get_string(metadata, 'a') IN ('b'))"),
        ("kind not like 'a'", "(NOT (kind LIKE 'a'))"),
        ("size between 1 and 2", "((size >= 1) AND (size <= 2))"),
        ("size not between 1 and 2", "(NOT ((size >= 1) AND (size <= 2)))"),
    ],
)  # fmt: skip
def test_what_is_written_for_the_store(where: str, written: str) -> None:
    assert compiled(where) == written


def test_the_keys_of_a_filter_are_those_that_are_no_fields() -> None:
    found = parsed("year > 1 and metadata.size = 2 and size > 3 and (b or not c is null)")
    assert found.keys == {"year", "size", "b", "c"}
    assert parsed("kind = 'a'").keys == frozenset()
    assert parsed("  ") == parsed("")
    assert compiled("a" * 100 + " = 1")
    with pytest.raises(UsageError, match="no metadata key"):
        compiled("a" * 101 + " = 1")
    with pytest.raises(UsageError, match="size is a number"):
        compiled("size = 'a'")
    with pytest.raises(UsageError, match="kind is not true or false"):
        compiled("kind")
    for where in ("size like 'a'", "kind like 1", "kind is 1"):
        with pytest.raises(UsageError, match="cannot use"):
            compiled(where)


def test_the_defaults_of_fusion() -> None:
    keyword, vector = np.array([4.0, 0.0]), np.array([0.4, 0.6])
    # Deviations 2 and .1; damped by a fifth of the largest: 2 / 2.8 and .1 / .22.
    expected = 0.4 * 2 / 2.8 - 0.6 * 0.1 / 0.22
    assert ZScoreFusion().fuse(keyword, vector) == pytest.approx([expected, -expected])
    assert fusion_named("zscore") == ZScoreFusion()
    assert ReciprocalRankFusion().fuse(keyword, vector) == pytest.approx([1 / 61 + 1 / 62, 1 / 61])


def test_differences_that_are_rounding_decide_nothing() -> None:
    one = ZScoreFusion(0.5, damping=0)
    nearly = np.array([1.0, 1.0 + 1e-12])
    assert one.fuse(nearly, np.zeros(2)).tolist() == [0.0, 0.0]
    assert one.fuse(np.array([1.0, 1.0 + 1e-6]), np.zeros(2)) == pytest.approx([-0.5, 0.5], rel=1e-3)


def test_clusters_are_merged_from_the_threshold_on() -> None:
    vectors = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
    assert cluster(vectors, threshold=0.81) == [[0], [1], [2]]
    # .8 first; the rest with that group is the mean of 0 and .6.
    assert cluster(vectors, threshold=0.79) == [[0], [1, 2]]
    assert cluster(vectors, threshold=0.31) == [[0], [1, 2]]
    assert cluster(vectors, threshold=0.29) == [[0, 1, 2]]
    exact = np.array([[1, 0], [0, 1]], np.float32)
    assert cluster(exact, threshold=0.0) == [[0, 1]]
    assert cluster(vectors[:0], threshold=0.5) == []


def test_an_average_counts_each_member() -> None:
    angles = np.deg2rad([0, 10, 20, 60])
    vectors = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    average = float(np.mean(np.cos(np.deg2rad([60, 50, 40]))))
    assert cluster(vectors, threshold=average - 0.01) == [[0, 1, 2, 3]]
    assert cluster(vectors, threshold=average + 0.01) == [[0, 1, 2], [3]]


def test_words_of_a_cluster_by_hand() -> None:
    inside, outside = ["rent rent due", "rent paid", "paid now 12 ab"], ["rent", "due", "due"]
    # rent 2/3 ln(7/1.5) = 1.03, paid 2/3 ln(7/.5) = 1.76, due 1/3 ln(7/2.5) = .34; too plain, too short, no letters.
    assert cluster_terms(inside, others=outside) == ["paid", "rent", "due"]
    assert cluster_terms(inside, others=outside, count=2) == ["paid", "rent"]
    assert cluster_terms(["one two three four five six"] * 2) == ["five", "four", "six", "three"]
    assert cluster_terms(["zebra", "apple zebra"], others=["zebra zebra", "pear"]) == ["zebra", "apple"]


@pytest.fixture
def index(tmp_path: Path) -> Index:
    made = open_index(tmp_path / "index")
    made.commit(
        [
            document(1, ["salary of ann", "salary of bob"], labels=["hr"], metadata={"year": 2020}),
            document(2, ["salary table"], labels=["hr", "it"], metadata={"team": "x"}),
            document(3, ["servers and salary"], labels=["it"], metadata={"rack": 7}),
        ]
    )
    return made


def test_an_index_as_one_caller_sees_it(index: Index) -> None:
    seen = SeenIndex(index, ["it", "it", "none"])
    assert seen.labels == ("it", "none")
    assert [record.doc_id for record in seen.records()] == [doc_id_of(2), doc_id_of(3)]
    assert seen.count() == (2, 2)
    # Labels that are given restrict, and never widen.
    assert seen.count(("hr",)) == seen.count(()) == (0, 0)
    assert seen.count(("it", "hr")) == (2, 2)
    assert SeenIndex(index, ["hr", "it"]).count(("it",)) == (2, 2)
    assert SeenIndex(index, []).count() == (0, 0)
    hashes = [record.content_hash for record in index.records()]
    assert [bool(seen.find_by_hash(each)) for each in hashes] == [False, True, True]
    assert [bool(seen.document_text(doc_id_of(number))) for number in (1, 2, 3)] == [False, True, True]
    assert [len(seen.passages_of(doc_id_of(number))) for number in (1, 2, 3)] == [0, 1, 1]
    assert seen.neighbours(doc_id_of(1), 0) == []
    hits = seen.search(SearchRequest("salary", k=10), encode("salary"), ZScoreFusion()).hits
    assert {hit.doc_id for hit in hits} == {doc_id_of(2), doc_id_of(3)}
    assert all(hit.labels == ("it",) for hit in hits)
    assert seen.sql("select count(*) as n from documents").to_pylist() == [{"n": 2}]
    seen.require_known_fields("rack = 7")
    with pytest.raises(UsageError, match="no field 'year'"):
        seen.require_known_fields("year = 2020")
    index.require_known_fields("year = 2020")


def test_neighbours_stop_at_the_ends(tmp_path: Path) -> None:
    index = open_index(tmp_path / "index")
    index.commit([document(1, list("abcdef"))])

    def texts(ordinal: int, before: int = 1, after: int = 1) -> str:
        return "".join(passage.text for passage in index.neighbours(doc_id_of(1), ordinal, before, after))

    assert [texts(0), texts(2), texts(5)] == ["ab", "bcd", "ef"]
    assert [each.text for each in index.neighbours(doc_id_of(1), 2)] == list("bcd")  # one on both sides by default
    assert texts(3, before=0, after=0) == "d"
    assert texts(1, before=5, after=2) == "abcd"
    assert texts(4, before=2, after=9) == "cdef"
    assert texts(9) == ""
    index.relabel(doc_id_of(1), ["hr"])
    seen = SeenIndex(index, ["hr"])
    assert [each.text for each in seen.neighbours(doc_id_of(1), 2)] == list("bcd")
    assert [each.text for each in seen.neighbours(doc_id_of(1), 3, 0, 2)] == list("def")


def test_the_structure_of_a_document_comes_back(tmp_path: Path) -> None:
    blocks = [Block("code", 0, 3), Block("table", 4, 9, 4, 6), Block("table", 9, 12, 0, 2)]
    entry = document(1, ["one two three"])
    parsed = replace(entry.document.parsed, blocks=blocks)
    made = replace(entry, document=replace(entry.document, parsed=parsed))
    index = open_index(tmp_path / "index")
    index.commit([made])
    found = index.document_text(doc_id_of(1))
    assert found is not None
    assert found.blocks == tuple(blocks)
    assert found.headings == tuple(parsed.headings)
    assert found.pages == tuple(parsed.pages)


def test_k_is_1_or_more_and_a_vector_fits(index: Index) -> None:
    with pytest.raises(UsageError, match="k must be 1 or more"):
        index.search(SearchRequest("salary", k=0), encode("salary"), ZScoreFusion())
    assert len(index.search(SearchRequest("salary", k=1), encode("salary"), ZScoreFusion()).hits) == 1
    with pytest.raises(ValueError, match="needs the query's vector"):
        index.search(SearchRequest("salary"), None, ZScoreFusion())
    with pytest.raises(ValueError, match="has 3 numbers, not 16"):
        index.search(SearchRequest("salary", mode="vector"), np.ones(3, np.float32), ZScoreFusion())
    # One row of a matrix is a vector as well.
    assert index.search(SearchRequest("salary", mode="vector"), encode("salary")[None, :], ZScoreFusion()).hits


@pytest.mark.parametrize("labels", [None, ("hr", "it")])
def test_each_leg_gets_the_score_that_only_the_other_found(index: Index, labels: tuple[str, ...] | None) -> None:
    request = SearchRequest("servers", k=3, labels=labels, pool=1)
    query = encode("salary of ann")
    cosines = {text: float(encode(text) @ query) for text in ("salary of ann", "salary of bob", "salary table")}
    assert min(cosines.values()) > float(encode("servers and salary") @ query)  # three are near, the fourth matches
    hits = index.search(request, query, ZScoreFusion()).hits
    assert len(hits) == 3
    assert "servers and salary" in {hit.text for hit in hits}
    for hit in hits:
        assert hit.vector_score == pytest.approx(float(encode(hit.text) @ query), abs=1e-5)
        assert (hit.keyword_score > 0) == (hit.text == "servers and salary")
    result = index.search(request, query, ReciprocalRankFusion())
    assert set(result.timings) >= {"vector", "keyword", "complete", "fuse", "fetch"}
    assert all(0 <= milliseconds < 600_000 for milliseconds in result.timings.values())


def test_what_is_asked_in_quotes_is_plain_text(index: Index) -> None:
    hits = index.search(SearchRequest('"servers salary"', mode="keyword"), None, ZScoreFusion()).hits
    assert hits[0].doc_id == doc_id_of(3)
    assert len(hits) == 4  # salary stands in all
    for query in ("", '" "', "  "):
        assert index.search(SearchRequest(query, mode="keyword"), None, ZScoreFusion()).hits == ()
    # 10,000 characters of a pasted text are looked at.
    found = index.search(SearchRequest("zz " * 3_331 + "servers", mode="keyword"), None, ZScoreFusion()).hits
    assert [hit.doc_id for hit in found] == [doc_id_of(3)]
    assert index.search(SearchRequest("zz " * 3_334 + "servers", mode="keyword"), None, ZScoreFusion()).hits == ()


def test_vectors_of_hits_come_in_their_order(index: Index) -> None:
    hits = index.search(SearchRequest("salary", k=10), encode("salary"), ZScoreFusion()).hits
    gone = index.search(SearchRequest("servers", k=1, mode="keyword"), None, ZScoreFusion()).hits
    index.remove([gone[0].doc_id])
    found = index.vectors_of([*hits, gone[0]])
    for hit, vector in zip(hits, found, strict=False):
        expected = np.zeros(DIMENSION) if hit.doc_id == gone[0].doc_id else encode(hit.text)
        assert vector == pytest.approx(expected, abs=1e-6)
    assert not found[-1].any()
    assert index.vectors_of([]).shape == (0, DIMENSION)


def test_documents_are_sorted_by_source_and_found_by_both(index: Index) -> None:
    index.commit([document(9, ["first"], source="/a"), document(8, ["last"], source="/z")])
    table = index._tables.snapshot()
    assert [r.source for r in records(table, None, None, None, "")] == sorted(r.source for r in index.records())
    assert [r.source for r in index.records()] == ["/a", "/docs/1.txt", "/docs/2.txt", "/docs/3.txt", "/z"]
    assert [r.doc_id for r in index.records(["/z", "/a"], doc_ids=[doc_id_of(9), doc_id_of(1)])] == [doc_id_of(9)]
    assert index.records([]) == index.records(doc_ids=[]) == []


def test_versions_that_are_noted(tmp_path: Path) -> None:
    assert noted_version(tmp_path) is None
    assert lost_versions(tmp_path, 3) == ""
    note(tmp_path, 5)
    assert noted_version(tmp_path) == 5
    assert lost_versions(tmp_path, 5) == lost_versions(tmp_path, 6) == ""
    assert lost_versions(tmp_path, 4) == "its version 5 was written, and 4 is the newest left"
    for damaged in ("", "[]", "{}", '{"version": null}', "{"):
        (tmp_path / "sound.json").write_text(damaged)
        assert noted_version(tmp_path) is None


def test_nothing_is_written_through_an_index_that_is_read_only(index: Index) -> None:
    reading = Index.open(index.folder, dimension=DIMENSION, fingerprint="hashed-words", read_only=True)
    assert reading.count() == (3, 4)
    for change in (
        lambda: reading.commit([document(5, ["x"])]),
        lambda: reading.remove([doc_id_of(1)]),
        lambda: reading.rename(doc_id_of(1), source="/x", title="x"),
        lambda: reading.relabel(doc_id_of(1), ["x"]),
        lambda: reading.upkeep(force=True),
        lambda: reading.begin_generation(dimension=2, fingerprint="x"),
    ):
        with pytest.raises(WorkspaceError, match="read-only"):
            change()
    reading.commit([])  # nothing is no change
    assert reading.apply([]) == []
    assert reading.remove([]) == 0


def test_sizes(index: Index) -> None:
    folder = index.folder / index.generation.name
    found = stats(index._tables.snapshot(), folder)
    assert (found.rows, found.unindexed, found.vector_index) == (4, 4, False)
    assert found.bytes == sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    version = index.version()
    index.relabel(doc_id_of(1), ["x"])
    assert index.version() > version
    assert index.stats().versions == found.versions + index.version() - version


def test_the_longer_of_two_writings_of_a_batch_counts(tmp_path: Path) -> None:
    index = open_index(tmp_path / "index")
    index.commit([document(1, ["old"]), document(1, ["new", "more"], version="2")])
    assert [passage.text for passage in index.passages_of(doc_id_of(1))] == ["new", "more"]
    entry = document(2, ["x"])
    entry.vectors[0, 3] = np.nan
    with pytest.raises(ValueError, match="a number that is not finite"):
        index.commit([entry])
    with pytest.raises(UsageError, match="no such document"):
        index.relabel(doc_id_of(7), ["x"])
    assert index.remove([doc_id_of(7), doc_id_of(1), doc_id_of(1)]) == 1
