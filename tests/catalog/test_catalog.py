"""The catalog: migrations, followed paths, conversations, the log."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from instill.catalog import Catalog, Root, StoredTurn
from instill.errors import UsageError, WorkspaceError


def test_roots_are_remembered_replaced_and_forgotten(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.db")
    catalog.remember_root(Root("/a", ("team",), {"year": 2024}))
    catalog.remember_root(Root("/b"))
    catalog.remember_root(Root("/a", ("other",)))
    assert {root.path: (root.labels, dict(root.metadata)) for root in catalog.roots()} == {
        "/a": (("other",), {}),
        "/b": ((), {}),
    }
    assert catalog.forget_root("/a")
    assert not catalog.forget_root("/a")


def test_conversations_keep_order_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.db")
    first = catalog.start_conversation()
    catalog.add_turns(
        first, [StoredTurn("user", "one", {}, ""), StoredTurn("assistant", "two", {"confidence": 0.5}, "")]
    )
    assert [(turn.role, turn.text) for turn in catalog.turns(first)] == [("user", "one"), ("assistant", "two")]
    assert catalog.turns(first)[1].answer == {"confidence": 0.5}
    assert catalog.conversations()[0]["turns"] == 2
    with pytest.raises(UsageError):
        catalog.turns("ffffffffffff")


def test_a_second_opening_runs_no_migration_again_and_a_newer_catalog_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    first = Catalog(path)
    first.remember_root(Root("/a"))
    assert [root.path for root in Catalog(path).roots()] == ["/a"]
    with sqlite3.connect(path) as connection:
        connection.execute("insert into migrations values ('9999_from_the_future')")
    with pytest.raises(WorkspaceError, match="newer"):
        Catalog(path)


def test_a_file_that_is_no_catalog_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_text(
        "this is not a database, it is a long enough text file to be sure of that" * 20
    )
    with pytest.raises(WorkspaceError, match="cannot be opened"):
        Catalog(tmp_path / "catalog.db")


def test_the_log_counts_and_clears(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.db")
    for number in range(3):
        catalog.log_question(
            question=f"q{number}", standalone_question="q", abstained=False, confidence=0.9,
            citations=[{"doc_id": "a", "start": 0, "end": 1}], milliseconds=1.0,
        )  # fmt: skip
    assert catalog.question_count() == 3
    assert catalog.clear_questions() == 3
    assert catalog.question_count() == 0


def test_a_page_that_is_damaged_is_told_of_whatever_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    catalog = Catalog(path)
    for number in range(40):
        catalog.add_turns(catalog.start_conversation(), [StoredTurn("user", f"question {number} " * 20, {}, "")])
    assert catalog.damage() == ""
    catalog.close()
    with sqlite3.connect(path) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
        [page] = connection.execute("select rootpage from sqlite_master where name = 'conversations'").fetchone()
        size = connection.execute("pragma page_size").fetchone()[0]
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : (page - 1) * size + 64] = bytes(range(64))
    path.write_bytes(content)
    catalog = Catalog(path)
    with pytest.raises(WorkspaceError, match="cannot be opened") as caught:
        catalog.conversations()
    assert "move it away" in caught.value.remedy
    with contextlib.suppress(WorkspaceError):  # told of in one way or the other
        assert catalog.damage()


@pytest.mark.parametrize("column", ["labels", "metadata"])
def test_a_value_that_is_no_json_is_told_of(tmp_path: Path, column: str) -> None:
    catalog = Catalog(tmp_path / "catalog.db")
    catalog.remember_root(Root("/a", ("team",), {"year": 2024}))
    with sqlite3.connect(catalog.where) as connection:
        connection.execute(f"update roots set {column} = '[\"te'")
    assert catalog.damage() == f"a value of roots.{column} is not JSON"
    with pytest.raises(WorkspaceError, match="not JSON"):
        catalog.roots()
