"""What a comparison can show, said before it is run, by need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING

from instill.common.plurals import counted
from instill.errors import UsageError
from instill.measure.statistics.grouped_mean_interval import upper_end
from instill.measure.statistics.power import design_effect, questions_for_difference, smallest_difference
from instill.measure.verdict import NAMES

if TYPE_CHECKING:
    from instill.study.types import AskedQuestion

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
        bound: what an arm that is as good as the best can be expected to lose at most, as it will be shown.
        needed: questions for the difference that was asked for; None when none was.
        said: one sentence, or two.
    """

    questions: int
    groups: int
    difference: float | None
    bound: float
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
    """Which difference the questions can show between an arm and any other one, and what of arms that are equal.

    Args:
        groups: the fact or document of each question.
        arms: how many are compared; 2 or more.
        wanted: the difference that one cares about, above 0.
        discordant, correlation: see `instill.measure.statistics.power`.

    Raises:
        UsageError: there are no questions, fewer than two arms, or a number is out of its range.

    Example:
        >>> print(say_beforehand([f"fact {n // 4}" for n in range(400)], 3, wanted=0.1).said)
        400 questions about 100 facts can show that an arm is worse by 0.120 (in 4 of 5 runs). Of an arm as good as the best, they can show that it loses 0.079 at most. To show a difference of 0.1, about 575 are needed.
    """  # noqa: E501 - the sentence as it is printed
    if not groups or arms < 2:
        raise UsageError("A comparison needs two arms and a question at least.", where="arms, questions")
    sizes = list(Counter(groups).values())
    effect = design_effect(sizes, correlation)
    pairs = arms - 1
    settings = {"level": _LEVEL, "power": _POWER, "effect": effect}
    shown = smallest_difference(len(groups), discordant=discordant, comparisons=pairs, **settings)
    if shown is None:  # A difference that large is a larger share of discordant questions itself.
        shown = smallest_difference(len(groups), comparisons=pairs, **settings)
    needed = None
    if wanted is not None:
        share = max(discordant, wanted)
        needed = questions_for_difference(wanted, discordant=share, comparisons=pairs, **settings)
    asked = f"{counted(len(groups), 'question')} about {counted(len(sizes), 'fact')}"
    half = discordant / 2
    worth = max(1, floor(len(groups) / effect))
    bound = upper_end({-1.0: half, 0.0: 1 - discordant, 1.0: half}, worth, chance=_LEVEL / 2)
    are = "is" if len(groups) == 1 else "are"
    can = (
        f"{are} too few to show that an arm is worse."
        if shown is None
        else f"can show that an arm is worse by {shown:.3f} (in 4 of 5 runs)."
    )
    said = f"{asked} {can} Of an arm as good as the best, they can show that it loses {bound:.3f} at most."
    if needed is not None and (shown is None or wanted is None or wanted < shown):
        said += f" To show a difference of {wanted:g}, about {needed} are needed."
    return Beforehand(len(groups), len(sizes), shown, bound, needed, said)


def say_by_need(groups: Mapping[str, Sequence[str]], arms: int, *, wanted: float | None = None) -> str:
    """`say_beforehand` of each need.

    Args:
        groups: the fact of each question, by the need that it decides; "" for questions that decide none.

    Example:
        >>> print(say_by_need({"facts": [str(n) for n in range(80)], "": ["c"]}, 2))
        There are 81 questions. For facts, 80 questions about 80 facts can show that an arm is worse by 0.181 (in 4 of 5 runs). Of an arm as good as the best, they can show that it loses 0.133 at most.
    """  # noqa: E501 - the sentences as they are printed
    count = sum(map(len, groups.values()))
    parts = [f"There are {count} questions." if count != 1 else "There is 1 question."]
    for need, own in groups.items():
        if need and own:
            parts.append(f"For {NAMES.get(need, need)}, {say_beforehand(own, arms, wanted=wanted).said}")
    return " ".join(parts)


def groups_of_judged(judged: Sequence[AskedQuestion]) -> dict[str, list[str]]:
    """Of the questions that people judged, those that a study set made of them gives to the gate, for `say_by_need`."""
    parts = {"facts": True, "refusal": False}
    found = {need: [each.question for each in judged if each.answerable is right] for need, right in parts.items()}
    return {need: own[: (len(own) + 1) // 2] for need, own in found.items()}  # The audit gets the others.
