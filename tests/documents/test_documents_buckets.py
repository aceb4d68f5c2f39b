"""Documents in object storage, read from a real S3 server: what is listed, fetched, followed, refused and kept."""

from __future__ import annotations

import hashlib
import itertools
import os
import pickle
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from pathspec import GitIgnoreSpec

from instill.common.extras import how_to_install
from instill.common.object_storage import address as connecting
from instill.common.ray_cluster import Mistake
from instill.documents import buckets
from instill.documents.plugged import Formats
from instill.documents.sources import Source, SourceProblem, find_sources
from instill.errors import DocumentError, UsageError, WorkspaceError
from instill.ingest import ray_workers
from instill.ingest.document_references import resolve
from instill.ingest.run import Ingest
from instill.ingest.types import Attributes, IngestReport
from instill.ingest.workers import Cut, Later, LocalWorkers, Reading
from instill.settings import DocumentSettings
from instill.workspace import Workspace
from instill.workspace.doctor import examine
from tests.index.faulty_proxy import Fault, Faults, proxied
from tests.index.s3_server import client, delete_bucket, make_bucket, running_s3
from tests.index.stores_needed import needs

pytestmark = needs("obstore", "s3")

SETTINGS = DocumentSettings()
_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running_s3() as address:
        yield address


@pytest.fixture
def bucket(server: str) -> str:
    """A new bucket's name."""
    name = f"papers-{next(_NUMBERS)}"
    make_bucket(server, name)
    return name


@pytest.fixture
def proxy(server: str) -> Iterator[tuple[str, Faults]]:
    with proxied(server) as found:
        yield found


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    monkeypatch.setattr(connecting, "RETRIES", 1)


def put(server: str, bucket: str, **texts: str | bytes) -> None:
    """Objects by name; "/" is "__" and "." is "_dot_" in the names of arguments."""
    import obstore

    for name, text in texts.items():
        data = text.encode() if isinstance(text, str) else text
        obstore.put(client(server, bucket), name.replace("__", "/").replace("_dot_", "."), data)


def delete(server: str, bucket: str, name: str) -> None:
    import obstore

    obstore.delete(client(server, bucket), name)


def put_raw(server: str, bucket: str, name: str | bytes, data: bytes = b"x") -> None:
    """A new object with any name that the protocol can carry."""
    raw = name.encode() if isinstance(name, str) else name
    place = f"{server}/{bucket}/{quote(raw, safe='/')}"
    request = urllib.request.Request(place, data, {"Content-Type": "application/octet-stream"}, method="PUT")
    urllib.request.urlopen(request, timeout=10).read()


def at(server: str, bucket: str, name: str = "") -> str:
    """The source of an object, or the place of a prefix."""
    return f"s3://{urlsplit(server).netloc}/{bucket}/{name}".rstrip("/")


def url(server: str, bucket: str, prefix: str = "") -> str:
    return f"s3://{bucket}/{prefix}?endpoint={server}"


def listed(named: str, exclude: Sequence[str] = ()) -> tuple[list[str], list[SourceProblem]]:
    """Names below the bucket, and the problems."""
    found = list(find_sources([named], base=Path("/"), exclude=exclude))
    names = ["/".join(each.source.split("/")[4:]) for each in found if isinstance(each, Source)]
    return names, [each for each in found if isinstance(each, SourceProblem)]


def said(report: IngestReport) -> dict[str, str]:
    return {each.source: f"{each.what} {each.remedy}" for each in report.failed}


class TestListing:
    def test_all_below_a_prefix_in_the_order_of_names_without_what_is_excluded(self, server: str, bucket: str) -> None:
        for name in ("docs/b.md", "docs/a.md", "docs/deep/er/c.txt", "docs/node_modules/d.js", "docs-old/e.md", "f.md"):
            put_raw(server, bucket, name)
        exclude = ["node_modules/", "/a.md"]
        assert listed(url(server, bucket, "docs"), exclude) == (["docs/b.md", "docs/deep/er/c.txt"], [])
        assert listed(url(server, bucket, "docs/a.md"), exclude) == (["docs/a.md"], [])  # named itself
        assert listed(url(server, bucket), exclude)[0] == [
            "docs-old/e.md", "docs/a.md", "docs/b.md", "docs/deep/er/c.txt", "f.md",
        ]  # fmt: skip

    def test_what_is_known_without_fetching(self, server: str, bucket: str) -> None:
        put(server, bucket, docs__a_dot_md="hello")
        (found,) = find_sources([url(server, bucket)], base=Path("/"), exclude=[])
        assert isinstance(found, Source)
        assert (found.source, found.name, found.size) == (at(server, bucket, "docs/a.md"), "a.md", 5)
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", found.modified)
        loaded = found.load(SETTINGS)
        assert (loaded.data, loaded.modified) == (b"hello", found.modified)
        assert found.object is not None
        assert loaded.fields == {"etag": found.object.etag} != {"etag": ""}

    def test_markers_of_folders_are_no_documents(self, server: str, bucket: str) -> None:
        for name in ("docs/", "docs/v1.0/", "docs/v1.0/a.md", "docs/empty/", "docs/empty.md"):
            put_raw(server, bucket, name, b"x" if name.endswith("a.md") else b"")
        assert listed(url(server, bucket))[0] == ["docs/empty.md", "docs/v1.0/a.md"]

    @pytest.mark.parametrize(
        "name",
        ["a b.md", "ä/ü.md", "what?.md", "#1.md", "100%.md", "%41.md", "back\\slash.md", "[x]*.md", "a:b&<>.md",
         "\u202egnp.md", "\U0001f600.md", "x" * 900 + ".md", "..hidden/...md"],
    )  # fmt: skip
    def test_odd_names_are_names(self, name: str, server: str, bucket: str) -> None:
        put_raw(server, bucket, name, b"hello")
        (found,) = find_sources([url(server, bucket)], base=Path("/"), exclude=[])
        assert isinstance(found, Source)
        assert (found.source, found.load(SETTINGS).data) == (at(server, bucket, name), b"hello")

    @pytest.mark.parametrize(
        ("name", "shown"),
        [("a//b.md", "a//b.md"), ("a/../b.md", "a/../b.md"), ("a/./b.md", "a/./b.md"), ("a/c\x01.md", r"a/c\u{1}.md"),
         ("a/c\t.md", r"a/c\t.md")],
    )  # fmt: skip
    def test_a_name_that_is_no_path_hides_its_folder_and_no_other(
        self, name: str, shown: str, server: str, bucket: str
    ) -> None:
        put_raw(server, bucket, name)
        put(server, bucket, z__good_dot_md="good", a__x__deep_dot_md="deep")
        names, (problem,) = listed(url(server, bucket))
        assert names == ["z/good.md"]
        assert (problem.source, problem.below) == (at(server, bucket, "a"), "unknown")
        assert (
            problem.error.what == f'It cannot be listed: an object in it has a name that cannot be a path: "{shown}".'
        )

    def test_names_that_begin_with_a_slash_or_are_no_text_fail_alone(self, server: str, bucket: str) -> None:
        put_raw(server, bucket, "/lead.md")
        put_raw(server, bucket, b"bad\xff.md")
        put(server, bucket, good_dot_md="good")
        found = {each.source: each for each in find_sources([url(server, bucket)], base=Path("/"), exclude=[])}
        lead, good = found[at(server, bucket, "lead.md")], found[at(server, bucket, "good.md")]
        assert isinstance(lead, Source)
        assert isinstance(good, Source)
        with pytest.raises(DocumentError, match="The object is gone: it was listed a moment before"):
            lead.load(SETTINGS)
        assert good.load(SETTINGS).data == b"good"
        assert len(found) == 3

    def test_a_listing_streams(self, server: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of 100,000 objects the first comes before the second page is asked for."""
        import obstore

        asked: list[int] = []

        def pages(*_: object, **__: object) -> Iterator[list[dict[str, object]]]:
            for page in range(100):
                asked.append(page)
                yield [
                    {"path": f"d/{page:03}{n:03}.md", "size": 1, "e_tag": "x", "last_modified": when}
                    for n in range(1000)
                ]

        when = datetime(2026, 1, 1, tzinfo=UTC)
        monkeypatch.setattr(obstore, "list", pages)
        found = buckets.find_objects(url(server, bucket), GitIgnoreSpec([]))
        next(found)
        assert asked == [0]
        assert len(list(itertools.islice(found, 1500))) == 1500
        assert asked == [0, 1]

    def test_a_listing_that_breaks_off_goes_on(self, bucket: str, server: str, proxy: tuple[str, Faults]) -> None:
        address, faults = proxy
        for number in range(5):
            put_raw(server, bucket, f"{number}.md")
        count = itertools.count()
        faults.choose = lambda method, path: "cut in the middle" if "list-type" in path and next(count) < 2 else ""
        assert listed(url(address, bucket))[0] == [f"{number}.md" for number in range(5)]
        assert next(count) == 3


class TestFetching:
    def fetched(self, server: str, bucket: str, **settings: float) -> bytes:
        (found,) = find_sources([url(server, bucket)], base=Path("/"), exclude=[])
        assert isinstance(found, Source)
        return found.load(SETTINGS.model_copy(update=settings)).data

    def test_a_huge_object_is_refused_by_the_listing(self, server: str, bucket: str, proxy: tuple[str, Faults]) -> None:
        address, faults = proxy
        put(server, bucket, a_dot_md=b"x" * 2**20)
        with pytest.raises(DocumentError, match="the limit is 0 MB"):
            self.fetched(address, bucket, max_file_mb=0.5)
        assert not [path for method, path, _ in faults.seen if method == "GET" and "a.md" in path]

    def test_an_object_that_grew_is_not_read_to_its_end(self, server: str, bucket: str) -> None:
        put(server, bucket, a_dot_md=b"x")
        (found,) = find_sources([url(server, bucket)], base=Path("/"), exclude=[])
        put(server, bucket, a_dot_md=b"x" * 8 * 2**20)
        assert isinstance(found, Source)
        with pytest.raises(DocumentError, match=r"The file is [1-7] MB; the limit is 1 MB") as caught:
            found.load(SETTINGS.model_copy(update={"max_file_mb": 0.6}))
        assert caught.value.where == at(server, bucket, "a.md")

    def test_a_connection_that_breaks_off_is_made_again(
        self, server: str, bucket: str, proxy: tuple[str, Faults]
    ) -> None:
        address, faults = proxy
        put(server, bucket, a_dot_md=b"hello" * 1000)
        count = itertools.count()
        faults.choose = lambda method, path: (
            "cut in the middle" if method == "GET" and "a.md" in path and next(count) < 2 else ""
        )
        assert self.fetched(address, bucket) == b"hello" * 1000

    @pytest.mark.parametrize(
        ("status", "code", "error", "words"),
        [
            (404, "NoSuchKey", DocumentError, "The object is gone"),
            (403, "AccessDenied", DocumentError, "may not read the object"),
            (403, "InvalidObjectState", DocumentError, "archived"),
            (404, "NoSuchBucket", WorkspaceError, "bucket is not there"),
            (403, "RequestTimeTooSkewed", WorkspaceError, "clock of this machine"),
            (503, "SlowDown", WorkspaceError, "too busy"),
        ],
    )
    def test_what_concerns_one_object_fails_it_and_what_concerns_all_ends_the_run(
        self, status: int, code: str, error: type[Exception], words: str, server: str, bucket: str,
        proxy: tuple[str, Faults],
    ) -> None:  # fmt: skip
        address, faults = proxy
        put(server, bucket, a_dot_md=b"hello")
        faults.choose = lambda method, path: (status, code) if method == "GET" and "a.md" in path else ""
        with pytest.raises(error, match=words):
            self.fetched(address, bucket)


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "code", "words"),
        [
            (404, "NoSuchBucket", "The bucket is not there, or not any more. Check the address"),
            (403, "AccessDenied", "does not allow this with these credentials. They need to list the bucket"),
            (
                403,
                "InvalidAccessKeyId",
                "does not know these credentials, or they have expired. Renew AWS_ACCESS_KEY_ID",
            ),
            (400, "ExpiredToken", "does not know these credentials"),
            (403, "RequestTimeTooSkewed", "the clock of this machine differs too much from its own. Set the clock"),
            (503, "SlowDown", "too busy and was asked again several times. Run the command again later"),
            (301, "PermanentRedirect", "in another region. Add the region to the address: ?region=NAME"),
        ],
    )
    def test_a_bucket_that_cannot_be_listed_says_why(
        self, status: int, code: str, words: str, proxy: tuple[str, Faults]
    ) -> None:
        address, faults = proxy
        faults.choose = lambda method, path: (status, code)
        names, (problem,) = listed(url(address, "papers", "docs"))
        assert (names, problem.source, problem.below) == ([], at(address, "papers", "docs"), "unknown")
        assert words in f"{problem.error.what} {problem.error.command}"

    def test_its_documents_are_kept(self, bucket: str, server: str, proxy: tuple[str, Faults], tmp_path: Path) -> None:
        address, faults = proxy
        put(server, bucket, docs__a_dot_md="# Mills\n\nThe mill ground 70 sacks.")
        with Workspace.init(tmp_path) as workspace:
            workspace.add(url(address, bucket, "docs"))
            faults.choose = lambda method, path: (403, "AccessDenied")
            report = workspace.sync()
            assert (report.removed, list(said(report))) == ([], [at(address, bucket, "docs")])
            assert len(workspace.documents()) == 1
            faults.choose = lambda method, path: ""
            assert workspace.sync().unchanged == 1

    def test_who_may_read_one_object_and_not_list_adds_it(
        self, bucket: str, server: str, proxy: tuple[str, Faults]
    ) -> None:
        address, faults = proxy
        put(server, bucket, docs__a_dot_md="The mill.")
        faults.choose = lambda method, path: (403, "AccessDenied") if "list-type" in path else ""
        assert listed(url(address, bucket, "docs/a.md")) == (["docs/a.md"], [])

    def test_nobody_answers(self, tmp_path: Path) -> None:
        with Workspace.init(tmp_path) as workspace:
            (text,) = said(workspace.add("s3://docs/a?endpoint=http://127.0.0.1:9")).values()
        assert "The object storage cannot be reached" in text
        assert "Check the network and the address" in text

    def test_no_credentials_and_no_package(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        with Workspace.init(tmp_path) as workspace:
            (text,) = said(workspace.add("s3://docs/a")).values()
            assert text == (
                "There are no credentials for the object storage. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                "AWS_PROFILE; on a machine that has a role: AWS_EC2_METADATA_DISABLED=false."
            )
            monkeypatch.setitem(sys.modules, "obstore", None)
            (text,) = said(workspace.add("s3://docs/a")).values()
            assert text == f"Documents in object storage need obstore. {how_to_install('s3')}"

    @pytest.mark.parametrize(
        ("named", "words"),
        [
            ("s3://", "it names no bucket"),
            ("s3://UPPER/x", "it names no bucket"),
            ("s3://docs/../x", "may not have . or .."),
            ("s3://docs/a\nb", "control character"),
            ("s3://docs/a?endpoint=ftp://x", "not an http or https address"),
            ("s3://docs/a?endpoint=http://x:99999", "cannot be read"),
            ("s3://docs/a?access_key=hunter2", "more than endpoint and region: access_key"),
            ("s3://docs/a#hunter2", "a part after #"),
            ("s3://id:hunter2@docs/a", "user name or password"),
            ("s3://docs/a?endpoint=http://id:hunter2@x", "user name or password"),
        ],
    )
    def test_what_is_no_address_is_refused_and_not_kept(self, named: str, words: str, tmp_path: Path) -> None:
        with Workspace.init(tmp_path) as workspace:
            (failure,) = workspace.add(named).failed
            assert words in failure.what
            assert "hunter2" not in str(failure)
            assert workspace.catalog.roots() == []

    def test_an_http_address_with_a_password_is_not_kept_either(self, tmp_path: Path) -> None:
        with Workspace.init(tmp_path) as workspace:
            assert len(workspace.add("http://ann:hunter2@127.0.0.1:9/a").failed) == 1
            assert workspace.catalog.roots() == []


class TestWorkspace:
    def test_a_bucket_is_added_and_followed(
        self, server: str, bucket: str, proxy: tuple[str, Faults], tmp_path: Path
    ) -> None:
        address, faults = proxy
        put(server, bucket, docs__a_dot_md="# Mills\n\nThe mill ground 70 sacks.", docs__b_dot_md="Rent is 900 euros.")
        put(server, bucket, docs__data_dot_bin=bytes(range(256)), docs__drafts__c_dot_md="draft", other__d_dot_md="d")
        (tmp_path / "kb").mkdir()
        with Workspace.init(tmp_path / "kb") as made:
            (made.path / "instill.toml").write_text('[documents]\nexclude = ["drafts/"]\n')
        with Workspace.open(tmp_path / "kb") as workspace:
            report = workspace.add(url(address, bucket, "docs/"), labels=["mill"])
            assert report.added == [at(address, bucket, "docs/a.md"), at(address, bucket, "docs/b.md")]
            assert list(said(report)) == [at(address, bucket, "docs/data.bin")]
            assert [hit.source for hit in workspace.search("rent", k=1).hits] == [at(address, bucket, "docs/b.md")]
            (record,) = (each for each in workspace.documents() if each.source.endswith("a.md"))
            assert (record.labels, record.title, record.size) == (("mill",), "Mills", 34)
            delete(server, bucket, "docs/data.bin")

            faults.seen.clear()
            report = workspace.sync()
            assert (report.unchanged, report.added, report.changed, report.removed) == (2, [], [], [])
            assert not [path for method, path, _ in faults.seen if method == "GET" and "list-type" not in path]

            put(server, bucket, docs__a_dot_md="# Mills\n\nThe mill ground 71 sacks.", docs__new_dot_md="A new page.")
            delete(server, bucket, "docs/b.md")
            report = workspace.sync()
            assert report.changed == [at(address, bucket, "docs/a.md")]
            assert report.added == [at(address, bucket, "docs/new.md")]
            assert report.removed == [at(address, bucket, "docs/b.md")]
            after = {each.source: each for each in workspace.documents()}
            assert after[record.source].doc_id == record.doc_id
            assert {each.labels for each in after.values()} == {("mill",)}

            kept = [file for file in (workspace.path / ".instill").rglob("*") if file.is_file()]
            assert not any(b"test-secret" in file.read_bytes() for file in kept)
            workspace.add(url(address, bucket, "docs"), labels=["rent"])
            assert {each.labels for each in workspace.documents()} == {("rent",)}
            assert [root.path for root in workspace.catalog.roots()] == [f"s3://{bucket}/docs?endpoint={address}"]
            found = {each.name: each for each in examine(str(workspace.path))}["bucket"]
            assert (found.verdict, found.what) == ("ok", f"s3://{bucket}/docs?endpoint={address}: can be listed")
            assert workspace.status(labels=["rent"]).roots == [f"s3://{bucket}/docs?endpoint={address}"]

    def test_the_same_content_written_anew_is_read_and_stays(self, server: str, bucket: str, tmp_path: Path) -> None:
        """A tag that is not of the content: the object is fetched, and no passage is encoded again."""
        put(server, bucket, a_dot_md="The mill ground 70 sacks.")
        with Workspace.init(tmp_path) as workspace:
            workspace.add([url(server, bucket)], metadata={"etag": "the user's own"})
            report = workspace.sync()
            assert (report.unchanged, report.passages) == (1, 0)
            workspace.add([url(server, bucket)], labels=["x"])
            assert [each.labels for each in workspace.documents()] == [("x",)]

    def test_the_nodes_of_a_cluster_fetch_the_objects(
        self, server: str, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """They are sent names and no bytes; what they say of the bytes decides."""
        put(server, bucket, a_dot_md="The mill.", b_dot_md="The rent.", c_dot_bin=bytes(range(256)))
        sent: list[Reading] = []

        class Nodes(LocalWorkers):
            def read(self, reading: Reading) -> Later[Cut]:
                sent.append(pickle.loads(pickle.dumps(reading)))
                return Later(partial(self._on_node, sent[-1]))

            def _on_node(self, reading: Reading) -> Cut:
                found = ray_workers._read(setup, reading)
                if isinstance(found, Mistake):
                    raise found.error
                return found

        with Workspace.init(tmp_path) as workspace:
            fingerprint = workspace.encoder.fingerprint
            setup = ray_workers.Setup(
                documents=SETTINGS, encoder=workspace.settings.encoder, fingerprint=fingerprint
            ).model_dump_json()
            nodes = Nodes(SETTINGS, lambda: workspace.encoder, Formats())
            ingest = Ingest(workspace.index, lambda: workspace.encoder, fingerprint, SETTINGS, workers=nodes)
            sources = list(find_sources([url(server, bucket)], base=Path("/"), exclude=[]))
            ingest.add(sources, Attributes())
            assert ingest.report.added == [at(server, bucket, "a.md"), at(server, bucket, "b.md")]
            assert list(said(ingest.report)) == [at(server, bucket, "c.bin")]
            assert [each.data for each in sent] == [b""] * 3
            hashes = {each.source[-4:]: each.content_hash for each in workspace.documents()}
            assert hashes["a.md"] == hashlib.sha256(b"The mill.").hexdigest()
            monkeypatch.delenv("AWS_ACCESS_KEY_ID")
            with pytest.raises(UsageError, match="no credentials"):
                nodes.read(sent[0]).result()
            nodes.close()

    def test_an_object_that_is_gone_when_it_is_fetched_fails_alone(
        self, server: str, bucket: str, proxy: tuple[str, Faults], tmp_path: Path
    ) -> None:
        address, faults = proxy
        put(server, bucket, a_dot_md="The mill.", b_dot_md="The rent.", c_dot_md="The tea.")
        faults.choose = lambda method, path: (404, "NoSuchKey") if "b.md" in path and method == "GET" else ""
        with Workspace.init(tmp_path) as workspace:
            report = workspace.add(url(address, bucket))
            assert [source[-4:] for source in report.added] == ["a.md", "c.md"]
            assert list(said(report)) == [at(address, bucket, "b.md")]
            faults.choose = lambda method, path: ""
            assert workspace.sync().added == [at(address, bucket, "b.md")]

    def test_one_object_is_fetched_while_another_is(
        self, server: str, bucket: str, proxy: tuple[str, Faults], tmp_path: Path
    ) -> None:
        address, faults = proxy
        put(server, bucket, a_dot_md="The mill.", b_dot_md="The rent.")
        before: list[str] = []

        def choose(method: str, path: str) -> Fault:
            if method == "GET" and path.endswith("/b.md"):
                before.append(path)
                faults.release.set()
            return "held" if method == "GET" and path.endswith("/a.md") else ""

        faults.choose = choose
        with Workspace.init(tmp_path) as workspace:
            assert workspace.add(url(address, bucket)).added == [at(address, bucket, f"{name}.md") for name in "ab"]
        assert len(before) == 1

    def test_a_bucket_that_vanishes_in_the_middle_keeps_what_was_committed(
        self, server: str, bucket: str, proxy: tuple[str, Faults], tmp_path: Path
    ) -> None:
        address, faults = proxy
        put(server, bucket, a_dot_md="The mill.", b_dot_md="The rent.")
        with Workspace.init(tmp_path) as workspace:
            workspace.add(url(address, bucket))
            put(server, bucket, a_dot_md="The old mill.")
            faults.choose = lambda method, path: (404, "NoSuchBucket") if "a.md" in path and method == "GET" else ""
            with pytest.raises(WorkspaceError, match="The bucket is not there"):
                workspace.sync()
            assert len(workspace.documents()) == 2
            delete_bucket(server, bucket)
            faults.choose = lambda method, path: ""
            report = workspace.sync()
            assert (report.removed, len(workspace.documents())) == ([], 2)
            assert "The bucket is not there" in said(report)[at(address, bucket)]

    def test_an_empty_prefix_keeps_its_documents_and_a_single_object_does_not(
        self, server: str, bucket: str, tmp_path: Path
    ) -> None:
        put(server, bucket, docs__a_dot_md="The mill.", one_dot_md="The rent.")
        with Workspace.init(tmp_path) as workspace:
            assert list(said(workspace.add(url(server, bucket, "nothing")))) == [at(server, bucket, "nothing")]
            workspace.add([url(server, bucket, "docs"), url(server, bucket, "one.md")])
            delete(server, bucket, "docs/a.md")
            delete(server, bucket, "one.md")
            report = workspace.sync()
            assert report.removed == [at(server, bucket, "one.md")]
            assert said(report) == {
                at(server, bucket, "docs"): "There is nothing below this address any longer; its documents were kept. "
                f"To remove them too: instill remove {at(server, bucket, 'docs')}"
            }
            workspace.remove(at(server, bucket, "docs"))
            report = workspace.sync()
            assert (workspace.documents(), report.failed) == ([], [])
            assert workspace.remove([url(server, bucket, "nothing"), url(server, bucket, "one.md")]) == []
            assert workspace.catalog.roots() == []
            with pytest.raises(UsageError, match="No document has this name"):
                workspace.remove(url(server, bucket, "nothing"))

    def test_a_folder_that_is_hidden_keeps_its_documents(self, server: str, bucket: str, tmp_path: Path) -> None:
        put(server, bucket, a__x_dot_md="The mill.", b__y_dot_md="The rent.", b__z_dot_md="The tea.")
        with Workspace.init(tmp_path) as workspace:
            workspace.add(url(server, bucket))
            put_raw(server, bucket, "a//hostile.md")
            delete(server, bucket, "b/z.md")
            report = workspace.sync()
            assert report.removed == [at(server, bucket, "b/z.md")]
            assert list(said(report)) == [at(server, bucket, "a")]
            assert len(workspace.documents()) == 2

    def test_two_endpoints_with_one_name_are_told_apart(
        self, server: str, bucket: str, proxy: tuple[str, Faults], tmp_path: Path
    ) -> None:
        """The proxy stands for another service; documents are found by any way to write their place."""
        other, _ = proxy
        put(server, bucket, docs__a_dot_md="The mill.", docs__b_dot_md="The rent.")
        with Workspace.init(tmp_path) as workspace:
            workspace.add(url(server, bucket))
            first = at(server, bucket, "docs/a.md")
            for reference in (
                first, url(server, bucket, "docs/a.md"), f"s3://{bucket}/docs/a.md", "a.md", f"{bucket}/docs/a.md",
            ):  # fmt: skip
                assert workspace.show(reference).record.source == first
            for reference in (f"s3://{bucket}/docs", f"s3://{bucket}/docs/*.md", url(server, bucket, "docs/"), "*.md"):
                assert len(resolve(workspace.index, reference, many=True)) == 2, reference
            assert len(workspace.add(url(other, bucket)).added) == 2
            with pytest.raises(UsageError, match="Several endpoints have a bucket of this name"):
                workspace.remove(f"s3://{bucket}/docs/a.md")
            with pytest.raises(UsageError, match="Several documents"):
                workspace.remove("a.md")
            assert [each.source for each in workspace.remove(url(other, bucket))] == [
                at(other, bucket, "docs/a.md"), at(other, bucket, "docs/b.md"),
            ]  # fmt: skip
            assert [root.path for root in workspace.catalog.roots()] == [f"s3://{bucket}?endpoint={server}"]
            assert workspace.sync().unchanged == 2

    def test_the_endpoint_of_the_environment_is_remembered(
        self, server: str, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(server, bucket, a_dot_md="The mill.")
        monkeypatch.setenv("AWS_ENDPOINT_URL", server)
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        with Workspace.init(tmp_path) as workspace:
            assert workspace.add(f"s3://{bucket}").added == [at(server, bucket, "a.md")]
            monkeypatch.delenv("AWS_ENDPOINT_URL")
            monkeypatch.delenv("AWS_REGION")
            assert [root.path for root in workspace.catalog.roots()] == [
                f"s3://{bucket}?endpoint={server}&region=eu-west-1"
            ]
            assert workspace.sync().unchanged == 1

    def test_what_was_forgotten_stays_out_and_is_not_fetched(
        self, server: str, bucket: str, proxy: tuple[str, Faults], tmp_path: Path
    ) -> None:
        address, faults = proxy
        put(server, bucket, a_dot_md="The mill.", b_dot_md="The rent.")
        with Workspace.init(tmp_path) as workspace:
            workspace.add(url(address, bucket))
            workspace.forget(f"s3://{bucket}/a.md")
            put(server, bucket, copy_dot_md="The mill.")
            faults.seen.clear()
            report = workspace.sync()
            assert [source for source, _ in report.notices] == [
                at(address, bucket, f"{name}.md") for name in ("a", "copy")
            ]
            assert (report.added, report.unchanged) == ([], 1)
            assert not [path for method, path, _ in faults.seen if method == "GET" and path.endswith("/a.md")]
            assert workspace.allow(url(address, bucket, "a.md"))
            assert workspace.sync().added == [at(address, bucket, "a.md"), at(address, bucket, "copy.md")]


def test_without_a_bucket_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "mill.md").write_text("The mill.")
    program = (
        "import sys; from instill.workspace import Workspace\n"
        f"with Workspace.init({str(tmp_path / 'kb')!r}) as made:\n"
        f"    made.add({str(tmp_path / 'mill.md')!r}); made.sync(); made.remove('mill.md')\n"
        "print([name for name in ('obstore', 'ray', 'boto3') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
