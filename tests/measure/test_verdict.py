"""The verdict: each need by itself, a sentence that follows from them, and what one more answerable fact costs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.compare.arms.specification import BUILT_IN
from instill.compare.examples.example_part import example_ways
from instill.errors import UsageError
from instill.measure.fact_costs import fact_costs, fact_ratios
from instill.measure.outcomes import Kind, Outcome, Preparation
from instill.measure.statistics.comparing import Table
from instill.measure.verdict import NEEDS, Rules, Verdict, Way, reach_verdict


def row(arm: str, task: str, number: int, right: float, *, seconds: float = 0.1, money: float = 0.0) -> Outcome:
    kind: Kind = "correct" if right else "wrong"
    item = f"q{number}"
    return Outcome(
        item, arm, item, task, "?", ("a",), "a", kind, right, right, right, None, None, seconds, 9, 1, money, "p"
    )


def asked(task: str, shares: Mapping[str, float], questions: int = 200, seed: int = 0) -> list[Outcome]:
    """Right answers at these shares, the same questions hard for all arms; an arm's answer costs its place in cents."""
    luck = np.random.default_rng(seed).permutation(questions) / questions
    return [
        row(arm, task, number, float(luck[number] < share), money=0.01 * place)
        for place, (arm, share) in enumerate(shares.items(), start=1)
        for number in range(questions)
    ]


def all_needs(**shares: Mapping[str, float]) -> list[Outcome]:
    return [each for task, found in shares.items() for each in asked(task, found)]


WAYS = {
    **{name: each.way for name, each in BUILT_IN.items()},
    **example_ways(),
    "examples in the prompt": Way("put examples into the prompt"),
    "oracle": Way("give the right passage", offered=False),
}


def verdict(
    rows: Sequence[Outcome],
    prepared: Sequence[Preparation] = (),
    *,
    ways: Mapping[str, Way] = WAYS,
    rules: Rules | None = None,
) -> Verdict:
    """With the ways of the arms that there are."""
    return reach_verdict(rows, prepared, ways={**WAYS, **ways}, rules=rules)


RETRIEVAL_WINS = {"closed-book": 0.02, "retrieval": 0.95, "fine-tuned": 0.6}
TUNING_WINS = {"closed-book": 0.1, "retrieval": 0.2, "fine-tuned": 0.97}


def test_the_sentence_follows_from_the_needs() -> None:
    rows = all_needs(
        facts=RETRIEVAL_WINS,
        freshness=RETRIEVAL_WINS,
        format=TUNING_WINS,
        tone=TUNING_WINS,
        unanswerable=RETRIEVAL_WINS,
    )
    found = verdict(rows, [])
    assert found.said == "Retrieve; fine-tune only for the format and the tone."
    chosen = {each.need: each.arm for each in found.needs}
    assert {need for need, arm in chosen.items() if arm == "fine-tuned"} == {"format", "tone"}
    assert {need for need, arm in chosen.items() if arm == "retrieval"} == {"facts", "freshness", "refusal", "cost"}
    other = all_needs(facts=TUNING_WINS, format=TUNING_WINS, freshness=RETRIEVAL_WINS)
    assert verdict(other, []).said == "Fine-tune; retrieve only for freshness; the tone and refusals were not measured."


def test_a_need_without_questions_is_named() -> None:
    found = verdict(asked("format", TUNING_WINS), [])
    assert found.said == "Fine-tune for the format; facts, freshness, the tone and refusals were not measured."
    assert found.need("facts").state == "not measured"
    assert found.need("facts").found is None
    assert verdict([], []).said == "Nothing was measured, so nothing is recommended."


def test_questions_of_all_tasks_of_a_need_count_together() -> None:
    rows = [
        *asked("facts", RETRIEVAL_WINS, 50),
        *asked("reverse", RETRIEVAL_WINS, 30),
        *asked("noise", TUNING_WINS, 40),
    ]
    assert verdict(rows, []).need("facts").questions == 80


def test_too_few_questions_decide_nothing_and_what_is_known_is_told() -> None:
    shares = {"closed-book": 0.1, "retrieval": 0.8, "fine-tuned": 0.9}
    few = verdict(asked("facts", shares, 25), []).need("facts")
    assert (few.state, few.cheapest, few.arm, few.decided) == ("not enough evidence", "retrieval", "fine-tuned", False)
    assert few.found is not None
    assert few.bound is not None
    assert few.needed is not None
    assert few.bound < 0.15 < few.found.bound
    assert few.needed > 25
    assert verdict(asked("facts", shares, 25), []).said == (
        f'Not enough evidence for facts: until then use "fine-tuned", which may lose {few.bound:.2f}; about '
        f"{few.needed:,} questions in all would decide; freshness, the format, the tone and refusals were not measured."
    )
    assert few.said.endswith(f'Until then use "fine-tuned": it loses {few.bound:.3f} at most.')
    written = few.as_dict()
    assert (written["arm"], written["cheapest"], written["meanwhile"]) == ("fine-tuned", "retrieval", "fine-tuned")
    assert verdict(asked("facts", shares, few.needed), []).need("facts").state == "decided"


def test_what_choosing_the_arm_can_cost_is_stated_beside_it() -> None:
    found = verdict(asked("facts", {"closed-book": 0.1, "retrieval": 0.9, "both": 0.9}, 120), []).need("facts")
    assert (found.state, found.arm) == ("decided", "retrieval")
    assert found.bound is not None
    assert 0 < found.bound < 0.1
    assert found.said == (
        f'"retrieval": proven better than "closed-book", which is cheaper; it loses {found.bound:.3f} at most, against '
        '"both".'
    )
    written = found.as_dict()
    assert (written["bound"], written["against"], written["passed"], written["beaten"]) == (
        found.bound, "both", ["closed-book"], ["closed-book"],
    )  # fmt: skip


def test_how_much_may_be_lost_is_the_readers_to_say() -> None:
    rows = asked("facts", {"retrieval": 0.8, "fine-tuned": 0.82}, 120)
    for acceptable, state, arm in ((0.15, "decided", "retrieval"), (0.06, "not enough evidence", "fine-tuned")):
        found = verdict(rows, [], rules=Rules(acceptable=acceptable)).need("facts")
        assert (found.cheapest, found.state, found.arm) == ("retrieval", state, arm)


def test_where_every_arm_fails_none_is_recommended() -> None:
    found = verdict(asked("tone", {"closed-book": 0.0, "retrieval": 0.1}), [])
    assert (found.need("tone").state, found.need("tone").arm) == ("no arm", None)
    assert found.said.startswith("No arm is good enough for the tone;")


def test_what_cannot_be_used_is_neither_recommended_nor_a_rival() -> None:
    shares = {"closed-book": 0.02, "right passage, given": 1.0, "retrieval": 0.8, "fine-tuned": 0.5}
    found = verdict(asked("facts", shares), []).need("facts")
    assert found.arm == "retrieval"
    assert found.found is not None
    assert {each.arm for each in found.found.standings} == {"closed-book", "retrieval", "fine-tuned"}
    assert found.scores["right passage, given"].mean == 1.0
    other = verdict(asked("facts", shares), [], ways={"retrieval": Way("look it up", offered=False)})
    assert other.need("facts").arm == "fine-tuned"


def test_an_arm_without_a_rival_is_named_and_nothing_is_said_to_be_chosen() -> None:
    shares = {"retrieval": 0.8, "right passage, given": 1.0}
    found = verdict(all_needs(facts=shares, unanswerable=shares), [])
    need = found.need("facts")
    assert found.said == (
        'For facts and refusals, "retrieval" was the only way to answer that can be recommended: there was none to '
        "compare it with; it is right in "
        f"{need.scores['retrieval']} of the questions on facts and in "
        f"{found.need('refusal').scores['retrieval']} of the questions on refusals; "
        "freshness, the format and the tone were not measured."
    )
    assert (need.state, need.arm, need.alone) == ("decided", "retrieval", True)
    assert need.said == (
        f'"retrieval" was the only way to answer that can be recommended: there was none to compare it with. '
        f"It is right in "
        f'{need.scores["retrieval"]} of the questions; "right passage, given", which shows what is possible, in '
        f"{need.scores['right passage, given']}."
    )
    assert need.scores["retrieval"].mean == pytest.approx(0.8)
    assert found.need("cost").said.startswith('"retrieval" was the only way to answer that can')
    bare = verdict(asked("facts", {"retrieval": 0.8}), []).need("facts")
    assert bare.said.endswith(f"It is right in {bare.scores['retrieval']} of the questions.")


def test_of_few_questions_no_share_is_told() -> None:
    """As the page that shows the report."""
    shares = {"retrieval": 0.8, "right passage, given": 1.0}
    rows = [*asked("facts", shares, 40), *asked("unanswerable", {"retrieval": 0.0}, 12)]
    found = verdict(rows, [])
    assert found.need("refusal").is_few
    assert found.said == (
        'For facts, "retrieval" was the only way to answer that can be recommended: there was none to compare it '
        f"with; it is right in {found.need('facts').scores['retrieval']} of the questions on facts; "
        "too few questions were asked to rely on what is said here of them: 12 on refusals (it takes 20 of a kind); "
        "freshness, the format and the tone were not measured."
    )


def test_where_some_needs_left_no_choice_they_are_named() -> None:
    rows = all_needs(facts=RETRIEVAL_WINS, unanswerable={"retrieval": 0.9}, format={"prompted": 0.9})
    assert verdict(rows, []).said == (
        "Retrieve (for refusals no other can be recommended); write instructions only for the format (no other "
        "can be recommended); freshness and the tone were not measured."
    )


def test_an_arm_without_a_rival_may_be_no_good() -> None:
    found = verdict(asked("facts", {"retrieval": 0.1, "right passage, given": 1.0}), [])
    assert found.said.startswith("No arm is good enough for facts;")
    need = found.need("facts")
    assert need.said == (
        'No arm is good enough: "retrieval", the only one that can be recommended, is right in '
        f"{need.scores['retrieval']} of the questions."
    )


def test_the_cheapest_of_equal_arms_counts_its_preparation() -> None:
    equal = {"fine-tuned": 0.95, "retrieval": 0.95}  # an answer of fine-tuned costs 0.01, of retrieval 0.02
    training = [Preparation("fine-tuned", 900.0, 5.0, 100, 9.0, 0.05)]
    few, many = (
        verdict(asked("facts", equal), training, rules=Rules(answers=answers)).need("facts").arm
        for answers in (100, 1000)
    )
    assert (few, many) == ("retrieval", "fine-tuned")


def test_freshness_is_decided_by_the_cost_of_a_fact() -> None:
    equal = {"fine-tuned": 0.95, "retrieval": 0.95}
    prepared = [Preparation("fine-tuned", 1.0, 0.0, 1, 25.0, 0.01), Preparation("retrieval", 1.0, 0.0, 1, 0.03, 0.0)]
    found = verdict([*asked("freshness", equal), *asked("facts", equal)], prepared)
    assert found.need("freshness").arm == "retrieval"
    assert found.need("facts").arm == "fine-tuned"


def test_cost_accepts_a_larger_loss() -> None:
    rows = asked("facts", {"fine-tuned": 0.88, "retrieval": 0.97})
    found = verdict(rows, [])
    assert (found.need("facts").arm, found.need("cost").arm) == ("retrieval", "fine-tuned")
    assert "; if you accept a loss of 0.2 to pay less, fine-tune;" in found.said


def test_cost_is_decided_where_formats_were_put_to_other_arms() -> None:
    facts = asked("facts", {"fine-tuned": 0.87, "retrieval": 0.97})
    examples = {"prompted": 0.3, "examples in the prompt": 0.5, "fine-tuned": 0.95}
    found = verdict([*asked("format", examples), *facts, *asked("tone", {"prompted": 0.9})], [])
    alone = verdict(facts, [])
    for each in (found, alone):
        assert (each.need("cost").arm, each.need("cost").questions) == ("fine-tuned", 200)
    # Answers in a format, which retrieval was not asked for, do not count among its rival's costs.
    assert found.need("cost").found == alone.need("cost").found
    assert found.need("format").arm == "fine-tuned"


def test_cost_counts_all_tasks_that_its_arms_share() -> None:
    facts, refusals = asked("facts", RETRIEVAL_WINS), asked("unanswerable", RETRIEVAL_WINS, 50)
    apart = asked("format", {"prompted": 0.3, "examples in the prompt": 0.9}, 400)
    oracle = asked("facts", {"oracle": 1.0})
    cost = verdict([*apart, *facts, *refusals, *oracle], []).need("cost")
    assert (cost.state, cost.questions, cost.left_out) == ("decided", 250, 0)
    assert set(cost.scores) == {*RETRIEVAL_WINS, "oracle"}
    only = verdict(apart, []).need("cost")
    assert (only.arm, only.questions) == ("examples in the prompt", 400)


def test_questions_that_not_all_arms_answered_are_left_out_and_counted() -> None:
    rows = asked("facts", RETRIEVAL_WINS)
    found = verdict([each for each in rows if each.item != "q7" or each.arm != "retrieval"], []).need("facts")
    assert (found.questions, found.left_out) == (199, 1)


@pytest.mark.parametrize("twice", ["row", "group", "preparation"])
def test_what_stands_twice_is_refused(twice: str) -> None:
    rows = asked("facts", RETRIEVAL_WINS, 5)
    prepared = [Preparation("retrieval", 1.0, 0.0, 5, 0.1, 0.0)]
    if twice == "row":
        rows.append(rows[0])
    elif twice == "group":
        rows.append(replace(rows[0], arm="other", group="x"))
    else:
        prepared *= 2
    with pytest.raises(UsageError):
        verdict(rows, prepared)


def test_an_arm_without_a_way_is_recommended_by_its_name() -> None:
    """No part of a name says what an arm is."""
    shares = {"the oracle of retrieval": 0.98, "untuned": 0.2}
    found = verdict(asked("facts", shares))
    assert found.said.startswith('Use "the oracle of retrieval" for facts;')
    assert found.references == ()


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted({task for tasks in NEEDS.values() for task in tasks})), st.integers(1, 30)),
    st.lists(st.sampled_from(["closed-book", "retrieval", "fine-tuned", "oracle"]), min_size=1, unique=True),
    st.integers(0, 2**32 - 1),
)
def test_any_comparison_has_a_verdict(tasks: dict[str, int], arms: Sequence[str], seed: int) -> None:
    chance = np.random.default_rng(seed)
    rows = [
        row(arm, task, number, float(chance.random() < 0.7))
        for task, count in tasks.items()
        for arm in arms
        for number in range(count)
        if chance.random() < 0.95
    ]
    prepared = [Preparation(arm, 1.0, 0.0, 5, float(chance.random()), 0.0) for arm in arms if chance.random() < 0.5]
    found = verdict(rows, prepared)
    json.dumps(found.as_dict(), allow_nan=False)
    assert found.said.endswith(".")
    assert found.said[0].isupper()
    for each in found.needs:
        assert (each.arm is not None) >= (each.state == "decided")
        assert (each.arm is None) >= (each.state in ("no arm", "not measured"))
        assert each.bound is None or 0 <= each.bound <= 1
        if each.state == "not enough evidence":
            assert each.found is not None
            assert each.found.bound > 0.15
            scores = {standing.arm: standing.score for standing in each.found.standings}
            assert each.arm is None or scores[each.arm] > min(scores.values()) or len(set(scores.values())) == 1
        assert each.arm != "oracle"
        assert (each.questions == 0) == (each.state == "not measured")


def facts_table(**shares: float) -> Table:
    luck = np.arange(400) / 400
    names = [str(number) for number in range(400)]
    return Table.of(
        {arm.replace("_", "-"): (luck < share).astype(float).tolist() for arm, share in shares.items()}, names
    )


def test_the_ratio_is_the_cost_of_one_more_fact_that_is_really_answered() -> None:
    table = facts_table(closed_book=0.1, retrieval=0.9, tuned=0.5)  # gains 0.8 and 0.4
    prepared = [Preparation("retrieval", 9.0, 0.0, 90, 0.1, 0.0), Preparation("tuned", 900.0, 0.0, 90, 10.0, 0.0)]
    by_arm = {each.arm: each for each in fact_costs(table, prepared, base="closed-book")}
    retrieval, tuned = by_arm["retrieval"].seconds, by_arm["tuned"].seconds
    assert retrieval is not None
    assert tuned is not None
    assert (retrieval.mean, tuned.mean) == pytest.approx((0.125, 25.0))
    (found,) = fact_ratios(table, prepared, base="closed-book")
    assert (found.arm, found.against, found.unit) == ("tuned", "retrieval", "seconds")
    assert found.times is not None
    assert found.times.mean == pytest.approx(200.0)
    assert found.times.low < 180 < 220 < found.times.high
    assert found.said.startswith('"tuned" takes 200 times [')
    assert found.said.endswith('] as long as "retrieval".')


def test_what_gains_nothing_or_was_not_prepared_has_no_cost() -> None:
    table = facts_table(closed_book=0.5, worse=0.4, unknown=0.9, retrieval=0.9)
    prepared = [Preparation("retrieval", 9.0, 0.0, 9, 0.1, 0.0), Preparation("worse", 9.0, 0.0, 9, 1.0, 0.0)]
    found = {each.arm: each for each in fact_ratios(table, prepared, base="closed-book")}
    assert found["worse"].said == (
        '"worse" against "retrieval", seconds: not measured, because it makes no more facts answerable than the model '
        "as it is."
    )
    assert found["unknown"].why == "its preparation was not measured"
    assert fact_ratios(None, prepared, base=None) == []
    assert [each.why for each in fact_costs(None, prepared, base=None)] == ["no questions on facts were asked"] * 2


def test_a_gain_that_is_not_proven_has_no_upper_end() -> None:
    table = facts_table(closed_book=0.50, slight=0.51, retrieval=0.9)
    prepared = [Preparation("retrieval", 9.0, 0.0, 9, 0.1, 0.0), Preparation("slight", 9.0, 0.0, 9, 1.0, 0.0)]
    (found,) = fact_ratios(table, prepared, base="closed-book")
    assert found.said.startswith('"slight" takes 400 times as long as "retrieval", and ')
    assert found.said.endswith(" times at least; no upper limit is shown.")
    assert found.as_dict()["times"]["high"] is None


def test_a_ratio_that_may_be_any_number_says_so() -> None:
    table = facts_table(closed_book=0.50, slight=0.51, other=0.505)
    prepared = [Preparation("other", 9.0, 0.0, 9, 0.1, 0.0), Preparation("slight", 9.0, 0.0, 9, 0.4, 0.0)]
    (found,) = fact_ratios(table, prepared, base="closed-book")
    assert found.said == (
        'Whether "slight" takes more time or less than "other" is not shown: there were too few questions.'
    )


def test_the_interval_of_the_ratio_holds_the_truth() -> None:
    """Gains 0.8 and 0.4, costs 0.1 and 10: truly 200; 95% at least, the bound is 4 standard errors below."""
    chance = np.random.default_rng(0)
    prepared = [Preparation("retrieval", 9.0, 0.0, 90, 0.1, 0.0), Preparation("tuned", 900.0, 0.0, 90, 10.0, 0.0)]
    names = [str(number) for number in range(60)]
    held, sets = 0, 300
    for _ in range(sets):
        scores = {arm: (chance.random(60) < share).astype(float) for arm, share in (("retrieval", 0.8), ("tuned", 0.4))}
        (found,) = fact_ratios(Table.of({k: v.tolist() for k, v in scores.items()}, names), prepared, base=None)
        held += found.times is not None and found.times.low <= 200 <= found.times.high
    assert held / sets > 0.95 - 4 * (0.95 * 0.05 / sets) ** 0.5
