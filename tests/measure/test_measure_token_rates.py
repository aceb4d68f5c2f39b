"""What answers take: from tokens and rates, whatever the machine did in between."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from instill.measure.outcomes import Outcome
from instill.measure.token_rates import Kind, Rates, measure_rates
from instill.measure.verdict import reach_verdict
from tests.measure.test_verdict import row

KINDS = {"first": Kind("base", "search"), "other": Kind("base", "search"), "quoted": Kind("", "search")}


def answers(slow: float = 1.0, seed: int = 0) -> list[Outcome]:
    """0.3 s of work, 2 ms a token that is read, 20 ms one that is written; the second arm in a slow block."""
    chance = np.random.default_rng(seed)
    rows = []
    for arm in KINDS:
        for number in range(120):
            tokens = (int(chance.integers(100, 600)), int(chance.integers(5, 60))) if arm != "quoted" else (0, 0)
            seconds = 0.3 + 0.002 * tokens[0] + 0.02 * tokens[1] + float(chance.exponential(0.005))
            held_up = slow if arm == "other" and number < 40 else 1.0
            made = row(arm, "facts", number, 1.0, seconds=seconds * held_up)
            rows.append(replace(made, tokens_in=tokens[0], tokens_out=tokens[1]))
    return rows


@pytest.mark.parametrize("slow", [1.0, 3.0])
def test_rates_are_found_beside_a_slow_block(slow: float) -> None:
    found = measure_rates(answers(slow), KINDS)
    assert found.tokens["base"] == pytest.approx((0.002, 0.02), rel=0.05)
    assert found.work["search"] == pytest.approx(0.305, rel=0.05)
    same = replace(answers()[0], tokens_in=300, tokens_out=20)
    assert found.seconds(same) == found.seconds(replace(same, arm="other")) == pytest.approx(1.305, rel=0.05)
    assert found.seconds(replace(same, arm="unknown")) == same.seconds


def test_a_slow_block_changes_no_recommendation() -> None:
    """By their own clocks the second arm seems dearer, or cheaper, by what the machine did meanwhile."""
    for slow in (1.0, 3.0, 0.3):
        rows = answers(slow)
        rates = measure_rates(rows, KINDS)
        costs = reach_verdict(rows, [], rates=rates).need("facts").found
        assert costs is not None
        seconds = {each.arm: each.cost.seconds for each in costs.standings}
        assert seconds["other"] == pytest.approx(seconds["first"], rel=0.1)
        assert costs.arm == "quoted"


def test_no_rate_is_below_nought_and_nothing_is_found_in_nothing() -> None:
    assert measure_rates([], KINDS) == Rates(kinds=KINDS)
    chance = np.random.default_rng(1)
    rows = [replace(each, seconds=0.5 - 0.0005 * each.tokens_in + float(chance.random()) * 0.01) for each in answers()]
    found = measure_rates(rows, KINDS)
    assert min(*found.tokens["base"], *found.work.values()) >= 0
