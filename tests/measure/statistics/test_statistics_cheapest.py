"""The cheapest arm: constructed tables, and how often chance recommends a wrong one, by simulation."""

from __future__ import annotations

import json
from typing import Literal

import numpy as np
import pytest

from instill.errors import UsageError
from instill.measure.statistics.cheapest import Cheapest, Cost, cheapest
from instill.measure.statistics.comparing import Table
from tests.measure.statistics.drawn_tables import most_of, names, scores

COSTS = {"base": Cost(0.0, 1.0), "tuned": Cost(0.001, 3.0), "retrieval": Cost(0.01, 2.0), "oracle": Cost(0.02, 0.5)}


def right(*shares: float, questions: int = 400) -> Table:
    """Arms in the order of their costs; the questions that a better arm answers include those of a worse one."""
    rows = {
        arm: [float(number < share * questions) for number in range(questions)]
        for arm, share in zip(COSTS, shares, strict=False)
    }
    return Table.of(rows, names(questions, 1))


def outcomes(found: Cheapest) -> list[str]:
    return [each.outcome for each in found.standings]


def test_worse_arms_are_passed_over_and_the_first_that_is_within_is_taken() -> None:
    found = cheapest(right(0.1, 0.89, 0.9, 0.9), COSTS, tolerance=0.05, need="facts")
    assert (found.arm, found.meanwhile, found.needed, found.need) == ("tuned", "tuned", 0, "facts")
    assert outcomes(found) == ["worse", "within", "within", "within"]
    assert [each.needed for each in found.standings] == [0, 0, 0, 0]  # all are decided
    assert found.standings[0].rival == "retrieval"
    assert found.said == (
        "tuned is the cheapest arm that is not measurably worse than the best (tolerance 0.05); "
        f"base is cheaper, but loses {found.standings[0].loss} against retrieval."
    )


def test_the_cheapest_of_equal_arms() -> None:
    found = cheapest(right(0.8, 0.8, 0.8, 0.8), COSTS, tolerance=0.05)
    assert found.arm == "base"
    assert set(outcomes(found)) == {"within"}
    assert found.said.endswith("(tolerance 0.05).")


def test_by_seconds_the_order_is_another() -> None:
    for by, arm in (("money", "base"), ("seconds", "oracle")):
        order: Literal["money", "seconds"] = "money" if by == "money" else "seconds"
        assert cheapest(right(0.8, 0.8, 0.8, 0.8), COSTS, tolerance=0.05, by=order).arm == arm


def test_equal_costs_are_decided_by_the_score() -> None:
    costs = dict.fromkeys(COSTS, Cost(1.0, 1.0))
    assert cheapest(right(0.88, 0.9), costs, tolerance=0.1).arm == "tuned"


def test_an_open_arm_that_is_cheaper_ends_it() -> None:
    """Ten of 100 questions lost: the tolerance is neither kept nor proven to be exceeded."""
    found = cheapest(right(0.86, 0.9, 0.9, questions=100), COSTS, tolerance=0.08)
    assert (found.arm, found.meanwhile) == (None, "tuned")
    assert outcomes(found) == ["open", "within", "within"]
    assert found.needed is not None
    assert found.needed > 100
    assert found.said == (
        "Not enough evidence: 100 questions do not show whether base is worse than the best by 0.08 "
        f"({found.standings[0].loss} behind tuned); about {found.needed:,} would decide; "
        "until then tuned is shown to be within it."
    )


def test_few_questions_show_nothing() -> None:
    found = cheapest(right(0.5, 1.0, questions=4), COSTS, tolerance=0.05)
    assert (found.arm, found.meanwhile) == (None, None)
    assert "no arm is shown to be within it" in found.said


def test_a_dearer_open_arm_does_not_matter() -> None:
    chance = np.random.default_rng(0)
    rows = {"base": [1.0] * 300, "tuned": list(chance.choice([0.0, 1.0], 300, p=[0.06, 0.94]))}
    found = cheapest(Table.of(rows, names(300, 1)), COSTS, tolerance=0.06)
    assert found.arm == "base"
    assert outcomes(found) == ["within", "open"]


def test_a_loss_of_the_tolerance_itself_cannot_be_decided() -> None:
    found = cheapest(right(0.85, 0.9), COSTS, tolerance=0.05)
    assert (found.arm, found.needed) == (None, None)
    assert "more questions would hardly help" in found.said


def test_many_questions_about_few_documents_are_few() -> None:
    table = right(0.8, 0.8)
    assert cheapest(table, COSTS, tolerance=0.05).arm == "base"
    grouped = Table(table.arms, table.scores, tuple(names(8, 50)))
    assert cheapest(grouped, COSTS, tolerance=0.05).arm is None


def test_one_arm_alone_is_taken() -> None:
    found = cheapest(right(0.3), COSTS, tolerance=0.05)
    assert (found.arm, found.said) == ("base", "base is held against no other arm.")


def test_it_can_be_written_as_json() -> None:
    found = cheapest(right(0.86, 0.9, questions=100), COSTS, tolerance=0.08)
    read = json.loads(json.dumps(found.as_dict()))
    assert read["standings"][0]["loss"]["mean"] == pytest.approx(0.04)
    assert (read["arm"], read["needed"]) == (None, found.needed)


def drawn(means: list[float], run: int, *, groups: int = 100) -> Table:
    table = scores(means, groups, 4, hardness=0.5, chance=np.random.default_rng(run))
    return Table(tuple(list(COSTS)[: len(means)]), table, tuple(names(groups, 4)))


RUNS = 400


@pytest.mark.parametrize("means", [[0.7, 0.8], [0.7, 0.7, 0.7, 0.8], [0.4, 0.7, 0.8, 0.8]])
def test_an_arm_that_loses_the_tolerance_is_seldom_recommended(means: list[float]) -> None:
    wrong = 0
    for run in range(RUNS):
        found = cheapest(drawn(means, run), COSTS, tolerance=0.1)
        truth = dict(zip(COSTS, means, strict=False))
        wrong += found.arm is not None and truth[found.arm] < 0.75
    assert wrong <= most_of(RUNS, 0.025)


def test_an_arm_as_good_as_the_best_is_seldom_passed_over() -> None:
    """The tolerance is tiny, so every lead that is proven counts; nobody leads truly."""
    passed = 0
    for run in range(RUNS):
        found = cheapest(drawn([0.7] * 4, run, groups=40), COSTS, tolerance=0.001)
        passed += found.standings[0].outcome == "worse"
    assert passed <= most_of(RUNS, 0.025)


def test_the_questions_that_would_decide_do() -> None:
    """A pilot says how many; with so many, of the same kind, most decide."""
    pilot = right(0.88, 0.9, questions=100)
    found = cheapest(pilot, COSTS, tolerance=0.05)
    assert found.arm is None
    assert found.needed is not None
    chance = np.random.default_rng(0)
    decided = 0
    for _ in range(200):
        luck = chance.random(found.needed)
        rows = {"base": list((luck < 0.88) * 1.0), "tuned": list((luck < 0.9) * 1.0)}
        decided += cheapest(Table.of(rows, names(found.needed, 1)), COSTS, tolerance=0.05).arm == "base"
    assert 0.8 * 200 - 3.3 * np.sqrt(0.8 * 0.2 * 200) <= decided


def test_what_is_wrong_is_said() -> None:
    table = right(0.5, 0.6)
    with pytest.raises(UsageError, match="tolerance"):
        cheapest(table, COSTS, tolerance=0.0)
    with pytest.raises(UsageError, match="level"):
        cheapest(table, COSTS, tolerance=0.1, level=95)
    with pytest.raises(UsageError, match="no cost"):
        cheapest(table, {"base": Cost(0, 0)}, tolerance=0.1)
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="is no cost"):
            cheapest(table, {**COSTS, "tuned": Cost(0.0, wrong)}, tolerance=0.1)
