"""How long a comparison takes, said before it is begun."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from instill import Workspace
from instill.common.made_from import keep_beside, made_from
from instill.compare.arms.specification import AWARE, BOTH, CLOSED, ORACLE, QUOTED, RETRIEVAL, TUNED, WHOLE
from instill.compare.arms.users_arms import read_arms
from instill.compare.duration import Measured, answers_of, how_long, measured_here
from instill.compare.plan import ComparePlan
from instill.compare.prices import Prices
from instill.compare.saved_reports import NUMBERS
from instill.compare.tuned.tuning_by_recipe import TuningPlan

GROUPS = {"facts": [f"f{number // 2}" for number in range(20)], "refusal": ["r1", "r2"], "": ["c1"]}
"""20 questions about 10 facts, and 3 others."""


def test_each_arm_is_asked_what_it_can_be_asked() -> None:
    found = answers_of(ComparePlan(noise=60, changes=3), [QUOTED, ORACLE, CLOSED, WHOLE], GROUPS)
    # Noise: the 20 about facts; changed: 2 questions about each of 3 facts, for freshness and for contradictions.
    assert found == {QUOTED: 23 + 20 + 6 + 6, ORACLE: 23, CLOSED: 23 + 6, WHOLE: 23 + 6}
    assert answers_of(ComparePlan(noise=5, changes=0), [QUOTED], GROUPS) == {QUOTED: 28}


def test_what_was_measured_is_added_up() -> None:
    measured = Measured({QUOTED: 0.5, RETRIEVAL: 2.0}, {BOTH: 600.0}, {TUNED: 30.0}, generator=True)
    plan = ComparePlan(noise=0, changes=2, tuning=TuningPlan("compare", "base"))
    found = how_long(measured, plan, [QUOTED, RETRIEVAL, TUNED, BOTH], GROUPS)
    assert (found.arms, found.answers, found.trainings) == (4, 31 + 31 + 27 + 31, 1 + 2)
    assert found.asking == pytest.approx(31 * 0.5 + 31 * 2.0)
    assert found.training == pytest.approx(600 + 2 * 30)
    assert found.seconds == found.asking + found.training
    assert found.unmeasured == ('answers of "fine-tuned"', 'answers of "fine-tuned + retrieval"')
    assert found.said == (
        "About 12 minutes (11 minutes of it training): at most 120 answers, by 4 ways to answer, and 3 trainings. "
        'To this is added what is not known yet: answers of "fine-tuned"; answers of "fine-tuned + retrieval".'
    )
    assert json.loads(json.dumps(found.as_dict()))["unmeasured"] == list(found.unmeasured)


def test_where_nothing_is_known_that_is_said() -> None:
    plan = ComparePlan(noise=0, changes=0, tuning=TuningPlan("compare", "base"))
    found = how_long(Measured(generator=True), plan, [CLOSED, AWARE], GROUPS)
    assert found.seconds is None
    assert found.said == (
        "How long it takes is not known, since nothing was asked or compared here yet: at most 46 answers, by 2 ways "
        "to answer, and 1 training."
    )


def test_smollm2_and_quotations_are_known_before_anything_was_measured(tmp_path: Path) -> None:
    file = tmp_path / "arms.toml"
    file.write_text('[arms.mine]\ngguf = "smollm2"\ndocuments = "nothing"\n', encoding="utf-8")
    plan = ComparePlan(
        own=read_arms(file, Prices()),
        noise=0,
        changes=0,
        tuning=TuningPlan("compare", "base", epochs=8, replay_share=0.25),
    )
    small = Measured(generator=True, model="smollm2")
    found = how_long(small, plan, [QUOTED, CLOSED, TUNED, "mine"], GROUPS, rows=30)
    assert found.unmeasured == ()
    assert found.asking == pytest.approx(23 * (0.5 + 0.8 + 0.3 + 0.8))
    assert found.training == pytest.approx(1.3 * 30 * 8 / 0.75)
    assert how_long(small, plan, [AWARE, WHOLE], GROUPS).unmeasured == (
        'answers of "whole documents"',
        'the training for "retrieval-aware tuning"',
    )
    changing = how_long(small, replace(plan, changes=3), [TUNED], GROUPS, rows=30)
    assert changing.training == pytest.approx(found.training + 3 * 1.3 * 300 / 0.75)
    asked = how_long(Measured(asked=2.0), ComparePlan(noise=0, changes=0), [QUOTED, ORACLE], GROUPS)
    assert asked.seconds == pytest.approx(2 * 23 * 2.0)


def test_the_newest_reports_that_the_caller_sees_tell(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text("The stone oven was built in 1987 by Marta Lindqvist.", name="oven.md", labels=["staff"])
        made = made_from(workspace.documents())
        folder = workspace.home / "reports" / "one"
        folder.mkdir(parents=True)
        numbers = {
            "answers": [{"arm": "retrieval", "seconds": 3.0}, {"arm": 7}, "damaged"],
            "preparations": [{"arm": "fine-tuned", "seconds": 90.0, "seconds_per_fact": 4.0}],
        }
        (folder / NUMBERS).write_text(json.dumps(numbers), encoding="utf-8")
        keep_beside(folder, made)
        damaged = workspace.home / "reports" / "two"
        damaged.mkdir()
        (damaged / NUMBERS).write_text("{", encoding="utf-8")
        assert measured_here(workspace) == Measured({"retrieval": 3.0}, {"fine-tuned": 90.0}, {"fine-tuned": 4.0})
        assert measured_here(workspace.seen_by(["guest"])) == Measured()
