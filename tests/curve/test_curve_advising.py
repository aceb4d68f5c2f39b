"""Stop, collect, or not enough evidence: right in simulation as often as promised, and honest beyond the data."""

from __future__ import annotations

import json

import numpy as np
import pytest

from instill.curve.advising import REACH, advise
from instill.curve.laws.fitting import Fit, fit_curve
from instill.curve.results import Result

SIZES = (10, 22, 46, 100, 220, 460, 1000)
GAIN = 0.02


def exact(ceiling: float, scale: float, rate: float, questions: int = 2000) -> Fit:
    return fit_curve([Result(n, 0, (ceiling - scale * n**-rate,) * questions) for n in SIZES])


def simulated(ceiling: float, scale: float, rate: float, run: int) -> Fit:
    """Binomial noise, questions that are hard or easy for all trainings, and seeds that differ."""
    chance = np.random.default_rng(run)
    hard = chance.normal(0, 0.15, 200)
    results = []
    for size in SIZES:
        for seed in range(3):
            share = np.clip(ceiling - scale * size**-rate + chance.normal(0, 0.01), 0.2, 0.8)
            results.append(Result(size, seed, tuple((chance.random(200) < np.clip(share + hard, 0, 1)).astype(float))))
    return fit_curve(results, resamples=200)


def test_the_interval_of_the_recommended_size_holds_it_as_often_as_promised() -> None:
    """Of 80 intervals of 95% fewer than 69 hold with a chance below 0.005; either wrong verdict has 2.5% at most."""
    true = (1.6 * (1 - 2**-0.5) / GAIN) ** 2  # 549 rows
    held = wrong = decided = 0
    for run in range(80):
        fit = simulated(0.8, 1.6, 0.5, run)
        found = fit.enough(GAIN)
        held += found.low <= true <= found.high
        for have, right in ((int(true / 4), "collect"), (int(4 * true), "stop")):
            kind = advise(fit, gain=GAIN, have=have).kind
            decided += kind == right
            wrong += kind not in (right, "not enough evidence")
    assert held >= 69
    assert wrong <= 7
    assert decided >= 60


def test_enough_rows_are_enough() -> None:
    found = advise(exact(0.9, 3.0, 0.8), gain=GAIN)
    true = (3.0 * (1 - 2**-0.8) / GAIN) ** (1 / 0.8)
    assert found.kind == "stop"
    assert found.enough is not None
    assert found.enough.mean == pytest.approx(true, rel=1e-3)
    assert found.more is None
    assert found.said.startswith("Stop: doubling the 1,000 rows brings +0.005")
    assert found.said.count(".") >= 1


def test_few_rows_are_too_few() -> None:
    found = advise(exact(0.9, 3.0, 0.8), gain=GAIN, have=60)
    assert found.kind == "collect"
    assert found.more is not None
    assert found.enough is not None
    assert found.more.mean == pytest.approx(found.enough.mean - 60)
    assert 0 < found.more.low < found.more.mean < found.more.high
    assert "between" in found.said
    assert not found.beyond


def test_beyond_four_times_the_largest_size_it_is_said() -> None:
    fit = exact(0.95, 1.2, 0.25, questions=10_000)
    true = (1.2 * (1 - 2**-0.25) / GAIN) ** 4
    found = advise(fit, gain=GAIN)
    assert true > REACH * 1000
    assert found.kind == "collect"
    assert found.beyond
    assert "4 times the largest measured size (1,000), where the curve is not known" in found.said
    assert found.more is not None
    assert found.more.high <= REACH * 1000 - 1000
    at_the_end = advise(fit, gain=GAIN, have=4000)
    assert at_the_end.kind == "collect"
    assert "measure a larger size" in at_the_end.said


def test_an_upper_end_beyond_is_said() -> None:
    fit = exact(0.9, 1.6, 0.45, questions=120)
    enough = fit.enough(0.012)
    assert enough.mean < 4000 < enough.high
    found = advise(fit, gain=0.012, have=200)
    assert (found.kind, found.beyond) == ("collect", True)
    assert "upper end lies beyond" in found.said


def test_rows_far_beyond_what_was_measured() -> None:
    levelled = advise(exact(0.9, 3.0, 0.8), gain=GAIN, have=50_000)
    assert (levelled.kind, levelled.beyond) == ("stop", True)
    assert "more than 4 times the largest measured size" in levelled.said
    rising = advise(exact(0.9, 1.6, 0.3), gain=0.01, have=50_000)
    assert (rising.kind, rising.beyond) == ("not enough evidence", True)
    assert "measure a larger size" in rising.said


def test_in_between_there_is_not_enough_evidence() -> None:
    fit = simulated(0.8, 1.6, 0.5, 1)
    found = advise(fit, gain=GAIN, have=549)
    assert found.kind == "not enough evidence"
    assert found.said.startswith("Not enough evidence: doubling the 550 rows brings")


def test_a_series_that_does_not_rise() -> None:
    flat = advise(fit_curve([Result(n, 0, (0.4,) * 2000) for n in SIZES]))
    assert flat.kind == "stop"
    assert "does not rise" in flat.said
    falling = advise(fit_curve([Result(n, 0, (0.9 - 0.1 * place,) * 2000) for place, n in enumerate(SIZES)]))
    assert falling.kind == "stop"
    assert "falls" in falling.said
    chance = np.random.default_rng(0)
    noisy = advise(fit_curve([Result(n, 0, tuple((chance.random(15) < 0.5).astype(float))) for n in SIZES]))
    assert noisy.kind == "not enough evidence"
    assert "cannot be told" in noisy.said


def test_three_sizes_and_bends_give_no_advice() -> None:
    few = advise(fit_curve([Result(n, 0, (n / 1000,) * 100) for n in (10, 100, 1000)]))
    assert few.kind == "not enough evidence"
    assert "3 sizes" in few.said
    shares = (0.2, 0.8, 0.3, 0.8, 0.4, 0.9, 0.5)
    bent = advise(fit_curve([Result(n, 0, (share,) * 500) for n, share in zip(SIZES, shares, strict=True)]))
    assert bent.kind == "not enough evidence"
    assert "do not follow" in bent.said


def test_what_is_found_can_be_written_as_json() -> None:
    fit = exact(0.9, 2.0, 0.5)
    for have in (60, 1000):
        found = json.loads(json.dumps(advise(fit, gain=GAIN, have=have).as_dict(), allow_nan=False))
        assert found["kind"] in ("stop", "collect", "not enough evidence")
        assert found["enough"]["low"] <= found["enough"]["mean"] <= found["enough"]["high"]
    assert json.loads(json.dumps(fit.as_dict(), allow_nan=False))["shape"] == "rising"


def test_numbers_out_of_range_are_refused() -> None:
    fit = exact(0.9, 2.0, 0.5)
    with pytest.raises(ValueError, match="gain"):
        advise(fit, gain=0)
    with pytest.raises(ValueError, match="0 rows"):
        advise(fit, have=0)
