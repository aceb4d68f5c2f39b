"""What a comparison can show, said before it is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from instill.errors import UsageError
from instill.measure.statistics.power import design_effect, questions_for_difference, smallest_difference

DISCORDANT = 0.3
"""Share of questions that one of two arms answers and the other does not, where nothing is known yet."""

CORRELATION = 0.3
"""How alike the questions of a group turn out, where nothing is known yet."""

_LEVEL, _POWER = 0.05, 0.8


@dataclass(frozen=True, slots=True)
class Beforehand:
    """What so many questions show.

    Args:
        difference: of the shares of right answers, the smallest that is shown four times out of five; None: none is.
        needed: questions for the difference that was asked for; None when none was.
        said: one sentence, or two.
    """

    questions: int
    groups: int
    difference: float | None
    needed: int | None
    said: str


def say_beforehand(
    groups: Sequence[str],
    arms: int,
    *,
    wanted: float | None = None,
    discordant: float = DISCORDANT,
    correlation: float = CORRELATION,
) -> Beforehand:
    """Which difference the questions can show between any two of the arms.

    Args:
        groups: the fact or document of each question.
        arms: how many are compared, all pairs; 2 or more.
        wanted: the difference that one cares about, above 0.
        discordant, correlation: see `instill.measure.statistics.power`.

    Raises:
        UsageError: there are no questions, fewer than two arms, or a number is out of its range.

    Example:
        >>> print(say_beforehand([f"fact {n // 4}" for n in range(400)], 3, wanted=0.1).said)
        400 questions about 100 groups can show a difference of 0.126 between two of 3 arms (in 4 of 5 runs, at a level of 5% over all pairs). For 0.1 about 629 would be needed.
    """  # noqa: E501 - the sentence as it is printed
    if not groups or arms < 2:
        raise UsageError("A comparison needs two arms and a question at least.", where="arms, questions")
    sizes = list(Counter(groups).values())
    effect = design_effect(sizes, correlation)
    pairs = arms * (arms - 1) // 2
    settings = {"level": _LEVEL, "power": _POWER, "effect": effect}
    shown = smallest_difference(len(groups), discordant=discordant, comparisons=pairs, **settings)
    if shown is None:  # A difference that large is a larger share of discordant questions itself.
        shown = smallest_difference(len(groups), comparisons=pairs, **settings)
    needed = None
    if wanted is not None:
        share = max(discordant, wanted)
        needed = questions_for_difference(wanted, discordant=share, comparisons=pairs, **settings)
    counted = f"{len(groups)} questions about {len(sizes)} group{'s' * (len(sizes) != 1)}"
    can = "can show no difference" if shown is None else f"can show a difference of {shown:.3f}"
    said = f"{counted} {can} between two of {arms} arms (in 4 of 5 runs, at a level of 5% over all pairs)."
    if needed is not None and (shown is None or wanted is None or wanted < shown):
        said += f" For {wanted:g} about {needed} would be needed."
    return Beforehand(len(groups), len(sizes), shown, needed, said)
