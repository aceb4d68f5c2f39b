"""Freshness, conflict, noise: arms on a copy whose documents really change, and models whose beliefs are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from instill.compare.arms.built_in_arms import ClosedBookArm, PipelineArm, ReadingArm, oracle_passages, with_others
from instill.compare.arms.passages import Passages, evidence_given, place_of
from instill.compare.arms.prompts import PLAIN
from instill.compare.arms.protocol import Arm
from instill.compare.asking_arms import run_arms
from instill.compare.changed.changes import Change, make_changes
from instill.compare.changed.conflict import Believing, Conflict, believed, conflict, conflict_items
from instill.compare.changed.copies import add_twins, fresh_copy, twin_id
from instill.compare.changed.freshness import Freshness, Renewing, freshness, indexing, trained_again
from instill.compare.changed.noise import contradicting_passages, is_irrelevant, noise_passages
from instill.compare.prices import Prices
from instill.compare.recording import Answered
from instill.errors import UsageError, WorkspaceError
from instill.models.generators.protocol import Generator
from instill.study.closed_book import ClosedBook
from instill.workspace import Workspace
from tests.compare.compare_world import Knows, Reads, World

A_SECOND = Prices(machine_hour=3600.0)
CLOSED = ClosedBook([])


@pytest.fixture(scope="module")
def changes(world: World) -> list[Change]:
    return make_changes(world.workspace, world.study, most=3, seed=1)


@pytest.fixture(scope="module")
def copy(world: World, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return fresh_copy(world.workspace, tmp_path_factory.mktemp("freshness") / "copy")


@pytest.fixture(scope="module")
def twins(world: World, changes: list[Change], tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    copy = fresh_copy(world.workspace, tmp_path_factory.mktemp("twins") / "copy")
    add_twins(copy, changes)
    return copy


def closed_book(name: str, generator: Generator) -> ClosedBookArm:
    return ClosedBookArm(name, generator, CLOSED, len, wording=PLAIN)


def knows_new(changes: Sequence[Change]) -> Knows:
    return Knows({item.question: item.answer for change in changes for item in change.items})


def knows_old(changes: Sequence[Change]) -> Knows:
    return Knows({item.question: item.answer for change in changes for item in change.before})


def fresh(changes: Sequence[Change], ways: Sequence[Renewing], folder: Path) -> Freshness:
    return freshness(changes, ways, folder, identity="x", prices=A_SECOND)


def test_retrieval_answers_with_the_new_fact_as_soon_as_the_document_is_indexed(
    world: World, changes: list[Change], copy: Workspace, tmp_path: Path
) -> None:
    def retrieval(changed: Workspace) -> Arm:
        return PipelineArm("retrieval", changed, Passages(changed, world.facts), generator=Reads())

    found = fresh(changes, [indexing("retrieval", copy, retrieval)], tmp_path)
    assert {each.outcome.task for each in found.records} == {"freshness"}
    assert len(found.records) == sum(len(change.items) for change in changes)
    assert all(each.outcome.recall == 1 for each in found.records)
    assert found.stale == {"retrieval": 0}
    (refresh,) = found.refreshes
    assert refresh.said.startswith("document indexed; ")
    right = [each for each in found.records if each.outcome.right >= 1]
    assert {value for each in right for value in each.outcome.expected} <= {
        value for change in changes for item in change.items for value in item.accepted
    }
    assert len(right) >= 2
    assert refresh.seconds is not None
    assert refresh.money is not None
    assert 0 < found.seconds_per_fact["retrieval"] < 30
    assert 0 < refresh.money <= refresh.seconds  # A second of the machine costs 1; answering took its own time.
    for change in changes:
        stored = copy.index.document_text(change.doc_id)
        assert stored is not None
        assert stored.text == change.old_text


def test_weights_answer_with_the_new_fact_after_a_training_and_with_the_old_one_before(
    changes: list[Change], tmp_path: Path
) -> None:
    ways = [
        trained_again("each", lambda change: (closed_book("each", knows_new([change])), 60.0)),
        trained_again("not at all", lambda change: (closed_book("not at all", knows_old([change])), 0.0), said="as is"),
    ]
    found = fresh(changes, ways, tmp_path)
    each, never = found.refreshes
    assert each.seconds == pytest.approx(60, abs=1)
    assert each.seconds is not None
    assert each.seconds > 60  # The answer takes time too.
    assert each.money == 60
    assert each.said == "trained again; 3 of 3 changed facts were answered"
    assert (never.seconds, never.money) == (None, None)
    questions = sum(len(change.items) for change in changes)
    answers = "answer" if questions == 1 else "answers"
    assert never.said == f"as is; 0 of 3 changed facts were answered, {questions} {answers} gave the old value"
    assert found.seconds_per_fact == {"each": 60.0, "not at all": 0.0}
    assert found.stale == {"each": 0, "not at all": questions}
    assert [record.outcome.arm for record in found.records] == [name for name in found.stale for _ in range(questions)]


def test_the_median_counts_a_change_without_a_right_answer_as_endless(changes: list[Change], tmp_path: Path) -> None:
    def knowing(number: int) -> Freshness:
        arm = closed_book("tuned", knows_new(changes[:number]))
        return fresh(changes, [trained_again("tuned", lambda _: (arm, 10.0))], tmp_path / str(number))

    assert knowing(1).refreshes[0].seconds is None
    assert knowing(2).refreshes[0].seconds == pytest.approx(10, abs=1)
    assert knowing(1).refreshes[0].said.endswith("1 of 3 changed facts were answered")


def test_a_run_that_is_taken_up_asks_nothing_again_and_progress_counts_all(
    changes: list[Change], tmp_path: Path
) -> None:
    model = knows_new(changes)
    ways = [
        trained_again("tuned", lambda _: (closed_book("tuned", model), 5.0)),
        trained_again("other", lambda _: (closed_book("other", model), 5.0)),
    ]
    seen: list[Answered] = []
    first = freshness(changes, ways, tmp_path, identity="x", progress=seen.append)
    asked = model.asked
    assert [each.done for each in seen] == list(range(1, asked + 1))
    assert {each.most for each in seen} == {asked}
    again = freshness(changes, ways, tmp_path, identity="x")
    assert model.asked == asked
    assert again == first


def test_freshness_refuses_what_it_cannot_tell_apart(changes: list[Change], tmp_path: Path) -> None:
    way = trained_again("tuned", lambda _: (closed_book("another", Knows({})), 1.0))
    for given, ways, message in (([], [way], "no change"), (changes, [way, way], "twice"), (changes, [way], "another")):
        with pytest.raises(UsageError, match=message):
            fresh(given, ways, tmp_path)


class Says:
    """Whatever a function of the question says."""

    name = "says"

    def __init__(self, replies: dict[str, str]) -> None:
        self._replies = replies

    def stream(self, messages: object, *, max_tokens: int, temperature: float = 0.0) -> list[str]:
        question = messages[-1]["content"].rpartition("Question: ")[2]  # type: ignore[index]
        return [self._replies[question]]


def conflicting(world: World, changes: list[Change], twins: Workspace, folder: Path, generator: object) -> Conflict:
    passages = Passages(twins, world.facts)
    arm = ReadingArm("reading", twins, generator, oracle_passages(passages), len, wording=PLAIN)  # type: ignore[arg-type]
    known = [item.id for change in changes for item in change.before]
    return conflict(changes, [Believing(arm, known)], folder, identity="x")


def test_a_model_believes_what_it_answers_rightly_closed_book(
    world: World, changes: list[Change], tmp_path: Path
) -> None:
    items = [item for item in world.items if item.split == "gate"]
    known = Knows({item.question: item.answer for item in items if item.fact_ids[-1] in changes[0].fact_ids})
    arms = [closed_book("base", Knows({})), closed_book("tuned", known)]
    records = run_arms(items, arms, tmp_path, identity="x")
    assert believed(records, "base") == frozenset()
    beliefs = believed(records, "tuned")
    assert {item.id for item in changes[0].before} <= beliefs
    asked = conflict_items(changes, beliefs)
    assert [item.question for item in asked] == [item.question for item in changes[0].items]
    assert {evidence.doc_id for item in asked for evidence in item.evidence} == {twin_id(changes[0])}
    assert not {item.id for item in asked} & {item.id for change in changes for item in change.items}


def test_the_document_wins_with_a_model_that_reads(
    world: World, changes: list[Change], twins: Workspace, tmp_path: Path
) -> None:
    found = conflicting(world, changes, twins, tmp_path, Reads())
    (table,) = found.winners
    assert table.questions == len(found.records) == sum(len(change.items) for change in changes)
    assert table.counts == {"document": table.questions, "belief": 0, "neither": 0, "abstained": 0}
    assert table.document is not None
    assert table.document.mean == 1
    assert {(each.outcome.task, each.outcome.right, each.outcome.recall) for each in found.records} == {
        ("conflict", 1.0, 1.0)
    }
    assert table.as_dict()["document"]["mean"] == 1


def test_every_winner_is_told_apart(world: World, changes: list[Change], twins: Workspace, tmp_path: Path) -> None:
    def replies(form: str) -> Says:
        return Says(
            {
                item.question: form.format(new=item.answer, old=before.answer)
                for change in changes
                for item, before in zip(change.items, change.before, strict=True)
            }
        )

    expected = {
        "{new}": "document",
        "It was {new}, not {old}.": "document",
        "{old}": "belief",
        "It was {old}, and not {new}.": "belief",
        "I don't know": "abstained",
        "Malmö": "neither",
        "The passage says {new}. My memory says {old}.": "neither",
    }
    for number, (form, winner) in enumerate(expected.items()):
        found = conflicting(world, changes, twins, tmp_path / str(number), replies(form))
        (table,) = found.winners
        assert {name for name, count in table.counts.items() if count} == {winner}, form
        assert {each.outcome.right for each in found.records} == {float(winner == "document")}, form


def test_an_arm_that_believes_nothing_is_asked_nothing(changes: list[Change], twins: Workspace, tmp_path: Path) -> None:
    arm = closed_book("base", Knows({}))
    found = conflict(changes, [Believing(arm, ())], tmp_path, identity="x")
    assert found.records == []
    assert (found.winners[0].questions, found.winners[0].document) == (0, None)


def test_the_pipeline_cites_the_document_that_contradicts(
    world: World, changes: list[Change], twins: Workspace, tmp_path: Path
) -> None:
    passages = Passages(twins, world.facts)
    arm = PipelineArm("pipeline", twins, passages, given=oracle_passages(passages))
    known = [item.id for change in changes for item in change.before]
    found = conflict(changes, [Believing(arm, known)], tmp_path, identity="x")
    won = [each.outcome for each in found.records if each.outcome.right >= 1]
    assert won
    assert {outcome.citation_precision for outcome in won} == {1.0}
    assert found.winners[0].counts["belief"] == 0


def test_without_twins_there_is_nothing_to_contradict(
    world: World, changes: list[Change], copy: Workspace, tmp_path: Path
) -> None:
    with pytest.raises(WorkspaceError):
        conflicting(world, changes, copy, tmp_path, Reads())
    with pytest.raises(WorkspaceError, match="not in the index"):
        contradicting_passages(copy, changes)(changes[0].before[0])


def test_irrelevant_passages_are_of_other_documents_and_the_same_each_time(world: World) -> None:
    noise = noise_passages(world.passages, world.items, irrelevant=2, seed=4)
    again = noise_passages(world.passages, world.items, irrelevant=2, seed=4)
    other = noise_passages(world.passages, world.items, irrelevant=2, seed=5)
    drawn = []
    for item in world.items:
        hits, notice = noise(item)
        assert (len(hits), notice) == (2, "")
        assert again(item) == (hits, "")
        assert all(is_irrelevant(hit, item) for hit in hits)
        own = {each.doc_id for each in (*item.evidence, *item.excluded)}
        assert not own & {hit.doc_id for hit in hits}
        assert not evidence_given(item, [place_of(hit) for hit in hits])
        drawn.append((hits, other(item)[0]))
    assert any(one != two for one, two in drawn)
    assert noise_passages(world.passages, world.items, irrelevant=0)(world.items[0]) == ([], "")
    with pytest.raises(UsageError, match="not a number of passages"):
        noise_passages(world.passages, world.items, irrelevant=-1)


def test_contradicting_passages_are_mixed_in_first_and_can_be_cited(
    world: World, changes: list[Change], twins: Workspace
) -> None:
    passages = Passages(twins, world.facts)
    contradicting = contradicting_passages(twins, changes)
    noise = noise_passages(passages, world.items, irrelevant=1, contradicting=contradicting)
    mixed = with_others(oracle_passages(passages), noise)
    item, change = changes[0].before[0], changes[0]
    hits, _ = mixed(item)
    assert [hit.doc_id for hit in hits[:2]] == [twin_id(change), change.doc_id]
    assert change.new in hits[0].text
    assert change.old in hits[1].text
    assert len(hits) == 3
    stranger = next(item for item in world.items if item.answer == "Visby")
    assert contradicting(stranger) == ((), "")
    arm = PipelineArm("noisy", twins, passages, given=mixed)
    reply = arm.answer(item)
    assert reply.passages is not None
    assert evidence_given(item, reply.passages) == 1
    assert {place.doc_id for place in reply.citations} <= {hit.doc_id for hit in hits}
