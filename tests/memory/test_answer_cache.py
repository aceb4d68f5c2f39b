"""An answer is shown again only while all that it was made from is as it was, for a caller who sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random

import cache_steps
import numpy as np
import pytest
import sqlalchemy as sa

from instill import Answer, Workspace
from instill.answer.reading.reader import Reading
from instill.catalog.tables import CACHED_ANSWERS
from instill.common.made_from import made_from
from instill.errors import UsageError
from instill.memory.answer_cache.cache import NOTICE
from instill.memory.answer_cache.earlier_question import Earlier, is_same_question, likeness
from instill.memory.answer_cache.similarity_threshold import Safe, identity_of, safe_in_use, save_safe
from instill.memory.answer_cache.threshold_calibration import Asked, calibrate_cache
from instill.study.facts import find_facts
from tests.cli.test_cli import instill
from tests.conftest import write_handbook
from tests.study.documents import stored
from tests.warm import Warm
from tests.workspace.test_crash import Running

HOTEL = "How much may a hotel cost?"


def allow(workspace: Workspace, labels: list[str] | None = None) -> None:
    """As if it had been calibrated on what the caller sees."""
    seen = workspace.seen_by(labels)
    identity = identity_of(seen.settings, seen.index.generation.fingerprint)
    sources = made_from(seen.documents())
    save_safe(seen.home, Safe(0.9, 0.05, 0.95, 9, 9, 0, "2026-01-01T00:00:00Z", identity, sources), seen.labels)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    write_handbook(tmp_path / "handbook")
    Workspace.init(tmp_path / "kb").close()
    (tmp_path / "kb" / "instill.toml").write_text("[memory]\ncache = true\ncache_entries = 3\n")
    with Workspace.open(tmp_path / "kb") as found:
        found.add(tmp_path / "handbook" / "travel.md", labels=["staff"])
        found.add(tmp_path / "handbook" / "refunds.md", labels=["staff", "shop"])
        allow(found)
        yield found


def tier(workspace: Workspace, question: str = HOTEL, **more: object) -> str:
    return workspace.ask(question, **more).trace.tier  # type: ignore[call-overload, no-any-return]


def kept(workspace: Workspace) -> list[str]:
    with workspace.catalog.reading() as connection:
        return list(connection.execute(sa.select(CACHED_ANSWERS.c.question)).scalars())


def test_the_same_question_is_answered_from_the_cache_with_the_same_citations(workspace: Workspace) -> None:
    first = workspace.ask(HOTEL)
    again = workspace.ask("how much may a hotel cost")
    assert (first.trace.tier, again.trace.tier) == ("index", "cache")
    assert (again.text, again.short, again.claims, again.confidence) == (
        first.text, first.short, first.claims, first.confidence
    )  # fmt: skip
    assert again.trace.question == "how much may a hotel cost"
    assert any("given before" in notice for notice in again.notices)
    assert again.question_id != first.question_id
    assert again.citations[0].text == "A hotel may cost up to 140 euros a night."


def test_a_use_from_the_cache_is_a_use(workspace: Workspace) -> None:
    workspace.ask(HOTEL)
    workspace.ask(HOTEL)
    [fact] = workspace.memory().facts()
    assert fact.uses == 2


@pytest.mark.parametrize("what", ["edit", "remove", "relabel", "rename", "other passage"])
def test_any_change_of_what_it_was_made_from_ends_it(workspace: Workspace, what: str) -> None:
    workspace.ask(HOTEL)
    assert tier(workspace) == "cache"
    [record] = [each for each in workspace.documents() if each.source.endswith("travel.md")]
    if what == "edit":
        text = Path(record.source).read_text().replace("140", "160")
        Path(record.source).write_text(text)
        workspace.sync()
        answer = workspace.ask(HOTEL)
        assert (answer.trace.tier, "160" in answer.short) == ("index", True)
    elif what == "remove":
        workspace.remove([record.doc_id])
        assert workspace.ask(HOTEL).abstained
    elif what == "relabel":
        workspace.index.relabel(record.doc_id, ["shop"])
        assert tier(workspace) == "index"
    elif what == "rename":
        workspace.index.rename(record.doc_id, source=record.source, title="Trips")
        assert workspace.ask(HOTEL).citations[0].title == "Trips"
    else:
        workspace.add_text("A hotel is booked by whoever travels, for each night.", name="basel.md")
        assert tier(workspace) == "index"
    if what != "remove":
        assert tier(workspace) == "cache"


def test_upkeep_changes_the_version_and_not_the_evidence(workspace: Workspace) -> None:
    workspace.ask(HOTEL)
    before = workspace.index.version()
    workspace.index.upkeep(force=True)
    assert workspace.index.version() > before
    assert tier(workspace) == "cache"


def test_callers_with_other_labels_never_share(workspace: Workspace) -> None:
    for labels in (["staff"], ["shop"], ["shop", "staff"]):
        allow(workspace, labels)
    assert tier(workspace) == "index"
    assert tier(workspace, labels=["staff"]) == "index"
    assert tier(workspace, labels=["staff"]) == "cache"
    assert tier(workspace, labels=["staff", "shop"]) == "index"
    assert workspace.ask(HOTEL, labels=["shop"]).abstained
    [record] = [each for each in workspace.documents() if each.source.endswith("travel.md")]
    workspace.index.relabel(record.doc_id, ["board"])
    assert workspace.ask(HOTEL, labels=["staff"]).abstained


def test_other_settings_make_other_answers(workspace: Workspace) -> None:
    workspace.ask(HOTEL)
    file = workspace.path / "instill.toml"
    file.write_text(file.read_text() + "[answer]\nsentences = 1\n")
    with Workspace.open(workspace.path) as opened:
        assert tier(opened) == "index"
    assert tier(workspace, where="year = 2023") == "index"
    assert tier(workspace) == "cache"


def told(workspace: Workspace, **more: object) -> list[str]:
    """What is said of the cache beside that an answer was given before."""
    found = workspace.ask(HOTEL, **more)  # type: ignore[call-overload]
    return [notice for notice in found.notices if notice != NOTICE]


SAME = "The cache of answers shows an answer again for the same words only."
CALIBRATE = f"{SAME} For other wordings, run: instill memory calibrate"


def test_it_is_off_by_default_and_says_when_its_calibration_is_of_no_use(workspace: Workspace) -> None:
    allow(workspace)
    assert workspace.cache_said().startswith("The cache of answers shows an answer again for questions of a similarity")
    (workspace.home / "cache.json").unlink()
    assert told(workspace) == [], "not on every answer"
    assert workspace.cache_said() == CALIBRATE
    assert instill("memory", cwd=workspace.path).stdout.count("instill memory calibrate") == 1
    assert workspace.seen_by(["staff"]).cache_said() == ""
    (workspace.home / "cache.json").write_text("{}")
    assert any("damaged" in notice for notice in told(workspace))
    assert "damaged" in workspace.cache_said()
    allow(workspace)
    text = (workspace.home / "cache.json").read_text()
    (workspace.home / "cache.json").write_text(text.replace("rules=", "rules=0"))
    assert any("has changed" in notice for notice in told(workspace))
    (workspace.path / "instill.toml").write_text("")
    with Workspace.open(workspace.path) as opened:
        assert opened.ask(HOTEL).notices == ()
        assert tier(opened) == "index"
        assert opened.cache_said() == ""


def test_what_is_too_small_to_be_calibrated_is_not_told_to_be(workspace: Workspace) -> None:
    (workspace.home / "cache.json").unlink()
    with suppress(UsageError):  # Two short pages: no question, or too few.
        assert workspace.calibrate_cache().safe is None
    assert workspace.cache_said() == SAME
    workspace.add_text("# Tea\n\nGreen tea is brewed at 80 degrees.\n", name="tea.md")
    workspace.add_text("# Coffee\n\nCoffee is brewed at 95 degrees.\n", name="coffee.md")
    assert workspace.cache_said() == CALIBRATE, "it has grown by half"
    with suppress(UsageError):
        workspace.calibrate_cache()
    assert workspace.cache_said() == SAME
    (workspace.home / "cache_tried.json").write_text("[]")
    assert workspace.cache_said() == CALIBRATE


def test_without_a_promise_the_same_words_are_answered_again_and_no_others(workspace: Workspace) -> None:
    """As in a small folder, whose documents give too few questions for a promise."""
    (workspace.home / "cache.json").unlink()
    assert tier(workspace) == "index"
    assert tier(workspace) == "cache"
    assert tier(workspace, "how much  may a hotel cost") == "cache"
    assert tier(workspace, "How much can a hotel cost?") == "index"
    assert tier(workspace, labels=["staff"]) == "index", "each caller has their own"
    assert tier(workspace, labels=["staff"]) == "cache"
    page = workspace.path.parent / "handbook" / "travel.md"
    page.write_text(page.read_text().replace("140 euros", "150 euros"))
    workspace.sync()
    workspace.add(page, labels=["staff"])
    answer = workspace.ask(HOTEL)
    assert (answer.trace.tier, "150 euros" in answer.text) == ("index", True)


def test_a_calibration_that_promises_nothing_says_what_is_missing(workspace: Workspace) -> None:
    (workspace.home / "cache.json").unlink()
    workspace.add_text("# Tea\n\nGreen tea was first brewed in 1712 by Ada Holm in the town of Visby.\n", name="tea.md")
    shown = instill("memory", "calibrate", cwd=workspace.path, code=1).stdout
    assert "nothing can be promised" in shown
    assert "The cache shows an answer again for the same words, as long as nothing has changed" in shown
    assert "more questions are needed" in " ".join(shown.split())


def test_a_calibration_on_hidden_documents_is_none_for_a_caller(workspace: Workspace) -> None:
    fingerprint = workspace.index.generation.fingerprint
    assert safe_in_use(workspace.home, workspace.settings, fingerprint, workspace.caller())[0] is not None
    assert safe_in_use(workspace.home, workspace.settings, fingerprint, workspace.caller(["staff"]))[0] is not None
    assert safe_in_use(workspace.home, workspace.settings, fingerprint, workspace.caller(["shop"]))[0] is None


def test_refusals_follow_ups_and_answers_with_notices_are_not_kept(workspace: Workspace) -> None:
    first = workspace.ask(HOTEL)
    workspace.ask("What is the capital of Mongolia?")
    workspace.ask("And by train?", history=first.turns())
    workspace.ask("How much may a hotl cost?")
    workspace.ask("What does E-9999 cost a night in a hotel?")
    assert kept(workspace) == [HOTEL]


def test_the_least_lately_used_go_first_and_purged_ones_are_gone(workspace: Workspace) -> None:
    questions = (
        HOTEL, "Until when may customers return goods?", "How are journeys under five hours made?",
        "Within how many days can sale items be exchanged?",
    )  # fmt: skip
    for question in questions:
        assert not workspace.ask(question).abstained
    assert len(kept(workspace)) == 3
    workspace.remove([each.doc_id for each in workspace.documents() if each.source.endswith("travel.md")])
    workspace.purge()
    assert kept(workspace) == []  # In so small a workspace every search brought up passages of it.
    assert b"140 euros" not in Path(workspace.catalog.where).read_bytes()


class Reads:
    """A reader that always finds the same place."""

    def __init__(self, start: int, score: float = 9.0) -> None:
        self._start, self._score = start, score

    def read(self, question: str, passages: list[tuple[str, str]]) -> list[Reading]:
        words = np.array([[self._start, self._start + 4]], dtype=np.int64)
        mass = np.ones(1, dtype=np.float32)
        return [Reading(self._start, self._start + 4, 0.0, self._score, 9.0, mass, words)]


NEAR = np.array([1.0, 0.0], dtype=np.float32), np.array([0.95, 0.3122499], dtype=np.float32)


@pytest.mark.parametrize(
    ("question", "reader", "expected"),
    [
        ("In what year was the mill built?", Reads(22), 0.95),
        ("In what year was the mill built?", Reads(4), 0.0),
        ("In what year was the mill built?", Reads(22, 1.0), 0.0),
        ("In what year was the mill built?", None, 0.0),
        ("In what year was the mill not built?", Reads(22), 0.0),
        ("In what year was mill 2 built?", Reads(22), 0.0),
        ("In what year was the Holm mill built?", Reads(22), 0.0),
        ("Who built the mill?", Reads(22), 0.0),
        ("In what year was the first mill built?", Reads(22), 0.0),
        ("when was the mill built", None, 1.0),
    ],
)
def test_likeness_asks_for_pins_kind_and_the_readers_words(question: str, reader: object, expected: float) -> None:
    earlier = Earlier("When was the mill built?", "1887", "The mill was built in 1887.", "Mill", NEAR[0])
    assert likeness(question, NEAR[1], earlier, reader) == pytest.approx(expected, abs=1e-5)  # type: ignore[arg-type]


def test_far_questions_and_answers_without_short_words_fit_only_themselves() -> None:
    earlier = Earlier("When was the mill built?", "", "", "", NEAR[0])
    assert likeness("In what year was the mill built?", NEAR[1], earlier, Reads(0)) == 0  # type: ignore[arg-type]
    assert is_same_question("When WAS  the mill built", earlier.question)
    far = replace(earlier, short="1887", evidence="1887", vector=np.array([0.8, 0.6], dtype=np.float32))
    assert likeness("In what year was the mill built?", NEAR[0], far, Reads(0)) == 0  # type: ignore[arg-type]


def asked_about(count: int) -> list[Asked]:
    text = " ".join(
        f"The mill of Pond {'abcdefghijkl'[n]}x was built in {1800 + n} by Ove Nyman." for n in range(count)
    )
    facts = [fact for fact in find_facts([stored(text)]).facts if fact.kind == "date"]
    return [
        Asked(fact, (f"When was {fact.subject} built?", f"In what year was {fact.subject} built?")) for fact in facts
    ]


def test_calibration_promises_nothing_on_few_questions_and_counts_what_is_wrong(workspace: Workspace) -> None:
    asked = asked_about(8)
    assert len(asked) == 8
    more = {"identity": "i", "made_from": made_from([])}
    trials = calibrate_cache(asked, workspace.encoder, workspace.reader, **more)  # type: ignore[arg-type]
    assert len(trials.judged) == 8
    assert trials.safe is None
    assert not any(each.wrong for each in trials.judged)
    for share in (1.0, float("nan")):
        with pytest.raises(UsageError) as caught:
            workspace.calibrate_cache(risk=share)
        assert str(caught.value) == f"The risk must be between 0 and 1. (risk: {share}) Example: risk=0.05"


def test_nothing_stale_and_nothing_hidden_in_random_steps(tmp_path: Path) -> None:
    steps = cache_steps.Steps(tmp_path, Random(7))
    for _ in range(45):
        steps.step()
    steps.close()
    assert steps.problems == []
    assert steps.counts["from the cache"] >= 1
    assert steps.counts["put"] >= 3


def test_after_sigkill_between_edits_nothing_stale_is_shown(tmp_path: Path, warm: Warm) -> None:
    Workspace.init(tmp_path / "kb").close()
    (tmp_path / "kb" / "instill.toml").write_text("[memory]\ncache = true\n")
    with Workspace.open(tmp_path / "kb") as workspace:
        workspace.add_text("The pressure of the pump is 10000 millibar.", name="pump.md")
        allow(workspace)
        workspace.ask("What is the pressure of the pump?")
        assert tier(workspace, "What is the pressure of the pump?") == "cache"
    for turn in range(3):
        writer = Running(warm, "edit", str(tmp_path / "kb"), str(20_000 + 1000 * turn))
        assert writer.said() == "ready"
        for _ in range(turn):
            writer.said()
        assert writer.kill()
        with Workspace.open(tmp_path / "kb") as workspace:
            for _ in range(2):  # The second may come from the cache.
                answer: Answer = workspace.ask("What is the pressure of the pump?")
                [record] = workspace.documents()
                stored = workspace.index.document_text(record.doc_id)
                assert stored is not None
                [citation] = answer.citations
                assert stored.text[citation.start : citation.end] == citation.text
                assert citation.text in stored.text
                assert "10000" not in answer.text or "10000" in stored.text
            assert answer.trace.tier == "cache"
