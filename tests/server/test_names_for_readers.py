"""Who does not own the machine is told names of documents, by whatever route, and never where they lie on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill import Workspace
from instill.server.access.caller_role import Role, Who
from instill.server.access.keys import KeyStore
from instill.server.doors import openai_rest
from instill.server.jobs.store import JobStore
from instill.server.names_for_readers import Names, NamesForReaders
from instill.server.pages.rendering import environment
from tests.server.running import running
from tests.server.test_api import events, ok
from tests.server.test_hidden import MCP, SITE, Place, calls, place
from tests.server.walking import routes_of

__all__ = ["place"]


@pytest.fixture(scope="module")
def told(place: Place) -> Place:
    """The place, with jobs, a log and reports that name files."""
    home, upload = place.folder / ".instill", place.folder / ".instill" / "uploads" / "all" / "notes" / "tea.md"
    with Workspace.open(place.folder) as workspace:
        jobs = JobStore(workspace.catalog, home / "jobs")
        first = jobs.all(("hr",))[0].job_id
        jobs.tell(first, "file", {"source": str(upload), "result": "failed", "remedy": f"Open {upload} yourself."})
        failed = {"source": str(place.folder.parent / "x.md"), "what": f"{upload} is empty.", "remedy": "Fill it."}
        jobs.end(first, "done", {"added": [str(upload)], "failed": [{**failed, "where": str(upload)}]})
        second = jobs.add("compare", "work", {"paths": [str(upload)]}, labels=("hr",), asked_by="ann").job_id
        error = {"kind": "UsageError", "what": f"{upload} is gone.", "where": str(home), "remedy": f"See {home}/jobs."}
        jobs.end(second, "failed", error)
        (home / "jobs" / f"{first}.log").write_text(f"$ instill compare --workspace={place.folder} --json\n{upload}\n")
        report = home / "reports" / "grumbledore-report"
        (report / "report.json").write_text(
            json.dumps({"title": "T", "base": str(home / "base"), "files": [str(home)]})
        )
        (report / "report.html").write_text(f"<p>{home}/base</p>")
    return place


@pytest.mark.parametrize("role", ["public", "reader", pytest.param("editor", marks=pytest.mark.long)])
def test_no_byte_tells_where_the_workspace_lies(told: Place, role: Role, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_rest, "_READ_S", 0.1)  # Nobody does jobs here.
    where = str(told.folder.parent).encode()
    answered = set()
    with running(told.folder) as server:
        routes = [each for each in routes_of(server.app) if each.method not in ("HEAD", "OPTIONS")]
        headers = {"origin": SITE} if role == "public" else {}
        with server.client(told.keys[role, "hr"], headers, follow_redirects=False) as client:
            for route in sorted(routes, key=lambda each: each.method == "DELETE"):
                for call in calls(route, told):
                    if not route.path.startswith("/api"):
                        call["headers"] = {"accept": "text/html", **call.get("headers", {})}
                    response = client.request(**call)
                    assert response.status_code < 500, f"{call}: {response.text}"
                    assert where not in response.content, f"{call}: {response.text}"
                    assert where not in b"".join(value for pair in response.headers.raw for value in pair)
                    if response.status_code < 300:
                        answered.add((route.method, route.path))
    if role == "public":
        assert ("POST", "/api/ask") in answered
    else:
        assert answered >= {
            ("GET", "/api/documents"), ("GET", "/api/documents/{doc_id}"), ("POST", "/api/search"),
            ("POST", "/api/ask"), ("POST", "/api/sql"), ("POST", "/mcp"), ("GET", "/v1/files"),
            ("GET", "/api/jobs"), ("GET", "/api/jobs/{job_id}/events"), ("GET", "/api/jobs/{job_id}/log"),
            ("GET", "/api/comparisons/{name}"), ("GET", "/api/comparisons/{name}/page"), ("GET", "/documents"),
            ("GET", "/documents/{doc_id}"), ("GET", "/documents/{doc_id}/source"), ("POST", "/ask"),
            ("GET", "/api/models/{candidate}"), ("POST", "/v1/responses"),
        }  # fmt: skip
        assert (("GET", "/api/memory") in answered) == (role == "editor")


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("named")
    (folder / "handbook" / "travel").mkdir(parents=True)
    (folder / "handbook" / "travel" / "hotels.md").write_text("# Hotels\n\nA hotel may cost 140 euros a night.\n")
    (folder / "tea.md").write_text(f"# Tea\n\nGreen tea is brewed at 80 degrees. The list is in {folder}/handbook.\n")
    with Workspace.init(folder / "kb") as workspace:
        workspace.add([folder / "handbook", folder / "tea.md"])
        store = KeyStore(workspace.catalog)
        keys = {role: store.add(role, role=role, rate=100_000).secret for role in ("admin", "editor", "reader")}
    return folder, keys


def sources(client: httpx.Client) -> set[str]:
    return {each["source"] for each in ok(client.get("/api/documents"))["documents"]}


NAMES = {"handbook/travel/hotels.md", "tea.md"}


def test_documents_are_called_by_the_folder_that_was_added(kb: tuple[Path, dict[str, str]]) -> None:
    folder, keys = kb
    with running(folder / "kb") as server:
        with server.client(keys["admin"]) as owner:
            assert sources(owner) == {str(folder / each) for each in NAMES}
            assert str(folder / "handbook") in ok(owner.get("/api/status"))["roots"]
            page = owner.get("/documents", headers={"accept": "text/html"}).text
            assert str(folder / "tea.md") in page
        for role in ("reader", "editor"):
            with server.client(keys[role]) as client:
                assert sources(client) == NAMES
                hits = ok(client.post("/api/search", json={"query": "hotel"}))["hits"]
                assert {each["source"] for each in hits} == NAMES
                page = client.get("/documents", headers={"accept": "text/html"}).text
                assert "<p>handbook/travel/hotels.md</p>" in page
                answer = ok(client.post("/api/ask", json={"question": "How much may a hotel cost?"}))
                [cited] = {each["source"] for claim in answer["claims"] for each in claim["citations"]}
                assert cited == "handbook/travel/hotels.md"


def test_a_name_leads_to_the_document(kb: tuple[Path, dict[str, str]]) -> None:
    folder, keys = kb
    with running(folder / "kb") as server, server.client(keys["reader"]) as client:
        for name in NAMES:
            shown = ok(client.get(f"/api/documents/{Path(name).name}"))["document"]
            assert shown["record"]["source"] == name
            link = f"/documents/{shown['record']['doc_id']}/source"
            assert client.get(link, headers={"accept": "text/html"}).status_code == 200
        call = {"name": "show", "arguments": {"document": "handbook/travel/hotels.md"}}
        request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        assert ok(client.post("/mcp", json=request, headers=MCP))["result"]["structuredContent"]["title"] == "Hotels"


def test_words_of_a_document_stay_as_they_are(kb: tuple[Path, dict[str, str]]) -> None:
    """A text that names a folder of this machine: citations count its characters."""
    folder, keys = kb
    with running(folder / "kb") as server, server.client(keys["reader"]) as client:
        shown = ok(client.get("/api/documents/tea.md", params={"passages": "true"}))
        assert f"The list is in {folder}/handbook." in shown["document"]["text"]
        assert f"The list is in {folder}/handbook." in shown["passages"][0]["text"]
        answer = ok(client.post("/api/ask", json={"question": "Where is the list?"}))
        for claim in answer["claims"]:
            for cited in claim["citations"]:
                assert shown["document"]["text"][cited["start"] : cited["end"]] == cited["text"]


def test_sql_cannot_compute_with_what_is_not_told(kb: tuple[Path, dict[str, str]]) -> None:
    folder, keys = kb
    query = {"query": "select substr(source, 1, 200) as text, length(source) as n from documents order by 1"}
    with running(folder / "kb") as server:
        with server.client(keys["reader"]) as client:
            rows = ok(client.post("/api/sql", json=query))["rows"]
            assert rows == [{"text": name, "n": len(name)} for name in sorted(NAMES)]
            found = ok(
                client.post("/api/sql", json={"query": "select count(*) as n from passages where source like '/%'"})
            )
            assert found["rows"] == [{"n": 0}]
        with server.client(keys["admin"]) as owner:
            assert {row["text"] for row in ok(owner.post("/api/sql", json=query))["rows"]} == {
                str(folder / name) for name in NAMES
            }


def test_the_list_is_searched_by_what_is_told(kb: tuple[Path, dict[str, str]]) -> None:
    """Otherwise a folder's name could be found by trying."""
    folder, keys = kb
    with running(folder / "kb") as server:
        for role, found in (("admin", True), ("editor", False)):
            with server.client(keys[role]) as client:
                page = client.get("/documents", params={"words": folder.name}, headers={"accept": "text/html"}).text
                assert ("hotels.md" in page) == found
                assert "hotels.md" in client.get("/documents", params={"words": "handbook"}).text
        with server.client(keys["editor"]) as editor:
            wanted = {"words": folder.name, "add": ["x"], "count": 0}
            assert ok(editor.put("/api/documents/labels", json=wanted)) == {"documents": 0, "changed": 0, "undo": []}


def test_an_upload_has_its_own_name(kb: tuple[Path, dict[str, str]]) -> None:
    folder, keys = kb
    with running(folder / "kb", jobs=True) as server, server.client(keys["editor"]) as client:
        files = [("files", ("rain.md", b"# Rain\n\nRain falls in spring.")), ("files", ("empty.md", b""))]
        job = ok(
            client.post("/api/documents", files=files, data={"paths": ["a/rain.md", "a/empty.md"], "wait": "50"}), 202
        )
        assert job["arguments"]["paths"] == ["a/rain.md", "a/empty.md"]
        assert job["result"]["added"] == ["a/rain.md"]
        assert job["result"]["failed"][0]["source"] == "a/empty.md"
        with client.stream("GET", f"/api/jobs/{job['job_id']}/events") as response:
            said = events(response)
        assert {data["source"] for kind, data in said if kind == "file"} == {"a/rain.md", "a/empty.md"}
        assert ok(client.delete("/api/documents/rain.md"))["removed"][0]["source"] == "a/rain.md"
        assert sources(client) == NAMES


def test_the_source_on_pages() -> None:
    shown = environment().from_string("{{ source|origin }}")
    names = Names(Path("/srv/kb"), ["/srv/handbook", "/srv/notes/*.md"])
    for source, owner, others in (
        ("/srv/handbook/a.md", "/srv/handbook/a.md", "handbook/a.md"),
        ("/srv/notes/b.md", "/srv/notes/b.md", "notes/b.md"),
        ("/srv/kb/.instill/uploads/all/c/d.md", "c/d.md", "c/d.md"),
        ("stdin:e.md", "e.md", "e.md"),
        ("https://example.org/f", "https://example.org/f", "https://example.org/f"),
    ):
        assert shown.render(names=None, source=source) == owner
        assert shown.render(names=names, source=source) == others


NAMED = Names(Path("/srv/kb"), ["/srv/handbook", "/data", "s3://bucket/a"], ["/opt/model"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No such file: /srv/kb/notes.toml.", "No such file: kb/notes.toml."),
        ("in /srv/kb.", "in kb."),
        ("/srv/kb2/a.md is another", "kb2/a.md is another"),
        ("file:///srv/handbook/a.md", "file://handbook/a.md"),
        (
            "See GET /api/jobs/7/log or https://example.org/srv/kb/x.",
            "See GET /api/jobs/7/log or https://example.org/srv/kb/x.",
        ),
        ("--workspace=/srv/kb --json", "--workspace=kb --json"),
        ("Several: /home/ann/a.md, /data/b.md", "Several: a.md, data/b.md"),
        ("up to 3 km/h and/or 1/2", "up to 3 km/h and/or 1/2"),
    ],
)
def test_messages_name_no_folder(text: str, expected: str) -> None:
    assert NAMED.in_text(text) == expected.replace("kb2/a.md", "a.md")


def test_plain_data() -> None:
    given = {
        "source": "/old/place/rain.md", "paths": ["/data/a b/c.md"], "page": "/compare/a9", "text": "/srv/kb/x",
        "base": "/opt/model", "where": "/srv/my own/a.md", "n": 3, "rows": [{"/srv/kb/x": None}], "uri": "s3://b/c",
        "folder": "/srv/kb/.instill/studies/7", "notices": ("/data/x.md is gone.",),
    }  # fmt: skip
    assert NAMED.in_data(given) == {
        "source": "rain.md", "paths": ["data/a b/c.md"], "page": "/compare/a9", "text": "/srv/kb/x",
        "base": "model", "where": "a.md", "n": 3, "rows": [{"kb/x": None}], "uri": "s3://b/c",
        "folder": "kb/.instill/studies/7", "notices": ("data/x.md is gone.",),
    }  # fmt: skip


def test_where_files_lie_cannot_be_guessed_by_conditions(told: Place) -> None:
    with running(told.folder) as server:
        with server.client(told.keys["reader", "hr"]) as client:
            for body in ({"query": "tea", "where": "source like '/%'"}, {"query": "tea", "where": "not source = 'a'"}):
                refused = client.post("/api/search", json=body)
                assert refused.status_code == 400
                assert refused.json()["error"]["what"] == "Only an admin can compare where files lie."
            assert client.post("/api/ask", json={"question": "tea?", "where": "source = 'a'"}).status_code == 400
            assert client.get("/api/documents", params={"where": "source > '/a'"}).status_code == 400
            assert client.get("/api/documents", params={"where": "name like '%.md'"}).status_code == 200
        with server.client(told.keys["admin", ""]) as client:
            assert client.get("/api/documents", params={"where": "source like '/%'"}).status_code == 200


@given(cuts=st.lists(st.integers(1, 120), max_size=6), by_line=st.booleans())
def test_an_answer_is_told_alike_however_it_is_cut(cuts: list[int], by_line: bool) -> None:
    """An answer comes in parts, and a path may be cut anywhere."""
    content = json.dumps({"source": "/srv/handbook/ä.md", "n": 1}, ensure_ascii=False)
    body = f"id: 1\r\nevent: file\r\ndata: {content}\r\n\r\n: still there\r\n\r\n" if by_line else content
    expected = body.replace('{"source": "/srv/handbook/ä.md", "n": 1}', '{"source":"handbook/ä.md","n":1}').encode()
    parts, rest = [], body.encode()
    for cut in cuts:
        parts.append(rest[:cut])
        rest = rest[cut:]
    kind = b"text/event-stream" if by_line else b"application/json; charset=utf-8"
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", kind), *([] if by_line else [(b"content-length", b"1")])]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": rest})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "state": {"who": Who("reader", None, "ann")}}
    anyio.run(NamesForReaders(app, names=lambda: NAMED), scope, None, send)  # type: ignore[arg-type]
    assert b"".join(each.get("body", b"") for each in sent) == expected
    if not by_line:
        assert dict(sent[0]["headers"])[b"content-length"] == str(len(expected)).encode()


def test_documents_that_may_be_meant_are_a_list_of_names(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "own" / name).mkdir(parents=True)
        (tmp_path / "own" / name / "index.md").write_text(f"The oven {name} was built in 1987.")
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add(tmp_path / "own")
        store = KeyStore(workspace.catalog)
        boss, ann = store.add("boss", role="admin").secret, store.add("ann", role="reader").secret
    script = {"sec-fetch-site": "same-origin"}
    with running(tmp_path / "kb") as server:
        for key in (boss, ann):
            with server.client(key) as client:
                told = client.get("/api/documents/index.md", headers=script).json()["error"]
                assert told["what"] == "Several documents have this name:"
                assert told["choices"] == ["own/a/index.md", "own/b/index.md"]
                page = client.get("/documents/index.md", headers={"accept": "text/html"}).text
                assert "<ul><li>own/a/index.md</li><li>own/b/index.md</li></ul>" in page
        with server.client(boss) as client:
            told = client.get("/api/documents/index.md").json()["error"]
            own = f"{tmp_path}/own"
            assert told["what"] == f"Several documents have this name: {own}/a/index.md, {own}/b/index.md."
