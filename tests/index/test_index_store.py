"""Documents in, out, replaced, renamed: what is read back is what was put in."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instill.documents.document import Page
from instill.errors import EncoderMismatch, IndexRebuilt, UsageError, WorkspaceError
from instill.index.fusion import Fusion, ReciprocalRankFusion, ZScoreFusion
from instill.index.store import Index
from instill.index.types import IndexedDocument, SearchRequest
from tests.index.index_builders import DIMENSION, FINGERPRINT, doc_id_of, document, encode, open_index


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return open_index(tmp_path / "index")


def texts_of(index: Index, number: int) -> list[str]:
    return [passage.text for passage in index.passages_of(doc_id_of(number))]


def search(index: Index, query: str, **request: object) -> list[str]:
    result = index.search(SearchRequest(query, **request), encode(query), ZScoreFusion())  # type: ignore[arg-type]
    return [hit.text for hit in result.hits]


class TestReadingBack:
    def test_everything_that_was_put_in(self, index: Index) -> None:
        entry = document(
            5, ["alpha", "beta"], labels=["b", "a"], title="Title",
            metadata={"year": 2024, "rate": 1.5, "draft": True, "author": "é'\""},
            headings=["", "Part > One"], kind="pdf", source="/a/b c/d.pdf",
        )  # fmt: skip
        index.commit([entry])
        stored = index.document_text(doc_id_of(5))
        assert stored is not None
        assert stored.text == entry.document.text
        assert stored.pages == (Page(1, 0, 5), Page(2, 6, 10))
        assert [heading.title for heading in stored.headings] == ["Top"]
        record = stored.record
        assert (record.source, record.kind, record.title) == ("/a/b c/d.pdf", "pdf", "Title")
        assert record.labels == ("a", "b")
        assert record.metadata == {"year": 2024, "rate": 1.5, "draft": True, "author": "é'\""}
        assert (record.size, record.modified) == (11, "2024-03-01T12:00:00Z")
        assert record.content_hash == entry.document.content_hash
        assert (record.passage_count, record.passage_identity) == (2, "identity-1")
        assert index.passages_of(doc_id_of(5)) == list(entry.passages)
        assert index.records(["/a/b c/d.pdf"]) == index.find_by_hash(record.content_hash) == [record]

    def test_hits_carry_text_offsets_and_both_scores(self, index: Index) -> None:
        index.commit([document(1, ["red apples", "green pears"]), document(2, ["blue plums"])])
        hit = index.search(SearchRequest("green pears", k=1), encode("green pears"), ZScoreFusion()).hits[0]
        assert (hit.doc_id, hit.ordinal, hit.start, hit.end, hit.text) == (doc_id_of(1), 1, 11, 22, "green pears")
        assert (hit.page, hit.last_page, hit.source) == (2, 2, "/docs/1.txt")
        assert hit.vector_score == pytest.approx(1.0, abs=1e-5)
        assert hit.keyword_score > 0

    def test_vectors_of_hits(self, index: Index) -> None:
        index.commit([document(1, ["red apples", "green pears"])])
        hits = index.search(SearchRequest("pears"), encode("pears"), ZScoreFusion()).hits
        assert index.vectors_of(hits) == pytest.approx(np.stack([encode(hit.text) for hit in hits]), abs=1e-6)
        index.remove([doc_id_of(1)])
        assert not index.vectors_of(hits).any()
        assert index.vectors_of([]).shape == (0, DIMENSION)

    def test_neighbours(self, index: Index) -> None:
        index.commit([document(1, [f"p{i}" for i in range(6)])])
        around = index.neighbours(doc_id_of(1), 1, before=3, after=2)
        assert [passage.text for passage in around] == ["p0", "p1", "p2", "p3"]

    def test_an_empty_index(self, index: Index) -> None:
        assert index.count() == (0, 0)
        assert index.records() == index.records([]) == []
        assert index.document_text("none") is None
        for mode in ("hybrid", "keyword", "vector"):
            assert search(index, "anything", mode=mode) == []


class TestReplacing:
    @pytest.mark.parametrize("indexed", [False, True])
    @pytest.mark.parametrize("sizes", [(3, 1, 4), (1, 5, 2), (2, 2, 2)])
    def test_shorter_longer_and_the_same(self, index: Index, sizes: tuple[int, ...], indexed: bool) -> None:
        other = document(2, ["another one"])
        index.commit([other])
        for version, size in enumerate(sizes):
            index.commit([document(1, [f"version{version} part{i}" for i in range(size)])])
            if indexed:
                index.upkeep(force=True)
            assert texts_of(index, 1) == [f"version{version} part{i}" for i in range(size)]
            assert index.count() == (2, size + 1)
            assert sorted(search(index, f"version{version}", mode="keyword", k=50)) == texts_of(index, 1)
            assert len(search(index, "part0", mode="vector", k=50)) == size + 1
            if version:
                assert search(index, f"version{version - 1}", mode="keyword") == []
        assert texts_of(index, 2) == ["another one"]

    def test_the_time_of_the_first_addition_stays(self, index: Index) -> None:
        index.commit([document(1, ["a"])])
        added = index.records()[0].added
        index.commit([document(1, ["b"]), document(2, ["c"])])
        assert index.records(doc_ids=[doc_id_of(1)])[0].added == added

    def test_the_last_of_a_batch_counts(self, index: Index) -> None:
        index.commit([document(1, ["a", "b"]), document(1, ["c"])])
        assert texts_of(index, 1) == ["c"]
        assert index.count() == (1, 1)

    @pytest.mark.parametrize("upkept", [False, True])
    def test_a_shortened_document_that_is_removed_and_comes_back_is_there_once(
        self, index: Index, upkept: bool
    ) -> None:
        for version, size in enumerate((6, 3, 0, 6, 6, 2, 5)):
            if size:
                index.commit([document(1, [f"version{version} part{i}" for i in range(size)])])
            else:
                index.remove([doc_id_of(1)])
            if upkept and version % 2:
                index.upkeep(force=True)
            assert texts_of(index, 1) == [f"version{version} part{i}" for i in range(size)]
            assert index.count() == (bool(size), size)

    def test_remove(self, index: Index) -> None:
        index.commit([document(1, ["a", "b"]), document(2, ["c"])])
        assert index.remove([doc_id_of(1), doc_id_of(1), "unknown"]) == 1
        assert index.remove([]) == 0
        assert index.count() == (1, 1)
        assert search(index, "a", mode="keyword") == []

    def test_rename_changes_keywords_and_keeps_vectors(self, index: Index) -> None:
        index.commit([document(1, ["rent", "costs"], source="/old/memo.txt", title="memo")])
        before = index.search(SearchRequest("rent", mode="vector"), encode("rent"), ZScoreFusion()).hits
        index.rename(doc_id_of(1), source="/new/2023 Q3 AAPL.pdf", title="Report")
        assert len(search(index, "q3 aapl", mode="keyword")) == 2
        assert search(index, "memo", mode="keyword") == []
        after = index.search(SearchRequest("rent", mode="vector"), encode("rent"), ZScoreFusion()).hits
        assert [hit.vector_score for hit in after] == [hit.vector_score for hit in before]
        assert index.records()[0].source == "/new/2023 Q3 AAPL.pdf"
        assert index.records(["/old/memo.txt"]) == []
        stored = index.document_text(doc_id_of(1))
        assert stored is not None
        assert stored.text == "rent\ncosts\n"

    def test_relabel(self, index: Index) -> None:
        index.commit([document(1, ["rent"], labels=["hr"])])
        index.relabel(doc_id_of(1), ["it", "it"])
        assert index.count(("hr",)) == (0, 0)
        assert index.count(("it",)) == (1, 1)
        assert index.records()[0].labels == ("it",)

    def test_unknown_documents(self, index: Index) -> None:
        with pytest.raises(UsageError):
            index.rename("unknown", source="/a", title="a")
        with pytest.raises(UsageError):
            index.relabel("unknown", [])

    def test_malformed_documents_are_refused(self, index: Index) -> None:
        good = document(1, ["a", "b"])
        broken = [
            IndexedDocument(good.document, [], np.empty((0, DIMENSION), np.float32), ""),
            IndexedDocument(good.document, good.passages[1:], good.vectors[1:], ""),
            IndexedDocument(good.document, good.passages, good.vectors[:1], ""),
            IndexedDocument(good.document, good.passages, good.vectors * np.float32("nan"), ""),
        ]
        for entry in broken:
            with pytest.raises(ValueError, match=r"/docs/1\.txt"):
                index.commit([entry])
        assert index.count() == (0, 0)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.integers(0, 3), st.integers(1, 4)),
        st.tuples(st.just("remove"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("rename"), st.integers(0, 3), st.integers(0, 9)),
        st.tuples(st.just("relabel"), st.integers(0, 3), st.integers(0, 2)),
        st.tuples(st.just("upkeep"), st.just(0), st.just(0)),
    ),
    max_size=8,
)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=steps)
def test_any_sequence_of_changes_is_what_a_dictionary_would_hold(steps: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        index = open_index(Path(folder) / "index")
        expected: dict[str, tuple[list[str], str, tuple[str, ...]]] = {}
        for turn, (action, number, argument) in enumerate(steps):
            doc_id = doc_id_of(number)
            if action == "commit":
                texts = [f"turn{turn} part{i}" for i in range(argument)]
                index.commit([document(number, texts)])
                expected[doc_id] = (texts, f"/docs/{number}.txt", ())
            elif action == "remove":
                assert index.remove([doc_id]) == (expected.pop(doc_id, None) is not None)
            elif action == "upkeep":
                index.upkeep(force=True)
            elif doc_id in expected:
                texts, source, labels = expected[doc_id]
                if action == "rename":
                    index.rename(doc_id, source=f"/moved/{argument}", title="t")
                    expected[doc_id] = (texts, f"/moved/{argument}", labels)
                else:
                    index.relabel(doc_id, [str(i) for i in range(argument)])
                    expected[doc_id] = (texts, source, tuple(str(i) for i in range(argument)))
            stored = {
                record.doc_id: (
                    [passage.text for passage in index.passages_of(record.doc_id)], record.source, record.labels,
                )
                for record in index.records()
            }  # fmt: skip
            assert stored == expected
            assert index.count() == (len(expected), sum(len(texts) for texts, _, _ in expected.values()))
            found = index.search(SearchRequest("part0", k=50), encode("part0"), ReciprocalRankFusion()).hits
            assert sorted(h.text for h in found) == sorted(text for texts, _, _ in expected.values() for text in texts)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Index:
    index = open_index(tmp_path_factory.mktemp("search") / "index")
    index.commit([document(1, ['say "hello" AND (goodbye)'], labels=["a"]), document(2, ["ü ß 検索"])])
    return index


class TestSearching:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(query=st.text(max_size=40))
    def test_any_characters_are_plain_text(self, shared: Index, query: str) -> None:
        for labels in (None, ("a",)):
            hits = shared.search(SearchRequest(query, labels=labels), encode("x"), ZScoreFusion()).hits
            assert len(hits) == (2 if labels is None else 1)

    @pytest.mark.parametrize(
        "query",
        [
            '"hello',
            '"hello goodbye"',
            '"hello"',
            "hello AND",
            "(hello",
            "+hello -goodbye",
            "hello*",
            "text:hello",
            "hello~7",
            "\\hello^3",
        ],
    )
    def test_operators_mean_nothing(self, shared: Index, query: str) -> None:
        assert search(shared, query, mode="keyword") == ['say "hello" AND (goodbye)']

    def test_a_pasted_page_is_a_query(self, shared: Index) -> None:
        assert len(search(shared, "hello " * 50_000)) == 2

    def test_the_same_search_gives_the_same_list(self, index: Index) -> None:
        index.commit([document(number, ["same words"] * 3) for number in range(5)])
        lists = [
            [(hit.doc_id, hit.ordinal) for hit in index.search(SearchRequest("same"), encode("same"), fusion).hits]
            for fusion in (ZScoreFusion(), ReciprocalRankFusion())
            for _ in range(2)
        ]
        assert lists[0] == lists[1] == lists[2] == lists[3]
        assert len(lists[0]) == 10

    def test_several_fusions_at_once_find_what_each_finds_alone(self, index: Index) -> None:
        texts = [["apple " * number + "pear " * (9 - number), "pear plum"] for number in range(8)]
        index.commit([document(number, each) for number, each in enumerate(texts)])
        request, vector = SearchRequest("apple plum", k=5), encode("apple plum")
        fusions: list[Fusion] = [*(ZScoreFusion(weight) for weight in (0.0, 0.4, 1.0)), ReciprocalRankFusion()]
        together = [found.hits for found in index.search_fused(request, vector, fusions)]
        assert together == [index.search(request, vector, fusion).hits for fusion in fusions]
        assert together[0] != together[2]
        assert [found.hits for found in index.search_fused(SearchRequest("x", labels=()), vector, fusions)] == [()] * 4

    def test_wrong_requests(self, shared: Index) -> None:
        with pytest.raises(UsageError):
            shared.search(SearchRequest("x", k=0), encode("x"), ZScoreFusion())
        with pytest.raises(ValueError, match="vector"):
            shared.search(SearchRequest("x"), None, ZScoreFusion())
        with pytest.raises(ValueError, match="numbers"):
            shared.search(SearchRequest("x"), encode("x")[:3], ZScoreFusion())


class TestOpening:
    def test_there_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(WorkspaceError, match="no index"):
            Index.open(tmp_path / "none", dimension=4, fingerprint="f")
        assert not (tmp_path / "none").exists()

    @pytest.mark.parametrize(("dimension", "fingerprint"), [(DIMENSION, "other"), (8, FINGERPRINT)])
    def test_another_encoder(self, index: Index, dimension: int, fingerprint: str) -> None:
        with pytest.raises(EncoderMismatch) as mismatch:
            Index.open(index.folder, dimension=dimension, fingerprint=fingerprint)
        assert "workspace.reindex" in mismatch.value.remedy

    def test_a_damaged_pointer(self, index: Index) -> None:
        (index.folder / "current.json").write_text("{")
        with pytest.raises(WorkspaceError, match="damaged"):
            open_index(index.folder)

    def test_read_only(self, index: Index) -> None:
        index.commit([document(1, ["rent"])])
        before = {path: path.stat().st_mtime_ns for path in index.folder.rglob("*")}
        for path in [index.folder, *index.folder.rglob("*")]:
            path.chmod(stat.S_IRUSR | (stat.S_IXUSR if path.is_dir() else 0))
        try:
            reader = Index.open(index.folder, dimension=DIMENSION, fingerprint=FINGERPRINT, read_only=True)
            assert search(reader, "rent") == ["rent"]
            assert reader.count() == (1, 1)
            assert reader.sql("select text from passages")["text"].to_pylist() == ["rent"]
            for change in (
                lambda: reader.commit([document(2, ["x"])]),
                lambda: reader.remove([doc_id_of(1)]),
                lambda: reader.upkeep(),
                lambda: reader.begin_generation(dimension=2, fingerprint="x"),
            ):
                with pytest.raises(WorkspaceError, match="read-only"):
                    change()
        finally:
            for path in [index.folder, *index.folder.rglob("*")]:
                path.chmod(0o700)
        assert {path: path.stat().st_mtime_ns for path in index.folder.rglob("*")} == before

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may write everywhere")
    def test_no_permission_to_write(self, index: Index) -> None:
        index.folder.chmod(0o500)
        try:
            with pytest.raises(WorkspaceError, match="written"):
                index.commit([document(1, ["x"])])
        finally:
            index.folder.chmod(0o700)

    def test_another_handle_sees_a_commit_at_once(self, index: Index) -> None:
        other = open_index(index.folder)
        assert other.count() == (0, 0)
        index.commit([document(1, ["rent"])])
        assert other.count() == (1, 1)
        assert search(other, "rent") == ["rent"]


def test_reading_the_table_takes_room_for_its_texts_once(index: Index) -> None:
    """A page of one text and nulls would be written out for every row: 300 times 70 KB here."""
    long = document(1, [f"word{i} " + "a longer sentence " * 10 for i in range(300)])
    for documents in ([long], [document(1, ["short"])], [document(2, ["x", "y"]), long]):
        index.commit(documents)
        table = index._tables.snapshot()
        sizes = [
            batch.column(name).get_total_buffer_size()
            for batch in table.search().limit(None).to_batches()
            for name in ("document", "structure")
        ]
        assert sum(sizes) < 5 * len(long.document.text)


class TestGenerations:
    def test_switch_when_all_is_there(self, index: Index) -> None:
        index.commit([document(1, ["a"]), document(2, ["b"])])
        successor = index.begin_generation(dimension=4, fingerprint="new")
        assert index.switch_generation(successor) == [doc_id_of(1), doc_id_of(2)]
        assert open_index(index.folder).count() == (2, 2)  # the old one serves on
        for number in (1, 2):
            old = document(number, ["ab"[number - 1]])
            successor.commit([IndexedDocument(old.document, old.passages, np.eye(1, 4, dtype=np.float32), "new")])
        index.commit([document(2, ["changed meanwhile"])])
        assert index.switch_generation(successor) == [doc_id_of(2)]
        index.remove([doc_id_of(2)])
        assert index.switch_generation(successor) == [doc_id_of(2)]
        successor.remove([doc_id_of(2)])
        assert index.switch_generation(successor) == []
        reopened = Index.open(index.folder, dimension=4, fingerprint="new")
        assert reopened.count() == (1, 1)
        with pytest.raises(EncoderMismatch):
            open_index(index.folder)
        assert index.count() == (1, 1)  # a reader of the old one is served until its files go
        with pytest.raises(IndexRebuilt):
            index.commit([document(3, ["late"])])

    def test_old_generations_are_removed_after_a_while(self, index: Index) -> None:
        from instill.index.generations import remove_old_generations

        index.commit([document(1, ["a"])])
        successor = index.begin_generation(dimension=DIMENSION, fingerprint="new")
        successor.commit([document(1, ["a"])])
        assert index.switch_generation(successor) == []
        assert remove_old_generations(index.folder) == []
        assert remove_old_generations(index.folder, older_than_s=0) == [index.generation.name]
        with pytest.raises(IndexRebuilt):
            index.count()
        assert successor.count() == (1, 1)


def test_searching_imports_nothing_heavy(tmp_path: Path) -> None:
    index = open_index(tmp_path / "index")
    index.commit([document(1, ["rent"])])
    code = (
        "import sys, numpy as np; from pathlib import Path; from instill.index.store import Index;"
        "from instill.index.fusion import ZScoreFusion; from instill.index.types import SearchRequest;"
        f"index = Index.open(Path(sys.argv[1]), dimension={DIMENSION}, fingerprint={FINGERPRINT!r});"
        f"index.search(SearchRequest('rent'), np.ones({DIMENSION}, np.float32), ZScoreFusion());"
        "print([name for name in ('torch', 'transformers', 'polars', 'duckdb', 'sqlglot', 'markitdown',"
        " 'lance_namespace_urllib3_client.api') if name in sys.modules]);"
        "import lance_namespace_urllib3_client as client; from lance_namespace_urllib3_client import TableApi;"
        "print(TableApi is client.TableApi, client.models.__name__)"
    )
    result = subprocess.run([sys.executable, "-c", code, str(index.folder)], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == ["[]", "True lance_namespace_urllib3_client.models"]


def test_documents_are_read_on_where_one_is_removed_meanwhile(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that reads all documents for minutes goes on where somebody forgets one."""
    monkeypatch.setattr("instill.index.store._READ_AT_ONCE", 2)
    index.commit([document(number, [f"text {number}"]) for number in range(5)])
    found = index.stored_documents([doc_id_of(number) for number in (4, 0, 3, 2, 1)])
    read = [next(found).record.doc_id]
    index.remove([doc_id_of(3)])
    read += [each.record.doc_id for each in found]
    assert read == [doc_id_of(number) for number in (4, 0, 2, 1)]
