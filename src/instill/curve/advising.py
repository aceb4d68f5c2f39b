"""Stop, or collect more? What the curve says, and when it says nothing."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10
from typing import Any, Literal

from instill.curve.laws.fitting import FEWEST_SIZES, Fit
from instill.measure.numbers_in_sentences import digits_beside, limit_text
from instill.measure.statistics.interval_type import Interval

Kind = Literal["stop", "collect", "not enough evidence"]

REACH = 4
"""Up to so many times the largest measured size the curve is trusted."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about the amount of data.

    Args:
        kind: "stop": the next doubling is proven to bring less than `gain`; "collect": it is proven to bring more.
        said: a sentence for people.
        have: rows that are there.
        gain: the least that a doubling has to bring, in scores.
        doubling: what doubling the rows that are there brings, with its interval; None without a curve.
        enough: rows from which on the next doubling is worth less than `gain`; None without a curve.
        more: when `kind` is "collect", how many rows more than `have` that is, each end at most what the curve
            can be trusted for; else None.
        beyond: whether `enough` or an end of its interval, or `have`, is beyond `REACH` times the largest measured
            size; where that bears on the advice, `said` says so.
    """

    kind: Kind
    said: str
    have: int
    gain: float
    doubling: Interval | None = None
    enough: Interval | None = None
    more: Interval | None = None
    beyond: bool = False

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        found: dict[str, Any] = {key: getattr(self, key) for key in ("kind", "said", "have", "gain", "beyond")}
        for name in ("doubling", "enough", "more"):
            each: Interval | None = getattr(self, name)
            found[name] = None if each is None else {"mean": each.mean, "low": each.low, "high": each.high}
        return found


def advise(fit: Fit, *, gain: float = 0.01, have: int | None = None, level: float = 0.95) -> Advice:
    """Recommend to stop or to collect more, if the data tell.

    The gain of a doubling falls along the curve, so "a doubling of what there is brings less than `gain`" is the same
    as "the size that is enough is below what there is". Either is said only when the interval lies on one side.

    Args:
        gain: the least that a doubling has to bring to be worth it, in scores, above 0 and below 1.
        have: rows that are there; None: as many as the largest measured size.
        level: of the intervals, 0 to 1.

    Raises:
        ValueError: `gain` or `have` is out of its range.

    Example:
        >>> from instill.curve.laws.fitting import fit_curve
        >>> from instill.curve.results import Result
        >>> fit = fit_curve(Result(n, 0, (0.9 - 2 * n**-0.5,) * 300) for n in (10, 30, 100, 300, 1000))
        >>> advise(fit, gain=0.05).kind, advise(fit, gain=0.05, have=60).kind
        ('stop', 'collect')
    """
    if not 0 < gain < 1:
        raise ValueError(f"a gain lies between 0 and 1, not at {gain}")
    rows = fit.largest if have is None else have
    if rows < 1:
        raise ValueError(f"{rows} rows")
    if fit.shape == "too few sizes":
        said = f"{len(fit.points)} sizes are too few for a curve: measure {FEWEST_SIZES} at least."
        return Advice("not enough evidence", said, rows, gain)
    if fit.shape == "bent":
        said = (
            f"The scores do not follow a curve that levels off (one is {fit.misfit:.2f} away from it), "
            "so nothing is said about more data: look at the points, and measure more sizes."
        )
        return Advice("not enough evidence", said, rows, gain)
    if fit.shape != "rising":
        return _without_rise(fit, rows, gain)
    return _along_curve(fit, rows, gain, level)


def _without_rise(fit: Fit, have: int, gain: float) -> Advice:
    across = f"between {_rounded(fit.smallest)} and {_rounded(fit.largest)} rows"
    change = f"a doubling changes it by {_signed(fit.rise, gain)}"
    beyond = have > REACH * fit.largest
    if fit.shape == "falling":
        said = (
            f"The score falls as the data grow {across} ({change}): collect no more, look at the rows and the training."
        )
        return Advice("stop", said, have, gain, beyond=beyond)
    if fit.rise.high < gain:
        said = f"The score does not rise with the data {across} ({change}): more of the same is not worth it."
        return Advice("stop", said, have, gain, beyond=beyond)
    said = f"Whether the score rises {across} cannot be told ({change}): more questions or seeds would decide."
    return Advice("not enough evidence", said, have, gain, beyond=beyond)


def _along_curve(fit: Fit, have: int, gain: float, level: float) -> Advice:
    enough, doubling = fit.enough(gain, level=level), fit.doubling(have, level=level)
    reach = float(REACH * fit.largest)
    far = have > reach
    outside = (
        f"more than {REACH} times the largest measured size ({_rounded(fit.largest)}), where the curve is not known"
    )
    if far and enough.high > fit.largest:
        said = f"The {_rounded(have)} rows that are there are {outside}: measure a larger size."
        return Advice("not enough evidence", said, have, gain, doubling, enough, beyond=True)
    worth = f"doubling the {_rounded(have)} rows brings {_signed(doubling, gain)}"
    if enough.high <= have:
        from_there = f"; about {_rounded(enough.mean)} rows are enough" if enough.mean >= fit.smallest else ""
        caution = f" ({_rounded(have)} rows are {outside})" if far else ""
        said = f"Stop: {worth}, less than {limit_text(gain)}{from_there}{caution}."
        return Advice("stop", said, have, gain, doubling, enough, beyond=far)
    if enough.low <= have:
        said = (
            f"Not enough evidence: {worth}, which may be more or less than {limit_text(gain)}; more questions, more "
            "seeds or a larger size would decide."
        )
        return Advice("not enough evidence", said, have, gain, doubling, enough, beyond=enough.high > reach)
    more = Interval(*(min(each, reach) - have for each in (enough.mean, enough.low, enough.high)))
    return Advice("collect", _collect(fit, gain, enough, more), have, gain, doubling, enough, more, enough.high > reach)


def _collect(fit: Fit, gain: float, enough: Interval, more: Interval) -> str:
    limit = f"{REACH} times the largest measured size ({_rounded(fit.largest)}), where the curve is not known"
    until = f"until a doubling brings less than {limit_text(gain)}"
    if enough.mean > REACH * fit.largest:
        if more.mean < 1:
            return f"More data are worth it, but {until} goes beyond {limit}: measure a larger size."
        return (
            f"Collect about {_rounded(more.mean)} more (at least {_rounded(more.low)}) and measure again: how many are "
            f"needed {until} lies beyond {limit}."
        )
    if enough.high > REACH * fit.largest:
        return (
            f"Collect about {_rounded(more.mean)} more (at least {_rounded(more.low)}; the upper end lies beyond "
            f"{limit}) {until}."
        )
    return f"Collect about {_rounded(more.mean)} more (between {_rounded(more.low)} and {_rounded(more.high)}) {until}."


def _signed(value: Interval, gain: float) -> str:
    """With so many digits that it is as far from the gain as it seems."""
    digits = digits_beside((value.mean, gain), (value.low, gain), (value.high, gain), (value.mean, 0.0))
    return f"{value.mean:+.{digits}f} [{value.low:+.{digits}f}, {value.high:+.{digits}f}]"


def _rounded(number: float) -> str:
    """Two significant digits from 100 on: more would claim what is not known.

    Example:
        >>> _rounded(7.4), _rounded(1234), _rounded(3e9)
        ('7', '1,200', '3.0e+09')
    """
    if number >= 1e7:
        return f"{number:.1e}"
    unit = 10 ** max(0, floor(log10(max(number, 1.0))) - 1) if number >= 100 else 1
    return f"{round(number / unit) * unit:,}"
