"""The curve: found again exactly without noise and within proven bounds with it; what is not determined is said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.curve.laws.fitting import fit_curve
from instill.curve.laws.power_law import RATES, fit_power_laws
from instill.curve.resampling import resampled_means, seed_variance
from instill.curve.results import Numbers, Result, by_size

SIZES = (10, 22, 46, 100, 220, 460, 1000)


def simulated(
    shares: Sequence[float],
    *,
    seeds: int = 3,
    questions: int = 200,
    run: int = 0,
    sizes: Sequence[int] = SIZES,
    seed_deviation: float = 0.0,
) -> list[Result]:
    """Results whose answers are right with the share of their size, independently."""
    chance = np.random.default_rng(run)
    results = []
    for size, share in zip(sizes, shares, strict=True):
        for seed in range(seeds):
            moved = np.clip(share + chance.normal(0, seed_deviation), 0, 1) if seed_deviation else share
            results.append(Result(size, seed, tuple((chance.random(questions) < moved).astype(float))))
    return results


def law(ceiling: float, scale: float, rate: float, sizes: Sequence[int] = SIZES) -> list[float]:
    return [ceiling - scale * size**-rate for size in sizes]


@settings(max_examples=60, deadline=None)
@given(st.floats(0.2, 1), st.floats(0.1, 1), st.floats(0.1, 2.5))
def test_without_noise_the_law_is_found_again(ceiling: float, part: float, rate: float) -> None:
    sizes = np.array(SIZES, np.float64)
    drop = ceiling * part
    found = fit_power_laws(sizes, (ceiling - drop * (sizes / 10) ** -rate)[None, :], np.ones(7))
    assert found.ceiling[0] == pytest.approx(ceiling, abs=1e-4)
    assert found.drop[0] == pytest.approx(drop, abs=1e-4)
    assert found.rate[0] == pytest.approx(rate, rel=1e-3)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=7, max_size=7), st.lists(st.floats(0.1, 10), min_size=7, max_size=7))
def test_the_fit_keeps_its_bounds_and_no_curve_of_a_grid_is_better(means: list[float], weights: list[float]) -> None:
    sizes, points, heavy = np.array(SIZES, np.float64), np.array(means), np.array(weights)
    found = fit_power_laws(sizes, points[None, :], heavy)
    ceiling, drop, rate = (float(each[0]) for each in (found.ceiling, found.drop, found.rate))
    assert 0 <= drop <= ceiling + 1e-12 <= 1 + 1e-9
    assert RATES[0] - 1e-9 <= rate <= RATES[1] + 1e-9
    ceilings, parts, rates = np.meshgrid(np.linspace(0, 1, 21), np.linspace(0, 1, 21), np.geomspace(*RATES, 15))
    tried = ceilings[..., None] - (ceilings * parts)[..., None] * (sizes / 10) ** -rates[..., None]
    least = float((((tried - points) ** 2) @ heavy).min())
    assert float(found.error[0]) <= least + 1e-9


def test_parameters_are_found_again_in_binomial_noise() -> None:
    """Each 95% interval holds its parameter in 95% of measurements; of 60 fewer than 50 has a chance below 0.001."""
    held = {"ceiling": 0, "scale": 0, "rate": 0}
    true = {"ceiling": 0.9, "scale": 3.0, "rate": 0.6}
    for run in range(60):
        found = fit_curve(simulated(law(0.9, 3.0, 0.6), run=run), resamples=200)
        assert found.shape == "rising"
        for name, value in true.items():
            parameter = getattr(found, name)
            held[name] += parameter.low <= value <= parameter.high
            assert parameter.low <= parameter.value <= parameter.high
    assert min(held.values()) >= 50


def test_much_data_determine_all_parameters() -> None:
    found = fit_curve(simulated(law(0.9, 3.0, 0.6), questions=5000, seeds=4), resamples=300)
    assert found.ceiling is not None
    assert found.rate is not None
    assert found.ceiling.determined
    assert found.rate.determined
    assert found.ceiling.value == pytest.approx(0.9, abs=0.02)
    assert found.rate.value == pytest.approx(0.6, abs=0.06)
    assert found.notes == ()


def test_little_data_leave_parameters_open_and_it_is_said() -> None:
    found = fit_curve(simulated(law(0.95, 1.0, 0.2), questions=60, seeds=2))
    assert found.rate is not None
    assert found.ceiling is not None
    assert not found.rate.determined
    assert "rates" in found.rate.why
    assert not found.ceiling.determined
    assert "ceilings" in found.ceiling.why


def test_a_flat_series_is_named() -> None:
    shapes = [fit_curve(simulated([0.6] * 7, questions=1000, run=run), resamples=300).shape for run in range(12)]
    assert shapes.count("flat") >= 10
    assert fit_curve([Result(size, 0, (0.0,) * 200) for size in SIZES]).shape == "flat"


def test_a_falling_series_is_named() -> None:
    found = fit_curve(simulated([0.8, 0.77, 0.72, 0.7, 0.66, 0.6, 0.55]))
    assert found.shape == "falling"
    assert found.rise.high < 0
    assert found.rate is not None
    assert not found.rate.determined
    assert "falling" in found.rate.why


def test_a_noisy_series_is_named() -> None:
    found = fit_curve(simulated([0.5] * 7, questions=20, seeds=2))
    assert found.shape == "noisy"
    assert found.rise.low < 0 < found.rise.high


def test_a_bend_that_no_power_law_has_is_named() -> None:
    found = fit_curve(simulated([0.2, 0.8, 0.3, 0.8, 0.4, 0.9, 0.5]))
    assert found.shape == "bent"
    assert found.misfit > 0.1
    assert found.misfit_p < 0.01


def test_sizes_at_which_nothing_is_learned_are_left_out() -> None:
    shares = [0.02, 0.02, 0.02, 0.4, 0.62, 0.74, 0.81]
    found = fit_curve(simulated(shares, questions=400))
    assert found.shape == "rising"
    assert found.fitted_from in (46, 100)
    assert f"below {found.fitted_from}" in found.notes[0]
    assert len(found.points) == 7


def test_a_true_power_law_is_seldom_called_bent() -> None:
    shapes = [fit_curve(simulated(law(0.9, 3, 0.6), run=run), resamples=300).shape for run in range(20)]
    assert shapes.count("bent") <= 2


def test_three_sizes_are_too_few() -> None:
    found = fit_curve(simulated([0.2, 0.5, 0.7], sizes=(10, 100, 1000)))
    assert found.shape == "too few sizes"
    assert found.ceiling is found.rate is None
    assert "4 sizes" in found.notes[-1]
    with pytest.raises(ValueError, match="too few"):
        found.enough(0.01)
    assert fit_curve([Result(10, 0, (1.0,))]).shape == "too few sizes"


def test_the_interval_of_a_size_is_as_wide_as_theory_says() -> None:
    """Binomial noise of 3 x 400 answers, and seeds that differ by 0.05: the variance is p(1-p)/1200 + 0.05^2/3."""
    widths = []
    for run in range(30):
        drawn = simulated([0.3, 0.5, 0.6, 0.7], sizes=(10, 20, 40, 80), questions=400, run=run, seed_deviation=0.05)
        means = resampled_means(by_size(drawn), resamples=400, seed=run)
        widths.append(means.std(axis=0))
    expected = np.sqrt([share * (1 - share) / 1200 + 0.05**2 / 3 for share in (0.3, 0.5, 0.6, 0.7)])
    assert np.sqrt(np.mean(np.square(widths), axis=0)) == pytest.approx(expected, rel=0.15)


def test_the_variance_of_seeds_is_found_without_that_of_answers() -> None:
    found = [
        seed_variance(by_size(simulated([0.5] * 7, run=run, seed_deviation=deviation)))
        for deviation in (0.0, 0.1)
        for run in range(30)
    ]
    assert np.mean(found[:30]) < 0.0005  # binomial variance of a mean alone: 0.00125
    assert np.mean(found[30:]) == pytest.approx(0.01, rel=0.25)


def test_groups_are_drawn_whole() -> None:
    chance = np.random.default_rng(0)
    right = chance.random(20) < 0.5
    scores = tuple(float(right[number // 10]) for number in range(200))
    results = [Result(size, 0, scores) for size in SIZES]
    alone = fit_curve(results).points[0].score
    together = fit_curve(results, groups=[str(number // 10) for number in range(200)]).points[0].score
    assert together.high - together.low > 2.5 * (alone.high - alone.low)


def test_answers_that_are_all_the_same_leave_some_doubt() -> None:
    found = fit_curve([Result(size, 0, (1.0,) * 50) for size in SIZES])
    assert found.points[0].score.low < 0.99
    assert "One seed" in found.notes[0]


def test_few_things_asked_about_are_told_of() -> None:
    found = fit_curve(simulated([0.5] * 7, questions=8), groups=list("aabbccdd"))
    assert any("4 things" in note for note in found.notes)


def test_results_that_do_not_belong_together_are_refused() -> None:
    for results in (
        [],
        [Result(1, 0, ())],
        [Result(1, 0, (0.5,)), Result(1, 0, (0.5,))],
        [Result(1, 0, (0.5,)), Result(2, 0, (0.5, 0.5))],
        [Result(1, 0, (1.5,))],
        [Result(1, 0, (float("nan"),))],
        [Result(0, 0, (0.5,))],
    ):
        with pytest.raises(ValueError, match=r"result|score|size"):
            by_size(results)


def test_the_curve_lies_within_its_band_and_scores_within_0_and_1() -> None:
    found = fit_curve(simulated(law(0.98, 5, 0.8), questions=50))
    band = found.at([10, 100, 1000, 4000])
    assert all(0 <= each.low <= each.mean <= each.high <= 1 for each in band)
    means: Numbers = np.array([each.mean for each in band])
    assert (np.diff(means) >= 0).all()
