"""How many questions are needed, said before they are asked.

Two arms answer the same questions, each right or wrong. What tells them apart are the discordant questions, which one
arm answers and the other does not; with their share s = p10 + p01 and the difference d = p10 - p01, a two-sided test of
level a has power 1 - b with about

    n = (z_{a/2} sqrt(s) + z_b sqrt(s - d^2))^2 / d^2

questions (Connor, "Sample size for testing differences in proportions for the paired-sample design", Biometrics 43,
1987; it is slightly above the unconditional formula of Miettinen, "The matched pairs design in the case of all-or-none
responses", Biometrics 24, 1968). The permutation test of this room is exact and therefore loses a little
power; as for other exact tests of proportions that is met by the correction of continuity: the n d questions by which
one arm leads must exceed what chance does by one more, n d - 1 = (...) sqrt(n).

More discordant questions need more questions in all, so an unknown share is taken as 1, the worst case. Arms that err
independently of each other are the worst case among those for which the same questions are hard: see
`discordant_if_independent`.

Questions in groups: multiply by the design effect (`design_effect`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, sqrt
from statistics import NormalDist

from instill.errors import UsageError
from instill.measure.statistics.grouped_mean_interval import upper_end
from instill.measure.statistics.grouping import check_between

_EDGE = 1e-9


def questions_for_difference(
    difference: float,
    *,
    discordant: float | None = None,
    level: float = 0.05,
    power: float = 0.8,
    comparisons: int = 1,
    effect: float = 1.0,
) -> int:
    """How many questions show a difference of two arms with probability `power`; see above.

    Args:
        difference: of the shares of right answers, above 0 to `discordant`.
        discordant: share of questions that exactly one of both arms answers rightly; None: unknown.
        level: chance of a false claim, two-sided, for all comparisons together.
        power: chance that the difference is shown if it is there.
        comparisons: how many are made; the level of each is that part of `level` (Bonferroni; Holm's first step).
        effect: the design effect, 1 or more.

    Raises:
        UsageError: a number is out of its range, or the difference exceeds the share of discordant questions.

    Example:
        >>> questions_for_difference(0.1, discordant=0.3), questions_for_difference(0.1)
        (253, 803)
        >>> questions_for_difference(0.1, discordant=0.3, effect=design_effect([10] * 50, 0.2))
        708
    """
    share = _share(discordant)
    _check(level, power, comparisons, effect)
    check_between(difference, "difference", high=1 + _EDGE)
    if difference > share + _EDGE:
        raise UsageError(
            f"A difference of {difference:g} needs at least that share of questions on which the arms differ.",
            where=f"discordant = {share:g}",
            remedy="Raise the share, or leave it out.",
        )
    return ceil(_independent(difference, share, level / comparisons, power) * effect - _EDGE)


def smallest_difference(
    questions: int,
    *,
    discordant: float | None = None,
    level: float = 0.05,
    power: float = 0.8,
    comparisons: int = 1,
    effect: float = 1.0,
) -> float | None:
    """The inverse: the smallest difference that so many questions show; None when they show none.

    Args and Raises: as `questions_for_difference`.

    Example:
        >>> round(smallest_difference(253, discordant=0.3), 3), smallest_difference(5)
        (0.1, None)
    """
    share = _share(discordant)
    _check(level, power, comparisons, effect)

    def needed(difference: float) -> float:
        return _independent(difference, share, level / comparisons, power) * effect

    if needed(share) > questions:
        return None
    low, high = 0.0, share
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if needed(middle) <= questions else (middle, high)
    return high


def questions_for_not_worse(
    tolerance: float,
    *,
    difference: float = 0.0,
    discordant: float | None = None,
    level: float = 0.05,
    power: float = 0.8,
    comparisons: int = 1,
    effect: float = 1.0,
) -> int:
    """How many questions show that an arm is worse than another by less than `tolerance`.

    The upper end of the interval of the difference (`grouped_mean_interval.upper_end`) must come out below the
    tolerance; for many questions that is n = (z_{a/2} + z_b)^2 (s - d^2) / (tolerance - d)^2 (Lu and Bean, "On the
    sample size for one-sided equivalence of sensitivities based upon McNemar's test", Statistics in Medicine 14, 1995).

    Args:
        tolerance: what may be lost, 0 to 1.
        difference: what is truly lost, below the tolerance; 0: the arms are equally good.
        discordant, power, effect: as in `questions_for_difference`.
        level: 1 less the level of the two-sided interval, shared by the comparisons.

    Raises:
        UsageError: a number is out of its range.

    Example:
        >>> questions_for_not_worse(0.03, discordant=0.1), questions_for_not_worse(0.03, discordant=0.0)
        (945, 122)
    """
    share = _share(discordant)
    _check(level, power, comparisons, effect)
    check_between(tolerance, "tolerance")
    check_between(difference, "difference", low=-1 - _EDGE, high=tolerance)
    luck, variance = _normal(power), max(0.0, share - difference**2)
    won = min(share, max(0.0, (share + difference) / 2))
    shares = {-1.0: share - won, 0.0: 1 - share, 1.0: won}
    side = level / comparisons / 2

    def enough(count: int) -> bool:
        return upper_end(shares, count, chance=side) + luck * sqrt(variance / count) <= tolerance

    return ceil(smallest(enough) * effect - _EDGE)


def design_effect(sizes: Sequence[int], correlation: float) -> float:
    """By how much the variance of a mean grows because questions come in groups.

    1 + (m - 1) r with the mean group size as a question sees it, m = sum(n_g^2) / sum(n_g) (Kish, "Survey Sampling",
    1965, section 5.4; for unequal groups Eldridge, Ashby and Kerry, International Journal of Epidemiology 35, 2006).

    Args:
        sizes: questions of each group.
        correlation: within a group, 0 to 1, of the differences between the arms. 1 is the worst case: a document is
            answered or not as a whole.

    Raises:
        UsageError: the correlation is out of its range, or a group has no questions.

    Example:
        >>> design_effect([5] * 20, 0.25), design_effect([1] * 20, 1.0)
        (2.0, 1.0)
    """
    check_between(correlation, "correlation", low=-_EDGE, high=1 + _EDGE)
    if not sizes or min(sizes) < 1:
        raise UsageError("A group needs a question at least.", where="sizes", remedy="Leave empty groups out.")
    return 1 + (sum(size**2 for size in sizes) / sum(sizes) - 1) * correlation


def discordant_if_independent(first: float, second: float) -> float:
    """The share of discordant questions of two arms with these shares of right answers that err independently.

    Where questions that are hard for one arm are hard for the other too, it is less.

    Example:
        >>> round(discordant_if_independent(0.9, 0.8), 2)
        0.26
    """
    for value in (first, second):
        check_between(value, "share of right answers", low=-_EDGE, high=1 + _EDGE)
    return first * (1 - second) + second * (1 - first)


def _independent(difference: float, share: float, level: float, power: float) -> float:
    """Connor's formula with the correction of continuity, solved for the root of n."""
    chance = _normal(1 - level / 2) * sqrt(share) + _normal(power) * sqrt(max(0.0, share - difference**2))
    return float(((chance + sqrt(chance**2 + 4 * difference)) / (2 * difference)) ** 2)


def _normal(share: float) -> float:
    return NormalDist().inv_cdf(share)


def _share(discordant: float | None) -> float:
    if discordant is None:
        return 1.0
    check_between(discordant, "discordant", low=-_EDGE, high=1 + _EDGE)
    return discordant


def _check(level: float, power: float, comparisons: int, effect: float) -> None:
    check_between(level, "level")
    check_between(power, "power")
    if comparisons < 1 or effect < 1:
        raise UsageError(
            f"{comparisons} comparisons and a design effect of {effect:g}: both are 1 at least.",
            where="comparisons, effect",
            remedy="Choose 1 or more.",
        )


def smallest(enough: Callable[[int], bool]) -> int:
    """The smallest number, from 1, that is enough; all above it must be enough too.

    Example:
        >>> smallest(lambda number: number**2 >= 50)
        8
    """
    high = 1
    while not enough(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
