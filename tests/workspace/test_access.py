"""What one caller said and sees is not shown to another: conversations, the log, status, labels, show and sql."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from instill import Workspace
from instill.catalog import Catalog, StoredTurn, may_see
from instill.common.made_from import Caller
from instill.errors import UsageError
from tests.cli.test_cli import as_json, instill

SECRET = "The bonus of the board is ninety thousand euros."
LABELS = ("hr", "it", "staff")
HELD = [None, *(held for size in range(4) for held in itertools.combinations(LABELS, size))]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """hr's document, staff's, one of both, and one that only the owner sees; three of them in followed folders."""
    folder = tmp_path_factory.mktemp("access")
    with Workspace.init(folder / "kb") as workspace:
        for name, text, labels in (
            ("board-secrets/bonus.md", f"# Bonus\n\n{SECRET}", "hr"),
            ("canteen/lunch.md", "# Lunch\n\nLunch is served at noon in the canteen.", "staff"),
            ("shared/holidays.md", "# Holidays\n\nEverybody has thirty days of holidays.", ["hr", "staff"]),
            ("owner/will.md", "# Will\n\nThe house goes to the cat.", None),
        ):
            file = folder / name
            file.parent.mkdir(parents=True)
            file.write_text(text, encoding="utf-8")
            workspace.add(file.parent, labels=labels)
        yield workspace


# -- conversations -----------------------------------------------------------------------------------------------------


def test_a_conversation_is_found_and_resumed_by_who_may_see_all_of_it(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.db")
    for held_under in HELD:
        id_ = catalog.start_conversation(held_under)
        catalog.add_turns(id_, [StoredTurn("user", f"asked by {held_under}", {}, "")], held_under)
        for caller in HELD:
            listed = {row["conversation_id"] for row in catalog.conversations(100, Caller(caller))}
            assert (id_ in listed) == may_see(held_under, caller)
            if may_see(held_under, caller):
                assert catalog.turns(id_, Caller(caller))[0].text == f"asked by {held_under}"
                continue
            unknown = _refusal(catalog.turns, "0" * 12, Caller(caller)).replace("0" * 12, id_)
            assert _refusal(catalog.turns, id_, Caller(caller)) == unknown
            assert _refusal(catalog.add_turns, id_, [StoredTurn("user", "x", {}, "")], caller) == unknown
        assert len(catalog.turns(id_)) == 1
    catalog.close()


def test_who_may_see_what_was_said_may_see_every_document_behind_it() -> None:
    sets = [held for held in HELD if held is not None]
    for held, caller in itertools.product(sets, repeat=2):
        assert may_see(held, None)
        assert not may_see(None, caller)
        seen = [document for document in sets if set(document) & set(held)]
        if may_see(held, caller):
            assert all(set(document) & set(caller) for document in seen)
        elif seen:
            assert any(not set(document) & set(caller) for document in seen)


def test_a_conversation_carries_the_labels_of_all_who_held_it(mixed: Workspace) -> None:
    chat = mixed.chat(labels="staff")
    chat.say("When is lunch served?")
    id_ = chat.conversation_id
    assert _ids(mixed, "staff") == {id_}
    assert _ids(mixed, "hr") == set()
    mixed.chat(id_, labels=["hr", "staff"]).say("What is the bonus of the board?")
    assert _ids(mixed, "staff") == set()
    assert _ids(mixed, ["staff", "hr"]) == {id_}
    refused = _refusal(mixed.chat, id_, labels="staff")
    assert refused == _refusal(mixed.chat, "0" * 12, labels="staff").replace("0" * 12, id_)
    refused = _refusal(chat.say, "And then?")  # it was open when the other one took it up
    assert SECRET not in refused
    mixed.chat(id_).say("Who gets the house?")
    assert _ids(mixed, ["staff", "hr"]) == set()
    assert _ids(mixed, None) == {id_}
    mixed.catalog.clear_questions()


def test_the_command_line_keeps_them_apart_too(mixed: Workspace) -> None:
    question = "How much is the bonus of the board?\n"
    shown = instill("chat", "--label", "hr", cwd=mixed.path, typed=question).stdout
    assert "ninety thousand" in shown
    [theirs] = as_json("chat", "--list", "--label", "hr", cwd=mixed.path)["conversations"]
    assert theirs["first_question"] == question.strip()
    assert "labels" not in theirs
    for held in (["--label", "staff"], ["--label", "staff", "--label", "it"]):
        assert as_json("chat", "--list", *held, cwd=mixed.path)["conversations"] == []
        assert instill("chat", "--list", *held, cwd=mixed.path).stdout == "No conversations yet.\n"
        id_ = theirs["conversation_id"]
        refused = instill("chat", "-c", id_, *held, cwd=mixed.path, code=2, typed="And?\n")
        unknown = instill("chat", "-c", "0" * 12, *held, cwd=mixed.path, code=2, typed="And?\n")
        assert refused.stderr.replace(id_, "ID") == unknown.stderr.replace("0" * 12, "ID")
        assert refused.stdout == unknown.stdout == ""
    assert len(as_json("chat", "--list", cwd=mixed.path)["conversations"]) >= 1
    mixed.catalog.clear_questions()


def test_conversations_from_before_are_the_owner_s(tmp_path: Path) -> None:
    file = tmp_path / "catalog.db"
    Catalog(file).close()
    with sqlite3.connect(file) as database:
        for table in ("conversations", "usage"):
            database.execute(f"ALTER TABLE {table} DROP COLUMN labels")
        database.execute("DELETE FROM migrations WHERE name = '0002_labels'")
        database.execute("INSERT INTO conversations (conversation_id, started) VALUES ('abc', '2026-01-01')")
        database.execute("INSERT INTO turns VALUES (1, 'abc', 'user', 'old', '{}', '2026-01-01')")
        names = "usage_id, at, question, standalone_question, abstained, confidence, citations, milliseconds"
        values = "1, '2026-01-01', 'old', 'old', 0, 1.0, '[]', 1.0"
        database.execute(f"INSERT INTO usage ({names}) VALUES ({values})")
    old = Catalog(file, read_only=True)
    assert (old.conversations(caller=Caller(("hr",))), old.question_count(("hr",)), old.question_count()) == ([], 0, 1)
    assert [row["conversation_id"] for row in old.conversations()] == ["abc"]
    old.close()
    catalog = Catalog(file)
    assert catalog.turns("abc")[0].text == "old"
    assert (
        catalog.conversations(caller=Caller(("hr",))),
        catalog.question_count(("hr",)),
        catalog.question_count(),
    ) == (
        [],
        0,
        1,
    )
    _refusal(catalog.turns, "abc", Caller(("hr",)))
    catalog.close()


# -- status, the log, labels, show, sql --------------------------------------------------------------------------------


def test_status_counts_what_the_caller_may_see(mixed: Workspace) -> None:
    mixed.catalog.clear_questions()
    mixed.ask("How much is the bonus of the board?", labels="hr")
    mixed.ask("How much is the bonus of the board?", labels=["hr", "staff"])
    mixed.ask("When is lunch served?", labels="staff")
    mixed.ask("Who gets the house?")
    expected = {
        None: (4, ["board-secrets", "canteen", "owner", "shared"], 4),
        "hr": (2, ["board-secrets", "shared"], 1),
        "staff": (2, ["canteen", "shared"], 1),
        "it": (0, [], 0),
        ("hr", "staff"): (3, ["board-secrets", "canteen", "shared"], 3),
    }
    for labels, (documents, roots, questions) in expected.items():
        now = mixed.status(labels=labels)
        assert (now.documents, sorted(Path(root).name for root in now.roots), now.questions) == (
            documents,
            roots,
            questions,
        )
        assert (now.index_bytes is None) == (labels is not None)
        assert sum(now.kinds.values()) == documents
    assert mixed.status().by_label == {"hr": 2, "staff": 2}
    assert mixed.status().unlabelled == 1
    assert (mixed.status(labels="staff").by_label, mixed.status(labels="staff").unlabelled) == ({"staff": 2}, 0)
    assert mixed.status(labels="it").by_label == {}


def test_the_other_labels_of_a_visible_document_are_nobody_s_business(mixed: Workspace) -> None:
    assert {record.labels for record in mixed.documents()} == {("hr",), ("staff",), ("hr", "staff"), ()}
    assert {record.labels for record in mixed.documents(labels="staff")} == {("staff",)}
    assert {hit.labels for hit in mixed.search("holidays", labels="staff").hits} == {("staff",)}
    assert {hit.labels for hit in mixed.search("holidays", labels=["staff", "hr"]).hits} == {
        ("staff",),
        ("hr",),
        ("hr", "staff"),
    }
    shared = next(record for record in mixed.documents() if record.source.endswith("holidays.md"))
    assert mixed.show(shared.doc_id, labels="staff").record.labels == ("staff",)
    rows = mixed.sql("select distinct labels from documents", labels="staff").to_pylist()
    assert rows == [{"labels": ["staff"]}]
    assert mixed.sql("select 1 from passages where list_contains(labels, 'hr')", labels="staff").num_rows == 0
    answer = mixed.ask("How many days of holidays has everybody?", labels="staff")
    assert answer.citations
    assert "hr" not in json.dumps(answer.as_dict()["trace"], default=str).split('"')
    for arguments in (
        ("status", "-d"),
        ("show", shared.doc_id),
        ("search", "holidays"),
        ("sql", "select labels from documents"),
    ):
        for form in ((), ("--json",)):
            shown = instill(*arguments, *form, "--label", "staff", cwd=mixed.path).stdout
            assert "hr" not in shown.replace("three", ""), arguments


def test_a_hidden_document_is_refused_like_one_that_is_not_there(mixed: Workspace) -> None:
    hidden = next(record for record in mixed.documents() if record.source.endswith("bonus.md"))
    for reference in (hidden.doc_id, hidden.doc_id[:6], hidden.source, "bonus.md", "board-secrets/bonus.md"):
        refused = _refusal(mixed.show, reference, labels="staff")
        unknown = "x" * len(reference)
        assert refused == _refusal(mixed.show, unknown, labels="staff").replace(unknown, reference)
    with pytest.raises(UsageError, match="No document has this name or id"):
        mixed.show("md", labels="it")


def test_a_message_shows_the_beginning_of_a_very_long_name(mixed: Workspace) -> None:
    with pytest.raises(UsageError) as caught:
        mixed.show("x" * 300_000)
    assert caught.value.where == "x" * 199 + "…"


def test_who_sees_nothing_is_told_the_same_whether_anything_is_hidden(mixed: Workspace, tmp_path: Path) -> None:
    instill("init", str(tmp_path / "none"), cwd=tmp_path)
    for arguments in (
        ("search", "bonus"),
        ("ask", "How much is the bonus?"),
        ("status", "-d"),
        ("sql", "select count(*) from passages"),
    ):
        seen = [instill(*arguments, "--label", "it", cwd=place) for place in (mixed.path, tmp_path / "none")]
        assert _untimed(seen[0]) == _untimed(seen[1])


def _untimed(done: Any) -> tuple[str, str]:
    return "\n".join(line for line in done.stdout.splitlines() if " ms" not in line), done.stderr


def _ids(workspace: Workspace, labels: Any) -> set[str]:
    return {row["conversation_id"] for row in workspace.conversations(labels=labels)}


def _refusal(call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(UsageError) as error:
        call(*arguments, **named)
    return str(error.value)
