"""Fitting the curve of score over data size, with intervals, and saying what the data do not determine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from instill.curve.laws.power_law import RATES, PowerLaws, fit_power_laws
from instill.curve.resampling import resampled_means
from instill.curve.results import Measured, Numbers, Result, by_size
from instill.measure.statistics.interval_type import Interval

Shape = Literal["rising", "flat", "falling", "noisy", "bent", "too few sizes"]
"""What the scores do as the data grow. "noisy": whether they rise is not proven; "bent": not along a power law."""

FEWEST_SIZES = 4
"""A curve with three parameters goes through any three points."""

_RESAMPLES = 1000
_FEW_GROUPS = 10


@dataclass(frozen=True, slots=True)
class Point:
    """A size that was measured: how many seeds, and the mean score with its interval over questions and seeds."""

    size: int
    seeds: int
    score: Interval


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the curve with its 95% interval.

    Args:
        determined: whether the data say what it is; if not, `why` says so in a sentence.
    """

    value: float
    low: float
    high: float
    determined: bool = True
    why: str = ""


@dataclass(frozen=True, slots=True)
class Fit:
    """score(n) = ceiling - scale * n**(-rate), as far as the data determine it.

    Args:
        shape: what the scores do; without a curve "too few sizes".
        points: what was measured, by rising size.
        rise: score gained with each doubling of the data, on average over all sizes measured (a straight line over
            the logarithm of the size).
        ceiling, scale, rate: None when there are too few sizes.
        fitted_from: the smallest size that the curve goes through; smaller ones may lie in the small-data region.
        misfit: the largest distance of a point from the curve, in scores.
        misfit_p: how often a curve of this form would miss its points by as much; small: it is not of this form.
        notes: what else a reader should know, a sentence each.
    """

    shape: Shape
    points: tuple[Point, ...]
    rise: Interval
    ceiling: Parameter | None = None
    scale: Parameter | None = None
    rate: Parameter | None = None
    fitted_from: int = 0
    misfit: float = 0.0
    misfit_p: float = 1.0
    notes: tuple[str, ...] = ()
    _law: PowerLaws | None = field(default=None, repr=False, compare=False)
    _laws: PowerLaws | None = field(default=None, repr=False, compare=False)

    @property
    def smallest(self) -> int:
        return self.points[0].size

    @property
    def largest(self) -> int:
        return self.points[-1].size

    def at(self, sizes: Sequence[float]) -> list[Interval]:
        """The curve's score at each size, within 0 to 1.

        Raises:
            ValueError: there is no curve.
        """
        law, laws = self._curves()
        places = np.asarray(sizes, np.float64)
        low, high = np.percentile(laws.at(places), [2.5, 97.5], axis=0)
        means = law.at(places)[0]
        clipped = (np.clip(each, 0.0, 1.0) for each in (means, np.minimum(low, means), np.maximum(high, means)))
        return [Interval(*map(float, each)) for each in zip(*clipped, strict=True)]

    def doubling(self, size: float, *, level: float = 0.95) -> Interval:
        """Score that twice as many rows as `size` bring.

        Raises:
            ValueError: there is no curve.
        """
        law, laws = self._curves()
        return _interval(float(law.doubling(size)[0]), laws.doubling(size), level)

    def enough(self, gain: float, *, level: float = 0.95) -> Interval:
        """The size, in rows, from which on the next doubling brings less than `gain`; 0 where none brings as much.

        Raises:
            ValueError: there is no curve.
        """
        law, laws = self._curves()
        return _interval(float(law.enough(gain)[0]), laws.enough(gain), level)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        parameters = {name: getattr(self, name) for name in ("ceiling", "scale", "rate")}
        return {
            "shape": self.shape,
            "points": [
                {"size": p.size, "seeds": p.seeds, "mean": p.score.mean, "low": p.score.low, "high": p.score.high}
                for p in self.points
            ],
            "rise": {"mean": self.rise.mean, "low": self.rise.low, "high": self.rise.high},
            **{
                name: None
                if each is None
                else {key: getattr(each, key) for key in ("value", "low", "high", "determined", "why")}
                for name, each in parameters.items()
            },
            "fitted_from": self.fitted_from,
            "misfit": self.misfit,
            "misfit_p": self.misfit_p,
            "notes": list(self.notes),
        }

    def _curves(self) -> tuple[PowerLaws, PowerLaws]:
        if self._law is None or self._laws is None:
            raise ValueError("too few sizes for a curve")
        return self._law, self._laws


def fit_curve(
    results: Iterable[Result],
    *,
    groups: Sequence[str] | None = None,
    still: float = 0.01,
    resamples: int = _RESAMPLES,
    seed: int = 0,
) -> Fit:
    """Fit score(n) = ceiling - scale * n**(-rate) to what trainings of several sizes and seeds scored.

    Weighted least squares over the sizes' means within 0 <= ceiling <= 1, rate within `RATES` and a curve that does
    not fall and is not below 0 where it begins (see `power_law`); intervals are percentiles over means that are drawn
    anew, with other questions and seeds (see `resampling`). Where the curve misses its points by more than chance
    explains and by more than `still`, the smallest sizes are left out one by one while four remain: below some amount
    of data nothing is learned yet (the small-data region of Hestness et al. 2017, section 5).

    Args:
        results: of at least one size and seed, all on the same questions; sizes may differ in how many seeds they have.
        groups: of each question (its fact or document); groups are drawn whole. None: each question by itself.
        still: a change of score per doubling that counts as none, and a distance from the curve that does not matter.
        resamples: how often means are drawn anew.

    Raises:
        ValueError: the results do not belong together; see `by_size`.

    Example:
        >>> found = fit_curve(Result(n, 0, (0.9 - 2 * n**-0.5,) * 300) for n in (10, 30, 100, 300, 1000))
        >>> found.shape, round(found.ceiling.value, 3), round(found.rate.value, 3)
        ('rising', 0.9, 0.5)
        >>> fit_curve(Result(n, 0, (0.5,) * 300) for n in (10, 30, 100, 300)).shape
        'flat'
    """
    measured = by_size(results, groups)
    drawn = resampled_means(measured, resamples=resamples, seed=seed)
    points = tuple(
        Point(size, int(seeds), _interval(float(mean), column))
        for size, seeds, mean, column in zip(measured.sizes, measured.seeds, measured.means, drawn.T, strict=True)
    )
    weights = _weights(drawn)
    rise = _rise(measured, drawn, weights)
    notes = _notes(measured)
    if len(points) < FEWEST_SIZES:
        why = f"A curve needs {FEWEST_SIZES} sizes; there are {len(points)}."
        return Fit("too few sizes", points, rise, notes=(*notes, why))
    curve = _best_curve(measured, drawn, weights, still)
    if curve.left:
        notes.append(f"Sizes below {measured.sizes[curve.left]} are left out of the curve: they do not follow it.")
    shape = _shape(rise, curve.misfit, curve.misfit_p, still)
    return Fit(
        shape,
        points,
        rise,
        *_parameters(curve.law, curve.laws, shape),
        fitted_from=measured.sizes[curve.left],
        misfit=curve.misfit,
        misfit_p=curve.misfit_p,
        notes=tuple(notes),
        _law=curve.law,
        _laws=curve.laws,
    )


def _weights(drawn: Numbers) -> Numbers:
    """One over each mean's variance, half of it that of all: a variance that is estimated as 0 would outweigh all."""
    variances = drawn.var(axis=0)
    return np.asarray(2.0 / (variances + variances.mean() + 1e-12), np.float64)


def _rise(measured: Measured, drawn: Numbers, weights: Numbers) -> Interval:
    if len(measured.sizes) < 2:
        return Interval(0.0, -1.0, 1.0)
    share = weights / weights.sum()
    logs = np.log2(np.array(measured.sizes, np.float64))
    logs -= logs @ share
    slope = logs * share / ((logs**2) @ share)
    return _interval(float(measured.means @ slope), drawn @ slope)


@dataclass(frozen=True, slots=True)
class _Curve:
    """A curve, its resampled ones, how many small sizes it leaves out, and how it misses the points."""

    left: int
    law: PowerLaws
    laws: PowerLaws
    misfit: float
    misfit_p: float


def _best_curve(measured: Measured, drawn: Numbers, weights: Numbers, still: float) -> _Curve:
    """The first curve that fits, with none, one, two ... of the smallest sizes left out; else that through all."""
    for left in range(len(measured.sizes) - FEWEST_SIZES + 1):
        found = _curve(measured, drawn, weights, left)
        if not _is_bent(found.misfit, found.misfit_p, still):
            return found
    return _curve(measured, drawn, weights, 0)


def _curve(measured: Measured, drawn: Numbers, weights: Numbers, left: int) -> _Curve:
    sizes, means = np.array(measured.sizes[left:], np.float64), measured.means[None, left:]
    law = fit_power_laws(sizes, means, weights[left:])
    ideal = law.at(sizes)
    # Means that scatter around a true curve as the drawn ones do around the measured: how far do their curves miss?
    errors = fit_power_laws(sizes, ideal + drawn[:, left:] - means, weights[left:]).error
    misfit_p = float((np.sum(errors >= law.error[0]) + 1) / (len(errors) + 1))
    laws = fit_power_laws(sizes, drawn[:, left:], weights[left:])
    return _Curve(left, law, laws, float(np.abs(ideal - means).max()), misfit_p)


def _is_bent(misfit: float, misfit_p: float, still: float) -> bool:
    return misfit_p < 0.01 and misfit > still


def _shape(rise: Interval, misfit: float, misfit_p: float, still: float) -> Shape:
    if rise.high < 0:
        return "falling"
    if _is_bent(misfit, misfit_p, still):
        return "bent"
    if rise.low > 0:
        return "rising"
    return "flat" if -still <= rise.low and rise.high <= still else "noisy"


def _parameters(law: PowerLaws, laws: PowerLaws, shape: Shape) -> tuple[Parameter, Parameter, Parameter]:
    ceiling, scale, rate = (
        _interval(float(value[0]), each)
        for value, each in ((law.ceiling, laws.ceiling), (law.scale, laws.scale), (law.rate, laws.rate))
    )
    why_rate = why_ceiling = ""
    if shape != "rising":
        why_rate = why_ceiling = f"The scores are {shape}: no curve that rises and levels off is proven."
    else:
        if rate.low <= RATES[0] * 1.01 or rate.high >= RATES[1] * 0.99:
            why_rate = f"The data allow rates up to the end of the range that is searched ({RATES[0]} to {RATES[1]})."
        elif rate.high > 3 * rate.low:
            why_rate = f"The data allow rates from {rate.low:.2f} to {rate.high:.2f}."
        if ceiling.high - ceiling.low > 0.1:
            why_ceiling = f"The data allow ceilings from {ceiling.low:.2f} to {ceiling.high:.2f}."
    return (
        Parameter(ceiling.mean, ceiling.low, ceiling.high, not why_ceiling, why_ceiling),
        Parameter(scale.mean, scale.low, scale.high, not why_rate, why_rate),
        Parameter(rate.mean, rate.low, rate.high, not why_rate, why_rate),
    )


def _notes(measured: Measured) -> list[str]:
    notes = []
    if measured.seeds.max() < 2:
        notes.append("One seed at every size: the intervals leave out how trainings differ from seed to seed.")
    groups = len(measured.group_counts)
    if groups < _FEW_GROUPS:
        notes.append(f"The questions are about {groups} things only; intervals over so few are too narrow.")
    return notes


def _interval(value: float, drawn: Numbers, level: float = 0.95) -> Interval:
    low, high = np.percentile(drawn, [50 * (1 - level), 50 * (1 + level)])
    return Interval(value, min(float(low), value), max(float(high), value))
