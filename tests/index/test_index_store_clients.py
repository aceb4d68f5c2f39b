"""Stores of plain vector databases pass the suite for stores: embedded, and on servers that somebody has set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from instill.index.stores.pinecone.address import address_of
from instill.settings import StoreSettings
from instill.testing.store_conformance import StoreConformance
from tests.index.opensearch_server import running_server
from tests.index.pinecone_server import KEY as PINECONE_KEY
from tests.index.pinecone_server import Service as PineconeStandIn
from tests.index.pinecone_server import running_service
from tests.index.stores_needed import needs


@needs("qdrant_client", "qdrant")
class TestQdrant(StoreConformance):
    @pytest.fixture
    def settings(self) -> StoreSettings:
        return StoreSettings(kind="qdrant")


@needs("chromadb", "chroma")
class TestChroma(StoreConformance):
    @pytest.fixture
    def settings(self) -> StoreSettings:
        return StoreSettings(kind="chroma")


@needs("milvus_lite", "milvus")
class TestMilvus(StoreConformance):
    @pytest.fixture
    def settings(self) -> StoreSettings:
        return StoreSettings(kind="milvus")


@needs("opensearchpy", "opensearch")
class TestOpenSearch(StoreConformance):
    """The official client, against a server of our own that speaks the part of the protocol that is used.

    What Instill does above the store is shown by Qdrant and Milvus; over HTTP each of these takes ten seconds.
    """

    test_filters_mean_the_same = None  # type: ignore[assignment]
    test_a_caller_gets_what_an_index_of_the_visible_documents_would_give = None  # type: ignore[assignment]
    test_any_sequence_of_changes_is_what_a_dictionary_would_hold = None  # type: ignore[assignment]
    test_no_text_means_anything_to_the_store = None  # type: ignore[assignment]

    @pytest.fixture(scope="class")
    def url(self) -> Iterator[str]:
        with running_server() as url:
            yield url

    @pytest.fixture
    def settings(self, url: str) -> StoreSettings:
        return StoreSettings(kind="opensearch", url=url)


@needs("pinecone", "pinecone")
class TestPinecone(StoreConformance):
    """As OpenSearch: the official client, against a server of our own."""

    test_filters_mean_the_same = None  # type: ignore[assignment]
    test_a_caller_gets_what_an_index_of_the_visible_documents_would_give = None  # type: ignore[assignment]
    test_any_sequence_of_changes_is_what_a_dictionary_would_hold = None  # type: ignore[assignment]

    @pytest.fixture(scope="class")
    @classmethod
    def url(cls) -> Iterator[str]:
        with running_service(PineconeStandIn(fetch_lag=0.004, search_lag=0.002)) as url:
            yield url

    @pytest.fixture
    def settings(self, url: str) -> StoreSettings:
        return StoreSettings(kind="pinecone", url=url, key=SecretStr(PINECONE_KEY))


def server_of(kind: str) -> StoreSettings:
    """The server that somebody has set for these tests."""
    url = os.environ.get(f"TESTED_{kind.upper()}_URL", "")
    if not url:
        pytest.skip(f"set TESTED_{kind.upper()}_URL to run the suite against a server")
    return StoreSettings(kind=kind, url=url, key=SecretStr(os.environ.get("TESTED_STORE_KEY", "")))


_HOSTED = {name: os.environ.get(f"INSTILL_TEST_{name}", "") for name in ("PINECONE_KEY", "PINECONE_URL")}
"""Read before the tests' own environment is cleared."""


class OnServer(StoreConformance):
    kind = ""

    @pytest.fixture
    def settings(self) -> StoreSettings:
        return server_of(self.kind)


@needs("qdrant_client", "qdrant")
class TestQdrantServer(OnServer):
    kind = "qdrant"


@needs("chromadb", "chroma")
class TestChromaServer(OnServer):
    kind = "chroma"


@needs("pymilvus", "milvus")
class TestMilvusServer(OnServer):
    kind = "milvus"


@needs("opensearchpy", "opensearch")
class TestOpenSearchServer(OnServer):
    kind = "opensearch"


@needs("pinecone", "pinecone")
class TestPineconeService(StoreConformance):
    """In the account of somebody who has set the key; it makes and deletes indexes there, and costs money."""

    @pytest.fixture
    def settings(self) -> StoreSettings:
        if not _HOSTED["PINECONE_KEY"]:
            pytest.skip("set INSTILL_TEST_PINECONE_KEY to run the suite against Pinecone")
        return StoreSettings(kind="pinecone", url=_HOSTED["PINECONE_URL"], key=SecretStr(_HOSTED["PINECONE_KEY"]))

    @pytest.fixture(autouse=True)
    def _emptied(self, tmp_path: Path, settings: StoreSettings) -> Iterator[None]:
        """An account has only so many indexes."""
        yield
        from pinecone import Pinecone

        client = Pinecone(api_key=settings.secret(), host=address_of(settings.url)[0])
        for name in made_in(tmp_path):
            client.indexes.delete(f"instill-{name}", timeout=-1)


def made_in(folder: Path) -> set[str]:
    """The names of the generations that a test made in a folder."""
    return {path.parent.name for path in folder.rglob("g*/mirror.db")}
