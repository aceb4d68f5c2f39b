"""The Lance table in a bucket passes the suite for stores, and loses and doubles nothing whatever the network does."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pydantic import SecretStr

from instill.common.object_storage import address as connecting
from instill.errors import UsageError, WorkspaceError
from instill.index.fusion import ZScoreFusion
from instill.index.stores.objects import address as address_module
from instill.index.types import SearchRequest
from instill.settings import StoreSettings, set_in_file
from instill.testing.store_conformance import StoreConformance
from instill.testing.store_corpus import doc_id_of, encode
from instill.testing.store_writer import opened, version_of
from instill.workspace import Workspace
from instill.workspace.doctor import examine
from instill.workspace.moving import move
from tests.index.faulty_proxy import Fault, Faults, Kind, proxied
from tests.index.s3_server import KEY, contents_of, delete_bucket, make_bucket, running_s3
from tests.index.stores_needed import needs

_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running_s3() as address:
        make_bucket(address, "documents")
        yield address


def settings_for(address: str, prefix: str = "", **more: str) -> StoreSettings:
    """A prefix of its own in the bucket."""
    asked = "&".join(f"{name}={value}" for name, value in {"endpoint": address, "lease_s": "2", **more}.items())
    return StoreSettings(
        kind="s3", url=f"s3://documents/{prefix or f'team {next(_NUMBERS)}/docs'}?{asked}", key=SecretStr(KEY)
    )


class OnS3(StoreConformance):
    @pytest.fixture
    def settings(self, server: str) -> StoreSettings:
        return settings_for(server)

    def another(self, settings: StoreSettings, number: int) -> StoreSettings:
        return settings.model_copy(update={"url": settings.url.replace("?", f"/{number}?")})


@needs("obstore", "s3")
class TestS3(OnS3):
    """What the bucket changes; the rest is the same code as for a folder, and runs with LONG_TESTS=yes."""

    test_filters_mean_the_same = None  # type: ignore[assignment]
    test_a_caller_gets_what_an_index_of_the_visible_documents_would_give = None  # type: ignore[assignment]
    test_any_sequence_of_changes_is_what_a_dictionary_would_hold = None  # type: ignore[assignment]
    test_no_text_means_anything_to_the_store = None  # type: ignore[assignment]
    test_rankings_are_those_of_an_exact_search = None  # type: ignore[assignment]
    test_many_passages_are_searched_within_their_filter = None  # type: ignore[assignment]
    test_a_long_document_is_whole = None  # type: ignore[assignment]
    test_names_and_labels_change_and_vectors_stay = None  # type: ignore[assignment]
    test_versions_grow_with_every_commit = None  # type: ignore[assignment]
    test_two_processes_write = None  # type: ignore[assignment]
    test_a_writer_that_is_killed_leaves_the_old_or_the_new = None  # type: ignore[assignment]


@pytest.mark.long
@needs("obstore", "s3")
class TestAllOnS3(OnS3):
    """The whole suite."""


@pytest.fixture
def proxy(server: str) -> Iterator[tuple[str, Faults]]:
    with proxied(server) as found:
        yield found


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused is asked for twice more, not for half a minute."""
    monkeypatch.setattr(connecting, "RETRIES", 2)


def read_by(folder: Path, settings: StoreSettings) -> dict[str, list[str]]:
    """All texts by document, as another machine finds them: it has a folder of its own."""
    index = opened(folder, settings)
    assert index.damage() == []
    found = {record.doc_id: [each.text for each in index.passages_of(record.doc_id)] for record in index.records()}
    assert index.count() == (len(found), sum(map(len, found.values())))
    index.close()
    return found


def texts_of(version: int, numbers: Sequence[int]) -> dict[str, list[str]]:
    made = [version_of(number, version) for number in numbers]
    return {each.document.doc_id: [passage.text for passage in each.passages] for each in made}


class TestFaults:
    """Every kind of fault, in a pattern that is decided beforehand: nothing lost, nothing doubled."""

    @pytest.mark.parametrize(
        "fault",
        [
            "cut in the middle",
            *(pytest.param(each, marks=pytest.mark.long) for each in ("busy", "cut before", "cut after", "slow")),
        ],
    )
    def test_every_third_request_goes_wrong(
        self, fault: Kind, proxy: tuple[str, Faults], server: str, tmp_path: Path
    ) -> None:
        address, faults = proxy
        prefix = f"faults/{fault.replace(' ', '-')}"
        index = opened(tmp_path / "a", settings_for(address, prefix, lease_s="30"))
        count = itertools.count(1)
        faults.choose = lambda method, path: fault if next(count) % 3 == 0 else ""
        for version in (1, 2):
            index.commit([version_of(number, version) for number in range(4)])
            assert index.count()[0] == 4
        assert index.remove([doc_id_of(3)]) == 1
        index.rename(doc_id_of(2), source="/elsewhere.txt", title="Elsewhere")
        assert sum(hit == fault for _, _, hit in faults.seen) > 10
        index.close()
        assert read_by(tmp_path / "b", settings_for(server, prefix)) == texts_of(2, range(3))

    def test_a_commit_whose_answer_is_lost_is_made_once(
        self, proxy: tuple[str, Faults], server: str, tmp_path: Path
    ) -> None:
        address, faults = proxy
        index = opened(tmp_path / "a", settings_for(address, "answers"))
        cut: list[str] = []

        def choose(method: str, path: str) -> Fault:
            if method == "PUT" and path not in cut:
                cut.append(path)
                return "cut after"
            return ""

        faults.choose = choose
        for version in (1, 2):
            index.commit([version_of(number, version) for number in range(3)])
        assert len([path for path in cut if "/_versions/" in path]) == 2
        index.close()
        assert read_by(tmp_path / "b", settings_for(server, "answers")) == texts_of(2, range(3))

    def test_two_commits_at_the_same_moment_give_each_passage_once(
        self, proxy: tuple[str, Faults], server: str, tmp_path: Path
    ) -> None:
        """A writer that stands still until its lease has ended, in the middle of its commit."""
        address, faults = proxy
        first = opened(tmp_path / "a", settings_for(address, "moment", lease_s="1"))
        second = opened(tmp_path / "b", settings_for(server, "moment", lease_s="1"))
        held = threading.Event()

        def choose(method: str, path: str) -> Fault:
            if method != "PUT" or ("/_versions/" not in path and "write.lock" not in path) or faults.release.is_set():
                return ""
            if "/_versions/" in path:
                held.set()
            return "held" if held.is_set() else ""  # neither the commit nor the renewed lease gets through

        faults.choose = choose
        writer = threading.Thread(target=first.commit, args=([version_of(number, 3) for number in range(3)],))
        writer.start()
        assert held.wait(20)
        second.commit([version_of(number, 5) for number in range(3)])
        faults.release.set()
        writer.join(30)
        assert not writer.is_alive()
        first.close()
        second.close()
        assert read_by(tmp_path / "c", settings_for(server, "moment")) == texts_of(3, range(3))

    @pytest.mark.usefixtures("impatient")
    def test_what_was_begun_when_the_storage_vanishes_leaves_what_was_there(
        self, proxy: tuple[str, Faults], server: str, tmp_path: Path
    ) -> None:
        address, faults = proxy
        index = opened(tmp_path / "a", settings_for(address, "vanishing", lease_s="1"))
        index.commit([version_of(number, 1) for number in range(3)])
        index.count()
        for after in (2, 5, 8):
            count = itertools.count(1)
            faults.choose = lambda method, path, last=after, count=count: (  # type: ignore[misc]
                (503, "SlowDown") if next(count) > last else ""
            )
            with pytest.raises(WorkspaceError, match="too busy"):
                index.commit([version_of(number, 2) for number in range(3)])
            faults.choose = lambda method, path: ""
            found = read_by(tmp_path / f"b{after}", settings_for(server, "vanishing"))
            assert found in (texts_of(1, range(3)), texts_of(2, range(3)))


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "RequestTimeTooSkewed", "clock of this machine"),
        (403, "InvalidAccessKeyId", "does not know these credentials"),
        (503, "SlowDown", "too busy"),
        *(
            pytest.param(*each, marks=pytest.mark.long)
            for each in (
                (400, "ExpiredToken", "does not know these credentials"),
                (403, "AccessDenied", "does not allow this"),
                (404, "NoSuchBucket", "bucket is not there"),
                (301, "PermanentRedirect", "another region"),
                (501, "NotImplemented", "lacks conditional writes"),
            )
        ),
    ],
)
@pytest.mark.usefixtures("impatient")
def test_what_the_storage_refuses_is_said_plainly(
    status: int, code: str, said: str, proxy: tuple[str, Faults], tmp_path: Path
) -> None:
    address, faults = proxy
    settings = settings_for(address, "refused")
    index = opened(tmp_path / "a", settings)
    index.commit([version_of(1, 1)])
    faults.choose = lambda method, path: (status, code)
    for use in (index.count, lambda: index.commit([version_of(1, 2)]), lambda: opened(tmp_path / "b", settings)):
        with pytest.raises(WorkspaceError, match=said) as caught:
            use()
        assert caught.value.where == "s3://documents/refused"
        assert caught.value.remedy


def test_a_bucket_that_vanishes_is_named(server: str, tmp_path: Path) -> None:
    make_bucket(server, "short-lived")
    settings = StoreSettings(kind="s3", url=f"s3://short-lived/a?endpoint={server}&lease_s=2", key=SecretStr(KEY))
    index = opened(tmp_path / "a", settings)
    index.commit([version_of(1, 1)])
    assert index.count()[0] == 1
    delete_bucket(server, "short-lived")
    for use in (index.count, lambda: index.commit([version_of(1, 2)]), lambda: opened(tmp_path / "b", settings)):
        with pytest.raises(WorkspaceError, match="bucket is not there"):
            use()


@pytest.mark.usefixtures("impatient")
def test_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="cannot be reached"):
        opened(tmp_path / "a", settings_for("http://127.0.0.1:9"))


def test_no_credentials_are_looked_for_on_the_network(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    without = settings_for(server, "profile").model_copy(update={"key": SecretStr("")})
    with pytest.raises(UsageError, match="no credentials"):
        opened(tmp_path / "a", without)
    (tmp_path / "credentials").write_text("[team]\naws_access_key_id = a\naws_secret_access_key = b\n")
    monkeypatch.setenv("AWS_PROFILE", "team")
    assert opened(tmp_path / "a", without).count() == (0, 0)
    wrong = without.model_copy(update={"key": SecretStr("only-one-part")})
    with pytest.raises(UsageError, match="ID:SECRET"):
        opened(tmp_path / "b", wrong)


@pytest.mark.parametrize(
    "url",
    ["", "s3:/", "s3://", "s3://UPPER/x", "https://a/b", "s3://docs/../x", "s3://docs/a?endpoint=ftp://x", "s3://docs?x=1",
     "s3://docs/a?lease_s=never", "s3://docs/a?lease_s=0", "s3://docs/ä", "s3://docs/a#b", "s3://id:key@docs/a"],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="not an address of object storage"):
        address_module.parsed(url)


class TestCopy:
    """Queries read the copy on the local disk."""

    def test_a_query_reads_no_file_of_the_table_twice(
        self, proxy: tuple[str, Faults], server: str, tmp_path: Path
    ) -> None:
        address, faults = proxy
        index = opened(tmp_path / "a", settings_for(address, "copied"))
        index.commit([version_of(number, 1) for number in range(5)])
        index.count()
        faults.seen.clear()
        for word in ("passage", "version", "document"):
            assert index.search(SearchRequest(word, k=3), encode(word), ZScoreFusion()).hits
        assert {method for method, _, _ in faults.seen} == {"GET"}
        assert all("list-type=2" in path and "_versions" in path for _, path, _ in faults.seen)
        opened(tmp_path / "b", settings_for(server, "copied")).commit([version_of(9, 1)])
        faults.seen.clear()
        assert index.count()[0] == 6  # what another machine added is there at once
        fetched = [path for _, path, _ in faults.seen if "list-type" not in path]
        assert len(fetched) == len(set(fetched)) > 0

    def test_a_table_that_is_too_large_is_read_in_the_bucket(self, server: str, tmp_path: Path) -> None:
        settings = settings_for(server, "large").model_copy(update={"cache_gb": 1e-6})
        index = opened(tmp_path / "a", settings)
        index.commit([version_of(number, 1) for number in range(5)])
        assert index.count()[0] == 5
        assert not list((tmp_path / "a").rglob("*.manifest"))
        hits = index.search(SearchRequest("document 3 version", k=2), encode("x"), ZScoreFusion()).hits
        assert len(hits) == 2

    def test_a_damaged_copy_is_made_again(self, server: str, tmp_path: Path) -> None:
        settings = settings_for(server, "torn")
        index = opened(tmp_path / "a", settings)
        index.commit([version_of(number, 1) for number in range(5)])
        index.count()
        for file in (tmp_path / "a").rglob("*.lance"):
            if file.is_file():
                file.write_bytes(file.read_bytes()[:10])
        assert read_by(tmp_path / "a", settings) == texts_of(1, range(5))


def test_a_workspace_moves_to_a_bucket_and_is_used_from_another_folder(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every kind of command: add, search, remove with --purge, reindex, and back."""
    monkeypatch.setenv("INSTILL_STORE__KEY", KEY)
    url = settings_for(server, "workspace").url
    (tmp_path / "rent.md").write_text("# Rent\n\nThe rent is 900 euros a month.\n")
    (tmp_path / "secret.md").write_text("# Secret\n\nThe zebra password is hunter2.\n")
    here = Workspace.init(tmp_path / "here")
    here.add([tmp_path / "rent.md"])
    with pytest.raises(UsageError, match="not an address of object storage"):
        move(here, "s3", "s3://")
    assert move(here, "s3", url).compared.differences == ()
    here.close()
    with pytest.raises(UsageError, match="index at this address already"):
        move(_with(tmp_path / "third", tmp_path / "rent.md"), "s3", url)

    there = tmp_path / "there"
    Workspace.init(there).close()
    set_in_file(there / "instill.toml", "store", {"kind": "s3", "url": url})
    with Workspace.open(there) as other, Workspace.open(tmp_path / "here") as first:
        assert "900 euros" in other.search("rent").hits[0].text
        other.add([tmp_path / "secret.md"])
        assert {hit.title for hit in first.search("zebra password").hits} >= {"Secret"}
        first.purge([record.doc_id for record in first.remove([tmp_path / "secret.md"])])
    for folder in (tmp_path / "here", there):
        with Workspace.open(folder) as opened_again:
            assert opened_again.index.count()[0] == 1
            assert not any(
                b"hunter2" in file.read_bytes() for file in (folder / ".instill").rglob("*") if file.is_file()
            )
    assert all(b"hunter2" not in content for content in contents_of(server, "documents", "workspace"))
    with Workspace.open(there) as other:
        other.reindex()
        assert other.search("rent").hits
    with Workspace.open(tmp_path / "here") as first:
        assert first.search("rent").hits
        assert [each.verdict for each in examine(str(tmp_path / "here")) if each.name in ("index", "store")] == [
            "ok",
            "ok",
        ]
        move(first, "lance")
    with Workspace.open(tmp_path / "here") as first:
        assert first.search("rent").hits


@needs("obstore", "s3")
def test_what_other_machines_keep_of_what_is_forgotten_is_named(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what the receipt tells to do there takes it out."""
    monkeypatch.setenv("INSTILL_STORE__KEY", KEY)
    url = settings_for(server, "forgetting").url
    shown = "s3://documents/forgetting"
    files = {name: tmp_path / f"{name}.md" for name in ("rent", "pets")}
    files["rent"].write_text("# Rent\n\nThe rent is 900 euros a month.\n")
    files["pets"].write_text("# Pets\n\nThe zebra of the house is called Hubert.\n")
    for name in ("here", "there"):
        Workspace.init(tmp_path / name).close()
        set_in_file(tmp_path / name / "instill.toml", "store", {"kind": "s3", "url": url})
    with Workspace.open(tmp_path / "here") as here, Workspace.open(tmp_path / "there") as there:
        here.add(list(files.values()))
        assert "Hubert" in there.ask("What is the zebra called?").text
        plan, receipt = here.forgetting_plan("pets.md"), here.forget("pets.md")
        kept = {each.where: each.said for each in receipt.not_removed}
        assert kept[f"other machines that use {shown}"] == (
            "Each keeps a copy of the table on its disk until its next query, and whatever it has made of it or was "
            "asked about it: conversations, the log of questions, study sets, reports, uploads and weights. On each, "
            "run: instill remove --purge. `add` and `sync` there can bring it back, because only this folder knows "
            "that it stays out."
        )
        assert (
            kept[f"index in s3 {url}"] == "If the bucket keeps versions of its objects, the earlier ones hold it still."
        )
        assert [each for each in plan.stays if shown in each.where] == [
            each for each in receipt.not_removed if shown in each.where
        ]
        assert there.catalog.question_count() == 1
    with Workspace.open(tmp_path / "there") as there:
        purged = there.purge()
        assert purged.exchanges == 1
        assert [each.where for each in purged.elsewhere] == [f"other machines that use {shown}"]
        assert "can bring it back" not in purged.elsewhere[0].said
    assert not any(b"Hubert" in file.read_bytes() for file in (tmp_path / "there").rglob("*") if file.is_file())


def _with(folder: Path, file: Path) -> Workspace:
    workspace = Workspace.init(folder)
    workspace.add([file])
    return workspace
