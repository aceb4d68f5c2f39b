"""Which arms are run."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.compare.arms.specification import BUILT_IN, ArmSpecification, OwnModel
from instill.compare.plan import ComparePlan, chosen_arms
from instill.compare.tuned.tuning_by_recipe import TuningPlan
from instill.errors import UsageError
from instill.measure.verdict import Way

TUNING = TuningPlan("small", "base")


@given(
    st.lists(st.sampled_from(list(BUILT_IN)), unique=True).map(tuple),
    st.booleans(),
    st.sampled_from([None, TUNING]),
)
def test_arms_are_those_that_were_named_in_one_order_or_it_is_said_why_not(
    named: tuple[str, ...], generator: bool, tuning: TuningPlan | None
) -> None:
    plan = ComparePlan(arms=named, tuning=tuning)
    impossible = {arm for arm in BUILT_IN if BUILT_IN[arm].needs_generator and not generator}
    impossible |= {arm for arm in BUILT_IN if BUILT_IN[arm].needs_tuning and tuning is None}
    if impossible & set(named) or len(set(named or BUILT_IN) - impossible) < 2:
        with pytest.raises(UsageError):
            chosen_arms(plan, generator=generator)
        return
    found = chosen_arms(plan, generator=generator)
    assert set(found) == set(named or BUILT_IN) - impossible
    assert found == [arm for arm in BUILT_IN if arm in found]


def test_each_refusal_says_what_to_do() -> None:
    for plan, generator, said, remedy in (
        (ComparePlan(arms=("magic",)), True, "not an arm", '"closed-book", "retrieval'),
        (ComparePlan(arms=("closed-book",)), False, "needs a generator", "generator.folder or generator.base_url"),
        (ComparePlan(arms=("fine-tuned",)), True, "needs training", "--no-train"),
        (ComparePlan(arms=("retrieval",)), True, "needs two arms", "--arm"),
    ):
        with pytest.raises(UsageError, match=said) as error:
            chosen_arms(plan, generator=generator)
        assert remedy in error.value.command


def test_an_arm_of_ones_own_is_never_left_out_silently() -> None:
    trained = ArmSpecification("mine", "", "own", "found", Way("use it"), OwnModel(recipe=Path("r.toml")))
    with pytest.raises(UsageError, match="needs a generator") as error:
        chosen_arms(ComparePlan(own=(trained,)), generator=False)
    assert error.value.where == "mine"
    assert "mine" in chosen_arms(ComparePlan(own=(trained,)), generator=True)
    assert "mine" not in chosen_arms(
        ComparePlan(own=(trained,), arms=("retrieval, quoted", "right passage, given")), generator=False
    )


def test_the_verdict_knows_what_each_arm_is() -> None:
    done = {arm: each.way.do for arm, each in BUILT_IN.items()}
    assert len(set(done.values())) == len(BUILT_IN) - 1  # Two retrieve: quoting, and with a generator.
    assert not any(do.startswith("use ") for do in done.values())
    assert [arm for arm in BUILT_IN if not BUILT_IN[arm].way.offered] == ["right passage, given", "whole documents"]
    assert [arm for arm in BUILT_IN if BUILT_IN[arm].way.base] == ["closed-book"]


def test_the_former_name_of_an_arm_is_understood() -> None:
    plan = ComparePlan(arms=("retrieval, quoted", "oracle passage"))
    assert chosen_arms(plan, generator=False) == ["retrieval, quoted", "right passage, given"]
