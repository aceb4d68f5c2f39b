"""Facts as they stand: stages, conditions, decisions, labels; after random edits they are what a model says."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from instill.errors import UsageError
from instill.memory.answered_elsewhere import Elsewhere, is_another_value
from instill.memory.facts_in_weights import Adapter, Held, Weights, write_weights
from instill.memory.types import Fact
from instill.memory.worded_by_hand import evidence_for
from instill.settings import MemorySettings
from tests.index.index_builders import doc_id_of
from tests.memory.world import World

START = datetime(2026, 3, 1, tzinfo=UTC)
TEA, MILL = "Green tea is brewed at 80 degrees.", "The mill was built by Ove Nyman."
HOT, WHO = "How hot is green tea brewed?", "Who built the mill?"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    found = World(tmp_path, START, MemorySettings(threshold=1.5, stable_days=7, half_life_days=30))
    found.put(1, [TEA, MILL], ["staff"])
    yield found
    found.close()


def ask_tea(world: World, times: int = 2) -> None:
    for _ in range(times):
        world.ask(1, HOT, TEA, "80 degrees")


def only(world: World) -> Fact:
    [fact] = world.memory().facts()
    return fact


def missing(fact: Fact) -> list[str]:
    return [each.name for each in fact.why if not each.met]


def test_three_uses_within_a_minute_are_three(world: World) -> None:
    ask_tea(world, 3)
    world.now += timedelta(seconds=50)
    world.settings = world.settings.model_copy(update={"threshold": 3.0})
    assert "used" not in missing(only(world))
    world.now += timedelta(days=2)
    assert "used" in missing(only(world))


def test_a_fact_is_a_candidate_when_all_conditions_are_met_and_says_why_not_before(world: World) -> None:
    ask_tea(world, 1)
    assert missing(only(world)) == ["used", "stable", "undisputed"]
    ask_tea(world)
    world.now += timedelta(days=6.9)
    assert missing(only(world)) == ["stable", "undisputed"]
    world.now += timedelta(days=0.2)
    fact = only(world)
    assert (fact.candidate, missing(fact), fact.uses, fact.stage) == (True, [], 3, "indexed")
    assert fact.weight == pytest.approx(3 * 0.5 ** (7.1 / 30), abs=1e-5)
    assert (fact.question, fact.answer, fact.evidence) == (HOT, "80 degrees", TEA)
    world.now += timedelta(days=30)
    assert missing(only(world)) == ["used", "undisputed"]


def test_a_change_of_its_document_starts_the_time_again_and_an_edit_of_the_evidence_ends_it(world: World) -> None:
    ask_tea(world)
    world.now += timedelta(days=8)
    assert only(world).candidate
    world.put(1, ["New first line.", TEA, MILL], ["staff"])
    moved = only(world)
    assert (moved.candidate, missing(moved)) == (False, ["stable", "undisputed"])
    assert (moved.start, moved.evidence) == (len("New first line.\n"), TEA)
    world.now += timedelta(days=8)
    ask_tea(world, 1)
    assert only(world).candidate
    world.put(1, [TEA.replace("80", "75"), MILL], ["staff"])
    assert "in place" in missing(only(world))
    world.remove(1)
    gone = only(world)
    assert "in place" in missing(gone)
    assert (gone.source, gone.stage) == ("", "deleted")


@pytest.mark.parametrize(
    ("other", "candidate"),
    [
        ("Green tea is best brewed at 75 degrees.", False),
        ("Green tea is never brewed at 80 degrees.", False),
        ("Black tea is brewed at 95 degrees.", True),
        ("Green tea is brewed at 80 degrees in 2 cups.", True),
    ],
)
def test_what_another_document_denies_is_no_candidate(world: World, other: str, candidate: bool) -> None:
    ask_tea(world)
    only(world)
    world.now += timedelta(days=8)
    world.put(2, [other])
    fact = only(world)
    assert fact.candidate is candidate
    if not candidate:
        assert "/docs/2.txt" in next(each.said for each in fact.why if each.name == "undisputed")


def test_a_newer_version_of_the_document_disputes_it(world: World) -> None:
    world.put(3, [TEA, MILL], source="/docs/rules-2024.md")
    for _ in range(2):
        world.ask(3, HOT, TEA, "80 degrees")
    only(world)
    world.now += timedelta(days=8)
    assert only(world).candidate
    world.put(4, [TEA, MILL], source="/docs/rules-2025.md")
    assert missing(only(world)) == ["undisputed"]


def test_a_hidden_document_disputes_nothing_for_a_caller_who_does_not_see_it(world: World) -> None:
    for _ in range(2):
        world.ask(1, HOT, TEA, "80 degrees", ("staff",))
    world.memory().facts()
    world.now += timedelta(days=8)
    world.put(2, ["Green tea is brewed at 75 degrees."], ["secret"])
    [fact] = world.memory(("staff",)).facts()
    assert fact.candidate
    assert not only(world).candidate


def test_pinned_excluded_and_neither(world: World) -> None:
    ask_tea(world, 1)
    world.memory().facts()
    world.now += timedelta(days=8)
    fact_id = only(world).fact_id
    assert not only(world).candidate
    pinned = world.memory().decide(fact_id[:4], "pinned", note="asked by the board")
    assert (pinned.candidate, pinned.decision, pinned.note, pinned.fact_id) == (
        True, "pinned", "asked by the board", fact_id
    )  # fmt: skip
    ask_tea(world, 5)
    excluded = world.memory().decide(fact_id, "excluded")
    assert (missing(excluded), excluded.note, excluded.uses) == (["undisputed", "allowed"], "asked by the board", 6)
    world.put(1, ["Before.", TEA, MILL], ["staff"])
    assert only(world).decision == "excluded"  # Whatever moves.
    assert world.memory().decide(fact_id, "").decision == ""
    assert only(world).fact_id == fact_id


def test_what_is_edited_stays_edited_and_must_stand_in_the_evidence(world: World) -> None:
    ask_tea(world)
    fact_id = only(world).fact_id
    edited = world.memory().edit(fact_id, question="Green tea: how hot?", answer="80")
    assert (edited.question, edited.answer, edited.by_hand) == ("Green tea: how hot?", "80", True)
    ask_tea(world)
    assert (only(world).question, only(world).uses) == ("Green tea: how hot?", 4)
    assert world.memory().decide(fact_id, "").question == "Green tea: how hot?"  # Taking a pin back loses no words.
    with pytest.raises(UsageError, match="does not hold this answer"):
        world.memory().edit(fact_id, answer="90 degrees")


def test_a_fact_by_hand_has_evidence_and_takes_the_uses_that_come(world: World) -> None:
    found = evidence_for("80 degrees", [doc_id_of(1)], world.index)
    assert found is not None
    spot, labels = found
    assert (spot.text, labels) == (TEA, ("staff",))
    added = world.memory().add(HOT, "80 degrees", document=doc_id_of(1))
    assert (added.decision, added.by_hand, added.uses) == ("pinned", True, 0)
    ask_tea(world)
    assert only(world).fact_id == added.fact_id
    assert only(world).uses == 2
    assert evidence_for("95 degrees", [doc_id_of(1), doc_id_of(9)], world.index) is None
    with pytest.raises(UsageError, match="No document holds these words"):
        world.memory().add(HOT, "90 degrees", document=doc_id_of(1))


def test_what_was_added_by_hand_is_taken_back(world: World) -> None:
    added = world.memory().add(HOT, "80 degrees", document=doc_id_of(1), wordings=["Say how hot tea is."], note="mine")
    removed = world.memory().remove(added.fact_id[:8])
    assert (removed.fact_id, removed.question, removed.still_asked, removed.adapter) == (added.fact_id, HOT, 0, "")
    assert world.memory().facts() == []
    world.memory().add("Say how hot tea is.", "80 degrees", document=doc_id_of(1), note="mine")
    ask_tea(world)
    assert world.memory().remove(only(world).fact_id).still_asked == 2
    left = only(world)  # People asked for it all the same, in their words.
    assert (left.question, left.decision, left.by_hand, left.note, left.uses) == (HOT, "", False, "", 2)
    with pytest.raises(UsageError, match="Nothing was done with this fact by hand"):
        world.memory().remove(left.fact_id)
    with pytest.raises(UsageError, match="Only the owner decides"):
        world.memory(labels=("staff",)).remove(left.fact_id)
    assert [fact.fact_id for fact in world.memory().candidates()] == []
    pinned = world.memory().decide(left.fact_id, "pinned")
    assert (pinned.fact_id in {fact.fact_id for fact in world.memory().candidates()}) is pinned.candidate


def test_wordings_by_hand_are_kept_beside_those_that_were_asked(world: World) -> None:
    added = world.memory().add(HOT, "80 degrees", document=doc_id_of(1), wordings=["Say how hot tea is.", " ", HOT])
    assert added.wordings == ("Say how hot tea is.",)
    ask_tea(world)
    edited = world.memory().edit(added.fact_id, wordings=["Tea: what heat?"])
    assert edited.wordings == (HOT, "Say how hot tea is.", "Tea: what heat?")
    # Adding it again, or taking the pin back, loses none.
    again = world.memory().add(HOT, "80 degrees", document=doc_id_of(1))
    assert again.wordings == edited.wordings
    assert world.memory().decide(added.fact_id, "").wordings == edited.wordings
    with pytest.raises(UsageError, match="longer than 2,000 characters"):
        world.memory().edit(added.fact_id, wordings=["x" * 2001])


def test_a_catalog_of_before_has_facts_without_wordings(world: World) -> None:
    ask_tea(world)
    pinned = world.memory().decide(only(world).fact_id, "pinned")
    with world.catalog.writing() as connection:
        assert connection is not None
        connection.exec_driver_sql("ALTER TABLE memories DROP COLUMN wordings")
    assert (only(world).decision, only(world).wordings) == ("pinned", pinned.wordings)


def test_labels_decide_which_facts_are_seen_then_and_now(world: World) -> None:
    world.ask(1, HOT, TEA, "80 degrees", ("staff",))
    world.ask(1, HOT, TEA, "80 degrees")
    assert [fact.uses for fact in world.memory().facts()] == [2]
    assert [fact.uses for fact in world.memory(("staff",)).facts()] == [1]
    assert [fact.uses for fact in world.memory(("shop", "staff")).facts()] == [1]
    assert world.memory(("shop",)).facts() == world.memory(()).facts() == []
    with pytest.raises(UsageError, match="Only the owner decides"):
        world.memory(("staff",)).decide(only(world).fact_id, "pinned")
    world.index.relabel(doc_id_of(1), ["shop"])
    assert world.memory(("staff",)).facts() == []
    world.index.relabel(doc_id_of(1), ["staff"])
    world.put(1, [TEA, "More."], ["staff", "shop"])  # The text of then was the staff's.
    world.ask(1, HOT, TEA, "80 degrees", ("shop",))
    assert [fact.uses for fact in world.memory(("shop",)).facts()] == [1]
    world.remove(1)
    assert world.memory(("staff",)).facts() == []
    assert len(world.memory().facts()) == 1


def test_in_weights_until_the_document_changes(world: World) -> None:
    ask_tea(world)
    fact = only(world)
    held = Held(
        fact_id=fact.fact_id, doc_id=fact.doc_id, version=fact.version, source_labels=("staff",),
        evidence_hash="0" * 64, adapter="memory-1",
    )  # fmt: skip
    adapter = Adapter(id="memory-1", base="b", labels=("staff",), state="in use", facts=(held,))
    write_weights(world.home, Weights().with_adapter(adapter))
    assert (only(world).stage, only(world).adapter) == ("consolidated", "memory-1")
    world.put(1, [TEA, MILL, "A new line."], ["staff"])
    assert (only(world).stage, only(world).adapter) == ("indexed", "")
    world.put(1, [TEA, MILL], ["staff"])
    assert only(world).stage == "consolidated"
    write_weights(world.home, Weights().with_adapter(adapter.model_copy(update={"state": "withdrawn"})))
    assert only(world).stage == "indexed"


def test_an_unknown_fact_is_named(world: World) -> None:
    with pytest.raises(UsageError, match="no such fact"):
        world.memory().get("ffff")


SUBJECTS = ("alder", "birch", "cedar")


class FactMachine(RuleBasedStateMachine):
    """Documents of labelled facts are put, edited, moved, removed and asked for; a plain model knows what holds."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.world = World(
            Path(self._folder.name), START, MemorySettings(threshold=2, stable_days=3, half_life_days=10)
        )
        self.texts: dict[int, tuple[dict[str, int], int]] = {}  # Values by subject, and lines in front of them.
        self.labels: dict[int, tuple[str, ...]] = {}
        self.since: dict[int, tuple[object, datetime]] = {}
        self.asked: list[tuple[int, str, int, datetime]] = []

    def teardown(self) -> None:
        self.world.close()
        self._folder.cleanup()

    @staticmethod
    def sentence(number: int, subject: str, value: int) -> str:
        return f"The {subject} of garden {number} was planted in {1900 + value}."

    def commit(self, number: int) -> None:
        values, lines = self.texts[number]
        texts = ["A line in front." for _ in range(lines)]
        texts += [self.sentence(number, subject, value) for subject, value in values.items()]
        self.world.put(number, texts, self.labels[number])

    @rule(number=st.integers(1, 2), values=st.lists(st.integers(0, 2), min_size=3, max_size=3))
    def put(self, number: int, values: list[int]) -> None:
        self.texts[number] = (dict(zip(SUBJECTS, values, strict=True)), self.texts.get(number, ({}, 0))[1])
        self.labels.setdefault(number, ("a",) if number == 1 else ("a", "b"))
        self.commit(number)

    @precondition(lambda self: self.texts)
    @rule(data=st.data(), lines=st.integers(0, 2))
    def move(self, data: st.DataObject, lines: int) -> None:
        number = data.draw(st.sampled_from(sorted(self.texts)))
        self.texts[number] = (self.texts[number][0], lines)
        self.commit(number)

    @precondition(lambda self: self.texts)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.texts)))
        del self.texts[number]
        self.world.remove(number)

    @precondition(lambda self: self.texts)
    @rule(data=st.data(), subject=st.sampled_from(SUBJECTS))
    def ask(self, data: st.DataObject, subject: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.texts)))
        value = self.texts[number][0][subject]
        question = f"When was the {subject} of garden {number} planted?"
        self.world.ask(number, question, self.sentence(number, subject, value), str(1900 + value))
        self.asked.append((number, subject, value, self.world.now))

    @rule(days=st.integers(1, 4))
    def wait(self, days: int) -> None:
        self.world.now += timedelta(days=days)

    @invariant()
    def facts_are_as_the_model_says(self) -> None:
        facts = self.world.memory().facts()
        for number in {each[0] for each in self.asked}:  # Seen by `facts` now, if not when it was asked.
            key = self.texts.get(number)
            if key is not None and self.since.get(number, (None, START))[0] != key:
                met = [at for n, s, v, at in self.asked if n == number]
                changed = self.since.get(number) is not None
                self.since[number] = (key, self.world.now if changed or not met else met[-1])
        expected: dict[tuple[int, str, int], list[datetime]] = {}
        for number, subject, value, at in self.asked:
            expected.setdefault((number, subject, value), []).append(at)
        assert len(facts) == len(expected)
        for fact in facts:
            words = fact.evidence.split()
            key3 = (int(words[4]), words[1], int(words[-1].rstrip(".")) - 1900)
            times = expected.pop(key3)
            assert fact.uses == len(times)
            days = [(self.world.now - at).total_seconds() / 86400 for at in times]
            assert fact.weight == pytest.approx(sum(0.5 ** (day / 10) for day in days), abs=1e-5)
            document = self.texts.get(key3[0])
            there = document is not None and document[0][key3[1]] == key3[2]
            assert ("in place" not in missing(fact)) is there
            if there:
                stored = self.world.index.document_text(doc_id_of(key3[0]))
                assert stored is not None
                assert stored.text[fact.start : fact.end] == fact.evidence
            else:
                assert not fact.candidate
            assert fact.stage == ("deleted" if document is None else "indexed")
            if fact.candidate:
                assert fact.weight >= 2
        seen = self.world.memory(("b",)).facts()
        assert all(fact.doc_id == doc_id_of(2) for fact in seen)
        assert seen == []  # All were asked by the owner.


FactMachine.TestCase.settings = settings(
    max_examples=8, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
)
TestFacts = FactMachine.TestCase


def test_another_document_that_answers_otherwise_in_other_words_disputes_it(world: World) -> None:
    asked: list[tuple[str, frozenset[str]]] = []
    own, other = doc_id_of(1), doc_id_of(2)

    def ask(question: str, without: frozenset[str]) -> Elsewhere | None:
        asked.append((question, without))
        agreeing = Elsewhere(doc_id_of(3), "/docs/3.txt", "80 degrees")
        found = agreeing if agreeing.doc_id not in without else Elsewhere(other, "/docs/2.txt", "about 75 degrees")
        return None if found.doc_id in without else found

    world.answers = ask
    ask_tea(world)
    only(world)
    world.now += timedelta(days=8)
    fact = only(world)
    assert (fact.candidate, asked) == (True, [])  # A list does not ask about what was only asked for, ...
    [fact] = world.memory().facts(asked="all")  # ... a consolidation does.
    assert asked == [(HOT, frozenset({own})), (HOT, frozenset({own, doc_id_of(3)}))]
    said = "/docs/2.txt says “about 75 degrees”, and this fact says “80 degrees”: correct one of both."
    assert [(each.name, each.said) for each in fact.why if not each.met] == [("undisputed", said)]
    assert not world.memory().get(fact.fact_id).candidate
    world.memory().edit(fact.fact_id, question="How hot is green tea to be?")
    assert not only(world).candidate  # Facts that were worded by hand are asked about in a list, too.


def test_a_list_asks_about_ten_facts_at_most(world: World) -> None:
    asked: list[str] = []
    world.answers = lambda question, _: asked.append(question)
    world.put(5, [f"Pump {number} holds {number + 20} litres." for number in range(12)])
    memory = world.memory()
    for number in range(12):
        memory.add(f"How many litres does pump {number} hold?", f"{number + 20} litres", document=doc_id_of(5))
    world.now += timedelta(days=8)
    asked.clear()
    assert len(world.memory().facts()) == 12
    assert len(asked) == 10
    asked.clear()
    world.memory().facts(asked="none")
    assert asked == []


@pytest.mark.parametrize(
    ("question", "own", "other", "expected"),
    [
        ("How long may goods be returned?", "30 days", "within thirty days", False),
        ("How long may goods be returned?", "30 days", "14 days", True),
        ("When was it built?", "1899", "in 1901", True),
        ("When was it built?", "1899", "on 3 May 1899", False),
        ("What does it cost?", "10.00 euros", "10 euros", False),
        ("What does it cost?", "10 euros", "not much", False),
        ("Who approves a trip?", "the head of department", "the department head", False),
        ("Who approves a trip?", "the head of department", "your manager", True),
        ("How do I ask for leave?", "with the form", "in the portal", False),
        ("Who runs it?", "", "Ida", False),
    ],
)
def test_only_values_that_exclude_each_other_are_other_values(
    question: str, own: str, other: str, expected: bool
) -> None:
    assert is_another_value(question, own, other) is expected
    assert is_another_value(question, other, own) is expected


def test_a_decision_survives_a_change_beside_the_evidence_and_waits_where_the_evidence_is_gone(world: World) -> None:
    paragraph = f"Warm the pot. {TEA} Drink it slowly."
    world.put(5, [paragraph], ["staff"])
    world.ask(5, HOT, paragraph, "80 degrees")
    [fact] = [each for each in world.memory().facts() if each.doc_id == doc_id_of(5)]
    world.memory().decide(fact.fact_id, "pinned", note="asked by the board")

    changed = f"Heat the pot. {TEA} Drink it fast, from a cup."
    world.put(5, ["A new line.", changed], ["staff"])
    world.ask(5, HOT, changed, "80 degrees")
    found = only(world)
    assert (found.fact_id, found.decision, found.note, found.uses) == (fact.fact_id, "pinned", "asked by the board", 2)
    assert found.evidence == TEA
    assert next(each.met for each in found.why if each.name == "in place")

    world.put(5, [changed.replace("80", "75")], ["staff"])
    world.ask(5, HOT, changed.replace("80", "75"), "75 degrees")
    old, new = world.memory().facts()
    assert (old.fact_id, old.decision, old.stage, new.decision) == (fact.fact_id, "pinned", "indexed", "")
    assert next(each.said for each in old.why if each.name == "in place") == (
        "The document does not hold the evidence any longer. The fact stays pinned, and counts again once the evidence "
        "is back."
    )
    assert next(each.said for each in old.why if each.name == "answered") == "Its evidence is gone."
    with pytest.raises(UsageError, match="does not hold the evidence of this fact any longer") as refused:
        world.memory().edit(old.fact_id, answer="75 degrees")
    assert f"Then: instill memory remove {old.fact_id}" in refused.value.remedy
    world.put(5, [changed], ["staff"])
    assert next((each.decision, each.uses) for each in world.memory().facts()) == ("pinned", 2)


def test_uses_before_and_after_a_change_beside_the_evidence_are_of_one_fact(world: World) -> None:
    before, after = f"Warm the pot. {TEA} Drink it slowly.", f"Heat the pot. {TEA} Drink it fast."
    world.put(5, [before], ["staff"])
    world.ask(5, HOT, before, "80 degrees")
    world.put(5, [after], ["staff"])
    world.ask(5, HOT, after, "80 degrees")
    assert only(world).uses == 2
