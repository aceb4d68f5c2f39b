"""What an answer takes, from its tokens and measured rates.

An arm's own clock says what the machine did while that arm was asked: a pause, another process or a cold cache in one
block makes an arm look dear. So the seconds of all answers are explained together: those of the tokens that a model
reads and writes, at rates that all arms with this model share, and those of the work beside it (searching, reading,
checking), that all arms of one kind share. The sum of the absolute differences is made small, not of their squares, so
that single slow answers do not count (least absolute deviations, by reweighted least squares: Schlossmacher, "An
iterative technique for absolute deviations curve fitting", Journal of the American Statistical Association 68, 1973).
A rate is never below 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from instill.measure.outcomes import Outcome

Numbers = NDArray[np.float64]
_ROUNDS, _SMALL = 40, 1e-4


@dataclass(frozen=True, slots=True)
class Kind:
    """What of an arm decides how long its answers take.

    Args:
        model: whose rates its tokens have; "" for none.
        work: the work beside the model; arms of which this is equal do the same.
    """

    model: str = ""
    work: str = ""


@dataclass(frozen=True, slots=True)
class Rates:
    """Seconds of answers.

    Args:
        tokens: by model, of a token that is read and of one that is written.
        work: of an answer beside its tokens.
        kinds: of the arms; the answers of others take what was measured.
    """

    tokens: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    work: Mapping[str, float] = field(default_factory=dict)
    kinds: Mapping[str, Kind] = field(default_factory=dict)

    def seconds(self, row: Outcome) -> float:
        """What the answer takes at these rates."""
        kind = self.kinds.get(row.arm)
        if kind is None or kind.work not in self.work:
            return row.seconds
        reads, writes = self.tokens.get(kind.model, (0.0, 0.0))
        return self.work[kind.work] + reads * row.tokens_in + writes * row.tokens_out


def measure_rates(outcomes: Iterable[Outcome], kinds: Mapping[str, Kind]) -> Rates:
    """Fit the rates; see above.

    Args:
        kinds: of the arms that are fitted.

    Example:
        >>> row = Outcome("q", "a", "f", "facts", "?", ("x",), "x", "correct", 1, 1, 1, 1, 1, 0.0, 100, 10, 0, "p")
        >>> from dataclasses import replace
        >>> rows = [replace(row, tokens_in=n, tokens_out=n % 7, seconds=0.2 + n * .01 + n % 7 * .1) for n in range(50)]
        >>> found = measure_rates(rows, {"a": Kind("base", "search")})
        >>> round(found.work["search"], 3), [round(each, 3) for each in found.tokens["base"]]
        (0.2, [0.01, 0.1])
    """
    rows = [row for row in outcomes if row.arm in kinds]
    works = sorted({kinds[row.arm].work for row in rows})
    models = sorted({kinds[row.arm].model for row in rows} - {""})
    names = [*(("work", work) for work in works), *((way, model) for model in models for way in ("in", "out"))]
    if not rows:
        return Rates(kinds=kinds)
    place = {name: number for number, name in enumerate(names)}
    design = np.zeros((len(rows), len(names)))
    for number, row in enumerate(rows):
        kind = kinds[row.arm]
        design[number, place["work", kind.work]] = 1.0
        if kind.model:
            design[number, place["in", kind.model]] = row.tokens_in
            design[number, place["out", kind.model]] = row.tokens_out
    found = dict(zip(names, _fitted(design, np.array([row.seconds for row in rows])), strict=True))
    return Rates(
        {model: (float(found["in", model]), float(found["out", model])) for model in models},
        {work: float(found["work", work]) for work in works},
        kinds,
    )


def _fitted(design: Numbers, seconds: Numbers) -> Numbers:
    """The rates, none below 0: one that would be is taken out, the lowest first."""
    kept = list(range(design.shape[1]))
    found = np.zeros(design.shape[1])
    while kept:
        part = _absolute(design[:, kept], seconds)
        if part.min() >= 0:
            found[kept] = part
            return found
        kept.pop(int(part.argmin()))
    return found


def _absolute(design: Numbers, seconds: Numbers) -> Numbers:
    weights = np.ones(len(seconds))
    found = np.zeros(design.shape[1])
    scale = np.abs(design).max(axis=0)
    scale[scale == 0] = 1.0
    for _ in range(_ROUNDS):
        root = np.sqrt(weights)[:, None]
        found = np.linalg.lstsq(root * design / scale, root[:, 0] * seconds, rcond=None)[0] / scale
        weights = 1 / np.maximum(np.abs(seconds - design @ found), _SMALL)
    return found
