"""Every store that can run here passes the suite for stores, against the real thing."""

from __future__ import annotations

import importlib.util
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from instill.common.extras import how_to_install
from instill.common.shown_url import without_password
from instill.errors import MissingDependency, UsageError, WorkspaceError
from instill.index.fusion import ZScoreFusion
from instill.index.store import Index
from instill.index.types import SearchRequest
from instill.settings import StoreSettings
from instill.testing.store_conformance import StoreConformance
from instill.testing.store_corpus import document
from instill.testing.store_writer import opened
from tests.index.stores_needed import needs
from tests.plugins.packages import install
from tests.postgres_server import running_postgres

TINY = "from tests.index.tiny_collection import open_store"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server with pgvector that runs until the tests end; on a socket, no port."""
    with running_postgres() as address:
        yield address


class TestLance(StoreConformance):
    @pytest.fixture
    def settings(self) -> StoreSettings:
        return StoreSettings()


class TestPluggedIn(StoreConformance):
    """A collection of another package, found by its entry point; it leaves almost everything to Instill."""

    @pytest.fixture
    def settings(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoreSettings:
        packages = install(
            tmp_path / "packages", "instill-tiny", {"stores.tiny": "instill_tiny:open_store"}, {"instill_tiny": TINY}
        )
        monkeypatch.syspath_prepend(str(packages))
        sys.modules.pop("instill_tiny", None)  # of the folder of an earlier test
        return StoreSettings(kind="tiny")


@needs("psycopg", "postgres")
class TestPostgres(StoreConformance):
    @pytest.fixture
    def settings(self, postgres: str) -> StoreSettings:
        return StoreSettings(kind="postgres", url=postgres)

    def test_a_graph_finds_the_nearest_of_many(self, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("instill.index.stores.postgres.vector_graph.EXACT_BELOW", 1000)
        rng = np.random.default_rng(0)
        vectors = rng.standard_normal((2000, 16)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        for number in range(0, 200, 100):
            made = [document(at, [f"{at} {row}" for row in range(10)]) for at in range(number, number + 100)]
            parts = np.split(vectors[10 * number : 10 * number + 1000], 100)
            index.commit([replace(entry, vectors=part) for entry, part in zip(made, parts, strict=True)])
        assert index.needs_upkeep()
        index.upkeep()
        assert not index.needs_upkeep()
        assert index.stats().vector_index
        found = 0
        for query in vectors[::40]:
            hits = index.search(SearchRequest("", k=10, mode="vector"), query, ZScoreFusion()).hits
            best = np.sort(vectors @ query)[::-1][:10]
            assert len(hits) == 10
            found += int(sum(hit.score >= best[-1] - 1e-5 for hit in hits))
        assert found >= 0.95 * 500


def test_a_store_that_lacks_methods_is_told_all_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = (
        "class Half:\n    longest = 0\n    def head(self): return ''\n    def set_head(self, head): pass\n"
        "    def insert(self, rows): pass\n    def end(self, ids, died): pass\n    def delete(self, ids): pass\n"
        "    def changed(self, since, fields): return iter(())\n    def bytes(self): return 0\n"
        "def open_store(place, *, create): return Half()\n"
    )
    packages = install(
        tmp_path / "packages", "instill-half", {"stores.half": "instill_half:open_store"}, {"instill_half": module}
    )
    monkeypatch.syspath_prepend(str(packages))
    with pytest.raises(UsageError) as caught:
        opened(tmp_path / "index", StoreSettings(kind="half"))
    assert caught.value.what == (
        "The store 'half' is no whole Collection: it lacks capabilities, close, drop, nearest, read."
    )
    assert caught.value.where == "instill_half.Half"


def test_removal_that_does_nothing_is_found_by_the_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.index.tiny_collection import TinyCollection

    monkeypatch.setattr(TinyCollection, "delete", lambda *_: None)
    packages = install(
        tmp_path / "packages", "instill-tiny", {"stores.tiny": "instill_tiny:open_store"}, {"instill_tiny": TINY}
    )
    monkeypatch.syspath_prepend(str(packages))
    sys.modules.pop("instill_tiny", None)  # of the folder of an earlier test
    index = opened(tmp_path / "index", StoreSettings(kind="tiny"))
    with pytest.raises(AssertionError, match="rows of removed documents are in the store"):
        TestPluggedIn().test_removed_documents_are_gone_from_all_that_is_read_and_from_the_store(index)
    index.close()


def test_assertions_of_the_suite_show_their_values() -> None:
    import instill.testing.store_conformance as suite

    assert type(suite.__loader__).__name__ == "AssertionRewritingHook"


def test_a_store_that_nobody_has_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no store 'elsewhere'"):
        opened(tmp_path / "index", StoreSettings(kind="elsewhere"))


@pytest.mark.parametrize(
    ("kind", "package"), [("chroma", "chromadb"), ("weaviate", "weaviate"), ("pinecone", "pinecone")]
)
def test_a_store_whose_package_is_missing_says_what_to_install(tmp_path: Path, kind: str, package: str) -> None:
    if importlib.util.find_spec(package) is not None:
        pytest.skip(f"{package} is installed")
    with pytest.raises(MissingDependency, match=rf"{package}.*{re.escape(how_to_install(kind))}"):
        opened(tmp_path / "index", StoreSettings(kind=kind, url="http://127.0.0.1:1"))


@needs("psycopg", "postgres")
def test_a_server_that_cannot_be_reached_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs an address"):
        opened(tmp_path / "a", StoreSettings(kind="postgres"))
    with socket.socket() as unused:  # bound, so that nobody else listens there
        unused.bind(("127.0.0.1", 0))
        url = f"postgresql://anna:secret@127.0.0.1:{unused.getsockname()[1]}/docs"
        with pytest.raises(WorkspaceError, match=r"The store 'postgres' failed") as caught:
            opened(tmp_path / "b", StoreSettings(kind="postgres", url=url))
    assert "secret" not in str(caught.value)


def test_settings_that_name_another_store_than_the_documents_are_in_say_how_to_move(tmp_path: Path) -> None:
    opened(tmp_path / "index", StoreSettings()).close()
    with pytest.raises(WorkspaceError, match="instill store copy --to qdrant"):
        opened(tmp_path / "index", StoreSettings(kind="qdrant"))


def test_passwords_are_not_written_down() -> None:
    for url, shown in (
        ("postgresql://anna:secret@db:5432/docs?sslmode=require", "postgresql://anna@db:5432/docs?sslmode=require"),
        ("http://:key@[::1]:6333/", "http://@[::1]:6333/"),
        ("postgresql:///docs?host=/tmp", "postgresql:///docs?host=/tmp"),
        ("", ""),
    ):
        assert without_password(url) == shown


def test_no_driver_is_imported_for_the_lance_store() -> None:
    """Nor what is built on drivers."""
    code = (
        "import sys, tempfile; from pathlib import Path; from instill.testing.store_writer import opened, version_of\n"
        "from instill.settings import StoreSettings; from instill.index.types import SearchRequest\n"
        "from instill.index.fusion import ZScoreFusion; import numpy as np; import instill.workspace\n"
        "index = opened(Path(tempfile.mkdtemp()) / 'index', StoreSettings()); index.commit([version_of(1, 1)])\n"
        "index.search(SearchRequest('version'), np.eye(1, 16, dtype=np.float32), ZScoreFusion())\n"
        "drivers = {'psycopg', 'qdrant_client', 'chromadb', 'pymilvus', 'grpc', 'sqlite_vec', 'boto3', 'ray', "
        "'pinecone', 'weaviate'}\n"
        "print(sorted(drivers & set(sys.modules)))\n"
        "print(sorted(each for each in sys.modules if each.startswith('instill.index.stores.p')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]
