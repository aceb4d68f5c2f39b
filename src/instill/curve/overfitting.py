"""Overfitting, found and named: held-out questions get worse while the training rows get better, or a gap opens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from instill.curve.results import Numbers
from instill.measure.numbers_in_sentences import interval_beside, limit_text
from instill.measure.statistics.interval_type import Interval
from instill.measure.statistics.percentile_bootstrap import bootstrap_interval

Kind = Literal["worsening", "gap", "diverging", "none"]
"""worsening: held-out questions get worse while the training rows get better. gap: the training rows are better than
held-out questions by more than is allowed, but these do not get worse. diverging: both get worse, which is no
overfitting."""

_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Overfitting:
    """What two series show.

    Args:
        kind: see `Kind`.
        said: a sentence for people.
        best: the epoch (or size) at which held-out questions are best.
        begins: the epoch (or size) from which on what was found is proven at each one up to the last; None if nothing
            was found.
        worse: by how much held-out questions are worse at the last place than at the best, in the series' unit (a loss
            that rises and a score that falls are both above 0); the best place is chosen on other questions.
        gap: by how much the training rows are better than held-out questions at the last place.
    """

    kind: Kind
    said: str
    best: float
    begins: float | None
    worse: Interval
    gap: Interval

    @property
    def found(self) -> bool:
        """Whether it is overfitting."""
        return self.kind in ("worsening", "gap")

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        sides = {name: getattr(self, name) for name in ("worse", "gap")}
        return {
            **{name: getattr(self, name) for name in ("kind", "said", "best", "begins")},
            **{name: {"mean": each.mean, "low": each.low, "high": each.high} for name, each in sides.items()},
        }


def find_overfitting(
    places: Sequence[float],
    train: Sequence[Sequence[float]],
    held_out: Sequence[Sequence[float]],
    *,
    unit: Literal["loss", "score"] = "loss",
    along: str = "epoch",
    groups: Sequence[str] | None = None,
    least: float = 0.0,
    allowed: float | None = None,
    seed: int = 0,
) -> Overfitting:
    """Look for overfitting in what training rows and held-out questions show, epoch by epoch or size by size.

    Held-out questions get worse: the last place is compared with the best one, question by question, with a bootstrap
    of the paired differences. The best place is the lowest of a noisy series, so against it all others look worse; for
    each question it is therefore chosen on other groups of questions (cross-fitting in five folds, as `choose` in
    `cross_validation`). It is overfitting (Prechelt, "Early Stopping, but when?", 1998, section 2: generalisation
    loss) only if the training rows are better at the last place than at the best; if they are worse too, the run
    diverges.

    Args:
        places: epochs or sizes, rising, at least two.
        train: for each place the values of training rows, the same ones at each place or one mean.
        held_out: for each place the values of the held-out questions, the same ones in the same order.
        unit: "loss": lower is better, in nats; "score": higher is better, 0 to 1.
        along: what `places` are, for the sentence.
        groups: of each held-out question; groups are drawn whole. None: each by itself.
        least: how much worse held-out questions must be to count, in the unit.
        allowed: a gap up to this counts as none, in the unit; None: gaps are not judged (a loss has one as a rule).

    Raises:
        ValueError: there are fewer than two places or two groups, or the series have other lengths.

    Example:
        >>> held_out = [[2.0 + n / 99 for n in range(40)], [1.0] * 40, [1.5] * 40]
        >>> found = find_overfitting([1, 2, 3], [[2.0], [0.8], [0.1]], held_out)
        >>> found.kind, found.best, found.begins
        ('worsening', 2, 3)
    """
    sign = 1.0 if unit == "loss" else -1.0
    held = sign * np.asarray(held_out, np.float64)
    fitted = [sign * np.asarray(each, np.float64) for each in train]
    if held.ndim != 2 or len(places) < 2 or not len(places) == len(held) == len(fitted) or not all(map(len, fitted)):
        raise ValueError(f"{len(places)} places, {len(train)} of training rows and {len(held_out)} held out")
    names = list(groups) if groups is not None else [str(number) for number in range(held.shape[1])]
    if len(names) != held.shape[1] or len(set(names)) < 2:
        raise ValueError(f"{held.shape[1]} held-out questions and {len(set(names))} groups")
    worse = bootstrap_interval(_out_of_fold(held, names, seed), names, seed=seed)
    gap = _gap(fitted[-1], held[-1], names, seed)
    best = int(held.mean(axis=1).argmin())
    if worse.low > least:
        return _worsening(places, fitted, held, names, best, worse, gap, along, unit, seed)
    if allowed is not None and gap.low > allowed:
        sides = zip(fitted, held, strict=True)
        begins = places[_last_run([_gap(inner, outer, names, seed).low > allowed for inner, outer in sides])]
        said = (
            f"Training rows are better than held-out questions by {interval_beside(gap, allowed)} ({unit}), from "
            f"{along} {begins:g} on by more than {limit_text(allowed)}: they are learned by heart, though held-out "
            "questions do not get worse."
        )
        return Overfitting("gap", said, places[best], begins, worse, gap)
    most = "" if allowed is None else limit_text(allowed)
    judged = f", and training rows are not proven to be better by more than {most}" if most else ""
    said = f"No overfitting is proven: held-out questions do not get worse up to {along} {places[-1]:g}{judged}."
    return Overfitting("none", said, places[best], None, worse, gap)


def _worsening(
    places: Sequence[float],
    fitted: Sequence[Numbers],
    held: Numbers,
    names: Sequence[str],
    best: int,
    worse: Interval,
    gap: Interval,
    along: str,
    unit: str,
    seed: int,
) -> Overfitting:
    proven = [
        place > best and bootstrap_interval(held[place] - held[best], names, seed=seed).low > 0
        for place in range(len(held))
    ]
    begins = places[_last_run(proven)]
    word = "The loss of held-out questions rises" if unit == "loss" else "The score of held-out questions falls"
    how = f"{word} by {worse} after {along} {places[best]:g}, proven from {along} {begins:g} on"
    if float(fitted[-1].mean()) < float(fitted[best].mean()):
        said = f"Overfitting: {how}, while the training rows get better; {along} {places[best]:g} is the one to keep."
        return Overfitting("worsening", said, places[best], begins, worse, gap)
    said = f"{how}, and the training rows do not get better either: the training diverges; lower the learning rate."
    return Overfitting("diverging", said, places[best], begins, worse, gap)


def _out_of_fold(held: Numbers, names: Sequence[str], seed: int) -> Numbers:
    """Of each question, the last place minus the one that is best on other groups."""
    unique, group_of = np.unique(np.asarray(names), return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(unique))
    fold = order[group_of] % min(_FOLDS, len(unique))
    difference = np.empty(held.shape[1])
    for number in range(int(fold.max()) + 1):
        inside = fold == number
        best = int(held[:, ~inside].mean(axis=1).argmin())
        difference[inside] = held[-1, inside] - held[best, inside]
    return difference


def _gap(inner: Numbers, outer: Numbers, names: Sequence[str], seed: int) -> Interval:
    """How much lower the training rows' mean is; the two are drawn independently, so half-widths add as squares."""
    fitted = bootstrap_interval(inner, [str(number) for number in range(len(inner))], seed=seed)
    asked = bootstrap_interval(outer, names, seed=seed + 1)
    mean = asked.mean - fitted.mean
    low = np.hypot(asked.mean - asked.low, fitted.high - fitted.mean)
    high = np.hypot(asked.high - asked.mean, fitted.mean - fitted.low)
    return Interval(mean, mean - float(low), mean + float(high))


def _last_run(proven: Sequence[bool]) -> int:
    """Where the unbroken run of True at the end begins; the last place at the latest."""
    begin = len(proven) - 1
    while begin > 0 and proven[begin - 1]:
        begin -= 1
    return begin
