"""What a condition says to people: sentences that are true of the numbers as they are printed."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from instill.measure.numbers_in_sentences import beside, digits_beside, interval_text, limit_text
from instill.measure.statistics.interval_type import Interval
from instill.train.gate.decision_rules import LEVEL, SLACK, Decision, fewest_for_gain, floor_of_gain


def gain_sentence(
    found: Interval,
    at_least: float,
    outcome: Decision,
    rows: int,
    needed: int,
    sides: Sequence[float],
    *,
    groups: int = 0,
    level: float = LEVEL,
) -> str:
    """Of a gain.

    Args:
        rows: it was measured on. needed: how many would decide.
        sides: scores of base and candidate.
        groups: how many groups the rows are of; 0: as many as rows.

    Example:
        >>> said = gain_sentence(Interval(1.0, 0.09, 1.0), 0.0, "undecided", 6, 9, (0.0, 1.0))
        >>> print(said.replace(" (from", "\\n(from").replace(" found", "\\nfound").replace(" than 9", "\\nthan 9"))
        The gain of 1.000 [0.090, 1.000]
        (from 0.000 to 1.000) is above 0, but 6 rows do not prove it firmly enough to be
        found again on as many others: the lower end of its interval must be 0.300 or more. About 9 rows would do; fewer
        than 9 never do.
    """
    limit = limit_text(at_least)
    digits = digits_beside((found.mean, at_least), (found.low, at_least), (sides[1] - sides[0], 0.0))
    floor = floor_of_gain(found.mean, at_least, level=level)
    while outcome == "undecided" and digits < 12 and f"{found.low:.{digits}f}" >= f"{floor:.{digits}f}" > "0":
        digits += 1
    shown = f"The gain of {interval_text(found, digits)} (from {sides[0]:.{digits}f} to {sides[1]:.{digits}f})"
    if outcome == "passed":
        return f"{shown} is above {limit}."
    if outcome == "failed":
        return f"{shown} is not above {limit}.{_nothing_changed(found, rows, digits)}"
    fewest = fewest_for_gain(at_least, level=level)
    several = 0 < groups < rows
    of = " groups" if several else ""
    few = f"; fewer than {fewest}{of} never do" if (groups or rows) < fewest else ""
    many = f"{rows} rows of {groups} group{'s' * (groups != 1)}" if several else f"{rows} rows"
    return (
        f"{shown} is above {limit}, but {many} do not prove it firmly enough to be found again on as many others: the "
        f"lower end of its interval must be {floor:.{digits}f} or more. About {needed} rows would do{few}."
    )


def loss_sentence(
    noun: str,
    found: Interval,
    tolerance: float,
    outcome: Decision,
    rows: int,
    needed: int,
    sides: Sequence[float],
    *,
    ruled_out: float | None = None,
) -> str:
    """Of a drop, a rise or a divergence.

    Args:
        noun: with its article.
        sides: of base and candidate.
        ruled_out: the loss that a pass rules out; None: three tolerances.

    Example:
        >>> print(loss_sentence("The rise", Interval(0.025, -0.01, 0.06), 0.02, "passed", 200, 0, (0, 0.025)))
        The rise of 0.025 [-0.010, 0.060] is above 0.02, but may be chance; more than 0.06 is ruled out.
        >>> print(loss_sentence("The drop", Interval(-0.017, -0.03, 0.0), 0.02, "passed", 200, 0, (0.983, 1)))
        The drop of -0.017 [-0.030, 0.000] (from 0.983 to 1.000) is within 0.02: nothing was lost.
    """
    limit = limit_text(tolerance)
    if not isfinite(found.mean):
        return f"{noun} is not a number, so the weights are broken; it exceeds {limit}."
    most = SLACK * tolerance if ruled_out is None else ruled_out
    digits = max(
        digits_beside((found.mean, tolerance), (found.low, 0.0), (found.high, most)),
        digits_beside((sides[1] - sides[0], 0.0)) if sides[0] else 0,
    )
    way = f" (from {sides[0]:.{digits}f} to {sides[1]:.{digits}f})" if sides[0] else ""
    shown = f"{noun} of {interval_text(found, digits)}{way}"
    if outcome == "undecided":
        still = _nothing_changed(found, rows, digits)
        return f"{shown}: {rows} rows cannot show whether it stays within {limit}; about {needed} are needed.{still}"
    if outcome == "failed":
        return f"{shown} exceeds {limit}."
    if found.mean - tolerance > 1e-9:
        return f"{shown} is above {limit}, but may be chance; more than {limit_text(most)} is ruled out."
    return f"{shown} is within {limit}{': nothing was lost' if found.mean < 0 else ''}."


def share_sentence(
    noun: str, bad: int, rows: int, found: Interval, tolerance: float, outcome: Decision, needed: int
) -> str:
    """Of a share of bad replies.

    Example:
        >>> print(share_sentence("replies are empty", 3, 200, Interval(0.015, 0.003, 0.043), 0.01, "undecided", 400))
        3 of 200 replies are empty (0.015); too few to say whether at most 0.01 are: about 400 rows are needed.
    """
    limit = limit_text(tolerance)
    shown = f"{bad} of {rows} {noun} ({beside(found.mean, tolerance)})"
    if outcome == "undecided":
        return f"{shown}; too few to say whether at most {limit} are: about {needed} rows are needed."
    if outcome == "failed":
        return f"{shown}; at most {limit} may be."
    if found.mean - tolerance > 1e-9:
        most = limit_text(SLACK * tolerance)
        return f"{shown}, which is above {limit}, but may be chance; more than {most} is ruled out."
    return f"{shown}; at most {limit} may be."


def _nothing_changed(found: Interval, rows: int, digits: int) -> str:
    """Why an interval has a width although base and candidate score the same."""
    if found.mean or not found.high > 0:
        return ""
    room = f"{rows} rows leave room for a difference of up to {found.high:.{digits}f}"
    return f" (Base and candidate score the same; {room}.)"
