"""Nothing of a document that a caller may not see comes back, by whatever route: every route of the table is driven."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill import Workspace
from instill.common.made_from import keep_beside, made_from
from instill.server.access.caller_role import Role
from instill.server.access.keys import KeyStore
from instill.server.doors import openai_rest
from tests.models.registry.made import make_adapter, make_base, make_card
from tests.server.running import Running, running
from tests.server.walking import Walked, routes_of

SECRETS = ("zirkonium", "ninetythousand", "boardroom", "quorumfield", "whoasked", "grumbledore")
"""A word each of the hidden document's title, text, file, metadata, of a question about it, and of another's job."""


@dataclass
class Place:
    """A workspace where hr's and staff's documents, conversations, jobs, study sets and reports stand side by side."""

    folder: Path
    keys: dict[tuple[Role, str], str]
    hidden: dict[str, str] = field(default_factory=dict)

    def words(self) -> list[bytes]:
        """What must never come back to staff."""
        return [word.encode() for word in (*SECRETS, *self.hidden.values())]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("hidden")
    secret = folder / "boardroom-papers.md"
    ovens = [f"The stone oven number {number} was built in 19{number} by Marta Lindqvist." for number in range(40, 52)]
    bonus = "---\nquorumfield: seven\n---\n# Zirkonium\n\nThe bonus of the board is ninetythousand euros."
    secret.write_text("\n\n".join([bonus, *ovens]))
    (folder / "lunch.md").write_text("# Lunch\n\nLunch is served at noon in the canteen for 90 euros.\n")
    with Workspace.init(folder / "kb") as workspace:
        workspace.add(secret, labels="hr")
        workspace.add(folder / "lunch.md", labels="staff")
        store = KeyStore(workspace.catalog, ["hr", "staff"])
        keys = {
            (role, label): store.add(
                f"{label} {role}", role=role, labels=[label], rate=100_000, origins=[SITE] if role == "public" else ()
            ).secret
            for role in roles() for label in ("hr", "staff")
        }  # fmt: skip
        keys["admin", ""] = store.add("owner", role="admin", rate=100_000).secret
        found = Place(workspace.path, keys)
        _fill(workspace, found)
    toml = '[server]\npublic_labels = ["hr", "staff"]\nvisitor_per_minute = 100000\n'
    (found.folder / "instill.toml").write_text(toml)
    return found


def roles() -> list[Role]:
    return ["public", "reader", "editor"]


def _fill(workspace: Workspace, place: Place) -> None:
    """What hr did: a conversation, questions, a study set, a report, a curve, a candidate, a job, and what it told."""
    from instill.models.registry.store import Registry
    from instill.server.jobs.store import JobStore
    from instill.study.study_making import StudySettings
    from instill.study.study_workspace import study_workspace

    hr = workspace.seen_by("hr")
    talk = hr.chat()
    asked = talk.say("What is the whoasked bonus of the board in euros?")
    study = study_workspace(hr, StudySettings(most_facts=8), check=False)
    made = made_from(workspace.index.records([str(workspace.path.parent / "boardroom-papers.md")]))
    for kind, files in (("reports", ("report.json", "report.html")), ("curves", ("curve.html",))):
        kept = workspace.home / kind / "grumbledore-report"
        kept.mkdir(parents=True)
        for name in files:
            (kept / name).write_text('{"title": "ninetythousand"}')
        keep_beside(kept, made)
    base = make_base(workspace.path.parent / "base")
    card = make_card("grumbledore-0a", base, documents=made.as_json())
    card = Registry(workspace.home).add(make_adapter(workspace.path.parent / "adapter"), card)
    jobs = JobStore(workspace.catalog, workspace.home / "jobs")
    job = jobs.add("add", "documents", {"paths": ["grumbledore.md"]}, labels=("hr",), asked_by="grumbledore")
    jobs.tell(job.job_id, "file", {"source": "grumbledore.md"})
    jobs.folder.mkdir(parents=True, exist_ok=True)
    (jobs.folder / f"{job.job_id}.log").write_text("ninetythousand")
    record = workspace.index.records([str(workspace.path.parent / "boardroom-papers.md")])[0]
    remembered = workspace.remember("What is the bonus of the board?", "ninetythousand", document=record.doc_id)
    place.hidden = {
        "document": record.doc_id,
        "hash": record.content_hash,
        "conversation": talk.conversation_id,
        "question": str(asked.question_id),
        "study": study.card.id,
        "candidate": card.id,
        "job": job.job_id,
        "fact": remembered.fact_id,
    }


SITE = "https://example.org"
QUERIES = ("bonus of the board", "Zirkonium", "ninetythousand euros", "who built the stone oven", "zirkonim", "lunch")
MCP = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
MODELS = ("instill", "instill:quoted", "instill:grumbledore-0a")
CONDITIONS = ("", "quorumfield = 'seven'", "source like '%board%'", "title = 'Zirkonium'", "kind = 'markdown'")
STATEMENTS = (
    "select * from documents",
    "select *, text from documents",
    "select * from passages",
    "select count(*) from passages where text like '%ninety%'",
    "select metadata->>'quorumfield' as x from documents",
    "select * from read_text('/etc/passwd')",
    "select * from duckdb_settings()",
    "select labels from documents",
    "selec",
)


def calls(route: Walked, place: Place) -> Iterator[dict[str, Any]]:
    """Requests that try to get at what is hidden by this route; a route that is not known here fails the test."""
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    wanted = references(place)
    assert set(names) <= set(wanted), f"what does {route.path} name?"
    tried = bodies(place)
    assert route.method in ("GET", "DELETE") or (route.method, route.path) in tried, f"what does {route} take?"
    for values in itertools.product(*(wanted[name] for name in names)):
        path = route.path
        for name, value in zip(names, values, strict=True):
            path = path.replace("{" + name + "}", quote(value, safe=""))
        for more in tried.get((route.method, route.path), [{}]):
            yield {"method": route.method, "url": path, **more}


def documents(place: Place) -> list[str]:
    """What the hidden document may be called."""
    file = place.folder.parent / "boardroom-papers.md"
    return [place.hidden["document"], place.hidden["document"][:6], file.name, str(file)]


def references(place: Place) -> dict[str, list[str]]:
    """What a path names, by the parameter's name."""
    hidden = place.hidden
    return {
        "doc_id": documents(place),
        "conversation_id": [hidden["conversation"]],
        "job_id": [hidden["job"]],
        "study_id": [hidden["study"], hidden["study"][:4]],
        "name": ["grumbledore-report"],
        "candidate": [hidden["candidate"], "grumbledore"],
        "key_id": ["owner", "hr reader"],
        "question_id": [hidden["question"]],
        "model": [f"instill:{hidden['candidate']}", "instill"],
        "store": ["instill"],
        "number": ["1"],
        "fact_id": [hidden["fact"], hidden["fact"][:4]],
        "receipt_id": ["2026-01-01-0a1b2c3d"],
    }


def bodies(place: Place) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """What a request carries; routes that carry nothing have no entry."""
    told = {"role": "assistant", "text": "The bonus.", "topics": ["x"], "documents": [place.hidden["document"]]}
    file = {"files": ("x.md", b"# X\n\nStaff brings an x.")}
    bonus = "What is the bonus of the board?"
    said = [{"role": "user", "content": bonus}]
    return {
        ("GET", "/api/documents"): [{"params": {"where": where}} for where in CONDITIONS],
        ("GET", "/api/documents/{doc_id}"): [{"params": {"passages": "true"}}],
        ("PUT", "/api/documents/{doc_id}/labels"): _each(labels=[["staff"], ["hr", "staff"], []]),
        ("PUT", "/api/documents/labels"): [
            *_each(words=["", "board", "zirkonium"], add=[["staff"], ["hr"]]),
            *_each(documents=[[place.hidden["document"]], []], remove=[["hr"]], add=[["staff"]]),
        ],
        ("POST", "/api/documents"): [{"files": file, "data": {"labels": label}} for label in ("staff", "hr")],
        ("POST", "/api/documents/url"): _each(url=["http://127.0.0.1:1/x", "file:///x"], labels=[None, ["hr"]]),
        ("POST", "/api/documents/sync"): [{}],
        ("POST", "/api/documents/restore"): _each(documents=[[place.hidden["document"]], ["boardroom-papers.md"]]),
        ("POST", "/api/search"): _each(query=QUERIES[:4], where=CONDITIONS[:2], mode=("hybrid", "vector")),
        ("POST", "/api/ask"): [
            *_each(question=QUERIES, mode=("auto",)),
            *_each(question=QUERIES[:1], where=CONDITIONS[1:], mode=("auto", "clusters")),
            *_each(question=["How much is it?"], stream=[True, False], history=[[], [told]]),
        ],
        ("POST", "/api/sql"): _each(query=STATEMENTS, near=["", "bonus of the board"]),
        ("POST", "/api/chat"): [
            *_each(text=[bonus], stream=[True, False]),
            *_each(text=["And?"], conversation_id=[place.hidden["conversation"]]),
        ],
        ("POST", "/api/jobs"): [
            *_each(kind=["compare", "curve"], arguments=[{"study": place.hidden["study"]}]),
            *_each(kind=["calibrate", "tune", "study", "reindex"]),
        ],
        ("POST", "/api/jobs/{job_id}/again"): [{}],
        ("POST", "/api/jobs/{job_id}/dismiss"): [{}],
        ("POST", "/api/recipes"): _each(study=[place.hidden["study"], "none"], base=["micro", "generator"]),
        ("POST", "/api/recipes/estimate"): _each(recipe=["hidden.toml"]),
        ("POST", "/api/comparisons/estimate"): [
            *_each(study=[place.hidden["study"], ""]),
            *_each(questions=["feedback"], wanted=[0.1]),
        ],
        ("POST", "/api/models/{candidate}/promote"): _each(force=[True]),
        ("GET", "/api/questions"): [{"params": {"kind": kind}} for kind in ("all", "answered", "unjudged", "slow")],
        ("POST", "/api/questions/{question_id}/judgements"): _each(verdict=["right", "wrong"]),
        ("POST", "/api/models/rollback"): _each(base=[None]),
        ("POST", "/api/memory"): _each(question=["What?"], answer=["ninety", "x"], document=documents(place)),
        ("POST", "/api/memory/{fact_id}/decision"): _each(decision=["pinned", "excluded", ""]),
        ("POST", "/api/memory/{fact_id}/words"): _each(question=["What?"], answer=["", "x"]),
        ("POST", "/api/forget"): _each(reference=[*documents(place), place.hidden["fact"]]),
        ("POST", "/api/forget/plan"): _each(reference=[*documents(place), place.hidden["fact"]]),
        ("POST", "/api/documents/removal"): [{"json": {"words": "zirkonium"}}, *_each(documents=[documents(place)])],
        ("POST", "/api/documents/remove"): _each(documents=[documents(place)], count=[1]),
        ("POST", "/api/forget/allow"): _each(reference=[*documents(place), place.hidden["fact"]]),
        ("POST", "/api/receipts/{receipt_id}/verify"): [{}],
        ("POST", "/api/keys"): _each(name=["x"], labels=[["hr"], None], role=["reader", "admin"]),
        ("POST", "/v1/chat/completions"): _each(model=MODELS, messages=[said], stream=[True, False]),
        ("POST", "/v1/responses"): _each(model=MODELS[:1], input=QUERIES[:2], stream=[True, False]),
        ("POST", "/v1/messages"): _each(model=MODELS[:1], messages=[said], stream=[True, False], max_tokens=[9]),
        ("POST", "/v1/embeddings"): _each(input=[bonus], input_type=["query", "passage"]),
        ("POST", "/v1/files"): [{"files": {"file": ("y.md", b"")}, "data": {"purpose": "assistants"}}],
        ("POST", "/v1/vector_stores/{store}/search"): _each(query=QUERIES[:3], max_num_results=[50]),
        ("POST", "/mcp"): [
            {"json": {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, "headers": MCP}
            for method, params in (
                ("tools/list", {}),
                ("resources/list", {}),
                ("resources/read", {"uri": f"instill://documents/{place.hidden['document']}"}),
                *(("tools/call", {"name": "search", "arguments": {"query": query}}) for query in QUERIES),
                *(("tools/call", {"name": "ask", "arguments": {"question": query}}) for query in QUERIES[:2]),
                *(("tools/call", {"name": "show", "arguments": {"document": named}}) for named in documents(place)),
            )
        ],
        ("POST", "/api/login"): _each(key=["instill_x"]),
        ("POST", "/api/logout"): [{}],
        ("POST", "/ask"): [
            *_each(text=[bonus, "How much is it?"], history=[[], [told]]),
            *_each(text=["And?"], conversation_id=[place.hidden["conversation"]], keep=[None, 2]),
        ],
        ("GET", "/"): [{"params": {"words": words}} for words in ("", "whoasked", "bonus")],
        ("GET", "/documents"): [{"params": {"words": words}} for words in ("", "board", "zirkonium", "hr")],
        ("GET", "/questions"): [{"params": {"kind": kind}} for kind in ("all", "refused", "missing", "nonsense")]
        + [{"params": {"number": 1}}, {"params": {"words": "whoasked"}}],
        ("GET", "/memory"): [
            {"params": {"kind": kind, "words": "bonus"}} for kind in ("all", "candidates", "nonsense")
        ],
        ("POST", "/settings/generator"): [{}],
        ("POST", "/login"): [{"data": {"key": "instill_x", "next": "/documents"}}],
        ("POST", "/logout"): [{}],
    }


def _each(**values: Any) -> list[dict[str, Any]]:
    """Every combination of the values as a JSON body."""
    return [{"json": dict(zip(values, each, strict=True))} for each in itertools.product(*values.values())]


OWN_WORDS = ("/api/questions", "/questions", "/api/memory", "/memory")
"""Where a caller finds what they asked themselves: words of `QUERIES` count only beside the questions."""

ECHO = ("query", "searched", "search_query", "question", "standalone_question", "arguments")
"""What an answer repeats of the request."""


def test_no_byte_of_a_hidden_document_comes_back(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_rest, "_READ_S", 0.1)  # Nobody does jobs here.
    with running(place.folder) as server:
        routes = [route for route in routes_of(server.app) if route.method not in ("HEAD", "OPTIONS")]
        answered, sent = set(), 0
        for role in roles():
            headers = {"origin": SITE} if role == "public" else {}
            with server.client(place.keys[role, "staff"], headers, follow_redirects=False) as client:
                for route in routes:
                    for call in calls(route, place):
                        if not route.path.startswith("/api"):
                            call["headers"] = {"accept": "text/html"}
                        response = client.request(**call)
                        sent += 1
                        assert response.status_code < 500, f"{call}: {response.text}"
                        _check(place, call, response)
                        if response.status_code < 300:
                            answered.add((route.method, route.path))
        assert {("POST", "/api/ask"), ("POST", "/api/search"), ("GET", "/api/documents")} <= answered
        assert sent > 200
        _check_untouched(server, place)


def _check(place: Place, call: dict[str, Any], response: httpx.Response) -> None:
    """A word that the request itself brought may be repeated where requests are, and in errors; nowhere else."""
    asked = json.dumps([call.get("json"), call.get("params"), call["url"]]).lower().encode()
    headers = b"\n".join(value for pair in response.headers.raw for value in pair).lower()
    content = response.content.lower()
    for word in (each.lower() for each in place.words()):
        own = call["url"].startswith(OWN_WORDS) and any(word.decode() in query.lower() for query in QUERIES)
        if word not in asked and not own:
            assert word not in content, f"{word!r} in the answer to {call}: {response.text}"
        elif not _is_error(response):
            assert word not in " ".join(_said(response)).lower().encode(), f"{call}: {response.text}"
        assert word not in headers or word in asked


def _is_error(response: httpx.Response) -> bool:
    """Told by the status, or, in JSON-RPC, by the answer."""
    if response.status_code >= 400 or not response.headers.get("content-type", "").startswith("application/json"):
        return response.status_code >= 400
    told = response.json()
    rpc = isinstance(told, dict) and "jsonrpc" in told
    return rpc and ("error" in told or bool(told["result"].get("isError")))


def _said(response: httpx.Response) -> Iterator[str]:
    """All that an answer says beside what it repeats."""
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        for line in response.text.splitlines():
            if line.startswith("data: {"):
                told = json.loads(line.removeprefix("data: "))
                if "error" not in told:
                    yield from _texts(told)
        return
    if response.headers.get("content-type", "").startswith("application/json"):
        yield from _texts(response.json())
        return
    page = _Echoless()
    page.feed(response.text)
    for said in page.said:
        for query in QUERIES:  # of the caller's own questions
            said = re.sub(re.escape(query), "", said, flags=re.IGNORECASE)
        yield said


class _Echoless(HTMLParser):
    """What a page says, in its text and in its attributes, beside what was searched for."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if dict(attrs).get("name") not in ("words", "next"):
            self.said += [value or "" for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key not in ECHO:
                yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    else:
        yield str(value)


def _check_untouched(server: Running, place: Place) -> None:
    """Whatever staff tried, hr's things are as they were."""
    with server.client(place.keys["editor", "hr"]) as client:
        [record] = client.get("/api/documents").json()["documents"]
        assert record["doc_id"] == place.hidden["document"]
        assert record["labels"] == ["hr"]
        assert client.get(f"/api/jobs/{place.hidden['job']}").json()["state"] == "waiting"
        assert client.get(f"/api/conversations/{place.hidden['conversation']}").status_code == 200
        assert client.get(f"/api/questions/{place.hidden['question']}").json()["judgements"] == []
        assert client.get("/api/comparisons/grumbledore-report").json() == {"title": "ninetythousand"}
        assert client.get("/api/comparisons/grumbledore-report/page").status_code == 200
        assert client.get(f"/api/models/{place.hidden['candidate']}").status_code == 200
        assert client.get(f"/api/studies/{place.hidden['study']}").status_code == 200
        assert "ninetythousand" in client.post("/api/ask", json={"question": "What is the bonus of the board?"}).text


LABELS = st.frozensets(st.sampled_from(("a", "b", "c")), max_size=3)


@settings(max_examples=12)
@given(held=LABELS.filter(bool), by_document=st.lists(LABELS, min_size=4, max_size=4), data=st.data())
def test_whatever_the_labels_only_what_is_seen_comes_back(
    corpus: tuple[Running, Workspace], held: frozenset[str], by_document: list[frozenset[str]], data: st.DataObject
) -> None:
    server, workspace = corpus
    records = workspace.documents()
    for record, labels in zip(records, by_document, strict=True):
        workspace.index.relabel(record.doc_id, sorted(labels))
    secret = KeyStore(workspace.catalog).add(token_hex(4), labels=sorted(held), rate=100_000).secret
    seen = {record.doc_id for record, labels in zip(records, by_document, strict=True) if labels & held}
    query = data.draw(st.sampled_from(WORDS).map(lambda word: f"Where does the {word} live?"))
    with server.client(secret) as client:
        listed = {each["doc_id"] for each in client.get("/api/documents").json()["documents"]}
        assert listed == seen
        answers = [
            client.post("/api/search", json={"query": query, "k": 20}),
            client.post("/api/ask", json={"question": query}),
            client.post("/api/sql", json={"query": "select text, labels from passages"}),
        ]
        for record, word in zip(records, WORDS, strict=True):
            shown = client.get(f"/api/documents/{record.doc_id}")
            assert (shown.status_code == 200) == (record.doc_id in seen)
            for answer in answers:
                if record.doc_id not in seen:
                    assert f"{word}ville" not in answer.text
                    assert record.doc_id not in answer.text
        assert answers[2].json()["rows"] == [] or seen
        hidden = {"a", "b", "c"} - held
        told = [label for row in answers[2].json()["rows"] for label in row["labels"]]
        assert not set(told) & hidden


WORDS = ("badger", "heron", "lynx", "otter")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Workspace]]:
    with Workspace.init(tmp_path_factory.mktemp("corpus") / "kb") as workspace:
        for word in WORDS:
            workspace.add_text(f"# The {word}\n\nThe {word} lives in {word}ville by the river.", name=f"{word}.md")
        KeyStore(workspace.catalog).add("first")
        with running(workspace.path) as server:
            yield server, workspace
