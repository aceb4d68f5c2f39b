"""The cheapest arm, on constructed tables. How often chance errs is in `test_statistics_worlds.py`."""

from __future__ import annotations

import json
from typing import Literal

import numpy as np
import pytest

from instill.errors import UsageError
from instill.measure.statistics.cheapest import Cheapest, Cost, cheapest
from instill.measure.statistics.comparing import Table
from tests.measure.statistics.drawn_tables import names

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


def test_worse_arms_are_passed_over_and_the_first_other_one_is_named() -> None:
    found = cheapest(right(0.1, 0.89, 0.9, 0.9), COSTS, tolerance=0.05, need="facts")
    assert (found.arm, found.decided, found.needed, found.need) == ("tuned", True, 0, "facts")
    assert (found.passed, found.beaten, found.meanwhile) == (("base",), ("base",), None)
    assert outcomes(found) == ["worse", "within", "within", "within"]
    assert (found.standings[0].rival, found.against) == ("retrieval", "retrieval")
    assert 0.01 < found.bound < 0.04
    assert found.said == (
        f'"tuned": proven better than "base", which is cheaper; it loses {found.bound:.3f} at most, against '
        '"retrieval".'
    )


def test_the_cheapest_of_equal_arms() -> None:
    found = cheapest(right(0.8, 0.8, 0.8, 0.8), COSTS, tolerance=0.05)
    assert (found.arm, found.beaten) == ("base", ())
    assert set(outcomes(found)) == {"within"}
    assert found.said == f'"base": it loses {found.bound:.3f} at most, against "{found.against}".'


def test_the_dearest_arm_is_named_where_it_is_shown_to_be_the_best() -> None:
    found = cheapest(right(0.1, 0.3, 0.5, 0.9), COSTS, tolerance=0.05)
    assert (found.arm, found.bound, found.against, found.passed) == (
        "oracle", 0.0, None, ("base", "tuned", "retrieval"),
    )  # fmt: skip
    assert found.said == '"oracle": proven better than "base", "tuned" and "retrieval", which are cheaper.'


def test_an_arm_that_leads_without_proof_of_more_is_named_with_what_it_may_lose() -> None:
    found = cheapest(right(0.80, 0.75, questions=100), COSTS, tolerance=0.05)
    assert (found.arm, found.decided, found.against) == ("base", True, "tuned")
    assert 0 < found.bound < 0.05


def test_by_seconds_the_order_is_another() -> None:
    for by, arm in (("money", "base"), ("seconds", "oracle")):
        order: Literal["money", "seconds"] = "money" if by == "money" else "seconds"
        assert cheapest(right(0.8, 0.8, 0.8, 0.8), COSTS, tolerance=0.05, by=order).arm == arm


def test_close_costs_are_equal_and_decided_by_the_score() -> None:
    for dearer in (1.0, 1.19):
        costs = {"base": Cost(0.0, 1.0), "tuned": Cost(0.0, dearer)}
        assert cheapest(right(0.88, 0.9), costs, tolerance=0.1).arm == "tuned"
        assert cheapest(right(0.9, 0.88), costs, tolerance=0.1).arm == "base"
    assert cheapest(right(0.88, 0.9), {"base": Cost(0, 1.0), "tuned": Cost(0, 1.3)}, tolerance=0.1).arm == "base"
    money = {"base": Cost(1.0, 9.0), "tuned": Cost(1.1, 3.0)}  # close in money, so that time decides
    assert cheapest(right(0.9, 0.9), money, tolerance=0.1).arm == "tuned"


def test_an_arm_that_may_lose_too_much_is_not_decided_and_all_that_is_known_is_said() -> None:
    found = cheapest(right(0.2, 0.86, 0.9, 0.9, questions=60), COSTS, tolerance=0.05, acceptable=0.08)
    assert (found.arm, found.decided, found.meanwhile) == ("tuned", False, "retrieval")
    assert found.bound > 0.08
    assert found.needed is not None
    assert found.needed > 60
    assert found.meanwhile_bound is not None
    assert found.meanwhile_bound <= 0.08
    assert found.said == (
        'Not enough evidence after 60 questions: the cheapest arm that is not shown to be worse is "tuned" (proven '
        f'better than "base", which is cheaper; it may lose {found.bound:.3f}, against "retrieval"), and you accept a '
        f'loss of 0.08. About {found.needed:,} would decide. Until then use "retrieval": it loses '
        f"{found.meanwhile_bound:.3f} at most."
    )


def test_few_questions_show_nothing() -> None:
    found = cheapest(right(0.5, 1.0, questions=4), COSTS, tolerance=0.05)
    assert (found.arm, found.decided) == ("base", False)
    assert found.bound > 0.8


def test_until_it_is_decided_the_arm_that_can_lose_least_is_used_and_never_the_worst() -> None:
    """All answers of the cheapest arm are wrong and all of the next one right, and four questions prove nothing."""
    found = cheapest(right(0.0, 1.0, questions=4), COSTS, tolerance=0.05)
    assert (found.arm, found.decided, found.bound, found.meanwhile) == ("base", False, 1.0, "tuned")
    assert found.meanwhile_bound == pytest.approx(0.336, abs=0.001)
    assert found.said == (
        'Not enough evidence after 4 questions: the cheapest arm that is not shown to be worse is "base" (it may lose '
        '1.000, against "tuned"), and you accept a loss of 0.15. About 13 would decide. Until then use "tuned": it may '
        "lose 0.336, the least of all arms."
    )
    three = cheapest(right(0.25, 0.75, 1.0, questions=4), COSTS, tolerance=0.05)
    assert three.meanwhile == "retrieval"


def test_of_equal_arms_the_cheapest_is_used_until_it_is_decided() -> None:
    found = cheapest(right(0.8, 0.8, 0.8, questions=5), COSTS, tolerance=0.05)
    assert (found.arm, found.decided, found.meanwhile, found.meanwhile_bound) == ("base", False, "base", found.bound)
    assert found.said.endswith("Until then use it: no other arm is shown to lose less.")


def test_where_nothing_can_be_advised_it_is_said() -> None:
    none_right = cheapest(right(0.0, 0.0, questions=4), COSTS, tolerance=0.05)
    assert (none_right.decided, none_right.meanwhile, none_right.meanwhile_bound) == (False, None, None)
    assert none_right.said.endswith("Until then no arm can be advised: none gave a right answer.")
    one = cheapest(right(0.0, 1.0, 1.0, 1.0, questions=1), COSTS, tolerance=0.05)
    assert (one.decided, one.meanwhile) == (False, None)
    assert one.said.endswith(
        "Until then no arm can be advised: after so few questions, each may lose nearly all that another one has."
    )


def test_a_dearer_open_arm_does_not_matter() -> None:
    chance = np.random.default_rng(0)
    rows = {"base": [1.0] * 300, "tuned": list(chance.choice([0.0, 1.0], 300, p=[0.1, 0.9]))}
    found = cheapest(Table.of(rows, names(300, 1)), COSTS, tolerance=0.05, acceptable=0.1)
    assert (found.arm, found.beaten) == ("base", ("tuned",))


def test_a_loss_of_what_is_acceptable_is_settled_by_the_tolerance() -> None:
    """A loss of .15 cannot be shown to be below .15, but to be above .05."""
    found = cheapest(right(0.75, 0.9, questions=60), COSTS, tolerance=0.05)
    assert found.arm == "tuned"
    between = cheapest(right(0.86, 0.9, questions=20), COSTS, tolerance=0.05, acceptable=0.05)
    assert between.needed is not None


def test_many_questions_about_few_documents_are_few() -> None:
    table = right(0.8, 0.8)
    assert cheapest(table, COSTS, tolerance=0.05).decided
    grouped = Table(table.arms, table.scores, tuple(names(8, 50)))
    assert not cheapest(grouped, COSTS, tolerance=0.05).decided


def test_one_arm_alone_is_taken() -> None:
    found = cheapest(right(0.3), COSTS, tolerance=0.05)
    assert (found.arm, found.bound, found.said) == ("base", 0.0, '"base" is held against no other arm.')


def test_it_can_be_written_as_json() -> None:
    found = cheapest(right(0.86, 0.9, questions=100), COSTS, tolerance=0.08)
    read = json.loads(json.dumps(found.as_dict()))
    assert read["standings"][0]["loss"]["mean"] == pytest.approx(0.04)
    assert (read["arm"], read["bound"], read["needed"]) == ("base", found.bound, found.needed)


def test_the_questions_that_would_decide_do() -> None:
    """A pilot says how many; with so many, of the same kind, most decide."""
    pilot = right(0.86, 0.9, questions=50)
    found = cheapest(pilot, COSTS, tolerance=0.05, acceptable=0.08)
    assert not found.decided
    assert found.needed is not None
    chance = np.random.default_rng(0)
    decided = 0
    for _ in range(80):
        luck = chance.random(found.needed)
        rows = {"base": list((luck < 0.86) * 1.0), "tuned": list((luck < 0.9) * 1.0)}
        decided += cheapest(Table.of(rows, names(found.needed, 1)), COSTS, tolerance=0.05, acceptable=0.08).decided
    assert 0.8 * 80 - 3.3 * np.sqrt(0.8 * 0.2 * 80) <= decided


def test_what_is_wrong_is_said() -> None:
    table = right(0.5, 0.6)
    with pytest.raises(UsageError, match="tolerance"):
        cheapest(table, COSTS, tolerance=0.0)
    for wrong in (0.05, 1.0):
        with pytest.raises(UsageError, match="acceptable"):
            cheapest(table, COSTS, tolerance=0.1, acceptable=wrong)
    with pytest.raises(UsageError, match="level"):
        cheapest(table, COSTS, tolerance=0.1, level=95)
    with pytest.raises(UsageError, match="no cost"):
        cheapest(table, {"base": Cost(0, 0)}, tolerance=0.1)
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="is not a cost"):
            cheapest(table, {**COSTS, "tuned": Cost(0.0, wrong)}, tolerance=0.1)
