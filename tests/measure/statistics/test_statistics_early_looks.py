"""Looking early: the level is spent over the looks, arms that are out stay out, and errors stay as rare as promised."""

from __future__ import annotations

import numpy as np
import pytest

from instill.errors import UsageError
from instill.measure.statistics.cheapest import Cost
from instill.measure.statistics.comparing import Table
from instill.measure.statistics.early_looks import LOOKS, cheapest_in_looks, spent_at
from instill.measure.statistics.grouped_mean_interval import not_above, upper_limits
from tests.measure.statistics.drawn_tables import Numbers, names
from tests.measure.statistics.test_statistics_worlds import ACCEPTABLE, COSTS, SIX, TOLERANCE, WORLDS, worlds


def in_looks(scores: Numbers, chances: list[float]) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Of each world the named arm, its bound, and the look at which it is decided (the last one where it is not); and
    of all looks together which arms were passed over, `(worlds, arms)`."""
    count, number, questions = scores.shape
    named, bound = np.full(count, number - 1), np.zeros(count)
    at = np.full(count, len(chances) - 1)
    alive, passed = np.ones((count, number), bool), np.zeros((count, number), bool)
    open_ = np.ones(count, bool)
    for look, chance in enumerate(chances):
        asked = round(LOOKS[look] * questions)
        groups = names(asked, 1)
        found, highs = np.full(count, -1), np.zeros(count)
        places = np.zeros(count)
        for place in range(number):
            walking = np.flatnonzero(open_ & (found < 0) & alive[:, place])
            if not len(walking):
                continue
            leads = scores[walking, place + 1 :, :asked] - scores[walking, place : place + 1, :asked]
            rivals = alive[walking, place + 1 :]
            stays = np.ones(len(walking), bool)
            if place < number - 1:
                flat = leads.reshape(-1, asked)
                least = not_above(flat, groups, TOLERANCE / 2).reshape(rivals.shape) * rivals.sum(axis=1)[:, None]
                far = leads.mean(axis=2) > TOLERANCE + 1e-9
                stays = ~(rivals & far & (least <= chance)).any(axis=1)
                for share in np.unique(places[walking]):
                    own = stays & (places[walking] == share)
                    if own.any():
                        ends = upper_limits(leads[own].reshape(-1, asked), groups, chance=chance / (1 + share / 2))
                        ends = np.where(rivals[own], ends.reshape(-1, rivals.shape[1]), 0.0)
                        highs[walking[own]] = np.maximum(ends.max(axis=1), 0.0)
            found[walking[stays]] = place
            passed[walking[~stays], place] = True
            places[walking[~stays]] += 1
        named[open_], bound[open_] = found[open_], highs[open_]
        ended = open_ & (highs <= ACCEPTABLE)
        at[ended] = look
        for place in range(number):  # Dearer arms that the named one is proven to lead are out too.
            still = np.flatnonzero(open_ & ~ended & (found != place) & alive[:, place])
            if len(still):
                leads = scores[still, found[still], :asked] - scores[still, place, :asked]
                others = alive[still].sum(axis=1) - 1
                beaten = not_above(leads, groups, 0.0) * others <= chance
                alive[still[beaten], place] = False
        alive &= ~passed
        open_ &= ~ended
    return named, bound, at, passed


@pytest.mark.parametrize("questions", [60, 120, 300])
def test_looking_early_makes_no_more_errors(questions: int) -> None:
    chances = spent_at(LOOKS, 0.025)
    hard = {60: 0.3, 120: 0.2, 300: 0.13}[questions]
    for means in ((0.7, 0.8), SIX, (*[0.95 - hard] * 5, 0.95), (0.75, 0.8, 0.85, 0.8, 0.7, 0.9)):
        named, bound, _, _ = in_looks(worlds(means, questions, hardness=0.3, seed=questions), chances)
        lost = max(means) - np.array(means)[named.astype(int)]
        assert (lost > bound + 1e-9).sum() <= 0.05 * WORLDS, means
    for behind in (0.0, 0.025):
        *_, passed = in_looks(worlds((0.8, 0.8 + behind), questions, seed=questions), chances)
        assert passed[:, 0].mean() <= 0.05


def test_without_spending_it_would_and_much_is_saved() -> None:
    drawn = worlds((0.1, 0.85, 0.85), 240, hardness=0.5, seed=3)
    _, bound, at, passed = in_looks(drawn, spent_at(LOOKS, 0.025))
    assert (bound <= ACCEPTABLE).mean() >= 0.95
    assert (at < 2).mean() >= 0.5  # decided before all were asked
    assert passed[:, 0].all()
    equal = worlds((0.8, 0.825), 400, seed=5)
    with_, without = (in_looks(equal, each)[3][:, 0].mean() for each in (spent_at(LOOKS, 0.05), [0.05] * 3))
    assert with_ < without


def test_six_arms_are_still_decided_with_120_questions() -> None:
    _, bound, at, _ = in_looks(worlds(SIX, 120), spent_at(LOOKS, 0.025))
    assert (bound <= ACCEPTABLE).mean() >= 0.75
    assert at.max() == 2


def test_the_walk_here_is_that_of_the_verdict() -> None:
    drawn = worlds(SIX, 80, seed=9)[:12]
    named, bound, at, _ = in_looks(drawn, spent_at(LOOKS, 0.025))
    for world, place, most, stopped in zip(drawn, named, bound, at, strict=True):

        def tables(look: int, out: set[str], world: Numbers = world) -> Table:
            kept = [number for number, arm in enumerate(COSTS) if arm not in out]
            asked = round(LOOKS[look] * 80)
            return Table(tuple(list(COSTS)[number] for number in kept), world[kept, :asked], tuple(names(asked, 1)))

        found, look = cheapest_in_looks(tables, COSTS, tolerance=TOLERANCE, acceptable=ACCEPTABLE)
        assert found is not None
        assert (found.arm, look) == (list(COSTS)[int(place)], int(stopped))
        assert found.bound == pytest.approx(most, abs=1e-4)
        assert len(found.standings) == 6
        assert set(found.passed) >= {arm for arm in "ab" if list(COSTS).index(arm) < place}


def test_an_arm_that_is_out_is_not_asked_for_again() -> None:
    asked: list[tuple[int, set[str]]] = []
    chance = np.random.default_rng(0)
    rows = {"base": chance.random(200) < 0.05, "one": chance.random(200) < 0.8, "other": chance.random(200) < 0.8}

    def tables(look: int, out: set[str]) -> Table:
        asked.append((look, set(out)))
        number = (50, 100, 200)[look]
        kept = {arm: row[:number].astype(float).tolist() for arm, row in rows.items() if arm not in out}
        return Table.of(kept, names(number, 1))

    costs = {arm: Cost(0.0, float(2**place)) for place, arm in enumerate(rows)}
    found, look = cheapest_in_looks(tables, costs, tolerance=0.05, acceptable=0.06)
    assert found is not None
    assert asked == [(0, set()), (1, {"base"}), (2, {"base"})]
    assert (look, found.passed, [each.arm for each in found.standings]) == (2, ("base",), ["base", "one", "other"])
    assert cheapest_in_looks(lambda *_: None, costs, tolerance=0.05) == (None, 2)


def test_looks_that_are_none_are_refused() -> None:
    assert sum(spent_at((0.1, 0.9, 1.0), 0.025)) == pytest.approx(0.025)
    for wrong in ((), (0.5,), (0.5, 0.5, 1.0), (0.6, 0.5, 1.0), (0.0, 1.0)):
        with pytest.raises(UsageError, match="rising"):
            spent_at(wrong, 0.025)
