"""Deciding early: the same rule after a part of the questions, at levels that make looking cost next to nothing.

Who looks several times and stops when something is decided errs more often than the level says: each look is a chance
more. So the level is spent over the looks: after the share t of the questions 1 - t^3 of it is left (Kim and DeMets,
"Design and analysis of group sequential tests based on the type I error spending rate function", Biometrika 74, 1987),
and a look may err with what is spent since the one before. The chances are added up (Bonferroni's bound), which holds
for all ways in which looks depend on each other. With looks after a quarter, the half and all of the questions the last
one keeps 87.5% of the level, so that its intervals are 3% wider than without the early looks. A difference that is
large is seen at the first look, and an arm that is shown not to be the best is out: it is asked no more, and no later
arm is held against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from instill.errors import UsageError
from instill.measure.statistics.cheapest import Cheapest, Cost, Standing, cheapest
from instill.measure.statistics.cheapest_said import sentence
from instill.measure.statistics.comparing import Table

LOOKS = (0.25, 0.5, 1.0)
"""Shares of the questions."""


def spent_at(looks: Sequence[float], chance: float) -> list[float]:
    """What each look may err with; together `chance`.

    Args:
        looks: shares of the questions, rising, the last one 1.

    Raises:
        UsageError: they are not.

    Example:
        >>> [round(each, 4) for each in spent_at((0.25, 0.5, 1.0), 0.025)]
        [0.0004, 0.0027, 0.0219]
    """
    edges = [0.0, *looks]
    if not looks or looks[-1] != 1 or any(after <= before for before, after in zip(edges, looks, strict=False)):
        raise UsageError("Looks are rising shares of the questions, and the last one is 1.", where=f"{list(looks)}")
    return [chance * (after**3 - before**3) for before, after in zip(edges, looks, strict=False)]


def out_of(found: Cheapest) -> set[str]:
    """The arms that need not be asked any more: shown not to be the best, or to be worse than a cheaper one."""
    return {*found.passed, *found.beaten}


def cheapest_in_looks(
    tables: Callable[[int, set[str]], Table | None],
    costs: Mapping[str, Cost],
    *,
    looks: Sequence[float] = LOOKS,
    done: int | None = None,
    tolerance: float,
    acceptable: float | None = None,
    need: str = "",
    level: float = 0.95,
) -> tuple[Cheapest | None, int]:
    """`cheapest` after each look, until it is decided or there are no more.

    Args:
        tables: the number of a look, from 0, and the arms that are out -> the scores of the others on the questions up
            to this look; None: there are none.
        looks: see `spent_at`.
        done: so many were made; None: all.
        tolerance, acceptable, need, level: of `cheapest`.

    Returns:
        What was found at the last look, with the arms that were out before; and the number of that look.

    Example:
        >>> rows = {"base": [0.0] * 90 + [1.0] * 10, "retrieval": [1.0] * 95 + [0.0] * 5}
        >>> def tables(look, out):
        ...     asked = (25, 50, 100)[look]
        ...     kept = {arm: row[:: 100 // asked] for arm, row in rows.items() if arm not in out}
        ...     return Table.of(kept, [str(number) for number in range(asked)])
        >>> found, look = cheapest_in_looks(tables, {"base": Cost(0, 1), "retrieval": Cost(0, 2)}, tolerance=0.05)
        >>> found.arm, found.passed, look
        ('retrieval', ('base',), 0)
    """
    chances = spent_at(looks, (1 - level) / 2)
    out: set[str] = set()
    passed: tuple[str, ...] = ()
    before: dict[str, Standing] = {}
    found, look = None, 0
    for look, chance in enumerate(chances[:done]):
        table = tables(look, out)
        if table is None:
            continue
        found = cheapest(table, costs, tolerance=tolerance, acceptable=acceptable, need=need, level=1 - 2 * chance)
        found = _with_earlier(found, passed, before)
        if found.decided:
            break
        passed = found.passed
        before |= {each.arm: each for each in found.standings if each.arm in out_of(found)}
        out |= out_of(found)
    return found, look


def _with_earlier(found: Cheapest, passed: tuple[str, ...], before: Mapping[str, Standing]) -> Cheapest:
    """With the arms that were out at an earlier look, as they stood then."""
    known = {each.arm for each in found.standings}
    earlier = [each for arm, each in before.items() if arm not in known]
    if not earlier:
        return found
    standings = sorted((*found.standings, *earlier), key=lambda each: (each.cost.money, each.cost.seconds))
    gone = tuple(arm for arm in passed if arm not in found.passed)
    whole = replace(found, passed=(*gone, *found.passed), standings=tuple(standings))
    return replace(whole, said=sentence(whole))
