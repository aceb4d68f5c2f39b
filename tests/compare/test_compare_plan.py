"""Which arms are run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.compare.plan import ARMS, NEED_GENERATOR, NEED_TUNING, ComparePlan, chosen_arms
from instill.compare.tuned.tuning import TuningPlan
from instill.errors import UsageError
from instill.measure.verdict import way_of

TUNING = TuningPlan("small", "base")


@given(
    st.lists(st.sampled_from(list(ARMS)), unique=True).map(tuple),
    st.booleans(),
    st.sampled_from([None, TUNING]),
)
def test_arms_are_those_that_were_named_in_one_order_or_it_is_said_why_not(
    named: tuple[str, ...], generator: bool, tuning: TuningPlan | None
) -> None:
    plan = ComparePlan(arms=named, tuning=tuning)
    impossible = {arm for arm in ARMS if arm in NEED_GENERATOR and not generator}
    impossible |= {arm for arm in ARMS if arm in NEED_TUNING and tuning is None}
    if impossible & set(named) or len(set(named or ARMS) - impossible) < 2:
        with pytest.raises(UsageError):
            chosen_arms(plan, generator=generator)
        return
    found = chosen_arms(plan, generator=generator)
    assert set(found) == set(named or ARMS) - impossible
    assert found == [arm for arm in ARMS if arm in found]


def test_each_refusal_says_what_to_do() -> None:
    for plan, generator, said, remedy in (
        (ComparePlan(arms=("magic",)), True, "not an arm", "closed-book, retrieval"),
        (ComparePlan(arms=("closed-book",)), False, "needs a generator", "generator.folder or generator.base_url"),
        (ComparePlan(arms=("fine-tuned",)), True, "needs training", "--no-train"),
        (ComparePlan(arms=("retrieval",)), True, "needs two arms", "--arm"),
    ):
        with pytest.raises(UsageError, match=said) as error:
            chosen_arms(plan, generator=generator)
        assert remedy in error.value.command


def test_the_verdict_knows_what_each_arm_is() -> None:
    done = {arm: way_of(arm).do for arm in ARMS}
    assert len(set(done.values())) == len(ARMS) - 1  # Two retrieve: quoting, and with a generator.
    assert not any(do.startswith("use ") for do in done.values())
    assert [arm for arm in ARMS if not way_of(arm).offered] == ["oracle passage", "whole documents"]
    assert [arm for arm in ARMS if way_of(arm).base] == ["closed-book"]
