"""What a comparison can show, said before it is run, by need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING

from instill.common.plurals import are, counted
from instill.errors import UsageError
from instill.measure.statistics.cheapest_said import quoted
from instill.measure.statistics.grouped_mean_interval import upper_end
from instill.measure.statistics.power import design_effect, questions_for_difference, smallest_difference
from instill.measure.verdict import NAMES

if TYPE_CHECKING:
    from instill.compare.arms.specification import ArmSpecification

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
        arms: how many are compared, without those that cannot be recommended; 2 or more.
        wanted: the difference that one cares about, above 0.
        discordant, correlation: see `instill.measure.statistics.power`.

    Raises:
        UsageError: there are no questions, fewer than two arms, or a number is out of its range.

    Example:
        >>> print(say_beforehand([f"fact {n // 4}" for n in range(400)], 3, wanted=0.1).said)
        400 questions about 100 facts find an arm that is worse by 12.0 right answers in 100 or more (in 4 of 5 runs). Of an arm as good as the best, they can show that it gives at most 7.9 fewer right answers in 100. To show a difference of 0.1, about 575 are needed.
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
        else f"find an arm that is worse by {_in_100(shown)} right answers in 100 or more (in 4 of 5 runs)."
    )
    fewer = f"at most {_in_100(bound)} fewer right answers in 100"
    said = f"{asked} {can} Of an arm as good as the best, they can show that it gives {fewer}."
    if needed is not None and (shown is None or wanted is None or wanted < shown):
        said += f" To show a difference of {wanted:g}, about {needed} are needed."
    return Beforehand(len(groups), len(sizes), shown, bound, needed, said)


def _in_100(share: float) -> str:
    return f"{100 * share:.1f}"


def say_by_need(
    groups: Mapping[str, Sequence[str]], arms: Sequence[ArmSpecification], *, wanted: float | None = None
) -> str:
    """How many questions there are, which arms can be recommended, and `say_beforehand` of each need. Where fewer than
    two arms can be recommended, nothing is compared, and this is said instead.

    Args:
        groups: the fact of each question, by the need that it decides; "" for questions that decide none.

    Example:
        >>> from instill.compare.arms.specification import BUILT_IN
        >>> found = {"facts": [str(n) for n in range(80)], "": ["c"]}
        >>> print(say_by_need(found, [BUILT_IN["retrieval, quoted"], BUILT_IN["right passage, given"]]))
        81 questions are asked of each way to answer. Only "retrieval, quoted" can be recommended, so nothing will be compared: the report says how often it is right. To compare more ways to answer, set a model (generator.folder, generator.gguf or generator.base_url in instill.toml). "right passage, given" shows what is possible; it cannot be recommended.
        >>> print(say_by_need(found, [BUILT_IN["retrieval, quoted"], BUILT_IN["retrieval"]]))
        81 questions are asked of each way to answer. These arms can be recommended: "retrieval, quoted", "retrieval". For facts, 80 questions about 80 facts find an arm that is worse by 18.1 right answers in 100 or more (in 4 of 5 runs). Of an arm as good as the best, they can show that it gives at most 13.3 fewer right answers in 100.
    """  # noqa: E501 - the sentences as they are printed
    count = sum(map(len, groups.values()))
    offered = [each for each in arms if each.way.offered]
    parts = [f"{counted(count, 'question')} {are(count)} asked of each way to answer.", *_which(arms, offered)]
    for need, own in groups.items() if len(offered) > 1 else ():
        if need and own:
            parts.append(f"For {NAMES.get(need, need)}, {say_beforehand(own, len(offered), wanted=wanted).said}")
    return " ".join(parts)


def _which(arms: Sequence[ArmSpecification], offered: Sequence[ArmSpecification]) -> list[str]:
    """Which arms can be recommended, and which only show what is possible."""
    references = [quoted(each.name) for each in arms if each not in offered]
    names = ", ".join(quoted(each.name) for each in offered)
    if len(offered) > 1:
        said = [f"These arms can be recommended: {names}."]
    else:
        one = f"Only {names} can be recommended" if offered else "None of the arms can be recommended"
        right = "it is" if offered else "they are"
        said = [f"{one}, so nothing will be compared: the report says how often {right} right.", *_how_more(arms)]
    if references and offered:
        show, they = ("shows", "it") if len(references) == 1 else ("show", "they")
        said.append(f"{' and '.join(references)} {show} what is possible; {they} cannot be recommended.")
    return said


def _how_more(arms: Sequence[ArmSpecification]) -> list[str]:
    """What one does for more arms, where no arm needs the model that would bring them."""
    if any(each.needs_generator for each in arms):
        return ["To compare, take more arms."]
    return [
        "To compare more ways to answer, set a model (generator.folder, generator.gguf or generator.base_url in "
        "instill.toml)."
    ]
