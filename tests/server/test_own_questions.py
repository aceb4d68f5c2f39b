"""With keys in use, a reader is told of no question but their own; conversations belong to the key that began them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import sqlalchemy as sa

from instill import Workspace
from instill.catalog.tables import CONVERSATIONS, USAGE
from instill.common.made_from import keep_beside
from instill.server.access.keys import KeyStore
from instill.study.types import AskedQuestion
from instill.workspace.asked_questions import Feedback
from tests.server.running import Running, running

PAGE = "# Travel\n\nA hotel may cost 140 euros a night.\n\nTrains are booked by Greta Falk.\n"
ANNS, REFUSED, BEFORE = (
    "Who books the trains?",
    "What is the severance pay of Quillfeather?",
    "How much may a hotel cost?",
)
SECRET = (b"Who books", b"Quillfeather")


class Served(NamedTuple):
    """A workspace with keys: two readers and an editor without labels, an admin."""

    server: Running
    store: KeyStore
    ann: httpx.Client
    bob: httpx.Client
    eve: httpx.Client
    boss: httpx.Client
    talk: str
    numbers: list[int]


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    (folder / "pages").mkdir()
    (folder / "pages" / "travel.md").write_text(PAGE)
    with Workspace.init(folder / "kb") as workspace:
        workspace.add(folder / "pages")
        workspace.chat().say(BEFORE)
    return folder / "kb"


@pytest.fixture
def served(kb: Path, tmp_path: Path) -> Iterator[Served]:
    shutil.copytree(kb, tmp_path / "kb")
    with Workspace.open(tmp_path / "kb") as workspace, workspace.catalog.writing() as connection:
        assert connection is not None
        for table in (CONVERSATIONS, USAGE):  # as a catalog of an older Instill
            connection.execute(sa.update(table).values(key_id=None))
    with running(tmp_path / "kb") as server:
        store = server.service.keys
        roles: dict[str, Any] = {"boss": "admin", "eve": "editor", "ann": "reader", "bob": "reader"}
        clients = {name: server.client(store.add(name, role=role).secret) for name, role in roles.items()}
        ann = clients["ann"]
        told = ok(ann.post("/api/chat", json={"text": ANNS}))
        talk = told["conversation_id"]
        numbers = [told["answer"]["question_id"]]
        more = {"text": REFUSED, "conversation_id": talk}
        numbers.append(ok(ann.post("/api/chat", json=more))["answer"]["question_id"])
        asked = ok(ann.post("/api/ask", json={"question": REFUSED}))
        numbers.append(asked["question_id"])
        ok(ann.post(f"/api/questions/{numbers[0]}/judgements", json={"verdict": "right"}))
        yield Served(server, store, talk=talk, numbers=numbers, **clients)
        for client in clients.values():
            client.close()


def ok(response: httpx.Response) -> Any:
    assert response.status_code < 300, response.text
    return response.json() if response.content else None


def said(client: httpx.Client) -> list[str]:
    return [each["first_question"] for each in ok(client.get("/api/conversations"))["conversations"]]


def logged(client: httpx.Client) -> set[str]:
    return {each["question"] for each in ok(client.get("/api/questions"))["questions"]}


def test_nothing_that_is_read_tells_a_reader_what_another_asked(served: Served) -> None:
    """Every GET of the service, and the searches of what was said."""
    [document] = ok(served.bob.get("/api/documents"))["documents"]
    filled = {"doc_id": document["doc_id"], "conversation_id": served.talk, "question_id": str(served.numbers[0])}
    by_link = ("/ask/{conversation_id}", "/api/conversations/{conversation_id}")
    looked = 0
    for path, methods in ok(served.boss.get("/openapi.json"))["paths"].items():
        if "get" in methods and path not in by_link and not path.endswith("/events"):
            address = path
            for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
                address = address.replace(f"{{{name}}}", filled.get(name, "none"))
            assert not holds(served.bob.get(address)), path
            looked += 1
    pages = ["/", "/documents", "/compare", "/models", "/settings", "/questions", "/questions?kind=refused",
             "/questions?kind=right", f"/questions?number={served.numbers[1]}", f"/documents/{document['doc_id']}",
             "/memory", "/?words=trains", "/questions?words=severance", "/api/conversations?words=trains",
             "/api/questions?words=severance", "/api/questions/set", "/api/jobs"]  # fmt: skip
    for page in pages:
        assert not holds(served.bob.get(page)), page
    assert looked > 20
    shown = [page for page in pages if holds(served.ann.get(page))]
    assert shown == ["/", "/questions", "/questions?kind=refused", "/questions?kind=right",
                     f"/questions?number={served.numbers[1]}", f"/documents/{document['doc_id']}", "/?words=trains",
                     "/questions?words=severance", "/api/conversations?words=trains", "/api/questions?words=severance",
                     "/api/questions/set"]  # fmt: skip


def holds(response: httpx.Response) -> bool:
    return any(part in response.content for part in SECRET)


def test_programs_ask_as_the_key_that_they_use(served: Served) -> None:
    message = {"role": "user", "content": "Who is called Zorblatt?"}
    ok(served.bob.post("/v1/chat/completions", json={"model": "instill", "messages": [message]}))
    ok(served.bob.post("/v1/responses", json={"model": "instill", "input": "When is Zorblatt due?"}))
    ok(served.bob.post("/v1/messages", json={"model": "instill", "max_tokens": 9, "messages": [message]}))
    call = {"name": "ask", "arguments": {"question": "Where is Zorblatt?"}}
    headers = {"accept": "application/json, text/event-stream"}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    assert served.bob.post("/mcp", json=request, headers=headers).status_code == 200
    ok(served.bob.post("/api/ask", json={"question": "Why Zorblatt?"}))
    lines = served.bob.post("/api/ask", json={"question": "How is Zorblatt?", "stream": True}).text
    assert "event: answer" in lines

    own = {
        "Who is called Zorblatt?",
        "When is Zorblatt due?",
        "Where is Zorblatt?",
        "Why Zorblatt?",
        "How is Zorblatt?",
    }
    assert logged(served.bob) == own
    assert logged(served.ann) == {ANNS, REFUSED}


def test_an_admin_sees_all_with_whose_they_are_and_an_editor_only_what_was_asked(served: Served) -> None:
    found = ok(served.boss.get("/api/conversations"))["conversations"]
    assert [(each["first_question"], each["asked_by"]) for each in found] == [(ANNS, "ann"), (BEFORE, "")]
    assert ">ann" in served.boss.get("/").text
    assert said(served.ann) == [ANNS]
    assert said(served.eve) == said(served.bob) == []
    assert logged(served.boss) == logged(served.eve) == {ANNS, REFUSED, BEFORE}
    assert logged(served.ann) == {ANNS, REFUSED}
    assert logged(served.bob) == set()
    for number in served.numbers:
        assert served.bob.get(f"/api/questions/{number}").status_code == 404
        assert served.bob.post(f"/api/questions/{number}/judgements", json={"verdict": "wrong"}).status_code == 404
        assert served.eve.get(f"/api/questions/{number}").status_code == 200
    assert served.bob.get("/api/memory").status_code == served.bob.get("/memory").status_code == 403
    assert served.eve.get("/api/memory").status_code == 200


def test_a_link_is_read_and_nothing_more(served: Served) -> None:
    address = f"/api/conversations/{served.talk}"
    for other in (served.bob, served.eve):
        assert ok(other.get(address))["turns"][0]["text"] == ANNS
        page = other.get(f"/ask/{served.talk}").text
        assert "Somebody else began this conversation" in page
        assert "data-edit" not in page
        refusals = [
            other.delete(address),
            other.post("/api/chat", json={"text": "And ships?", "conversation_id": served.talk}),
            other.post("/ask", json={"text": "And ships?", "conversation_id": served.talk}),
            other.post("/ask", json={"text": "And ships?", "conversation_id": served.talk, "keep": 0}),
        ]
        assert [each.status_code for each in refusals] == [403] * 4
        assert refusals[0].json()["error"]["what"] == "Somebody else began this conversation: you can only read it."
    assert "data-judge=" not in served.bob.get(f"/ask/{served.talk}").text, "what they cannot judge has no buttons"
    assert len(ok(served.ann.get(address))["turns"]) == 4
    assert said(served.eve) == said(served.bob) == []

    edited = served.ann.post("/ask", json={"text": BEFORE, "conversation_id": served.talk, "keep": 2})
    assert edited.status_code == 200
    assert said(served.ann) == [ANNS, ANNS]
    assert served.ann.delete(address).status_code == 204
    [copy] = ok(served.ann.get("/api/conversations"))["conversations"]
    assert served.boss.delete(f"/api/conversations/{copy['conversation_id']}").status_code == 204
    assert said(served.ann) == []


def test_a_new_key_of_the_same_name_begins_with_nothing(served: Served) -> None:
    served.store.revoke("ann")
    with served.server.client(served.store.add("ann").secret) as new:
        assert said(new) == []
        assert logged(new) == set()
        assert new.delete(f"/api/conversations/{served.talk}").status_code == 403
    assert said(served.boss) == [ANNS, BEFORE]


def test_the_page_says_that_questions_are_kept(served: Served) -> None:
    sentence = "Your questions are kept for those who look after the documents."
    assert sentence in served.bob.get("/").text
    for name in ("ann", "bob", "eve"):
        served.store.revoke(name)
    served.store.revoke("boss")
    with served.server.client() as owner:
        assert sentence not in owner.get("/").text
        assert said(owner) == [ANNS, BEFORE]
        begun = ok(owner.post("/api/chat", json={"text": BEFORE}))["conversation_id"]
        assert served.store.add("boss", role="admin").key.state == "active"
    with served.server.client(served.store.add("chief", role="admin").secret) as chief:
        assert ok(chief.get(f"/api/conversations/{begun}"))["turns"][0]["text"] == BEFORE
        assert len(said(chief)) == 3


def test_only_own_questions_are_counted(served: Served) -> None:
    """In the status as in the list."""
    counts = {
        name: ok(client.get("/api/status"))["questions"]
        for name, client in (("ann", served.ann), ("bob", served.bob), ("eve", served.eve), ("boss", served.boss))
    }
    assert counts == {"ann": 3, "bob": 0, "eve": 4, "boss": 4}


def test_what_was_measured_on_peoples_questions_is_shown_to_who_reads_them(served: Served) -> None:
    home = served.server.service.folder / ".instill"
    with Workspace.open(home.parent) as workspace:
        more = [AskedQuestion("Who is Zanzibarilla?", "Ove"), AskedQuestion(REFUSED, "Ove")]
        study = workspace.study(questions=[*Feedback(workspace).question_set(), *more], check=False)
    report = home / "reports" / "judged"
    report.mkdir(parents=True)
    keep_beside(report, study.card.made_from)
    about = {"study set": f"{study.card.id}, written by people"}
    (report / "report.json").write_text(json.dumps({"title": "Judged", "about": about}))
    (report / "report.html").write_text(f"<p>{ANNS}</p>")
    for client, sees in ((served.bob, False), (served.ann, True), (served.eve, True), (served.boss, True)):
        for path in ("/api/comparisons/judged", "/api/comparisons/judged/page", f"/api/studies/{study.card.id}"):
            assert client.get(path).status_code == (200 if sees else 404), path
        listed = [each["id"] for each in ok(client.get("/api/comparisons"))["found"]]
        assert ("judged" in listed, bool(ok(client.get("/api/studies"))["studies"])) == (sees, sees)
        assert (ANNS in client.get(f"/compare/studies/{study.card.id}", headers={"accept": "text/html"}).text) == sees
        if sees:
            shown = client.get(f"/compare/studies/{study.card.id}", headers={"accept": "text/html"}).text
            named = ("Zanzibarilla" in shown, REFUSED in shown)
            assert named == (client in (served.eve, served.boss), True)
            assert "2 questions: its answer stands in no document" in shown
