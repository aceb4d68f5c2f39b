"""What goes wrong with a hosted service, and a suite: whatever it is, nothing is lost and nothing is there twice."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import pytest
from pydantic import SecretStr

from instill.errors import UsageError, WorkspaceError
from instill.index.fusion import ZScoreFusion
from instill.index.store import Index
from instill.index.types import SearchRequest
from instill.settings import StoreSettings
from instill.testing.store_corpus import doc_id_of, encode
from instill.testing.store_writer import opened, version_of
from instill.workspace import Workspace
from instill.workspace.moving import move
from tests.index.loopback import Cut, Refused

Fault = Literal["", "before", "after", "busy"]
"""Nothing; the connection is closed before the request is done, or after it, without an answer; 429."""


@dataclass
class Faults:
    """`choose` is asked for each request, with its number and name; `seen` has the names of all."""

    choose: Callable[[int, str], Fault] = lambda number, name: ""
    seen: list[str] = field(default_factory=list)

    @contextmanager
    def around(self, name: str) -> Iterator[None]:
        fault = self.choose(len(self.seen), name)
        self.seen.append(name)
        if fault == "busy":
            raise Refused("Too many requests", 429)
        if fault == "before":
            raise Cut
        yield
        if fault == "after":
            raise Cut

    def none(self) -> None:
        self.choose = lambda number, name: ""

    def from_request(self, first: int, fault: Fault) -> None:
        """All requests but the next `first` go wrong."""
        begin = len(self.seen) + first
        self.choose = lambda number, name: fault if number >= begin else ""


class Faulty(Protocol):
    faults: Faults


class ServiceFaults:
    """Of a store whose server is `service`."""

    key = ""

    @pytest.fixture
    def service(self) -> Faulty:
        raise NotImplementedError

    @pytest.fixture
    def settings(self, service: Faulty) -> StoreSettings:
        raise NotImplementedError

    def lose_all(self, service: Any) -> None:
        """Somebody deletes the data at the service."""
        raise NotImplementedError

    def test_a_commit_that_breaks_off_at_any_request_is_whole_or_not_there(
        self, service: Faulty, settings: StoreSettings, tmp_path: Path
    ) -> None:
        index = opened(tmp_path / "index", settings)
        index.commit([version_of(number, 1) for number in range(3)])
        begin = len(service.faults.seen)
        index.commit([version_of(number, 2) for number in range(3)])
        requests = len(service.faults.seen) - begin
        assert requests >= 4
        held, version, outcomes = 2, 2, set[bool]()
        for number in range(requests):
            for fault in ("before", "after"):
                version += 1
                service.faults.from_request(number, fault)
                with pytest.raises(WorkspaceError, match=r"failed|did not show"):
                    index.commit([version_of(each, version) for each in range(3)])
                service.faults.none()
                if (number + version) % 3 == 0:  # the process ends; another one goes on
                    index.close()
                    index = opened(tmp_path / "index", settings)
                index.commit([version_of(7, version)])
                found = {version_held(index, each) for each in range(3)}
                assert found in ({held}, {version}), (number, fault)
                outcomes.add(found == {version})
                held = found.pop()
                assert index.damage() == []
                assert index.count() == (4, sum(len(version_of(*each).passages) for each in held_in(held, version)))
        assert False in outcomes
        index.close()

    def test_what_is_throttled_is_asked_again_and_then_told(
        self, service: Faulty, settings: StoreSettings, tmp_path: Path
    ) -> None:
        index = opened(tmp_path / "index", settings)
        begin = len(service.faults.seen)
        service.faults.choose = lambda number, name: "busy" if number in (begin, begin + 1) else ""
        index.commit([version_of(1, 1)])
        assert version_held(index, 1) == 1
        service.faults.from_request(0, "busy")
        with pytest.raises(WorkspaceError, match="too busy") as caught:
            index.commit([version_of(1, 2)])
        assert "nothing is there twice" in caught.value.remedy
        service.faults.none()
        index.commit([version_of(1, 3)])
        assert (version_held(index, 1), index.count()[0], index.damage()) == (3, 1, [])
        index.close()

    def test_a_wrong_key_is_told_and_no_key_ever(
        self, settings: StoreSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        opened(tmp_path / "index", settings).close()
        caplog.set_level(logging.DEBUG)
        wrong = settings.model_copy(update={"key": SecretStr("key-of-another-account")})
        for folder in ("index", "new"):
            with pytest.raises(WorkspaceError, match="refuses the key") as caught:
                opened(tmp_path / folder, wrong).commit([version_of(1, 1)])
            told = "".join(traceback.format_exception(caught.value)) + str(caught.value) + repr(caught.value)
            assert "key-of-another-account" not in told
        index = opened(tmp_path / "index", settings)
        index.commit([version_of(1, 1)])
        assert index.count() == (1, len(version_of(1, 1).passages))
        index.close()
        assert self.key not in caplog.text
        assert "key-of-another-account" not in caplog.text
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert files
        assert not [path for path in files if self.key.encode() in path.read_bytes()]

    def test_the_key_is_in_the_variable_that_is_named(
        self, settings: StoreSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        named = StoreSettings(kind=settings.kind, url=settings.url, key_variable="KEY_OF_THE_STORE")
        monkeypatch.delenv("KEY_OF_THE_STORE", raising=False)
        with pytest.raises(UsageError, match="KEY_OF_THE_STORE is not set"):
            opened(tmp_path / "index", named)
        monkeypatch.setenv("KEY_OF_THE_STORE", self.key)
        index = opened(tmp_path / "index", named)
        index.commit([version_of(1, 1)])
        assert index.count()[0] == 1
        index.close()

    def test_data_that_was_deleted_at_the_service_is_told(
        self, service: Faulty, settings: StoreSettings, tmp_path: Path
    ) -> None:
        index = opened(tmp_path / "index", settings)
        index.commit([version_of(1, 1)])
        self.lose_all(service)
        with pytest.raises(WorkspaceError, match="does not have what was asked for, or not any more"):
            index.commit([version_of(1, 2)])
        index.close()
        with pytest.raises(WorkspaceError, match="does not have what was asked for, or not any more"):
            opened(tmp_path / "index", settings)

    def test_a_name_that_is_none_goes_nowhere(self, service: Faulty, settings: StoreSettings, tmp_path: Path) -> None:
        opened(tmp_path / "index", settings).close()
        pointer = tmp_path / "index" / "current.json"
        good = pointer.read_text()
        [folder] = (tmp_path / "index").glob("g*")
        begin = len(service.faults.seen)
        for name in ("../x", "a/b", "a b", "a-*", "", "é", "x" * 41, "a%2Fb", 'a"b', "{a}"):
            pointer.write_text(good.replace(folder.name, name.replace('"', '\\"')), encoding="utf-8")
            with pytest.raises(WorkspaceError, match="pointer file is damaged"):
                opened(tmp_path / "index", settings)
        assert len(service.faults.seen) == begin

    def test_a_workspace_moves_there_and_back_and_goes_on_after_a_break(
        self, service: Faulty, settings: StoreSettings, tmp_path: Path, handbook: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("instill.index.stores.copying._PASSAGES", 1)
        monkeypatch.setenv("KEY_OF_THE_STORE", self.key)
        with Workspace.init(tmp_path / "kb") as workspace:
            workspace.add([str(handbook)], labels=["staff"])
            before = told_by(workspace)

            def stop(done: int, _total: int) -> None:
                if done == 2:
                    service.faults.from_request(3, "after")

            with pytest.raises(WorkspaceError, match=r"failed|did not show"):
                move(workspace, settings.kind, settings.url, key_variable="KEY_OF_THE_STORE", progress=stop)
            service.faults.none()
            moved = move(workspace, settings.kind, settings.url, key_variable="KEY_OF_THE_STORE")
            assert (moved.copied in (1, 2), moved.compared.differences, moved.compared.documents) == (True, (), 4)
        written = (tmp_path / "kb" / "instill.toml").read_text()
        assert f'kind = "{settings.kind}"' in written
        assert 'key_variable = "KEY_OF_THE_STORE"' in written
        assert self.key not in written
        with Workspace.open(tmp_path / "kb") as workspace:
            assert workspace.index.generation.store == settings.kind
            assert not workspace.index.capabilities.tried
            assert told_by(workspace) == before
            assert move(workspace, "lance").compared.differences == ()
        with Workspace.open(tmp_path / "kb") as workspace:
            assert told_by(workspace) == before


def version_held(index: Index, number: int) -> int:
    """The version of a document, all of whose passages are of that version and are found."""
    [record] = index.records(doc_ids=[doc_id_of(number)])
    made = version_of(number, int(str(record.metadata["version"])))
    assert [passage.text for passage in index.passages_of(doc_id_of(number))] == [each.text for each in made.passages]
    request = SearchRequest("version", k=100, documents=(doc_id_of(number),))
    hits = index.search(request, encode("version"), ZScoreFusion()).hits
    assert sorted(hit.text for hit in hits) == sorted(each.text for each in made.passages)
    return int(str(record.metadata["version"]))


def held_in(held: int, version: int) -> list[tuple[int, int]]:
    return [*((number, held) for number in range(3)), (7, version)]


def told_by(workspace: Workspace) -> list[object]:
    hits = workspace.search("how much may a hotel cost", labels=["staff"]).hits
    return [workspace.documents(), [(hit.doc_id, hit.ordinal, hit.text, round(hit.vector_score, 4)) for hit in hits]]
