"""Folders that share a catalog: what one of them forgot, the others do not bring back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from instill import Workspace
from instill.memory.forgetting.forgotten_documents import allow, block_fact
from instill.settings import set_in_file
from instill.workspace.moving import move_catalog
from tests.postgres_server import running_postgres

pytest.importorskip("psycopg")

TEA, MILK = "# Tea\n\nThe tea of the house costs 4 euros.\n", "# Milk\n\nThe milk of the house costs 2 euros.\n"


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with running_postgres() as address:
        yield address


def team(folder: Path, address: str, name: str) -> tuple[Path, Path]:
    """The folders of two machines with one catalog; each has the same files at a place of its own. The first one forgot
    the page about milk before it shared its catalog."""
    homes = []
    for machine in ("here", "there"):
        files = folder / machine / "files"
        files.mkdir(parents=True)
        (files / "tea.md").write_text(TEA)
        (files / "milk.md").write_text(MILK)
        homes.append(folder / machine)
        Workspace.init(folder / machine).close()
    with Workspace.open(homes[0]) as here:
        here.add([homes[0] / "files"])
        here.forget("milk.md")
        move_catalog(here, address, name)
    set_in_file(homes[1] / "instill.toml", "catalog", {"url": address, "name": name})
    return homes[0], homes[1]


def titles(workspace: Workspace) -> list[str]:
    return [record.title for record in workspace.documents()]


def test_what_one_folder_forgot_another_does_not_add_until_it_allows_it(postgres: str, tmp_path: Path) -> None:
    first, second = team(tmp_path, postgres, "documents")
    with Workspace.open(first) as here, Workspace.open(second) as there:
        assert titles(here) == ["Tea"]
        receipt = here.forget("tea.md")
        [said] = [each.said for each in receipt.not_removed if each.where.startswith("other folders")]
        assert "bring it back" not in said, "the others know it too"
        report = there.add([second / "files"])
        assert titles(there) == []
        assert sorted(Path(source).name for source, _ in report.notices) == ["milk.md", "tea.md"]
        there.sync()
        assert titles(there) == []
        start = hashlib.sha256(TEA.encode()).hexdigest()[:16]
        assert there.allow(start)
        assert not there.allow(start)
        there.sync()
        assert set(titles(there)) == {"Tea"}
        here.sync()
        assert titles(here) == [], "what it forgot itself, it allows itself"


def test_words_of_a_fact_stay_blank_in_other_folders(postgres: str, tmp_path: Path) -> None:
    """Where both folders read one place, as one that is mounted at the same path on both machines."""
    first, second = team(tmp_path, postgres, "facts")
    page = first / "files" / "tea.md"
    with Workspace.open(first) as here:
        evidence = "The tea of the house costs 4 euros."
        record = here.documents()[0]
        block_fact(here.home, here.catalog, "f1", record.doc_id, record.source, evidence)
    with Workspace.open(second) as there:
        there.add([page])
        [stored] = list(there.stored_documents())
        assert evidence not in stored.text
        assert "█" in stored.text
        assert allow(there.home, there.catalog, str(page))
        page.write_text(f"{TEA}\nIt is hot.\n")
        there.sync()
        [stored] = list(there.stored_documents())
        assert evidence in stored.text
