"""Numbers in sentences: with so many digits that what the sentence says of them is true as it is printed."""

from __future__ import annotations

from math import isfinite

from instill.measure.statistics.interval_type import Interval

_FEWEST, _MOST = 3, 12
_EDGE = 1e-9  # Sums of shares are not exact; what differs by less is equal.


def limit_text(limit: float) -> str:
    """A limit that a user has set, as it was set.

    Example:
        >>> limit_text(0.02), limit_text(1 - 0.98), limit_text(5e-05)
        ('0.02', '0.02', '5e-05')
    """
    return f"{limit:.10g}"


def digits_beside(*pairs: tuple[float, float], fewest: int = _FEWEST) -> int:
    """The fewest digits after the point with which each value is above, below or equal to its limit as
    printed if it is so.

    Args:
        pairs: value and limit; a value that is no number counts for none.
        fewest: digits.

    Example:
        >>> digits_beside((0.025, 0.02)), digits_beside((0.02004, 0.02)), digits_beside((0.0204, 0.0199))
        (3, 5, 3)
    """
    known = [(value, limit) for value, limit in pairs if isfinite(value) and isfinite(limit)]
    for digits in range(fewest, _MOST):
        if all(
            _order(float(f"{value:.{digits}f}"), float(limit_text(limit)), 0.0) == _order(value, limit, _EDGE)
            for value, limit in known
        ):
            return digits
    return _MOST


def beside(value: float, limit: float) -> str:
    """A value that is told beside a limit.

    Example:
        >>> beside(0.02004, 0.02), beside(0.0251, 0.02)
        ('0.02004', '0.025')
    """
    return f"{value:.{digits_beside((value, limit))}f}"


def interval_text(found: Interval, digits: int = _FEWEST) -> str:
    """An interval with so many digits after the point.

    Example:
        >>> interval_text(Interval(0.25, 0.1, 0.4), 4)
        '0.2500 [0.1000, 0.4000]'
    """
    return f"{found.mean:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


def interval_beside(found: Interval, limit: float) -> str:
    """An interval whose mean and ends are told beside a limit.

    Example:
        >>> interval_beside(Interval(0.025, 0.0199, 0.03), 0.02)
        '0.0250 [0.0199, 0.0300]'
    """
    return interval_text(found, digits_beside(*((each, limit) for each in (found.mean, found.low, found.high))))


def percent_beside(value: float, limit: float) -> str:
    """A share that is told as a percentage beside a limit.

    Example:
        >>> percent_beside(0.1004, 0.1), percent_beside(0.37, 0.1)
        ('10.04%', '37%')
    """
    digits = digits_beside((100 * value, 100 * limit), fewest=0)
    return f"{100 * value:.{digits}f}%"


def percent_text(limit: float) -> str:
    """A limit as a percentage, as it was set.

    Example:
        >>> percent_text(0.1), percent_text(0.125)
        ('10%', '12.5%')
    """
    return f"{limit_text(100 * limit)}%"


def _order(one: float, other: float, edge: float) -> int:
    return 0 if abs(one - other) <= edge else 1 if one > other else -1
