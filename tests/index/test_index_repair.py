"""Damage is told of, found by `damage_of` whatever it is, and mended without losing what is whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from instill.errors import DamagedIndex
from instill.index import writing
from instill.index.fusion import ZScoreFusion
from instill.index.generations import POINTER
from instill.index.lookup import StoredDocument
from instill.index.repair import Repair, damage_of, repair
from instill.index.schema import rows_of, tombstones
from instill.index.soundness import NOTE
from instill.index.store import Index
from instill.index.types import IndexedDocument, SearchRequest
from instill.models.encoders.protocol import Vectors
from tests.index.index_builders import DIMENSION, FINGERPRINT, doc_id_of, document, encode, open_index


def refuse(stored: StoredDocument) -> IndexedDocument:
    raise AssertionError(f"{stored.record.source} need not be made again")


def made_again(stored: StoredDocument) -> IndexedDocument:
    return document(int(stored.record.doc_id, 16), stored.text.split(), labels=stored.record.labels)


def mended(folder: Path, remake: Callable[[StoredDocument], IndexedDocument] = refuse) -> Repair:
    return repair(folder, fingerprint=FINGERPRINT, remake=remake)


def append(index: Index, *documents: IndexedDocument) -> None:
    """Rows that stand beside those with the same keys, as an older Instill wrote them."""
    rows = rows_of(documents, added={}, now="2024-01-01T00:00:00Z", dimension=DIMENSION)
    index._tables.writable().add(rows)


def everything(index: Index) -> dict[str, tuple[tuple[str, ...], list[str]]]:
    """Source -> labels and passages, of every document; each is also found by both legs of a search."""
    found = {}
    for record in index.records():
        texts = [passage.text for passage in index.passages_of(record.doc_id)]
        found[record.source] = (record.labels, texts)
        for text in texts:
            vector: Vectors = encode(text)
            hits = index.search(SearchRequest(text, k=30), vector, ZScoreFusion()).hits
            assert [hit.text for hit in hits if hit.doc_id == record.doc_id].count(text) == texts.count(text)
            assert any(hit.keyword_score > 0 for hit in hits if hit.text == text)
    return found


def filled(folder: Path) -> Index:
    """Indexed rows, rows that are not indexed, and rows that were deleted from both."""
    index = open_index(folder)
    index.commit([document(n, [f"word{n} part{i}" for i in range(4)], labels=["staff"]) for n in range(6)])
    index.upkeep(force=True)
    index.commit([document(n, [f"word{n} part{i}" for i in range(4)]) for n in range(6, 9)])
    index.commit([document(1, ["word1 anew"])])
    index.remove([doc_id_of(2)])
    return index


class TestPassagesTwice:
    def test_opening_says_so_and_a_repair_keeps_each_once(self, tmp_path: Path) -> None:
        index = filled(tmp_path)
        whole = everything(index)
        append(index, document(3, [f"word3 part{i}" for i in range(4)], labels=["staff"]))
        for use in (lambda: open_index(tmp_path).count(), lambda: open_index(tmp_path).commit([document(9, ["x"])])):
            with pytest.raises(DamagedIndex, match="stored twice") as caught:
                use()
            assert "workspace.repair()" in caught.value.remedy  # as a Python program is told
            assert doc_id_of(3) not in str(caught.value)  # whoever opens it may not be allowed to know of it
        assert damage_of(tmp_path) == [f"passages are stored twice in 1 document ({doc_id_of(3)})"]
        assert mended(tmp_path).documents == 8
        assert damage_of(tmp_path) == []
        assert everything(open_index(tmp_path)) == whole
        assert mended(tmp_path) == Repair(())

    def test_the_copy_that_was_written_last_stays_with_the_labels_that_both_had(self, tmp_path: Path) -> None:
        index = open_index(tmp_path)
        index.commit([document(1, ["old apple", "old beet"], labels=["hr", "staff"])])
        append(index, document(1, ["new a", "new b", "new c"], labels=["staff", "it"], version="2"))
        assert mended(tmp_path).lost == ()
        assert everything(open_index(tmp_path)) == {"/docs/1.txt": (("staff",), ["new a", "new b", "new c"])}

    def test_two_documents_with_one_source(self, tmp_path: Path) -> None:
        index = open_index(tmp_path)
        index.commit([document(1, ["pear"], source="/a"), document(2, ["plum"], source="/b")])
        append(index, document(3, ["cherry"], source="/a"))
        assert damage_of(tmp_path) == [f"one source belongs to 2 documents ({doc_id_of(1)}, {doc_id_of(3)})"]
        assert mended(tmp_path).documents == 2
        assert everything(open_index(tmp_path)) == {"/a": ((), ["cherry"]), "/b": ((), ["plum"])}

    def test_old_tombstones_beside_passages_are_cleared_away_by_the_next_change(self, tmp_path: Path) -> None:
        """What was left where a shortened document had been removed and had come back: nothing is twice yet."""
        index = open_index(tmp_path)
        index.commit([document(1, ["apple", "beet", "corn"])])
        table = index._tables.writable()
        old = tombstones({doc_id_of(1): [1, 2]}, DIMENSION)
        table.add(old.set_column(old.schema.get_field_index("doc_id"), "doc_id", pa.nulls(2, pa.string())))
        (tmp_path / index.generation.name / NOTE).unlink()
        assert open_index(tmp_path).count() == (1, 3)
        for version in ("2", "3"):
            open_index(tmp_path).commit([document(1, [f"a{version}", f"b{version}", f"c{version}"], version=version)])
        assert everything(open_index(tmp_path)) == {"/docs/1.txt": ((), ["a3", "b3", "c3"])}
        assert damage_of(tmp_path) == []


class TestPassagesMissing:
    def test_a_document_with_its_text_is_made_again_and_one_without_is_named(self, tmp_path: Path) -> None:
        index = open_index(tmp_path)
        index.commit(
            [document(1, ["apple", "beet"], labels=["hr"]), document(2, ["corn", "dill"]), document(3, ["elder"])]
        )
        table = index._tables.writable()
        table.delete(f"key IN ('{doc_id_of(1)}:1', '{doc_id_of(2)}:0')")
        with pytest.raises(DamagedIndex, match="missing"):
            open_index(tmp_path).records()
        done = mended(tmp_path, made_again)
        assert (done.documents, done.remade, done.lost) == (2, ("/docs/1.txt",), ("/docs/2.txt",))
        assert everything(open_index(tmp_path)) == {
            "/docs/1.txt": (("hr",), ["apple", "beet"]),
            "/docs/3.txt": ((), ["elder"]),
        }


class TestFilesMissing:
    def test_whichever_file_is_gone_it_is_noticed_or_not_needed(self, tmp_path: Path) -> None:
        """Files of the table, one after the other. Told apart by what happens without them, not by their names."""
        index = open_index(tmp_path / "whole")
        index.commit([document(n, [f"word{n} part{i}" for i in range(2)], labels=["staff"]) for n in range(4)])
        index.upkeep(force=True)
        index.commit([document(4, ["word4"])])
        before = everything(index)
        index.remove([doc_id_of(2)])
        whole = everything(index)
        noticed: set[str] = set()
        tried: dict[str, int] = {}
        for file in sorted((tmp_path / "whole").rglob("*")):
            kind = "_indices" if "_indices" in file.parts else file.parent.name
            if not file.is_file() or file.suffix == ".lock" or file.name == NOTE:
                continue
            tried[kind] = tried.get(kind, 0) + 1
            if kind in ("_transactions", "_versions") and tried[kind] > 2:  # of old ones there are many
                continue
            folder = tmp_path / "damaged"
            shutil.copytree(tmp_path / "whole", folder)
            (folder / file.relative_to(tmp_path / "whole")).unlink()
            damage = damage_of(folder)
            assert not [said for said in damage if not said or str(folder) in said], damage
            if not damage:
                assert everything(open_index(folder)) == whole, file
                open_index(folder).commit([document(0, ["anew"])])
            elif kind not in noticed or kind == "data":
                noticed.add(kind)
                done = mended(folder)
                after = everything(open_index(folder))
                assert damage_of(folder) == []
                possible = before if kind == "_versions" else whole
                assert after.items() <= possible.items(), file
                missing = sum(len(passages) for _, passages in possible.values())
                missing -= sum(len(passages) for _, passages in after.values())
                assert missing == done.unreadable, file
            shutil.rmtree(folder)
        assert noticed == {"data", "_versions", "_indices", "_deletions", "whole"}

    def test_the_newest_version(self, tmp_path: Path) -> None:
        index = filled(tmp_path)
        before = everything(index)
        index.commit([document(20, ["late"])])
        sorted((tmp_path / index.generation.name).rglob("*.manifest"))[0].unlink()
        with pytest.raises(DamagedIndex, match="is gone"):
            open_index(tmp_path).count()
        assert "newest changes are gone" in damage_of(tmp_path)[0]
        mended(tmp_path)
        assert everything(open_index(tmp_path)) == before

    @pytest.mark.parametrize("damage", ["gone", "torn"])
    def test_the_pointer(self, tmp_path: Path, damage: str) -> None:
        index = filled(tmp_path)
        whole = everything(index)
        pointer = tmp_path / POINTER
        pointer.unlink() if damage == "gone" else pointer.write_text(pointer.read_text()[:-9])
        with pytest.raises(DamagedIndex):
            open_index(tmp_path)
        assert len(damage_of(tmp_path)) == 1
        mended(tmp_path)
        assert everything(open_index(tmp_path)) == whole
        assert json.loads(pointer.read_text())["fingerprint"] == FINGERPRINT

    def test_an_index_that_was_never_made_is_not_damaged(self, tmp_path: Path) -> None:
        assert damage_of(tmp_path / "none") == []
        (tmp_path / "index").mkdir()
        open_index(tmp_path / "index")
        assert damage_of(tmp_path / "index") == []


def test_a_version_that_is_not_noted_is_looked_at_once(tmp_path: Path) -> None:
    """A process that was killed between its commit and the note leaves a whole index."""
    index = filled(tmp_path)
    note = tmp_path / index.generation.name / NOTE
    for torn in ("", "{", json.dumps({"version": 3})):
        note.write_text(torn)
        assert open_index(tmp_path).count() == (8, 1 + 7 * 4)
        assert json.loads(note.read_text())["version"] == index._tables.newest_version()


def test_tombstones_go_with_their_document(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    index.commit([document(1, ["apple", "beet", "corn"]), document(2, ["x", "y"])])
    index.commit([document(1, ["apple"]), document(2, ["x"])])
    assert index._tables.writable().count_rows() == 5
    index.remove([doc_id_of(1)])
    assert index._tables.writable().count_rows() == 2
    writing.remove(index._tables.writable(), [doc_id_of(2)])
    assert index._tables.writable().count_rows() == 0


class TestBytesThatChanged:
    """Files that can still be read, or whose reading makes the store panic."""

    def test_each_is_found_or_changes_no_text_and_no_vector(self, tmp_path: Path) -> None:
        index = open_index(tmp_path / "whole")
        index.commit([document(n, [f"word{n} part{i} tail" for i in range(5)]) for n in range(6)])
        shape = {record.source: record.passage_count for record in index.records()}
        [data] = (tmp_path / "whole").rglob("data/*.lance")
        content, told, mended_texts = data.read_bytes(), 0, 0
        before = _texts_and_vectors(index)
        folder, parts = tmp_path / "damaged", 24
        for part in range(parts):
            shutil.copytree(tmp_path / "whole", folder)
            start = (2 * part + 1) * len(content) // (2 * parts)
            changed = bytes(byte ^ 0x5A for byte in content[start : start + 16])
            place = folder / data.relative_to(tmp_path / "whole")
            place.write_bytes(content[:start] + changed + content[start + 16 :])
            if not damage_of(folder):
                assert _texts_and_vectors(open_index(folder)) == before, part
            else:
                told += 1
                done = mended(folder, made_again)
                assert damage_of(folder) == [], part
                left = open_index(folder).records()
                assert {record.source for record in left} <= shape.keys(), part
                if done.unreadable == 0:
                    assert len(left) + len(done.lost) == len(shape), part
                mended_texts += bool(done.remade)
            shutil.rmtree(folder)
        assert told > parts // 2
        assert mended_texts > 0

    def test_a_text_that_is_in_doubt_is_read_again_and_a_vector_alone_is_made_again(self, tmp_path: Path) -> None:
        index = open_index(tmp_path)
        index.commit([document(n, [f"word{n} a", f"word{n} b"]) for n in range(3)])
        hashes = {record.source: record.content_hash for record in index.records()}
        kept: dict[str, str] = {}

        def remake(stored: StoredDocument) -> IndexedDocument:
            kept[stored.record.source] = stored.record.content_hash
            return made_again(stored)

        table = index._tables.writable()
        table.update(where=f"key = '{doc_id_of(1)}:1'", values={"text": "word1 X"})
        table.update(where=f"key = '{doc_id_of(2)}:0'", values={"vector": [2.0] + [0.0] * (DIMENSION - 1)})
        assert damage_of(tmp_path) == [
            f"passages are not what the text says in 1 document ({doc_id_of(1)})",
            f"vectors are damaged in 1 document ({doc_id_of(2)})",
        ]
        assert mended(tmp_path, remake).remade == ("/docs/1.txt", "/docs/2.txt")
        assert damage_of(tmp_path) == []
        assert kept == {"/docs/1.txt": "", "/docs/2.txt": hashes["/docs/2.txt"]}


def _texts_and_vectors(index: Index) -> list[tuple[object, ...]]:
    columns = ["key", "text", "document", "vector"]
    rows = index._tables.snapshot().search().select(columns).limit(None).to_arrow().to_pylist()
    return sorted(tuple(str(row[name]) for name in columns) for row in rows)
