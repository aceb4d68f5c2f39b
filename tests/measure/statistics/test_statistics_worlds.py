"""The verdict in worlds in which the truth is known: how often it is wrong, and how often it decides.

500 worlds a case. The walk from the cheapest arm on is done for all worlds at once; on some of them `cheapest` is asked
too and must say the same.
"""

from __future__ import annotations

import numpy as np
import pytest

from instill.measure.statistics.cheapest import Cost, cheapest
from instill.measure.statistics.comparing import Table
from instill.measure.statistics.grouped_mean_interval import limits, not_above, upper_limits
from tests.measure.statistics.drawn_tables import Numbers, most_of, names

WORLDS = 500
TOLERANCE, ACCEPTABLE, SIDE = 0.05, 0.15, 0.025
COSTS = {arm: Cost(0.0, 2.0**place) for place, arm in enumerate("abcdef")}
SIX = (0.1, 0.7, 0.9, 0.9, 0.5, 0.9)


def worlds(means: tuple[float, ...], questions: int, *, hardness: float = 0.0, seed: int = 0) -> Numbers:
    """`(worlds, arms, questions)` of 0 and 1; an answer takes, with this chance, the luck that all arms share."""
    chance = np.random.default_rng(seed)
    shape = (WORLDS, len(means), questions)
    shared = chance.random((WORLDS, 1, questions))
    luck = np.where(chance.random(shape) < hardness, shared, chance.random(shape))
    return np.asarray(luck < np.array(means)[:, None], np.float64)


def decided(scores: Numbers) -> tuple[Numbers, Numbers]:
    """The place of the named arm, and its bound, `(worlds,)` each."""
    number, questions = scores.shape[1:]
    groups = names(questions, 1)
    named, bound = np.full(len(scores), number - 1), np.zeros(len(scores))
    open_ = np.arange(len(scores))
    for place in range(number - 1):
        if not len(open_):
            break
        leads = scores[open_, place + 1 :] - scores[open_, place : place + 1]
        rivals = leads.shape[1]
        flat = leads.reshape(-1, questions)
        least = not_above(flat, groups, TOLERANCE / 2).reshape(-1, rivals) * rivals
        worse = ((leads.mean(axis=2) > TOLERANCE + 1e-9) & (least <= SIDE)).any(axis=1)
        stays = open_[~worse]
        named[stays] = place
        if len(stays):
            kept = leads[~worse].reshape(-1, questions)
            highs = upper_limits(kept, groups, chance=SIDE / (1 + place / 2)).reshape(-1, rivals)
            bound[stays] = np.maximum(highs.max(axis=1), 0.0)
        open_ = open_[worse]
    return named, bound


def test_the_walk_here_is_that_of_the_verdict() -> None:
    for means, questions in ((SIX, 60), ((0.75, 0.8, 0.85, 0.9), 40)):
        drawn = worlds(means, questions, hardness=0.3, seed=1)
        named, bound = decided(drawn[:25])
        for world, place, most in zip(drawn, named, bound, strict=False):
            arms = tuple(COSTS)[: len(means)]
            found = cheapest(Table(arms, world, tuple(names(questions, 1))), COSTS, tolerance=TOLERANCE)
            assert found.arm == arms[int(place)]
            assert found.acceptable == pytest.approx(ACCEPTABLE)
            assert found.bound == pytest.approx(most, abs=1e-4)
            assert found.decided == (most <= ACCEPTABLE)


@pytest.mark.parametrize("questions", [30, 60, 120, 300])
def test_an_arm_is_seldom_worse_than_its_bound(questions: int) -> None:
    """At any number of questions: near-ties, one best, and arms that lose just what is hardest to tell."""
    hard = {30: 0.45, 60: 0.3, 120: 0.2, 300: 0.13}[questions]
    cases = [(0.7, 0.8), SIX, (0.75, 0.8, 0.85, 0.8, 0.7, 0.9), (*[0.95 - hard] * 5, 0.95)]
    for means in cases:
        named, bound = decided(worlds(means, questions, hardness=0.3, seed=questions))
        lost = max(means) - np.array(means)[named.astype(int)]
        wrong = int((lost > bound + 1e-9).sum())
        assert wrong <= 0.05 * WORLDS, (means, wrong)


def test_two_equal_arms_are_decided_with_120_questions() -> None:
    named, bound = decided(worlds((0.8, 0.8), 120))
    assert (bound <= ACCEPTABLE).mean() >= 0.7  # 60% are wanted; about 79% measured
    assert (named == 0).mean() >= 0.975


def test_six_arms_are_decided_with_120_questions() -> None:
    named, bound = decided(worlds(SIX, 120))
    assert ((bound <= ACCEPTABLE) & (named == 2)).mean() >= 0.75  # 76% to 81% measured


@pytest.mark.parametrize("questions", [30, 60, 120, 300, 1000])
def test_an_arm_that_is_little_behind_is_seldom_passed_over(questions: int) -> None:
    named, _ = decided(worlds((0.8, 0.825), questions, seed=questions))
    assert (named > 0).mean() <= 0.05


def test_an_arm_that_is_far_behind_is_passed_over() -> None:
    named, _ = decided(worlds((0.6, 0.9), 60))
    assert (named == 1).mean() >= 0.85


SKEWED = [1] * 20 + [2] * 10 + [4] * 6 + [8] * 4 + [16] * 2
FEW_LARGE = [2] * 190 + [60] * 10


@pytest.mark.parametrize(
    ("sizes", "lost", "won"),
    [
        ([1] * 8, 0.5, 0.0),
        ([1] * 30, 0.1, 0.0),
        ([1] * 120, 0.025, 0.0),
        ([1] * 120, 0.16, 0.16),
        ([1] * 300, 0.01, 0.0),
        ([6] * 20, 0.05, 0.0),
        ([10] * 8, 0.3, 0.1),
        ([4] * 40, 0.1, 0.0),
        (SKEWED, 0.16, 0.16),
        (SKEWED, 0.1, 0.0),
        (FEW_LARGE, 0.1, 0.0),
    ],
)
def test_each_end_of_an_interval_holds_as_promised(sizes: list[int], lost: float, won: float) -> None:
    """Tiny, skewed and clustered samples; the questions of a group independent, alike, or the same."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    chance, truth = np.random.default_rng(len(groups)), won - lost
    for alike in (0.0, 0.3, 1.0) if max(sizes) > 1 else (0.0,):
        own = chance.random((WORLDS, len(groups)))
        shared = chance.random((WORLDS, len(sizes)))[:, groups]
        luck = np.where(chance.random(own.shape) < np.sqrt(alike), shared, own)
        values = np.where(luck < lost, -1.0, np.where(luck < lost + won, 1.0, 0.0))
        _, lows, highs = limits(values, [str(each) for each in groups])
        for missed in ((lows > truth + 1e-9).sum(), (highs < truth - 1e-9).sum()):
            assert missed <= most_of(WORLDS, 0.025)


@pytest.mark.parametrize("questions", [12, *(pytest.param(number, marks=pytest.mark.long) for number in (4, 30, 60))])
def test_the_arm_that_is_advised_meanwhile_is_seldom_worse_than_its_bound(questions: int) -> None:
    """In the worlds that are not decided; and it is never the arm that looks worst."""
    for means in ((0.7, 0.8), SIX, (0.05, 0.9), (0.75, 0.8, 0.85, 0.8, 0.7, 0.9), (0.5, 0.95)):
        wrong = 0
        for world in worlds(means, questions, hardness=0.3, seed=questions)[:200]:
            arms = tuple(COSTS)[: len(means)]
            found = cheapest(Table(arms, world, tuple(names(questions, 1))), COSTS, tolerance=TOLERANCE)
            if found.meanwhile is None or found.meanwhile_bound is None:
                continue
            assert not found.decided
            scores = world.mean(axis=1)
            place = arms.index(found.meanwhile)
            assert scores[place] > scores.min() or np.ptp(scores) == 0
            wrong += max(means) - means[place] > found.meanwhile_bound + 1e-9
        assert wrong <= 0.05 * 200, (means, wrong)
