"""The catalog in a PostgreSQL database: the same code, the same results as in a file."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from instill.catalog import Catalog, Root, Server, StoredTurn
from instill.catalog.copying import copy_catalog
from instill.catalog.migrations import MIGRATIONS, first_tables
from instill.catalog.sqlite_or_postgres import PostgresSchema
from instill.catalog.tables import METADATA, MIGRATIONS_TABLE
from instill.common.made_from import Caller
from instill.errors import UsageError, WorkspaceError
from instill.server.access.keys import KeyStore
from instill.server.jobs.store import JobStore
from instill.settings import set_in_file
from instill.workspace import Workspace
from instill.workspace.moving import move_catalog
from tests.postgres_server import running_postgres

pytest.importorskip("psycopg")
_NAMES = (f"team_{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with running_postgres() as address:
        yield address


@pytest.fixture
def server(database: str) -> Server:
    """A schema of its own."""
    return Server(database, "", next(_NAMES))


def said_by(catalog: Catalog, folder: Path) -> list[object]:
    """What everything that the catalog keeps gives back, without times and ids."""
    catalog.remember_root(Root("/b", ("hr",), {"year": 2024}))
    catalog.remember_root(Root("/Ä"))
    catalog.remember_root(Root("/B", ("other",)))
    catalog.remember_root(Root("/b", ("it",)))
    found: list[object] = [
        sorted(catalog.roots(), key=lambda root: root.path),
        catalog.forget_root("/B"),
        catalog.forget_root("/B"),
    ]
    talk = catalog.start_conversation(("hr",))
    other = catalog.start_conversation()
    turns = [StoredTurn("user", "50% of 'Rent'?", {}, "t"), StoredTurn("assistant", "Yes", {"a": [1.5]}, "t")]
    catalog.add_turns(talk, turns, ("hr",))
    catalog.add_turns(other, [StoredTurn("user", "Straße", {}, "t")])
    found += [catalog.turns(talk, Caller(("hr",))), catalog.turns(talk)]
    for words in ("rent", "50%", "5_%", "nothing"):
        found.append([each["first_question"] for each in catalog.conversations(words=words)])
    found.append([each["turns"] for each in catalog.conversations(caller=Caller(("hr",)))])
    for use in (
        lambda: catalog.turns(talk, Caller(("it",))),
        lambda: catalog.add_turns("no", []),
        lambda: catalog.turns("no"),
    ):
        with pytest.raises(UsageError) as caught:
            use()
        found.append(caught.value.what)
    catalog.forget_conversation(other)
    with catalog.writing() as connection:
        assert connection is not None
        for version, at in (("1", "2025"), ("1", "2026"), ("2", "2027"), ("2", "2028")):
            catalog.note_versions(connection, {"d": version}, at)
        rows = connection.execute(sa.select(METADATA.tables["seen_versions"])).all()
    found.append([tuple(row) for row in rows])
    jobs = JobStore(catalog, folder)
    first = jobs.add("sync", "work", {"deep": {"a": 1}}, labels=("hr",), asked_by="anna")
    second = jobs.add("sync", "work", {}, labels=None, asked_by="bob")
    jobs.stop(second.job_id)
    task = jobs.take("work")
    assert task is not None
    assert task.job_id == first.job_id
    found += [task.kind, task.arguments, task.labels, jobs.take("documents")]
    jobs.tell(first.job_id, "progress", {"done": 1, "total": 2})
    jobs.end(first.job_id, "done", {"n": 1})
    jobs.end(first.job_id, "failed", None)
    found += [[(each.state, each.result, each.attempts) for each in jobs.all()], len(jobs.events(first.job_id))]
    found += [len(jobs.all(("hr",))), jobs.has_work("work")]
    keys = KeyStore(catalog)
    made = keys.add("anna", labels=("hr",))
    found += [keys.any(), [each.name for each in keys.all()], keys.recognise(made.secret) is not None]
    keys.revoke(made.key.key_id)
    found += [keys.any(), keys.recognise(made.secret), catalog.damage(), catalog.question_count()]
    return found


def test_everything_is_as_in_a_file(server: Server, tmp_path: Path) -> None:
    in_file = Catalog(tmp_path / "catalog.db")
    in_database = Catalog(tmp_path / "other.db", server=server)
    assert said_by(in_database, tmp_path / "a") == said_by(in_file, tmp_path / "b")
    assert not (tmp_path / "other.db").exists()
    assert in_database.clear_questions() == 0
    assert in_database.conversations() == []
    in_database.compact()


def test_schemas_are_apart_and_reopened(server: Server, database: str, tmp_path: Path) -> None:
    Catalog(tmp_path / "c", server=server).remember_root(Root("/a"))
    assert Catalog(tmp_path / "c", server=Server(database, "", next(_NAMES))).roots() == []
    assert [root.path for root in Catalog(tmp_path / "c", server=server).roots()] == ["/a"]
    read_only = Catalog(tmp_path / "c", server=server, read_only=True)
    assert [root.path for root in read_only.roots()] == ["/a"]
    read_only.remember_root(Root("/b"))
    assert len(read_only.roots()) == 1
    assert Catalog(tmp_path / "c", server=Server(database, "", next(_NAMES)), read_only=True).roots() == []


def test_older_catalogs_are_migrated_and_newer_ones_refused(server: Server, tmp_path: Path) -> None:
    place = PostgresSchema(server, read_only=False)
    engine = place.engine()
    with place.changing(engine) as connection:
        MIGRATIONS_TABLE.create(connection)
        first_tables(connection)
        connection.exec_driver_sql("ALTER TABLE usage DROP COLUMN labels, DROP COLUMN answer, DROP COLUMN made_from")
        connection.exec_driver_sql("ALTER TABLE conversations DROP COLUMN labels")
        connection.exec_driver_sql("INSERT INTO conversations VALUES ('old', '2024')")
        connection.execute(sa.insert(MIGRATIONS_TABLE).values(name=MIGRATIONS[0][0]))
    catalog = Catalog(tmp_path / "c", server=server)
    with engine.connect() as connection:
        for table in METADATA.sorted_tables:
            there = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
            assert there == {column.name for column in table.columns}, table.name
        assert set(connection.execute(sa.select(MIGRATIONS_TABLE.c.name)).scalars()) == {name for name, _ in MIGRATIONS}
    assert len(catalog.conversations()) == 1
    assert catalog.conversations(caller=Caller(("hr",))) == []
    with engine.begin() as connection:
        connection.execute(sa.insert(MIGRATIONS_TABLE).values(name="9999_from_the_future"))
    with pytest.raises(WorkspaceError, match="newer"):
        Catalog(tmp_path / "c", server=server)


_WRITING = """
import sys
from pathlib import Path
from instill.catalog import Catalog, Root, Server
catalog = Catalog(Path("unused"), server=Server(sys.argv[1], "", sys.argv[2]))
for each in range(5):
    catalog.remember_root(Root(f"/{sys.argv[3]}/{each}"))
"""


def test_processes_open_a_new_catalog_at_the_same_moment(server: Server, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _WRITING, server.url, server.schema]
    processes = [subprocess.Popen([*command, str(number)]) for number in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert len(Catalog(tmp_path / "c", server=server).roots()) == 15


def test_one_machine_does_the_jobs_of_a_lane(server: Server, database: str, tmp_path: Path) -> None:
    here, there = (Catalog(tmp_path / "c", server=server) for _ in range(2))
    other = Catalog(tmp_path / "c", server=Server(database, "", next(_NAMES)))
    with here.holding("lane work") as first:
        with there.holding("lane work") as second, there.holding("lane documents") as third:
            assert (first, second, third) == (True, False, True)
        with other.holding("lane work") as fourth:
            assert fourth
    with there.holding("lane work") as second:
        assert second


def test_a_catalog_moves_whole_and_numbers_go_on(server: Server, tmp_path: Path) -> None:
    source, target = Catalog(tmp_path / "catalog.db"), Catalog(tmp_path / "c", server=server)
    said_by(source, tmp_path)
    rows = copy_catalog(source, target)
    assert rows > 8
    for table in METADATA.sorted_tables:
        with source.reading() as before, target.reading() as after:
            query = sa.select(table).order_by(*table.primary_key.columns)
            assert before.execute(query).all() == after.execute(query).all()
    talk = target.start_conversation()
    target.add_turns(talk, [StoredTurn("user", "after", {}, "t")])
    assert [turn.text for turn in target.turns(talk)] == ["after"]
    with pytest.raises(UsageError, match="already") as caught:
        copy_catalog(source, target)
    assert caught.value.command == (
        "To make a new catalog, name another schema: --name NAME. To use this one without copying, set catalog.url to "
        "its address and catalog.name to its schema in instill.toml."
    )


def test_a_nul_is_kept_as_a_replacement(server: Server, tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "c", server=server)
    talk = catalog.start_conversation()
    catalog.add_turns(talk, [StoredTurn("user", "a\x00b", {"c": "\x00"}, "t")])
    assert catalog.turns(talk) == [StoredTurn("user", "a\ufffdb", {"c": "\x00"}, "t")]


@pytest.mark.parametrize(
    ("url", "name", "said"),
    [
        ("postgresql://127.0.0.1:9/docs", "a", "cannot be reached"),
        ("sqlite:///docs", "a", "not an address of a PostgreSQL"),
        ("docs", "a", "not an address of a PostgreSQL"),
        ("", 'a"; DROP SCHEMA x; --', "name of a schema"),
        ("", "", "name of a schema"),
    ],
)
def test_what_cannot_be_opened_is_said_plainly(url: str, name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises((UsageError, WorkspaceError), match=said) as caught:
        Catalog(tmp_path / "c", server=Server(url, "secret", name))
    assert "secret" not in str(caught.value)


@pytest.mark.long
def test_a_workspace_with_its_catalog_in_a_database(server: Server, tmp_path: Path) -> None:
    """Asking, conversations, forgetting: with the command that moves the catalog."""
    (tmp_path / "rent.md").write_text("# Rent\n\nThe rent is 900 euros a month.\n")
    (tmp_path / "pets.md").write_text("# Pets\n\nThe zebra of the house is called Hubert.\n")
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add([tmp_path / "rent.md", tmp_path / "pets.md"])
        assert move_catalog(workspace, server.url, server.schema) >= 2
    with Workspace.open(tmp_path / "kb") as workspace:
        assert len(workspace.catalog.roots()) == 2
        workspace.ask("What is the zebra called?")
        workspace.ask("How much is the rent?")
        assert workspace.catalog.question_count() == 2
        removed = workspace.remove([tmp_path / "pets.md"])
        workspace.purge([record.doc_id for record in removed])
        assert workspace.catalog.question_count() == 1
        with workspace.catalog.reading() as connection:
            kept = [str(tuple(row)) for table in METADATA.sorted_tables for row in connection.execute(sa.select(table))]
        assert not any("Hubert" in row for row in kept)
    set_in_file(tmp_path / "kb" / "instill.toml", "catalog", {"url": "", "name": "instill"})
    with Workspace.open(tmp_path / "kb") as workspace:
        assert workspace.catalog.question_count() == 0
