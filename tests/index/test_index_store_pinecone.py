"""Pinecone: what goes wrong with a hosted service, what is seen too late, and what its limits are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from instill.errors import UsageError, WorkspaceError
from instill.index.fusion import ZScoreFusion
from instill.index.store import Index
from instill.index.types import SearchRequest
from instill.settings import StoreSettings
from instill.testing.store_corpus import doc_id_of, document, encode
from instill.testing.store_writer import opened, version_of
from tests.index.pinecone_server import KEY, Service, running_service
from tests.index.service_faults import ServiceFaults, version_held
from tests.index.stores_needed import needs

pytestmark = needs("pinecone", "pinecone")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client does not pause before it asks again, and has forgotten how the server of another test was."""
    from pinecone._internal import http_client

    monkeypatch.setattr(http_client, "_retry_sleep", lambda _seconds: None)
    http_client.get_budget_registry()._reset()


class TestFaults(ServiceFaults):
    key = KEY

    @pytest.fixture
    def service(self) -> Service:
        return Service()  # so that each commit is as many requests

    @pytest.fixture
    def settings(self, service: Service) -> Iterator[StoreSettings]:
        with running_service(service) as url:
            yield StoreSettings(kind="pinecone", url=url, key=SecretStr(KEY))

    def lose_all(self, service: Service) -> None:
        for name in list(service.indexes):
            service.remove(name)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def settings(service: Service) -> Iterator[StoreSettings]:
    with running_service(service) as url:
        yield StoreSettings(kind="pinecone", url=url, key=SecretStr(KEY))


@pytest.mark.parametrize(("fetch_lag", "search_lag", "headers"), [(0.08, 0, True), (0, 0.08, True), (0, 0.08, False)])
def test_a_commit_is_done_when_all_of_it_is_seen(
    service: Service, settings: StoreSettings, tmp_path: Path, fetch_lag: float, search_lag: float, headers: bool
) -> None:
    service.fetch_lag, service.search_lag, service.headers = fetch_lag, search_lag, headers
    index = opened(tmp_path / "index", settings)
    for version in (1, 2):
        index.commit([version_of(number, version) for number in range(3)])
        assert [version_held(index, number) for number in range(3)] == [version] * 3
    assert index.remove([doc_id_of(1)]) == 1
    hits = index.search(SearchRequest("", k=99, mode="vector"), encode("version"), ZScoreFusion()).hits
    assert {hit.doc_id for hit in hits} == {doc_id_of(0), doc_id_of(2)}
    index.close()


def test_what_is_not_shown_in_time_was_not_committed(
    service: Service, settings: StoreSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("instill.index.stores.pinecone.consistency.WAIT_S", 0.2)
    index = opened(tmp_path / "index", settings)
    index.commit([version_of(1, 1)])
    service.fetch_lag = 0.3
    with pytest.raises(WorkspaceError, match=r"did not show within 0 seconds .*"):
        index.commit([version_of(1, 2)])
    assert version_held(index, 1) == 1
    monkeypatch.setattr("instill.index.stores.pinecone.consistency.WAIT_S", 10)
    index.commit([version_of(2, 1)])
    assert (version_held(index, 1), version_held(index, 2), index.damage()) == (2, 1, [])  # it was sent whole
    index.close()


def test_another_process_waits_before_it_takes_out_what_a_killed_one_left(
    service: Service, settings: StoreSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that are not seen yet would otherwise appear in the next commit."""
    service.fetch_lag = service.search_lag = 0.1
    index = opened(tmp_path / "index", settings)
    index.commit([document(1, ["old", "older"])])
    with monkeypatch.context() as patch:
        patch.setattr("instill.index.stores.pinecone.rows.PineconeCollection.set_head", killed)
        with pytest.raises(KilledError):
            index.commit([document(1, [f"new {at}" for at in range(9)])])
    other = opened(tmp_path / "index", settings)
    other.commit([document(2, ["another"])])
    assert texts_in(other) == ["another", "old", "older"]
    assert other.damage() == []
    other.upkeep(force=True)
    assert texts_in(other) == ["another", "old", "older"]


def test_a_head_that_was_sent_by_a_killed_process_counts(
    service: Service, settings: StoreSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether or not it is seen already when another process looks."""
    for lag in (0.0, 0.1):
        folder = tmp_path / f"index-{lag}"
        service.fetch_lag = service.search_lag = 0.0
        index = opened(folder, settings)
        index.commit([document(1, ["old"])])
        with monkeypatch.context() as patch:
            patch.setattr("instill.index.stores.pinecone.consistency.Settling._fetched", killed)
            service.fetch_lag = service.search_lag = lag
            with pytest.raises(KilledError):
                index.commit([document(1, ["new", "newer"])])
        other = opened(folder, settings)
        other.commit([document(2, ["another"])])
        assert texts_in(other) == ["another", "new", "newer"]
        assert other.damage() == []
        other.close()


def test_a_folder_without_its_head_takes_the_one_at_the_service(settings: StoreSettings, tmp_path: Path) -> None:
    index = opened(tmp_path / "index", settings)
    index.commit([version_of(1, 1)])
    index.commit([version_of(1, 2)])
    index.close()
    [file] = (tmp_path / "index").glob("g*/head.json")
    for content in (None, b"", b"[1]", b'{"number": 1, "other": 2}'):
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_bytes(content)
        index = opened(tmp_path / "index", settings)
        assert version_held(index, 1) == 2
        index.close()


def test_no_request_and_no_row_is_larger_than_the_service_allows(settings: StoreSettings, tmp_path: Path) -> None:
    """The server refuses 2 MB, 40 kB of metadata, and answers over 4 MB."""
    index = opened(tmp_path / "index", settings)
    entry = document(1, [f"{at} " + '"\\' * 3700 for at in range(170)])
    index.commit([entry])
    assert len(index.passages_of(doc_id_of(1))) == 170
    assert index.passages_of(doc_id_of(1)) == list(entry.passages)
    with pytest.raises(WorkspaceError, match="too long for Pinecone"):
        index.commit([document(2, ["x" * 5000], labels=[f"l{at}" for at in range(1000)])])
    with pytest.raises(WorkspaceError, match="too long for this store"):
        index.commit([document(2, ["x" * 16_000])])
    index.commit([document(3, ["small"])])
    assert index.count() == (2, 171)
    assert index.damage() == []
    index.close()


def test_an_index_with_other_vectors_is_refused(service: Service, settings: StoreSettings, tmp_path: Path) -> None:
    opened(tmp_path / "index", settings).close()
    [index] = service.indexes.values()
    index["schema"]["fields"]["vector"]["dimension"] = 384
    with pytest.raises(
        WorkspaceError, match=r"vectors of length 384 compared by cosine; this workspace's have length 16"
    ):
        opened(tmp_path / "index", settings)
    with pytest.raises(WorkspaceError, match="exists"):  # a generation's name is nobody else's
        service_makes(service, settings, next(iter(service.indexes)).removeprefix("instill-"), tmp_path)


def service_makes(service: Service, settings: StoreSettings, name: str, folder: Path) -> None:
    from instill.index.generations import Generation
    from instill.index.stores.stores_by_name import create

    create(folder, Generation(name, 16, "f", store="pinecone", url=settings.url), settings)


def test_without_a_key_nothing_is_sent(
    service: Service, settings: StoreSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PINECONE_API_KEY", KEY)  # which the client would take
    with pytest.raises(UsageError, match="needs a key"):
        opened(tmp_path / "index", StoreSettings(kind="pinecone", url=settings.url))
    assert service.faults.seen == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://api.pinecone.example", "clear text"),
        ("http://localhost.example:80", "clear text"),
        ("https://user:secret@api.pinecone.io", "does not belong"),
        ("https://secret@api.pinecone.io", "does not belong"),
        ("https://api.pinecone.io?zone=b", "zone is not known"),
        ("api.pinecone.io", "does not begin with https"),
        ("ftp://api.pinecone.io", "does not begin with https"),
        ("https://", "does not begin with https"),
    ],
)
def test_an_address_that_is_none_is_refused(tmp_path: Path, url: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        opened(tmp_path / "index", StoreSettings(kind="pinecone", url=url, key=SecretStr("k")))
    assert "secret" not in str(caught.value)


def test_a_new_index_is_where_the_address_says(service: Service, settings: StoreSettings, tmp_path: Path) -> None:
    where = settings.model_copy(update={"url": f"{settings.url}?cloud=gcp&region=europe-west4"})
    opened(tmp_path / "index", where).close()
    [index] = service.indexes.values()
    assert index["deployment"] == {"deployment_type": "managed", "cloud": "gcp", "region": "europe-west4"}


def test_nearest_is_that_of_an_exact_search_among_what_is_asked_for(settings: StoreSettings, tmp_path: Path) -> None:
    index = opened(tmp_path / "index", settings)
    vectors = np.eye(3, 16, dtype=np.float32)
    entries = [document(number, ["a"], labels=[f"l{number}"]) for number in range(3)]
    index.commit([replace(entry, vectors=vectors[[at]]) for at, entry in enumerate(entries)])
    query = np.array([0.6, 0.8] + [0.0] * 14, np.float32)
    for labels, expected in ((None, [0.8, 0.6, 0.0]), (("l0", "l2"), [0.6, 0.0]), ((), [])):
        hits = index.search(SearchRequest("", k=9, mode="vector", labels=labels), query, ZScoreFusion()).hits
        assert [hit.vector_score for hit in hits] == pytest.approx(expected, abs=1e-6)
    index.close()


class KilledError(BaseException):
    """As far as the rest of the program can tell, the process ended here."""


def killed(*_: object) -> None:
    raise KilledError


def texts_in(index: Index) -> list[str]:
    rows = index.sql("select text from passages").to_pylist()
    hits = index.search(SearchRequest("", k=99, mode="vector"), encode("new"), ZScoreFusion()).hits
    assert sorted(hit.text for hit in hits) == sorted(row["text"] for row in rows)
    return sorted(row["text"] for row in rows)
