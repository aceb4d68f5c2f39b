"""A workspace that was moved from store to store forgets in all of them, or says in which it could not."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from instill import Workspace
from instill.common.shown_url import without_password
from instill.index.earlier_generations import reached_with
from instill.index.generations import MADE, Generation
from instill.memory.forgetting.receipts import is_genuine
from instill.settings import StoreSettings
from instill.workspace.moving import move
from tests.cli.test_cli import instill
from tests.index.stores_needed import needs
from tests.postgres_server import running_postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with running_postgres() as address:
        yield address


@pytest.fixture
def filled(tmp_path: Path, handbook: Path) -> Path:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([str(handbook)])
    return tmp_path / "kb"


def generations(home: Path) -> list[str]:
    return sorted(path.name for path in (home / ".instill" / "index").glob("g*"))


def moved(home: Path, *stores: tuple[str, str]) -> None:
    for kind, url in stores:
        with Workspace.open(home) as workspace:
            move(workspace, kind, url)


def tables(url: str) -> list[str]:
    import psycopg

    with psycopg.connect(url) as connection:
        return [name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE tablename ~ '^instill'")]


def first_of(home: Path) -> str:
    with Workspace.open(home) as workspace:
        return str(workspace.documents()[0].source)


@needs("psycopg", "postgres")
def test_forgetting_drops_the_copies_in_all_earlier_stores(filled: Path, postgres: str) -> None:
    moved(filled, ("postgres", postgres), ("lance", ""))
    assert len(generations(filled)) == 3
    assert len(tables(postgres)) == 3
    with Workspace.open(filled) as workspace:
        receipt = workspace.forget(workspace.documents()[0].source)
        assert workspace.index.count()[0] == 3
        assert workspace.status().removed_text == ()
    assert is_genuine(receipt)
    assert len(generations(filled)) == 1
    assert tables(postgres) == []
    [copy] = [each for each in receipt.removed if each.where.startswith("earlier copy")]
    assert (copy.where, copy.said) == (f"earlier copy in postgres {without_password(postgres)}", "It was deleted.")
    assert not [each for each in receipt.not_removed if "copy in" in each.where]


@needs("psycopg", "postgres")
def test_what_another_store_holds_now_is_kept_and_the_old_folders_go(filled: Path, postgres: str) -> None:
    moved(filled, ("postgres", postgres))
    done = instill("remove", first_of(filled), "--purge", cwd=filled)
    assert "Deleted the text of 1 document.\n" in done.stdout
    assert "still in" not in done.stdout
    with Workspace.open(filled) as workspace:
        assert generations(filled) == [workspace.index.generation.name]
        assert workspace.index.count()[0] == 3
        assert workspace.status().removed_text == ()
    moved(filled, ("lance", ""))
    instill("remove", "--purge", cwd=filled)
    assert tables(postgres) == []


@needs("qdrant_client", "qdrant")
def test_a_store_in_the_folder_goes_with_it(filled: Path) -> None:
    moved(filled, ("qdrant", ""), ("lance", ""))
    assert list(filled.rglob("qdrant"))
    with Workspace.open(filled) as workspace:
        workspace.remove([workspace.documents()[0].source])
        assert workspace.purge().copies == ()
    assert list(filled.rglob("qdrant")) == []
    assert len(generations(filled)) == 1


@needs("psycopg", "postgres")
def test_a_copy_that_cannot_be_reached_is_named_until_it_is_gone(filled: Path, postgres: str) -> None:
    moved(filled, ("postgres", postgres), ("lance", ""))
    [note] = (filled / ".instill" / "index").glob(f"g*/{MADE}")
    name = note.parent.name
    made = note.read_text()
    with socket.socket() as unused:  # bound, so that nobody else listens there
        unused.bind(("127.0.0.1", 0))
        url = f"postgresql://127.0.0.1:{unused.getsockname()[1]}/docs"
        note.write_text(json.dumps({**json.loads(made), "url": url}))
        with Workspace.open(filled) as workspace:
            receipt = workspace.forget(workspace.documents()[0].source)
        left = receipt.not_removed[0]
        assert left.where == f"earlier copy in postgres {url}"
        assert left.said.startswith("It still holds the text: The store 'postgres' failed: ")
        assert left.said.endswith(
            f" When it can be reached, run: instill remove --purge. Or delete there what has {name} in its name, and "
            f"then the folder {name} in .instill/index."
        )
        said = instill("status", cwd=filled).stdout
        assert f"earlier copy of the index in postgres {url}, which must be reachable to delete it" in said
        done = instill("remove", "--purge", cwd=filled)
        assert "Deleted the text of 1 document, but not in the earlier copies that are named below." in done.stdout
        assert f"still in: earlier copy in postgres {url}. It still holds the text: " in done.stdout
    assert len(tables(postgres)) == 3
    note.write_text(made)
    done = instill("remove", "--purge", cwd=filled)
    assert f"deleted: earlier copy in postgres {without_password(postgres)}" in done.stdout
    assert tables(postgres) == []
    assert "text of removed documents" not in instill("status", cwd=filled).stdout


def test_an_address_for_the_store_in_the_folder_is_refused(filled: Path) -> None:
    done = instill("store", "copy", "--to", "lance", "--url", "http://127.0.0.1:9", cwd=filled, code=2)
    assert "The store 'lance' is in the workspace's folder and has no address." in done.stderr


@pytest.mark.parametrize(
    ("old", "shown"),
    [
        ("postgresql://db.example:5432/old", True),
        ("postgresql://me@db.example:5432/old", True),
        ("postgresql://other.example:5432/old", False),
        ("postgresql://db.example:6000/old", False),
    ],
)
def test_a_key_is_shown_to_its_own_server_only(old: str, shown: bool) -> None:
    settings = StoreSettings(kind="postgres", url="postgresql://db.example:5432/new", key=SecretStr("k"))
    found = reached_with(Generation("g1", 2, "x", store="postgres", url=old), settings)
    assert found is not None
    assert (found.url, found.secret()) == (old, "k" if shown else "")
    other = reached_with(Generation("g1", 2, "x", store="qdrant", url="http://db.example:5432"), settings)
    assert other is not None
    assert other.secret() == ""
