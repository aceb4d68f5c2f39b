"""The catalog: migrations, followed paths, conversations, the log."""

from __future__ import annotations

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
        catalog.log_usage(
            question=f"q{number}", standalone_question="q", abstained=False, confidence=0.9,
            citations=[{"doc_id": "a", "start": 0, "end": 1}], milliseconds=1.0,
        )  # fmt: skip
    assert catalog.usage_count() == 3
    assert catalog.clear_usage() == 3
    assert catalog.usage_count() == 0
