"""Numbers as people read them."""

from __future__ import annotations

from math import isfinite

from instill.measure.statistics.interval_type import Interval


def duration(seconds: float) -> str:
    """Time in the unit that suits it.

    Example:
        >>> [duration(each) for each in (0, 0.00004, 0.0321, 4.26, 59.96, 200, 5400, 100000)]
        ['0 s', '0.04 ms', '32 ms', '4.3 s', '1 min', '3 min 20 s', '1 h 30 min', '27 h 47 min']
    """
    if seconds <= 0:
        return "0 s"
    if seconds < 0.9995:
        return f"{seconds * 1000:.2g} ms" if seconds < 0.0995 else f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    if seconds < 3599.5:
        return _two(round(seconds), 60, "min", "s")
    return _two(round(seconds / 60), 60, "h", "min")


def money(value: float, currency: str) -> str:
    """Two digits that count, at least cents.

    Example:
        >>> money(0, "USD"), money(12.5, "USD"), money(0.00034, "EUR"), money(1234.5, "USD"), money(1e-9, "USD")
        ('0', 'USD 12.50', 'EUR 0.00034', 'USD 1,234.50', 'USD 1.0e-09')
    """
    if not value:
        return "0"
    if value >= 0.1:
        return f"{currency} {value:,.2f}"
    if value < 1e-6:
        return f"{currency} {value:.1e}"
    places = 2
    while value < 10 ** (1 - places) and places < 7:
        places += 1
    return f"{currency} {value:.{places}f}"


def between(low: str, high: str) -> str:
    """The ends of an interval; an end that is the other one is not said twice.

    Example:
        >>> between("2 s", "3 s"), between("0", "0")
        ('[2 s, 3 s]', '')
    """
    return "" if low == high else f"[{low}, {high}]"


def score(found: Interval) -> str:
    """Two digits: questions are rarely so many that a third would mean anything.

    Example:
        >>> score(Interval(0.5, 0.401, 0.604))
        '0.50 [0.40, 0.60]'
    """
    return f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]"


def difference(found: Interval) -> str:
    """With signs.

    Example:
        >>> difference(Interval(-0.5, -0.6, 0.0))
        '−0.50 [−0.60, 0.00]'
    """
    return f"{signed(found.mean)} [{signed(found.low)}, {signed(found.high)}]"


def signed(value: float) -> str:
    """With its sign, and none for zero.

    Example:
        >>> signed(-0.104), signed(0.0001), signed(1.5)
        ('−0.10', '0.00', '+1.50')
    """
    found = f"{abs(value):.2f}"
    if not float(found):
        return found
    return f"{'−' if value < 0 else '+'}{found}"


def three_digits(value: float) -> str:
    """A number of any unit, with three digits that count.

    Example:
        >>> three_digits(0.04762), three_digits(278.4), three_digits(2951.0)
        ('0.0476', '278', '2,951')
    """
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"


def time_interval(found: Interval | None) -> str:
    """Seconds with their interval; "not measured" for none."""
    if found is None:
        return "not measured"
    high = duration(found.high) if isfinite(found.high) else "no upper limit shown"
    return f"{duration(found.mean)} {between(duration(found.low), high)}".rstrip()


def money_interval(found: Interval | None, currency: str) -> str:
    """Money with its interval; "not measured" for none."""
    if found is None:
        return "not measured"
    high = money(found.high, currency) if isfinite(found.high) else "no upper limit shown"
    return f"{money(found.mean, currency)} {between(money(found.low, currency), high)}".rstrip()


def _two(number: int, size: int, large: str, small: str) -> str:
    whole, rest = divmod(number, size)
    return f"{whole} {large} {rest} {small}" if rest else f"{whole} {large}"
