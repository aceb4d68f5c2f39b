"""What stood in a workspace's own catalog before it moved to a database is taken out of that file too."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from instill import Workspace
from instill.memory.forgetting.receipts import Receipt
from instill.workspace.asked_questions import Feedback
from instill.workspace.moving import move_catalog
from tests.cli.test_cli import instill
from tests.postgres_server import running_postgres

pytest.importorskip("psycopg")


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with running_postgres() as address:
        yield address


def in_database(folder: Path, address: str) -> Path:
    """A workspace whose catalog was moved to a database, after two documents were asked about."""
    folder.mkdir()
    (folder / "rent.md").write_text("# Rent\n\nThe rent is 900 euros a month.\n")
    (folder / "pets.md").write_text("# Pets\n\nThe zebra of the house is called Hubert Quagmire.\n")
    home = folder / "kb"
    with Workspace.init(home) as workspace:
        workspace.add([folder / "rent.md", folder / "pets.md"])
        workspace.ask("What is the zebra called?")
        workspace.ask("How much is the rent?")
        workspace.ask("Where was Quagmire on Tuesday, and why did nobody of the fire brigade see that?")
        move_catalog(workspace, address, folder.name.replace("-", "_"))
    return home


def file_of(home: Path) -> Path:
    return home / ".instill" / "catalog.db"


def questions_in(file: Path) -> list[str]:
    with sqlite3.connect(file) as connection:
        return [row[0] for row in connection.execute("SELECT question FROM usage ORDER BY usage_id")]


def said_of(receipt: Receipt, where: str) -> str:
    [said] = [each.said for each in receipt.removed if each.where == where]
    return said


def test_forgetting_takes_the_same_out_of_the_file_from_before_the_move(postgres: str, tmp_path: Path) -> None:
    home = in_database(tmp_path / "forgetting", postgres)
    file = file_of(home)
    assert b"Hubert" in file.read_bytes()
    with Workspace.open(home) as workspace:
        assert workspace.status().earlier_catalog == str(file)
        workspace.ask("Is the zebra called Hubert?")
        plan = workspace.forgetting_plan("pets.md", questions=True)
        assert "The same goes from catalog.db, the catalog from before it was in a database." in plan.said
        receipt = workspace.forget("pets.md", questions=True)
    assert questions_in(file) == ["How much is the rent?"]
    assert not any(word in file.read_bytes() for word in (b"Hubert", b"Quagmire"))
    assert said_of(receipt, "catalog.db").startswith("The catalog from before it was in a database. 2 exchanges in")
    [(where, now)] = [(each.where, each.said) for each in receipt.removed if each.where.startswith("catalog in ")]
    assert where.startswith("catalog in postgresql://")
    assert where.endswith(" (schema forgetting)")
    assert now == (
        "3 exchanges in conversations and the log, with their uses, were deleted. So were facts and cached answers; "
        "their rows are deleted in the database."
    )
    kept = {each.where: each.said for each in receipt.not_removed}
    assert kept[where] == "The database's own logs, replicas, snapshots and backups may hold deleted rows for a while."
    assert kept[f"other folders that use the {where}"].startswith("If one has it in an index of its own, that stays")
    assert {(each.where, each.said) for each in plan.stays} >= {(name, kept[name]) for name in kept if where in name}
    said = instill("status", cwd=home).stdout
    assert f"{file}: the catalog from before it was in a database; nothing uses it." in said
    file.unlink()
    assert "from before" not in instill("status", cwd=home).stdout
    with Workspace.open(home) as workspace:
        again = workspace.forget("rent.md")
    assert not [each for each in again.removed if each.where == "catalog.db"]


def test_purging_takes_out_of_it_what_was_removed_before(postgres: str, tmp_path: Path) -> None:
    home = in_database(tmp_path / "purging", postgres)
    with Workspace.open(home) as workspace:
        Feedback(workspace)._catalog.clear_questions()  # so that nothing but the file holds it
        workspace.remove(["pets.md"], keep=False)
        said = workspace.status().removed_text
        assert "catalog.db, the catalog from before it was in a database" in said
    done = instill("remove", "--purge", cwd=home)
    assert "deleted: 2 exchanges in catalog.db, the catalog from before it was in a database" in done.stdout
    assert "not deleted from other folders that use the catalog in postgresql://" in done.stdout
    assert b"Hubert" not in file_of(home).read_bytes()
    with Workspace.open(home) as workspace:
        assert workspace.status().removed_text == ()


@pytest.mark.parametrize(
    ("about", "left"), [("", []), ("quagmire", ["What is the zebra called?", "How much is the rent?"])]
)
def test_clearing_questions_clears_it_too(about: str, left: list[str], postgres: str, tmp_path: Path) -> None:
    home = in_database(tmp_path / f"clearing{len(left)}", postgres)
    with Workspace.open(home) as workspace:
        assert Feedback(workspace).clear(about) == 3 - len(left)
        assert workspace.catalog.question_count() == len(left)
    assert questions_in(file_of(home)) == left
    assert b"Where was Quagmire" not in file_of(home).read_bytes()


def test_nothing_cleared_is_left_in_the_file(tmp_path: Path) -> None:
    """Without a database: deleted rows do not stay in the catalog's own file."""
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.ask("Where was Quagmire on Tuesday?")
        assert Feedback(workspace).clear() == 1
    assert not any(b"Quagmire" in file.read_bytes() for file in (tmp_path / "kb" / ".instill").glob("catalog.db*"))
