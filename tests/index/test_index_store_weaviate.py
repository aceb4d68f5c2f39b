"""Weaviate: what goes wrong with a hosted service, a background index, and addresses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from instill.errors import UsageError, WorkspaceError
from instill.index.fusion import ZScoreFusion
from instill.index.stores.weaviate.opening import connected
from instill.index.types import SearchRequest
from instill.settings import StoreSettings
from instill.testing.store_conformance import StoreConformance
from instill.testing.store_corpus import doc_id_of, document, encode
from instill.testing.store_writer import opened, version_of
from tests.index.service_faults import ServiceFaults, version_held
from tests.index.stores_needed import needs
from tests.index.weaviate_server import KEY, Node, running_node

pytestmark = needs("weaviate", "weaviate")


class TestWeaviate(StoreConformance):
    """The official client, against a server of our own."""

    test_filters_mean_the_same = None  # type: ignore[assignment]
    test_a_caller_gets_what_an_index_of_the_visible_documents_would_give = None  # type: ignore[assignment]
    test_any_sequence_of_changes_is_what_a_dictionary_would_hold = None  # type: ignore[assignment]

    @pytest.fixture(scope="class")
    @classmethod
    def url(cls) -> Iterator[str]:
        with running_node(Node()) as url:
            yield url

    @pytest.fixture
    def settings(self, url: str) -> StoreSettings:
        return StoreSettings(kind="weaviate", url=url, key=SecretStr(KEY))


_HOSTED = {name: os.environ.get(f"INSTILL_TEST_WEAVIATE_{name}", "") for name in ("URL", "KEY")}
"""Read before the tests' own environment is cleared."""


class TestWeaviateService(StoreConformance):
    """On the server of somebody who has set its address; it makes and deletes collections there."""

    @pytest.fixture
    def settings(self) -> StoreSettings:
        if not _HOSTED["URL"]:
            pytest.skip("set INSTILL_TEST_WEAVIATE_URL to run the suite against a server")
        return StoreSettings(kind="weaviate", url=_HOSTED["URL"], key=SecretStr(_HOSTED["KEY"]))

    @pytest.fixture(autouse=True)
    def _emptied(self, tmp_path: Path, settings: StoreSettings) -> Iterator[None]:
        yield
        client = connected(settings.url, settings.secret())
        for path in tmp_path.rglob("g*/mirror.db"):
            client.collections.delete([f"Instill_{path.parent.name}", f"Instill_{path.parent.name}_head"])
        client.close()


class TestFaults(ServiceFaults):
    key = KEY

    @pytest.fixture(autouse=True)
    def _at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Neither the client nor Instill pauses before asking again."""
        from weaviate import retry

        monkeypatch.setattr(retry, "time", SimpleNamespace(sleep=lambda _seconds: None))
        monkeypatch.setattr("instill.index.stores.refusals._PAUSES_S", (0.0, 0.0, 0.0))

    @pytest.fixture
    def service(self) -> Node:
        return Node()

    @pytest.fixture
    def settings(self, service: Node) -> Iterator[StoreSettings]:
        with running_node(service) as url:
            yield StoreSettings(kind="weaviate", url=url, key=SecretStr(KEY))

    def lose_all(self, service: Node) -> None:
        service.classes.clear()


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
def settings(node: Node) -> Iterator[StoreSettings]:
    with running_node(node) as url:
        yield StoreSettings(kind="weaviate", url=url, key=SecretStr(KEY))


def test_a_commit_waits_for_an_index_that_is_made_in_the_background(
    node: Node, settings: StoreSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.index_lag = 0.08
    index = opened(tmp_path / "index", settings)
    for version in (1, 2):
        index.commit([version_of(number, version) for number in range(3)])
        hits = index.search(SearchRequest("", k=99, mode="vector"), encode("version"), ZScoreFusion()).hits
        assert {hit.metadata["version"] for hit in hits} == {version}
        assert {hit.doc_id for hit in hits} == {doc_id_of(number) for number in range(3)}
    monkeypatch.setattr("instill.index.stores.weaviate.rows.WAIT_S", 0.05)
    node.index_lag = 60.0
    with pytest.raises(WorkspaceError, match="did not index within"):
        index.commit([version_of(1, 3)])
    node.index_lag = 0.0
    assert version_held(index, 1) == 2
    index.close()


def test_long_rows_are_written_and_read_in_parts(settings: StoreSettings, tmp_path: Path) -> None:
    """The server refuses messages over 10 MB."""
    index = opened(tmp_path / "index", settings)
    entry = document(1, [f"{at} " + "x" * 28_000 for at in range(380)])
    index.commit([entry])
    assert index.passages_of(doc_id_of(1)) == list(entry.passages)
    with pytest.raises(WorkspaceError, match="too long for this store"):
        index.commit([document(2, ["x" * 33_000])])
    assert (index.count(), index.damage()) == ((1, 380), [])
    index.close()


def test_collections_of_other_vectors_are_refused(node: Node, settings: StoreSettings, tmp_path: Path) -> None:
    opened(tmp_path / "index", settings).close()
    for name, own in node.classes.items():
        if not name.endswith("_head"):
            own.schema["description"] = "Instill: vectors of length 384"
    with pytest.raises(WorkspaceError, match=r"whose vectors have length 16: it says 'Instill: vectors of length 384'"):
        opened(tmp_path / "index", settings)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("localhost:8080", "does not begin with http"),
        ("ftp://localhost", "does not begin with http"),
        ("http://", "does not begin with http"),
        ("http://user:secret@localhost", "does not belong"),
        ("http://localhost:port", "not a number"),
        ("http://localhost?grpc=50051", "not HOST:PORT"),
        ("http://localhost?grpc=", "not HOST:PORT"),
        ("http://localhost?grpc=a:b", "not HOST:PORT"),
        ("http://localhost?zone=b", "zone is not known"),
    ],
)
def test_an_address_that_is_none_is_refused(tmp_path: Path, url: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        opened(tmp_path / "index", StoreSettings(kind="weaviate", url=url, key=SecretStr("k")))
    assert "secret" not in str(caught.value)
