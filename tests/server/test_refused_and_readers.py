"""Refused questions by subject, what was said of an answer and taken back, and what readers are told of the machine."""

from __future__ import annotations

import threading
from pathlib import Path

from instill import Workspace
from instill.catalog import Catalog, StoredTurn
from instill.server.access.keys import KeyStore
from instill.workspace.asked_questions import Feedback
from instill.workspace.still_refused import StillRefused
from tests.server.running import running

TEA = "# Tea\n\nTea is brewed at 80 degrees.\n"
QUESTION = "At how many degrees is tea brewed?"
UNSAID = ("Who drives the night train?", "Where does the moon rocket start?", "Which song did the choir sing?")


def test_a_question_has_the_one_before_it_in_its_conversation(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.db")
    for at, first in ((1, "How long is the leave?"), (2, "Which car may I drive?")):
        talk = catalog.start_conversation(("hr",) if at == 2 else None)
        turns = [
            StoredTurn("user", first, {}, f"{at}0"),
            StoredTurn("assistant", "So.", {}, f"{at}0"),
            StoredTurn("user", "Is it paid?", {}, f"{at}1"),
        ]
        catalog.add_turns(talk, turns, ("hr",) if at == 2 else None)
    found = catalog.asked_before(["Is it paid?", "Which car may I drive?"])
    assert [(each.text, each.at, each.before) for each in found] == [
        ("Is it paid?", "11", "How long is the leave?"),
        ("Which car may I drive?", "20", ""),
        ("Is it paid?", "21", "Which car may I drive?"),
    ]
    assert [each.before for each in catalog.asked_before(["Is it paid?"], ("hr",))] == ["Which car may I drive?"]
    catalog.close()


def test_what_there_was_no_time_to_ask_is_asked_beside(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text(TEA, name="tea.md")
        for question in UNSAID:
            assert workspace.ask(question).abstained
        refused, still = Feedback(workspace).newest("refused"), StillRefused()
        assert [gap.asked_again for gap in still.of(workspace, refused, most=1)] == [True, False, False]
        still.go_on(workspace, refused)
        for thread in threading.enumerate():
            if thread.name == "instill-still-refused":
                thread.join(60)
        assert [gap.asked_again for gap in still.of(workspace, refused, most=0)] == [True, True, True]


def test_each_takes_back_what_they_said_and_the_owner_all_of_it(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text(TEA, name="tea.md")
        number = workspace.ask(QUESTION).question_id
        keys = KeyStore(workspace.catalog)
        boss, ann = keys.add("boss", role="admin").secret, keys.add("ann", role="editor").secret
        bob = keys.add("bob", role="editor").secret
    place = f"/api/questions/{number}/judgements"
    with running(tmp_path / "kb") as server:
        with server.client(ann) as client:
            assert client.post(place, json={"verdict": "right"}).status_code == 201
            assert client.post(place, json={"verdict": "wanted"}).status_code == 201
        with server.client(bob) as client:
            assert client.post(place, json={"verdict": "wrong"}).status_code == 201
            left = client.delete(place).json()["judgements"]
            assert [(each["judge"], each["verdict"]) for each in left] == [("ann", "right"), ("ann", "wanted")]
            assert len(client.get("/api/questions/set").text.splitlines()) == 1
        with server.client(boss) as client:
            assert [each["verdict"] for each in client.delete(place).json()["judgements"]] == ["wanted"]
            assert client.get("/api/questions/set").text == ""
            assert client.delete("/api/questions/1/judgements").status_code == 404


def test_only_the_owner_is_told_where_things_lie(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "tea.md").write_text(TEA)
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add(tmp_path / "notes")
        kept = tmp_path / "kb" / ".instill" / "uploads" / "all" / "staff" / "coffee.md"
        kept.parent.mkdir(parents=True)
        kept.write_text("# Coffee\n\nCoffee is black.\n")
        workspace.add(kept, follow=False)
        keys = KeyStore(workspace.catalog)
        boss, ann = keys.add("boss", role="admin").secret, keys.add("ann").secret
    with running(tmp_path / "kb") as server:
        with server.client(boss) as client:
            status = client.get("/api/status").json()
            assert (status["path"], status["roots"]) == (str(tmp_path / "kb"), [str(tmp_path / "notes")])
            sources = [each["source"] for each in client.get("/api/documents").json()["documents"]]
            assert str(kept) in sources
        with server.client(ann) as client:
            status = client.get("/api/status").json()
            assert (status["path"], status["roots"]) == ("kb", ["notes"])
            documents = {each["title"]: each for each in client.get("/api/documents").json()["documents"]}
            assert documents["Coffee"]["source"] == "staff/coffee.md"
            shown = client.get(f"/api/documents/{documents['Coffee']['doc_id']}").json()
            assert shown["document"]["record"]["source"] == "staff/coffee.md"
            lost = client.get("/nothing", headers={"accept": "text/html"})
            assert lost.status_code == 404
            assert ">kb<" in lost.text
