"""What every store must do, as a pytest suite.

A store that another package brings is tested so:

    from instill.settings import StoreSettings
    from instill.testing.store_conformance import StoreConformance

    class TestMyStore(StoreConformance):
        @pytest.fixture
        def settings(self) -> StoreSettings:
            return StoreSettings(kind="mystore", url="...")

Nothing is replaced by a stand-in: documents go through `Index` into the store, processes are killed, and what comes
back is compared with a plain dictionary and with an exact search.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instill.errors import IndexRebuilt, UsageError, WorkspaceError
from instill.index.fusion import ZScoreFusion
from instill.index.lookup import StoredDocument
from instill.index.store import Index
from instill.index.stores.collection import LIVE
from instill.index.stores.collection_store import OverCollection
from instill.index.stores.tokens import Cutter
from instill.index.types import IndexedDocument, Keep, Mode, Put, SearchRequest, SearchResult
from instill.settings import StoreSettings
from instill.testing.store_corpus import (
    HOSTILE,
    corpus,
    doc_id_of,
    document,
    encode,
    exact_cosines,
    exact_keyword_scores,
    queries,
)
from instill.testing.store_writer import STEPS, opened, replace_and_die, version_of, write_versions

MODES: tuple[Mode, ...] = ("hybrid", "keyword", "vector")
_FILTERS: list[tuple[str, set[int]]] = [
    ("year >= 2021", {1, 2}), ("year = '2020'", {0}), ("year <> 2020", {1, 2}), ("not year = 2020", {1, 2}),
    ("year is null", {3, 4}), ("year is not null", {0, 1, 2}), ("year in (2020, 2022)", {0, 2}),
    ("not year in (2020)", {1, 2}), ("year between 2020 and 2021", {0, 1}), ("size > 0", {0, 1, 2, 3, 4}),
    ("draft", {0}), ("not draft", {1}), ("draft is true", {0}), ("draft = false or year = 2022", {1, 2}),
    ("share < 0.3", {1}), ("share >= 0.5 and kind = 'pdf'", {0}), ("kind in ('pdf', 'x')", {0, 2}),
    ("title = 'It''s 100%'", {0}), ("title like '%100\\%'", {0}), ("title like '%s%'", {0, 1, 2}),
    ("title like 'R_nt%'", {1}), ("title ilike 'rENT%'", {1}), ("title like 'rENT%'", set()),
    ("name = '3.txt'", {3}), ("source like '/docs/%'", {0, 1, 2, 3, 4}), ("source > '/docs/2'", {2, 3, 4}),
    ("metadata.size = 7", {3}), ("word > 'b'", {4}), ("word < 1000", set()), ("number > 9", {4}),
    ("page = 2", {0, 2}), ("headings = 'Costs'", {2}), ("page = 1 and headings = 'Costs'", set()),
    (f"doc_id = '{doc_id_of(4)}'", {4}), ("modified >= 2024", {0, 1, 2, 3, 4}), ("added < '2000'", set()),
]  # fmt: skip
_CUTTER = Cutter()
_DOCUMENTS = 4
_SLOW_TO_IMPORT = (
    "pyarrow", "lancedb", "duckdb", "sqlglot", "psycopg", "qdrant_client", "chromadb", "pymilvus", "weaviate",
    "pinecone", "pinecone.index", "pinecone.client.indexes", "pinecone.client.documents",
)  # fmt: skip
_FORKS: Any = None


class StoreConformance:
    """Args:
    passages: of the test with many passages, a multiple of 500.
    """

    passages = int(os.environ.get("STORE_PASSAGES", "2000"))

    @pytest.fixture
    def settings(self) -> StoreSettings:
        """The store that is tested."""
        raise NotImplementedError("a suite for a store says which one")

    def another(self, settings: StoreSettings, number: int) -> StoreSettings:  # noqa: ARG002
        """The settings of an index beside it, with a folder of its own; other ones where folders share an index."""
        return settings

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Of the index."""
        return tmp_path / "index"

    @pytest.fixture
    def index(self, folder: Path, settings: StoreSettings) -> Iterator[Index]:
        """An empty index in the store."""
        try:
            made = opened(folder, settings)
        except UsageError as error:
            if "it lacks" in error.what:
                pytest.skip("the store is not whole: see test_it_has_all_that_the_protocol_asks_for")
            raise
        yield made
        made.close()

    # -- the protocol ------------------------------------------------------------------------------------------

    def test_it_has_all_that_the_protocol_asks_for(self, folder: Path, settings: StoreSettings) -> None:
        try:
            opened(folder, settings).close()
        except UsageError as error:
            pytest.fail(str(error), pytrace=False)

    # -- whole documents ---------------------------------------------------------------------------------------

    def test_what_goes_in_comes_out(self, index: Index) -> None:
        entry = document(
            1, ["rent is due", "検索 café", "x" * 5000], labels=["hr", "it's"], title="A 'title'",
            source="/docs/über 100%.txt", headings=["Top", "Top > Below", ""],
            metadata={"year": 2020, "share": 0.5, "draft": True, "author": "O'Neil", "empty": ""},
        )  # fmt: skip
        index.commit([entry])
        assert index.count() == (1, 3)
        self.assert_same(index, entry)
        [record] = index.records()
        assert (record.passage_count, record.passage_identity, record.labels) == (3, "identity-1", ("hr", "it's"))
        assert record.added > "2024"
        assert index.find_by_hash(record.content_hash) == [record]
        assert index.find_by_hash("other") == []
        assert index.records([record.source]) == index.records(doc_ids=[record.doc_id]) == [record]
        assert index.records(["/docs"]) == index.records(doc_ids=[doc_id_of(2)]) == []
        assert index.document_text(doc_id_of(2)) is None
        assert index.passages_of(doc_id_of(2)) == []
        assert [passage.ordinal for passage in index.neighbours(record.doc_id, 1, 1, 1)] == [0, 1, 2]
        assert [passage.ordinal for passage in index.neighbours(record.doc_id, 0, 1, 0)] == [0]
        hits = index.search(SearchRequest("rent", k=3), encode("rent"), ZScoreFusion()).hits
        assert {hit.ordinal: hit.text for hit in hits} == {each.ordinal: each.text for each in entry.passages}
        assert {hit.metadata["author"] for hit in hits} == {"O'Neil"}
        vectors = index.vectors_of([*hits, replace(hits[0], ordinal=9)])
        assert np.allclose(vectors[:-1], entry.vectors[[hit.ordinal for hit in hits]], atol=1e-6)
        assert not vectors[-1].any()

    def test_a_document_is_replaced_as_a_whole_and_stays_as_old_as_it_is(self, index: Index) -> None:
        index.commit([replace(document(1, ["a", "b", "c"]), added="2020-01-01T00:00:00Z"), document(2, ["other"])])
        for texts in (["d"], ["e", "f", "g", "h"], ["i", "j"]):
            entry = document(1, texts, metadata={"of": texts[0]})
            index.commit([document(1, ["not this"]), entry])  # the last one counts
            self.assert_same(index, entry)
            assert index.records(doc_ids=[doc_id_of(1)])[0].added == "2020-01-01T00:00:00Z"
            assert index.count() == (2, len(texts) + 1)
            found = index.search(SearchRequest("c", k=50), encode("c"), ZScoreFusion()).hits
            assert Counter(hit.doc_id for hit in found) == {doc_id_of(1): len(texts), doc_id_of(2): 1}

    def test_removed_documents_are_gone_from_all_that_is_read_and_from_the_store(self, index: Index) -> None:
        entries = [document(number, [f"rent number{number}", "late"]) for number in range(6)]
        index.commit(entries)
        gone, kept = entries[:4], entries[4:]
        assert index.remove([each.document.doc_id for each in gone]) == 4
        self.assert_only(index, kept, gone)
        index.rewrite()
        self.assert_only(index, kept, gone)
        assert index.stats().rows == index.count()[1]
        if isinstance(index._store, OverCollection):
            left = [row.passage for row in index._store._collection.changed(0, ("passage",)) if row.died < LIVE]
            assert left == [], "rows of removed documents are in the store after a purge: delete() left them"

    def assert_only(self, index: Index, kept: list[IndexedDocument], gone: list[IndexedDocument]) -> None:
        """Nothing that is read shows a document that was removed."""
        ids = {each.document.doc_id for each in kept}
        passages = sum(len(each.passages) for each in kept)
        assert index.count() == (len(kept), passages)
        assert {record.doc_id for record in index.records()} == ids
        assert {row["doc_id"] for row in index.sql("select doc_id from passages").to_pylist()} == ids
        texts = " ".join(index.reading(lambda view: view.texts(None, "", 1_000_000)))
        for mode in MODES:
            hits = index.search(SearchRequest("rent late", k=99, mode=mode), encode("rent late"), ZScoreFusion()).hits
            assert Counter(hit.doc_id for hit in hits) == {each.document.doc_id: len(each.passages) for each in kept}
        for each in gone:
            made = each.document
            assert index.document_text(made.doc_id) is None
            assert index.passages_of(made.doc_id) == []
            assert index.find_by_hash(made.content_hash) == []
            assert each.passages[0].text not in texts
        for each in kept:
            self.assert_same(index, each)
            assert each.passages[0].text in texts

    def test_removed_is_removed(self, index: Index) -> None:
        index.commit([document(number, ["rent", "late"]) for number in range(3)])
        assert index.remove([doc_id_of(1), doc_id_of(1), doc_id_of(9)]) == 1
        assert index.count() == (2, 4)
        assert index.remove([doc_id_of(1)]) == 0
        hits = index.search(SearchRequest("rent", k=9), encode("rent"), ZScoreFusion()).hits
        assert {hit.doc_id for hit in hits} == {doc_id_of(0), doc_id_of(2)}
        index.commit([document(1, ["back"])])
        assert index.count() == (3, 5)

    def test_names_and_labels_change_and_vectors_stay(self, index: Index) -> None:
        entry = document(1, ["one", "two"], labels=["hr"])
        index.commit([entry])
        index.rename(doc_id_of(1), source="/other/harbour.txt", title="Ferry's")
        index.relabel(doc_id_of(1), ["it", "it"])
        [record] = index.records()
        assert (record.source, record.title, record.labels) == ("/other/harbour.txt", "Ferry's", ("it",))
        moved = replace(entry.document, source=record.source, title=record.title, labels=("it",))
        self.assert_same(index, replace(entry, document=moved))
        hits = index.search(SearchRequest("harbour ferry", k=5, mode="keyword"), None, ZScoreFusion()).hits
        assert {hit.ordinal for hit in hits if hit.score > 0} == {0, 1}
        assert index.count(["hr"]) == (0, 0)
        assert index.count(["it"]) == (1, 2)
        with pytest.raises(UsageError, match="no such document"):
            index.relabel(doc_id_of(5), [])
        index.commit([document(2, ["three"], labels=["hr"])])
        every = [doc_id_of(number) for number in (1, 2, 5)]
        assert index.relabel_many(every, lambda record: [*record.labels, "it"]) == 1
        assert index.relabel_many(every, lambda record: [*record.labels, "it"]) == 0
        assert [each.labels for each in index.records()] == [("hr", "it"), ("it",)]

    def test_what_another_writer_overtook_comes_back(self, index: Index) -> None:
        index.commit([document(1, ["a"]), document(2, ["b"])])
        first, second = index.records()
        index.relabel(doc_id_of(1), ["hr"])
        changes: list[Put | Keep] = [
            Put(document(1, ["c"]), first),
            Keep(second, "/moved", "T", ("it",)),
            Put(document(3, ["d"]), None),
        ]
        assert index.apply(changes) == changes[:1]
        assert [record.source for record in index.records()] == ["/docs/1.txt", "/docs/3.txt", "/moved"]
        assert index.records(doc_ids=[doc_id_of(1)])[0].labels == ("hr",)

    def test_versions_grow_with_every_commit(self, index: Index) -> None:
        versions = [index.version()]
        for change in (
            lambda: index.commit([document(1, ["a"])]),
            lambda: index.relabel(doc_id_of(1), ["hr"]),
            lambda: index.remove([doc_id_of(1)]),
        ):
            change()
            versions.append(index.version())
        assert versions == sorted(set(versions))

    def test_any_sequence_of_changes_is_what_a_dictionary_would_hold(self, index: Index) -> None:
        rng, model = random.Random(3), dict[str, IndexedDocument]()  # noqa: S311  Not for security.
        for step in range(40):
            number = rng.randrange(5)
            doc_id = doc_id_of(number)
            match rng.choice(["put", "put", "put", "remove", "relabel", "rename", "upkeep"]):
                case "put":
                    texts = [f"step {step} {rng.random()}" for _ in range(rng.randint(1, 5))]
                    model[doc_id] = document(number, texts, labels=rng.sample(["hr", "it"], rng.randint(0, 2)))
                    index.commit([model[doc_id]])
                case "remove":
                    assert index.remove([doc_id]) == (doc_id in model)
                    model.pop(doc_id, None)
                case "upkeep":
                    index.upkeep(force=step % 2 == 0)
                case change if doc_id in model:
                    entry = model[doc_id]
                    if change == "relabel":
                        made = replace(entry.document, labels=("hr",))
                        index.relabel(doc_id, made.labels)
                    else:
                        made = replace(entry.document, source=f"/docs/{number}-{step}.txt", title=f"T{step}")
                        index.rename(doc_id, source=made.source, title=made.title)
                    model[doc_id] = replace(entry, document=made)
            assert index.count() == (len(model), sum(len(entry.passages) for entry in model.values()))
        for entry in model.values():
            self.assert_same(index, entry)
        assert {record.doc_id for record in index.records()} == model.keys()
        assert index.damage() == []

    # -- hostile and long --------------------------------------------------------------------------------------

    def test_no_text_means_anything_to_the_store(self, index: Index) -> None:
        labels = [text.replace("\x00", "") for text in HOSTILE]  # which can be in a text, and in no name
        entries = [
            document(
                number, [text, f"plain {number}"], labels=[label], metadata={"said": text}, title=text,
                source=f"/d/{text}",
            )
            for number, (text, label) in enumerate(zip(HOSTILE, labels, strict=True))
        ]  # fmt: skip
        index.commit(entries)
        index.upkeep(force=True)
        assert index.count() == (len(HOSTILE), 2 * len(HOSTILE))
        texts = {entry.document.doc_id: entry.document.text for entry in entries}
        found = index.document_texts([*texts, *HOSTILE, doc_id_of(2)])
        assert {doc_id: each.text for doc_id, each in found.items()} == texts
        assert index.document_texts([]) == {}
        for entry, text, label in zip(entries, HOSTILE, labels, strict=True):
            doc_id = entry.document.doc_id
            assert index.passages_of(doc_id)[0].text == text
            stored = index.document_text(doc_id, [label])
            assert stored is not None
            assert stored.text == entry.document.text
            assert list(index.document_texts(list(texts), [label])) == [doc_id]
            assert index.count([label]) == (1, 2)
            for request in (
                SearchRequest(text, k=4),
                SearchRequest(text, k=4, labels=(label,)),
                SearchRequest(text, k=4, documents=(doc_id, text), titles=(text,)),
            ):
                hits = index.search(request, encode(text), ZScoreFusion()).hits
                assert doc_id in {hit.doc_id for hit in hits}
                assert request.labels is None or {hit.doc_id for hit in hits} == {doc_id}
            index.relabel(doc_id, ["x", label])
            if text == label:
                quoted = text.replace("'", "''")
                assert [each.doc_id for each in index.records(where=f"said = '{quoted}'")] == [doc_id]
                assert [each.doc_id for each in index.records([f"/d/{text}"])] == [doc_id]
        assert index.count(["x"]) == (len(HOSTILE), 2 * len(HOSTILE))
        assert index.remove(list(HOSTILE)) == 0
        assert index.damage() == []

    def test_a_long_document_is_whole(self, index: Index) -> None:
        between = "é ~ " * 50_000  # in no passage; longer than one value may be in some stores
        entry = document(1, ["a", "b"])
        text = entry.document.text + between
        long = replace(entry, document=replace(entry.document, parsed=replace(entry.document.parsed, text=text)))
        index.commit([long, document(2, ["c"])])
        self.assert_same(index, long)
        assert index.count() == (2, 3)
        assert len(index.search(SearchRequest("a", k=9), encode("a"), ZScoreFusion()).hits) == 3
        index.commit([entry])
        self.assert_same(index, entry)
        assert index.damage() == []

    def test_many_passages_are_searched_within_their_filter(self, index: Index) -> None:
        """The nearest of the allowed passages are found, however many others are nearer."""
        rng = np.random.default_rng(0)
        vectors = rng.standard_normal((self.passages, 16)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        entries = []
        for number in range(self.passages // 10):
            part = vectors[10 * number : 10 * number + 10]
            labels = ["rare"] if number % 50 == 0 else ["common"]
            made = document(number, [f"passage {number} {at}" for at in range(10)], labels=labels,
                            metadata={"tenth": number % 10})  # fmt: skip
            entries.append(replace(made, vectors=part))
        for start in range(0, len(entries), 100):
            index.commit(entries[start : start + 100])
        index.upkeep(force=True)
        assert index.count() == (len(entries), self.passages)
        numbers = np.repeat(np.arange(len(entries)), 10)
        for query in vectors[:: self.passages // 5]:
            turned = query + 0.5 * rng.standard_normal(16).astype(np.float32)
            turned /= np.linalg.norm(turned)
            cosines = vectors @ turned
            for mask, wanted in (
                (numbers >= 0, {}),
                (numbers % 50 == 0, {"labels": ("rare",)}),
                (numbers % 10 == 3, {"where": "tenth = 3"}),
                (numbers == 7, {"documents": (doc_id_of(7),)}),
            ):
                hits = index.search(SearchRequest("", k=10, mode="vector", **wanted), turned, ZScoreFusion()).hits
                best = np.sort(cosines[mask])[::-1][:10]
                assert [hit.score for hit in hits] == pytest.approx(best.tolist(), abs=1e-4)

    # -- ranking -----------------------------------------------------------------------------------------------

    def test_rankings_are_those_of_an_exact_search(self, index: Index) -> None:
        entries = corpus()
        index.commit(entries[:20])
        index.commit(entries[20:])
        index.remove([doc_id_of(5)])
        index.upkeep(force=True)
        there = [entry for entry in entries if entry.document.doc_id != doc_id_of(5)]
        for held in (None, ("hr",), ("hr", "it", "none")):
            seen = [entry for entry in there if held is None or set(entry.document.labels) & set(held)]
            for query in queries():
                for mode in MODES:
                    self.assert_exact(index, seen, query, mode, held)

    def assert_exact(
        self, index: Index, seen: list[IndexedDocument], query: str, mode: Mode, held: tuple[str, ...] | None
    ) -> None:
        """All hits and their scores are those of an exact search of what is seen."""
        words, near = exact_keyword_scores(seen, query, _CUTTER), exact_cosines(seen, encode(query))
        result = index.search(SearchRequest(query, k=200, mode=mode, labels=held), encode(query), ZScoreFusion())
        found = {(hit.doc_id, hit.ordinal): hit for hit in result.hits}
        expected = {"hybrid": words.keys() | near.keys(), "keyword": words.keys(), "vector": near.keys()}[mode]
        assert len(found) == len(result.hits)
        assert found.keys() == expected
        for place, hit in found.items():
            if mode != "vector":
                assert hit.keyword_score == pytest.approx(words.get(place, 0.0), rel=0.02, abs=1e-6)
            if mode != "keyword":
                assert hit.vector_score == pytest.approx(near[place], abs=1e-5)
        assert [hit.score for hit in result.hits] == sorted((hit.score for hit in result.hits), reverse=True)

    # -- filters -----------------------------------------------------------------------------------------------

    def test_filters_mean_the_same(self, index: Index) -> None:
        index.commit(
            [
                document(0, ["word", "word two"], kind="pdf", title="It's 100%",
                         metadata={"year": 2020, "draft": True, "share": 0.5}),
                document(1, ["word"], title="Rents", metadata={"year": 2021, "draft": False, "share": 0.25}),
                document(2, ["word", "word"], kind="pdf", title="s", metadata={"year": 2022}, headings=["", "Costs"]),
                document(3, ["word"], title="Ä", metadata={"size": 7}),
                document(4, ["word"], title="x", metadata={"word": "c", "number": "10"}),
            ]
        )  # fmt: skip
        for where, expected in _FILTERS:
            assert {int(record.doc_id, 16) for record in index.records(where=where)} == expected, where
            for mode in MODES:
                request = SearchRequest("word", k=50, mode=mode, where=where)
                hits = index.search(request, encode("word"), ZScoreFusion()).hits
                assert {int(hit.doc_id, 16) for hit in hits} == expected, (where, mode)
                if "page" in where:
                    assert {hit.page for hit in hits} <= {2}

    # -- labels ------------------------------------------------------------------------------------------------

    def test_a_caller_gets_what_an_index_of_the_visible_documents_would_give(
        self, index: Index, tmp_path: Path, settings: StoreSettings
    ) -> None:
        secret = document(
            90, ["secretword rent rent"], labels=["board"], metadata={"secretkey": 1}, title="secrettitle"
        )
        entries = [*corpus(count=16), secret]
        index.commit(entries)
        for number, held in enumerate([("hr",), ("it", "hr"), ("none",), ()]):
            part = opened(tmp_path / f"part-{number}", self.another(settings, number))
            if seen := [entry for entry in entries if set(entry.document.labels) & set(held)]:
                part.commit(seen)
            assert index.count(held) == part.count()
            assert self.told(index, held) == self.told(part, held)
            for query in [*queries(count=3), "secretword"]:
                for request in (
                    SearchRequest(query, k=200, labels=held),
                    SearchRequest(query, k=3, labels=held),
                    SearchRequest(query, k=200, labels=held, where="year >= 2005"),
                    SearchRequest(query, k=200, labels=held, documents=(doc_id_of(0), doc_id_of(90))),
                ):
                    here, there = (self.seen(each, request, query) for each in (index, part))
                    assert here.keys() == there.keys()
                    for place in here:
                        assert here[place] == pytest.approx(there[place], rel=1e-5, abs=1e-5)
            part.close()

    def told(self, index: Index, held: tuple[str, ...]) -> list[object]:
        """All else that is said to a caller."""
        problems = []
        for where in ("secretkey = 1", "yeer = 2000", "secretword = 'x'"):
            try:
                index.require_known_fields(where, held)
                problems.append("")
            except UsageError as error:
                problems.append(str(error))
        words = index.vocabulary(held)
        return [
            problems,
            [replace(record, added="") for record in index.records(labels=held)],
            index.records(labels=held, where="secretkey = 1"),
            index.document_text(doc_id_of(90), held) is None,
            index.passages_of(doc_id_of(90), held),
            len(words),
            words.get("secretword"),
            index.sql("select count(*) as n, sum(length(text)) as s from passages", held).to_pylist(),
            index.sql("select doc_id, labels, text from documents order by doc_id", held).to_pylist(),
        ]

    # -- several at a time, and kills --------------------------------------------------------------------------

    def test_readers_see_whole_documents_while_others_write(self, index: Index) -> None:
        index.commit([version_of(number, 0) for number in range(_DOCUMENTS)])
        stop, failures, reads = threading.Event(), list[BaseException](), Counter[str]()

        def read() -> None:
            while not stop.is_set():
                try:
                    self.assert_one_version_each(index)
                    reads["done"] += 1
                except BaseException as error:
                    failures.append(error)
                    return

        def write(numbers: list[int]) -> None:
            try:
                for version in range(1, 6):
                    index.commit([version_of(number, version) for number in numbers])
                    if version == 3:
                        index.upkeep(force=True)
            except BaseException as error:
                failures.append(error)

        reader = threading.Thread(target=read)
        writers = [threading.Thread(target=write, args=(numbers,)) for numbers in ([0, 1], [2, 3])]
        for thread in (reader, *writers):
            thread.start()
        for thread in writers:
            thread.join()
        stop.set()
        reader.join()
        assert not failures, failures[0]
        assert reads["done"] > 0
        for number in range(_DOCUMENTS):
            self.assert_same(index, version_of(number, 5))

    @pytest.mark.skipif(sys.platform == "win32", reason="fork")
    def test_two_processes_write(self, folder: Path, settings: StoreSettings) -> None:
        index = opened(folder, settings)
        sharing = index.capabilities.sharing
        index.commit([version_of(number, 0) for number in range(_DOCUMENTS)])
        if sharing == "process":
            index.close()
            pytest.skip("one process at a time, as its capabilities say")
        writers = [
            _process(write_versions, str(folder), _dumped(settings), numbers, list(range(1, 5)))
            for numbers in ([0, 1], [2, 3])
        ]
        for writer in writers:
            writer.join()
            assert writer.exitcode == 0
        for number in range(_DOCUMENTS):
            self.assert_same(index, version_of(number, 4))
        index.close()

    @pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
    def test_a_writer_that_is_killed_leaves_the_old_or_the_new(self, folder: Path, settings: StoreSettings) -> None:
        index = opened(folder, settings)
        by_steps = index.capabilities.transactions == "instill"
        numbers = list(range(_DOCUMENTS))
        index.commit([version_of(number, 0) for number in numbers])
        before, version = 0, 0
        steps = [f"{step}:{when}" for step in STEPS for when in ("before", "after")]
        for moment in steps if by_steps else ["0", "3", "8", "20", "60"]:
            index.close()
            version += 1
            writer = _process(replace_and_die, str(folder), _dumped(settings), numbers, version, moment)
            writer.join()
            assert writer.exitcode == -signal.SIGKILL
            index = opened(folder, settings)
            found = self.assert_one_version_each(index)
            kinds = [dict.fromkeys(map(doc_id_of, numbers), before), dict.fromkeys(map(doc_id_of, numbers), version)]
            kinds.append({doc_id: at for doc_id, at in kinds[1].items() if doc_id != doc_id_of(0)})
            assert found in kinds, moment
            if by_steps:
                assert found == kinds[moment == "set_head:after"], moment
            version += 1
            index.commit([version_of(number, version) for number in numbers])
            before = version
            for number in numbers:
                self.assert_same(index, version_of(number, version))
            assert index.damage() == []
        index.upkeep(force=True)
        assert self.assert_one_version_each(index) == dict.fromkeys(map(doc_id_of, numbers), version)
        index.close()

    # -- upkeep and generations --------------------------------------------------------------------------------

    def test_upkeep_changes_nothing_that_is_seen(self, index: Index) -> None:
        entries = corpus(count=12)
        for _ in range(2):
            index.commit(entries)
        index.remove([doc_id_of(3)])
        before = [self.seen(index, SearchRequest("rent river", k=99, labels=("hr", "it")), "rent river")]
        index.upkeep(force=True)
        index.rewrite()
        assert not index.needs_upkeep()
        after = [self.seen(index, SearchRequest("rent river", k=99, labels=("hr", "it")), "rent river")]
        assert [each.keys() for each in before] == [each.keys() for each in after]
        assert index.stats().rows == index.count()[1]
        for entry in entries[:3] + entries[4:]:
            self.assert_same(index, entry)

    def test_another_generation_is_filled_beside_and_switched_to(self, index: Index) -> None:
        index.commit([document(1, ["a"]), document(2, ["b"])])
        successor = index.begin_generation(dimension=4, fingerprint="new")
        assert index.switch_generation(successor) == [doc_id_of(1), doc_id_of(2)]
        for number, text in ((1, "a"), (2, "b")):
            old = document(number, [text])
            successor.commit([replace(old, vectors=np.eye(1, 4, dtype=np.float32))])
        assert index.switch_generation(successor) == []
        with pytest.raises(IndexRebuilt):
            index.commit([document(3, ["c"])])
        assert successor.count() == (2, 2)
        hits = successor.search(SearchRequest("", k=1, mode="vector"), np.eye(1, 4, dtype=np.float32), ZScoreFusion())
        assert hits.hits[0].score == pytest.approx(1)
        with pytest.raises(WorkspaceError, match="in use"):
            successor.drop()
        successor.close()

    def test_all_is_there_when_it_is_opened_again(self, folder: Path, settings: StoreSettings) -> None:
        index = opened(folder, settings)
        index.commit(corpus(count=5))
        version = index.version()
        index.close()
        again = opened(folder, settings)
        assert again.version() == version
        for entry in corpus(count=5):
            self.assert_same(again, entry)
        again.close()
        for file in folder.glob("g*/mirror.db*"):
            file.write_bytes(b"damaged")
        again = opened(folder, settings)
        assert self.seen(again, SearchRequest("rent", k=99), "rent")
        self.assert_same(again, corpus(count=5)[4])
        again.close()

    # -- what is looked at -------------------------------------------------------------------------------------

    def assert_same(self, index: Index, entry: IndexedDocument) -> None:
        """The index has the document as it was put in."""
        made = entry.document
        stored = index.document_text(made.doc_id)
        assert stored is not None
        assert stored.text == made.text
        assert (*stored.headings, *stored.pages, *stored.blocks) == (
            *made.parsed.headings, *made.parsed.pages, *made.parsed.blocks,
        )  # fmt: skip
        self.assert_record(stored, entry)
        assert index.passages_of(made.doc_id) == list(entry.passages)

    def assert_record(self, stored: StoredDocument, entry: IndexedDocument) -> None:
        made, record = entry.document, stored.record
        assert (record.source, record.kind, record.title, record.content_hash, record.size, record.modified) == (
            made.source, made.kind, made.title, made.content_hash, made.size, made.modified,
        )  # fmt: skip
        assert (record.labels, dict(record.metadata)) == (tuple(sorted(made.labels)), dict(made.parsed.metadata))

    def assert_one_version_each(self, index: Index) -> dict[str, int]:
        """Every document of `version_of` is wholly of one version; which."""
        rows = index.sql(
            "select doc_id, ordinal, text, passage_count, (metadata->>'version')::int as version from passages"
        ).to_pylist()
        versions = {row["doc_id"]: row["version"] for row in rows}
        counted = Counter(row["doc_id"] for row in rows)
        for row in rows:
            number = int(row["doc_id"], 16)
            made = version_of(number, versions[row["doc_id"]])
            assert row["version"] == versions[row["doc_id"]], "two versions at once"
            assert counted[row["doc_id"]] == row["passage_count"] == len(made.passages)
            assert row["text"] == made.passages[row["ordinal"]].text
        hits = index.search(SearchRequest("version passage", k=100), encode("version"), ZScoreFusion()).hits
        assert len({(hit.doc_id, hit.ordinal) for hit in hits}) == len(hits)
        found = {(hit.doc_id, hit.metadata["version"]) for hit in hits}
        assert len(found) == len({doc_id for doc_id, _ in found}), "a search mixed two versions"
        return versions

    def seen(self, index: Index, request: SearchRequest, query: str) -> dict[tuple[str, int], tuple[float, ...]]:
        """Hits with their scores."""
        result: SearchResult = index.search(request, encode(query), ZScoreFusion())
        return {(hit.doc_id, hit.ordinal): (hit.score, hit.keyword_score, hit.vector_score) for hit in result.hits}


def _dumped(settings: StoreSettings) -> dict[str, str]:
    return {"kind": settings.kind, "url": settings.url, "key": settings.secret()}


def _process(work: Any, *arguments: object) -> Any:
    """A process that starts at once: it is forked from one that has imported everything and holds no store."""
    global _FORKS
    if _FORKS is None:
        _FORKS = multiprocessing.get_context("forkserver")
        _FORKS.set_forkserver_preload(["instill.testing.store_writer", *_SLOW_TO_IMPORT])
    process = _FORKS.Process(target=work, args=arguments)
    process.start()
    return process
