"""The ledger: which spans served which answers, written with the log, under its switches, labels and purge."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from instill import Workspace
from instill.answer.types import Answer, Citation, Claim, Trace
from instill.answer.uses_of_answer import uses_of
from instill.catalog import Catalog
from instill.catalog.tables import USAGE, USES
from instill.common.made_from import Source
from instill.fit.calibration import calibrate
from instill.memory.document_versions import seen_versions
from instill.memory.uses_log import read_uses
from instill.study.study_making import make_study
from instill.workspace.asked_questions import Feedback
from tests.conftest import write_handbook

HOTEL = "How much may a hotel cost?"


def rows(workspace: Workspace) -> list[dict[str, Any]]:
    with workspace.catalog.reading() as connection:
        return [dict(row) for row in connection.execute(sa.select(USES).order_by(USES.c.use_id)).mappings()]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    write_handbook(tmp_path / "handbook")
    with Workspace.init(tmp_path / "kb") as found:
        found.add(tmp_path / "handbook" / "travel.md", labels=["staff"])
        found.add(tmp_path / "handbook" / "refunds.md", labels=["shop"])
        yield found


def test_an_answers_spans_are_kept_with_version_labels_and_claim(workspace: Workspace) -> None:
    answer = workspace.ask(HOTEL)
    [citation] = answer.citations
    [record] = workspace.index.records(doc_ids=[citation.doc_id])
    [row] = rows(workspace)
    assert (row["usage_id"], row["question"], row["doc_id"]) == (answer.question_id, HOTEL, citation.doc_id)
    assert (row["version"], row["source_labels"]) == (record.content_hash, '["staff"]')
    assert (row["start"], row["end"], row["text"]) == (citation.start, citation.end, citation.text)
    assert row["claim_hash"] == hashlib.sha256(answer.claims[0].text.encode()).hexdigest()
    assert (row["leads"], row["short"], row["nth"], row["occurrences"]) == (True, answer.short, 0, 1)
    assert seen_versions(workspace.catalog)[citation.doc_id].version == record.content_hash


def test_an_answer_that_is_judged_wrong_does_not_count_until_it_is_judged_right(workspace: Workspace) -> None:
    def used(labels: list[str] | None = None) -> int:
        return len(read_uses(workspace.catalog, workspace.encoder, tuple(labels) if labels else None))

    answer = workspace.ask(HOTEL)
    assert answer.question_id is not None
    workspace.seen_by(["staff"]).ask(HOTEL)
    assert (used(), used(["staff"])) == (2, 1)
    feedback = Feedback(workspace)
    feedback.judge(answer.question_id, "wrong")
    assert (used(), used(["staff"])) == (1, 1)
    feedback.judge(answer.question_id, "right")
    assert used() == 2


@pytest.mark.parametrize(
    ("asked", "completed", "kept"),
    [
        ("who do i tell abt teammate", "who do i tell abt teammate", True),  # What people ask keeps its words, ...
        ("Who do I tell about it?", "Who do I tell about teammate?", False),
        ("Who do I tell about it?", "Who do I tell about the teammate?", True),
        ("And in Rome?", "How much may a hotel cost in Rome?", True),
        ("And those?", "How much may those because a hotel cost?", False),  # ... and what rules complete reads well.
    ],
)
def test_a_follow_up_that_is_completed_badly_is_no_fact(
    workspace: Workspace, asked: str, completed: str, kept: bool
) -> None:
    workspace.ask(HOTEL)
    with workspace.catalog.writing() as connection:
        assert connection is not None
        connection.execute(sa.update(USAGE).values(question=asked, standalone_question=completed))
        connection.execute(sa.update(USES).values(question=completed))
    found = [use.question for use in read_uses(workspace.catalog, workspace.encoder)]
    assert found == ([completed] if kept else [])


def test_a_refusal_leaves_no_use(workspace: Workspace) -> None:
    assert workspace.ask("What is the capital of Mongolia?").abstained
    assert rows(workspace) == []


@pytest.mark.parametrize(
    "switch", ["[log]\nuses = false\n", "[log]\nquestions = false\n", "[privacy]\nlog_questions = false\n"]
)
def test_each_switch_turns_it_off(workspace: Workspace, switch: str) -> None:
    (workspace.path / "instill.toml").write_text(switch)
    with Workspace.open(workspace.path) as opened:
        assert opened.ask(HOTEL).citations
        assert rows(opened) == []


def test_only_the_span_that_answers_leads_and_what_is_no_longer_there_is_left_out() -> None:
    text = "One. Two is 80 degrees. Three."
    first, second = (Citation("d1", "a.md", "A", start, end, text[start:end]) for start, end in ((0, 4), (5, 23)))
    moved = Citation("d1", "a.md", "A", 0, 5, "Three")
    claims = (Claim("One.", (first,)), Claim("Two is 80 degrees.", (first, second)), Claim("Three", (moved,)))
    answer = Answer("", claims, 1.0, False, Trace("q", "q", "extractive"), short="80 degrees")
    found = uses_of(answer, {"d1": (Source("d1", "v1", ("hr",)), text)})
    assert [(each["text"], each["leads"], each["short"]) for each in found] == [
        ("One.", False, ""),
        ("Two is 80 degrees.", True, "80 degrees"),
    ]
    assert uses_of(answer, {}) == []


def test_a_caller_sees_only_uses_of_those_who_saw_no_more(workspace: Workspace) -> None:
    for labels in (None, ["staff"], ["staff", "shop"], ["shop"]):
        workspace.ask(HOTEL, labels=labels)
    encoder = workspace.encoder
    counts = {
        labels: len(read_uses(workspace.catalog, encoder, labels))
        for labels in (None, ("staff",), ("shop", "staff"), ("shop",), ())
    }
    assert counts == {None: 3, ("staff",): 1, ("shop", "staff"): 2, ("shop",): 0, (): 0}


def test_vectors_are_made_once_and_again_for_another_encoder(workspace: Workspace) -> None:
    workspace.ask(HOTEL)
    [use] = read_uses(workspace.catalog, workspace.encoder)
    assert use.vector @ workspace.encoder.encode_queries([HOTEL])[0] == pytest.approx(1, abs=1e-5)

    class Other:
        fingerprint = "other"

        def encode_queries(self, texts: list[str]) -> Any:
            return workspace.encoder.encode_queries(["something else"] * len(texts))

    [again] = read_uses(workspace.catalog, Other())  # type: ignore[arg-type]
    assert again.vector @ use.vector < 0.9
    assert rows(workspace)[0]["fingerprint"] == "other"


def test_purged_means_gone_from_the_ledger(workspace: Workspace) -> None:
    workspace.ask(HOTEL)
    workspace.ask("Until when may customers return goods?")
    [record] = [each for each in workspace.documents() if each.source.endswith("travel.md")]
    workspace.remove([record.doc_id])
    assert len(rows(workspace)) == 2
    workspace.purge()
    assert {row["doc_id"] for row in rows(workspace)} == {each.doc_id for each in workspace.documents()}
    assert record.doc_id not in seen_versions(workspace.catalog)
    assert b"140 euros" not in Path(workspace.catalog.where).read_bytes()


def test_clearing_the_log_clears_the_ledger(workspace: Workspace) -> None:
    workspace.ask(HOTEL)
    workspace.catalog.clear_questions()
    assert rows(workspace) == []


def test_what_the_system_asks_itself_never_counts(workspace: Workspace) -> None:
    calibrate(workspace, most=6)
    documents = [workspace.index.document_text(each.doc_id) for each in workspace.documents()]
    make_study(each for each in documents if each is not None)
    assert rows(workspace) == []
    workspace.ask(HOTEL)
    assert len(rows(workspace)) == 1


def test_a_catalog_from_before_gets_the_tables(tmp_path: Path) -> None:
    Catalog(tmp_path / "catalog.db").close()
    with sqlite3.connect(tmp_path / "catalog.db") as connection:
        for table in ("uses", "seen_versions", "memories", "cached_answers"):
            connection.execute(f"drop table {table}")
        connection.execute("delete from migrations where name = '0004_memory'")
    catalog = Catalog(tmp_path / "catalog.db")
    assert seen_versions(catalog) == {}
    catalog.close()


def test_a_version_keeps_the_time_when_it_was_met_first_and_one_that_came_back_is_new(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.db")
    times = [
        ("v1", "2026-01-01T00:00:00Z"),
        ("v1", "2026-02-01T00:00:00Z"),
        ("v2", "2026-03-01T00:00:00Z"),
        ("v1", "2026-04-01T00:00:00Z"),
    ]
    met = []
    for version, at in times:
        with catalog.writing() as connection:
            assert connection is not None
            catalog.note_versions(connection, {"d1": version}, at)
        found = seen_versions(catalog)["d1"]
        met.append((found.version, found.since.month))
    assert met == [("v1", 1), ("v1", 1), ("v2", 3), ("v1", 4)]
    catalog.close()
