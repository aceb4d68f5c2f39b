"""What arms cost before their answers, and for one more fact."""

from __future__ import annotations

from pathlib import Path

import pytest

from instill import Workspace
from instill.compare.arm_costs import Indexing, measure_indexing, preparations
from instill.compare.arms.specification import AWARE, BOTH, BUILT_IN, CLOSED, ORACLE, QUOTED, RETRIEVAL, TUNED, WHOLE
from instill.compare.changed.copies import fresh_copy
from instill.compare.prices import Prices
from instill.compare.tuned.tuning_by_recipe import Tuned
from instill.errors import UsageError
from instill.measure.outcomes import Preparation
from tests.compare.compare_world import World

A_SECOND = Prices(machine_hour=3600.0)


def tuned(seconds: float, replay: float = 0.0) -> Tuned:
    return Tuned("id", seconds, 100, 10, Path("recipe.toml"), Path("folder"), replay)


def of_all(retraining: float | None, taught: int = 50, replay: float = 0.0) -> dict[str, Preparation]:
    found = preparations(
        list(BUILT_IN.values()),
        documents=40,
        indexing=Indexing(alone=0.5, among_many=0.25),
        tuned={TUNED: tuned(100.0, replay), AWARE: tuned(30.0, replay)},
        retraining=retraining,
        facts=80,
        taught=taught,
        prices=A_SECOND,
    )
    for each in found:
        assert (each.money, each.money_per_fact) == pytest.approx((each.seconds, each.seconds_per_fact))
    return {each.arm: each for each in found}


def test_an_index_a_training_or_both_come_before_the_answers() -> None:
    found = of_all(7.0)
    assert {arm: each.seconds for arm, each in found.items()} == {
        QUOTED: 10.0, RETRIEVAL: 10.0, WHOLE: 0.0, TUNED: 100.0, BOTH: 110.0, AWARE: 40.0,
    }  # fmt: skip
    assert CLOSED not in found
    assert ORACLE not in found


def test_one_more_fact_is_a_document_or_a_training() -> None:
    assert {arm: each.seconds_per_fact for arm, each in of_all(7.0).items()} == {
        QUOTED: 0.5, RETRIEVAL: 0.5, WHOLE: 0.0, TUNED: 7.0, BOTH: 0.5, AWARE: 0.5,
    }  # fmt: skip
    assert of_all(None)[TUNED].seconds_per_fact == 2.0
    assert of_all(None, taught=0)[TUNED].seconds_per_fact == 100.0
    assert {arm: each.facts for arm, each in of_all(None).items() if each.facts != 80} == {TUNED: 50}


def test_writing_replay_is_in_the_preparation_of_each_arm_that_shows_it_and_in_no_further_fact() -> None:
    without, found = of_all(None), of_all(None, replay=8.0)
    assert {arm: each.replay_seconds for arm, each in found.items() if each.replay_seconds} == {
        TUNED: 8.0, BOTH: 8.0, AWARE: 8.0,
    }  # fmt: skip
    for arm, each in found.items():
        assert each.seconds == without[arm].seconds + each.replay_seconds
        assert each.seconds_per_fact == without[arm].seconds_per_fact


def test_a_document_is_indexed_again_in_a_copy_only(world: World, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="copy"):
        measure_indexing(world.workspace)
    copy = fresh_copy(world.workspace, tmp_path / "copy")
    before = {record.doc_id: (record.content_hash, record.passage_count) for record in copy.documents()}
    found = measure_indexing(copy, most=2)
    assert 0 < found.alone < 30
    assert 0 < found.among_many < 30
    assert {record.doc_id: (record.content_hash, record.passage_count) for record in copy.documents()} == before
    copy.remove([record.doc_id for record in copy.documents()])
    with pytest.raises(UsageError, match="no document"):
        measure_indexing(copy)
    copy.close()
    with Workspace.open(world.workspace.path) as original:
        assert len(original.documents()) == len(before)
