"""Arms side by side: numbers by hand, and false claims of the whole comparison, by simulation."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from instill.errors import UsageError
from instill.measure.statistics.comparing import Table, against_best, compare
from instill.measure.statistics.grouped_mean_interval import group_interval
from instill.measure.statistics.multiple_comparisons import holm
from instill.measure.statistics.permutation import permutation_p, permutation_p_values
from tests.measure.statistics.drawn_tables import most_of, names, scores

ARMS = ("base", "retrieval", "oracle")


def table(means: list[float], *, groups: int = 40, size: int = 4, seed: int = 0) -> Table:
    drawn = scores(means, groups, size, hardness=0.4, chance=np.random.default_rng(seed))
    return Table(tuple(ARMS[: len(means)]), drawn, tuple(names(groups, size)))


def test_every_pair_stands_once_with_its_numbers() -> None:
    drawn = table([0.2, 0.7, 0.75])
    found = compare(drawn)
    assert [(each.first, each.second) for each in found] == list(combinations(ARMS, 2))
    for each in found:
        values = drawn.row(each.first) - drawn.row(each.second)
        alone = group_interval(values, drawn.groups)
        assert each.difference.mean == pytest.approx(alone.mean)
        assert (each.difference.low, each.difference.high) == pytest.approx((alone.low, alone.high), abs=1e-5)
        assert each.p == permutation_p(values, drawn.groups)
    assert [each.adjusted for each in found] == holm([each.p for each in found]).tolist()
    assert [each.better() for each in found] == ["retrieval", "oracle", None]


def test_one_that_was_named_beforehand() -> None:
    drawn = table([0.2, 0.7, 0.75])
    found = compare(drawn, reference="retrieval")
    assert [(each.first, each.second) for each in found] == [("base", "retrieval"), ("oracle", "retrieval")]
    assert found[0].difference.mean < 0 < found[1].difference.mean
    assert found[0].adjusted == min(1.0, 2 * found[0].p)
    with pytest.raises(UsageError, match=r"no such arm. \(nobody\) Choose of: base, retrieval, oracle"):
        compare(drawn, reference="nobody")


def test_against_the_best_keeps_the_adjustment_over_all_pairs() -> None:
    drawn = table([0.2, 0.8, 0.5])
    everything = compare(drawn)
    found = against_best(everything, drawn.best())
    assert [(each.first, each.second) for each in found] == [("retrieval", "base"), ("retrieval", "oracle")]
    assert all(each.difference.low > 0 for each in found)
    assert [each.adjusted for each in found] == [everything[0].adjusted, everything[2].adjusted]
    assert found[0].turned() == everything[0]
    assert found[0].better() == everything[0].better() == "retrieval"


def test_fractions_count_too_and_flips_repeat() -> None:
    chance = np.random.default_rng(1)
    rows = {"one": chance.uniform(0, 1, 60).tolist(), "other": chance.uniform(0, 1, 60).tolist()}
    drawn = Table.of(rows, names(30, 2))
    assert compare(drawn, seed=3) == compare(drawn, seed=3)
    assert compare(drawn)[0].as_dict()["difference"]["mean"] == pytest.approx(
        np.mean(drawn.scores[0] - drawn.scores[1])
    )


def test_scores_of_arms_with_their_intervals() -> None:
    drawn = Table.of({"none": [0.0] * 30, "all": [1.0] * 30}, names(30, 1))
    assert (drawn.score("none").low, drawn.score("all").high, drawn.questions) == (0.0, 1.0, 30)
    assert Table.of({"first": [1.0], "second": [1.0]}, ["a"]).best() == "first"
    assert compare(Table.of({"alone": [1.0]}, ["a"])) == []


@pytest.mark.parametrize("number", [3, 6])
def test_a_false_claim_anywhere_is_as_rare_as_the_level(number: int) -> None:
    """All arms are equally good: 3 and 15 comparisons, grouped questions, the whole of them at once."""
    chance, runs = np.random.default_rng(number), 500
    pairs = list(combinations(range(number), 2))
    firsts, seconds = (list(side) for side in zip(*pairs, strict=True))
    groups = names(25, 4)
    claims = single = 0
    for _ in range(runs):
        drawn = scores([0.6] * number, 25, 4, hardness=0.4, chance=chance)
        p_values = permutation_p_values(drawn[firsts] - drawn[seconds], groups)
        claims += bool((holm(p_values) <= 0.05).any())
        single += bool((p_values <= 0.05).any())
    assert claims <= most_of(runs, 0.05)
    assert single > 1.5 * max(claims, 0.05 * runs)  # without the correction


def test_against_the_best_no_more_often() -> None:
    """The winner's curse: the arm that came out best is compared with the others, and all are equally good."""
    runs = 300
    claims = 0
    for run in range(runs):
        drawn = table([0.5, 0.5, 0.5], groups=25, seed=run)
        claims += any(each.better() for each in against_best(compare(drawn), drawn.best()))
    assert claims <= most_of(runs, 0.05)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="2 groups"):
        Table.of({"one": [1.0]}, ["a", "b"])
    with pytest.raises(ValueError, match="twice"):
        Table(("one", "one"), np.zeros((2, 1)), ("a",))
    for wrong in (1.5, -0.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            Table.of({"one": [wrong]}, ["a"])
    with pytest.raises(ValueError, match="0 groups"):
        Table.of({"one": []}, [])
