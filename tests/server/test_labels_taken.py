"""A document's label is taken after somebody asked about it: what is kept of the exchange tells them nothing of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from instill import Workspace
from instill.common.kept_answers import NOT_SHOWN, shown_to
from instill.common.made_from import Caller, Source
from instill.server.access.keys import KeyStore
from instill.workspace.asked_questions import Feedback
from tests.server.running import Running, running
from tests.server.test_api import ok
from tests.server.test_hidden import MCP
from tests.server.walking import routes_of

BONUS = "# Zirkonium\n\n## Quorumfield\n\nThe bonus of the team is ninetythousand euros a year.\n"
LUNCH = "# Canteen\n\nLunch is served at noon in the canteen for nine euros.\n"
ASKED, AFTER, OTHER = "How much is the bonus of the team?", "Who is it for?", "When is lunch served in the canteen?"
SECRETS = ("zirkonium", "quorumfield", "ninetythousand")


class Taken(NamedTuple):
    """After the label was taken: two readers who hold `staff`, of whom `ann` asked, and who sees everything."""

    server: Running
    ann: httpx.Client
    bob: httpx.Client
    boss: httpx.Client
    talk: str
    document: str
    number: int


@pytest.fixture
def taken(tmp_path: Path) -> Iterator[Taken]:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text(BONUS, name="bonus.md", labels=["staff"])
        workspace.add_text(LUNCH, name="lunch.md", labels=["staff"])
        document = next(each.doc_id for each in workspace.documents() if each.title == "Zirkonium")
        store = KeyStore(workspace.catalog)
        made: list[tuple[str, dict[str, Any]]] = [
            ("ann", {"role": "reader", "labels": ["staff"]}),
            ("bob", {"role": "reader", "labels": ["staff"]}),
            ("boss", {"role": "admin"}),
        ]
        secrets = [store.add(name, rate=100_000, **more).secret for name, more in made]
    with running(tmp_path / "kb") as server:
        ann, bob, boss = (server.client(each) for each in secrets)
        first = ok(ann.post("/api/chat", json={"text": ASKED}))
        talk, number = first["conversation_id"], first["answer"]["question_id"]
        assert "ninetythousand" in first["answer"]["text"]
        for text in (AFTER, OTHER):
            ok(ann.post("/api/chat", json={"text": text, "conversation_id": talk}))
        ok(ann.post(f"/api/questions/{number}/judgements", json={"verdict": "right"}), 201)
        assert ok(ann.get("/api/conversations", params={"words": "ninetythousand"}))["total"] == 1
        ok(boss.put(f"/api/documents/{document}/labels", json={"labels": ["board"]}))
        yield Taken(server, ann, bob, boss, talk, document, number)
        for client in (ann, bob, boss):
            client.close()


def test_the_conversation_keeps_the_questions_and_loses_the_answers(taken: Taken) -> None:
    for client in (taken.ann, taken.bob):
        told = client.get(f"/api/conversations/{taken.talk}")
        turns = ok(told)["turns"]
        assert [each["text"] for each in turns[::2]] == [ASKED, AFTER, OTHER]
        assert (turns[1]["text"], turns[1]["answer"]["text"], turns[1]["answer"]["hidden"]) == (
            NOT_SHOWN,
            NOT_SHOWN,
            True,
        )
        assert (turns[1]["answer"]["claims"], turns[1]["documents"]) == ([], 0)
        assert "noon" in turns[5]["text"], "an answer from another document stays"
        assert turns[5]["answer"]["claims"]
        assert [each["standalone_question"] for each in _traces(turns)] == [ASKED, AFTER, OTHER]
        assert _secrets_in(told) == []
        page = client.get(f"/ask/{taken.talk}", headers={"accept": "text/html"})
        assert ASKED in page.text
        assert NOT_SHOWN in page.text
        assert "noon" in page.text
        assert _secrets_in(page) == []


def test_it_is_not_found_by_the_words_of_a_hidden_answer(taken: Taken) -> None:
    for words, count in (("ninetythousand", 0), ("bonus of the team is", 0), ("bonus", 1), ("at noon", 1)):
        found = ok(taken.ann.get("/api/conversations", params={"words": words}))
        assert (len(found["conversations"]), found["total"]) == (count, count), words
        listed = taken.ann.get("/", params={"words": words}, headers={"accept": "text/html"}).text
        assert (f"/ask/{taken.talk}" in listed) == bool(count)
        assert ok(taken.boss.get("/api/conversations", params={"words": words}))["total"] == 1


def test_no_route_tells_of_it(taken: Taken) -> None:
    named = {"conversation_id": taken.talk, "doc_id": taken.document, "question_id": str(taken.number)}
    asked = 0
    for route in routes_of(taken.server.app):
        path = route.path.format(**{**dict.fromkeys(_names(route.path), "x"), **named})
        if route.method == "GET":
            for headers in ({}, {"accept": "text/html"}):
                assert _secrets_in(taken.ann.get(path, headers=headers)) == [], path
                asked += 1
    assert asked > 60
    said = [{"role": "user", "content": ASKED}]
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    for path, body in (
        ("/api/chat", {"text": "And how much is that?", "conversation_id": taken.talk}),
        ("/api/chat", {"text": ASKED, "conversation_id": taken.talk}),
        ("/ask", {"text": "Say that again, with its section.", "conversation_id": taken.talk}),
        ("/ask", {"text": "Say that again.", "conversation_id": taken.talk, "keep": 2}),
        ("/api/ask", {"question": ASKED}),
        ("/v1/chat/completions", {"model": "instill", "messages": said}),
        ("/v1/responses", {"model": "instill", "input": ASKED}),
        ("/mcp", {**call, "params": {"name": "ask", "arguments": {"question": ASKED}}}),
        ("/mcp", {**call, "params": {"name": "show", "arguments": {"document": taken.document}}}),
    ):
        response = taken.ann.post(path, json=body, headers=MCP if path == "/mcp" else {})
        assert response.status_code < 500
        assert _secrets_in(response) == [], path
    for each in ok(taken.ann.get("/api/conversations"))["conversations"]:
        assert _secrets_in(taken.ann.get(f"/api/conversations/{each['conversation_id']}")) == []
    with Workspace.open(taken.server.service.folder) as workspace:
        assert Feedback(workspace.seen_by("staff")).question_set() == []


def test_the_owner_sees_it_as_before_and_the_asker_when_the_label_is_back(taken: Taken) -> None:
    path = f"/api/conversations/{taken.talk}"
    kept = ok(taken.boss.get(path))
    assert "ninetythousand" in kept["turns"][1]["text"]
    assert "hidden" not in kept["turns"][1]["answer"]
    assert _secrets_in(taken.boss.get(f"/ask/{taken.talk}", headers={"accept": "text/html"})) == list(SECRETS)
    ok(taken.boss.put(f"/api/documents/{taken.document}/labels", json={"labels": ["board", "staff"]}))
    assert ok(taken.ann.get(path)) == {**kept, "turns": ok(taken.ann.get(path))["turns"]}
    assert ok(taken.ann.get(path))["turns"][1]["text"] == kept["turns"][1]["text"]


def test_a_conversation_that_is_open_in_a_program_forgets_too(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text(BONUS, name="bonus.md", labels=["staff"])
        talk = workspace.chat(labels="staff")
        assert "ninetythousand" in talk.say(ASKED).text
        [record] = workspace.documents()
        workspace.index.relabel(record.doc_id, ["board"])
        assert [(each.text, each.topics, each.documents) for each in talk.turns] == [
            (ASKED, (), ()),
            (NOT_SHOWN, (), ()),
        ]
        assert "zirkonium" not in str(talk.say("And how much is it?").as_dict()).lower()
        assert workspace.chat(talk.conversation_id).turns[1].documents == (record.doc_id,)


def test_what_was_only_considered_is_left_out_and_the_answer_stays() -> None:
    caller = Caller(("staff",), lambda doc_ids: [Source("d1", "h", ("board",)), Source("d2", "h", ("staff",))])
    cited = [{"text": "Noon.", "citations": [{"doc_id": "d2"}]}]
    places = [{"doc_id": "d1", "text": "ninetythousand"}, {"doc_id": "d2", "text": "noon"}]
    trace: dict[str, Any] = {
        "question": "When?",
        "standalone_question": "When zirkonium?",
        "method": "extractive",
        "clusters": ["x"],
    }
    answer: dict[str, Any] = {
        "text": "Noon.",
        "claims": cited,
        "trace": {**trace, "candidates": places, "context": places},
    }
    [shown] = shown_to(caller, [answer])
    assert (shown["text"], shown["claims"]) == ("Noon.", cited)
    assert shown["trace"] == {
        "question": "When?",
        "standalone_question": "When?",
        "method": "extractive",
        "clusters": [],
        "candidates": places[1:],
        "context": places[1:],
    }
    written = {**answer, "trace": {**answer["trace"], "method": "generator"}}
    assert [each.get("hidden") for each in shown_to(caller, [written])] == [True], "it read what it does not cite"
    later = {"text": "Nine.", "claims": [], "trace": {"question": "And?", "method": "generator"}}
    assert [each.get("hidden") for each in shown_to(caller, [written, later])] == [True, True]
    assert shown_to(caller, [later]) == [later]
    assert shown_to(Caller(), [written, later]) == [written, later]
    assert shown_to(Caller(("staff",)), [answer])[0]["hidden"], "no document can be looked up"


def _secrets_in(response: httpx.Response) -> list[str]:
    return [word for word in SECRETS if word in response.text.lower()]


def _traces(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each["answer"]["trace"] for each in turns[1::2]]


def _names(path: str) -> list[str]:
    return [part[1:-1].partition(":")[0] for part in path.split("/") if part.startswith("{")]
