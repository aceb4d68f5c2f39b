"""What a comparison is to do: which arms, on which questions, held to what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from instill.compare.arms.prompts import RULES, Wording
from instill.compare.arms.specification import BUILT_IN, NAMED_BEFORE, ArmSpecification
from instill.compare.examples.plan import ExamplesPlan
from instill.compare.tuned.tuning_by_recipe import TuningPlan
from instill.errors import UsageError
from instill.measure.verdict import Rules
from instill.settings import PriceSettings

BARE = "fine-tuned without replay"
"""A candidate that forgetting is measured on beside the others; nothing is asked of it."""


@dataclass(frozen=True, slots=True)
class ComparePlan:
    """What is compared, and how.

    Args:
        arms: names of built-in arms, and of `own`; () for all that the workspace allows.
        own: a user's arms.
        questions: at most so many of the study set's gate; None: all.
        audit: ask the audit split instead, which is then opened.
        tuning: how arms are fine-tuned; None: no arm is.
        replay: rows of what the base can do, shown with the new ones; None: the base's own replies to general prompts.
        retention: rows that forgetting is measured on; None: a part of the replay that is kept back.
        wording: how generators are asked.
        pipeline: whether passages are answered from as `instill ask` does, with proofs; else by the wording alone.
        passages: given to a generator where the pipeline does not decide; 1 or more.
        noise: questions that are asked again with irrelevant passages mixed in; 0: none.
        changes: facts that are changed, for freshness and conflict; 0: none.
        unknown: what a model is taught to say where nothing answers; None: as the wording says it.
        contrast: also train the facts without replay, to see what replay keeps; only forgetting is measured on that.
        wanted: the difference that one cares about, for the number of questions that is said beforehand.
        examples: formats and tones to compare too; None: none.
        rules: what the verdict is held to.
        prices: of tokens and machines; None: as set in the workspace.
        seed: of all that is drawn.
        on: a Ray cluster whose nodes train the arms, "ray" or "ray://HOST:PORT"; "": this process trains them.
    """

    arms: tuple[str, ...] = ()
    own: tuple[ArmSpecification, ...] = ()
    questions: int | None = None
    audit: bool = False
    tuning: TuningPlan | None = None
    replay: Sequence[Mapping[str, Any]] | None = None
    retention: Sequence[Mapping[str, Any]] | None = None
    wording: Wording = RULES
    pipeline: bool = True
    passages: int = 5
    noise: int = 60
    changes: int = 4
    unknown: str | None = None
    contrast: bool = False
    wanted: float | None = None
    examples: ExamplesPlan | None = None
    rules: Rules = field(default_factory=Rules)
    prices: PriceSettings | None = None
    seed: int = 0
    on: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "arms", tuple(NAMED_BEFORE.get(each, each) for each in self.arms))

    @property
    def known(self) -> dict[str, ArmSpecification]:
        """All arms that there are, by their names."""
        return {**BUILT_IN, **{each.name: each for each in self.own}}


def _quoted(name: str) -> str:
    """Some names have a comma."""
    return f'"{name}"'


def chosen_arms(plan: ComparePlan, *, generator: bool) -> list[str]:
    """The arms that are run, the built-in ones first.

    Args:
        generator: whether the workspace has one.

    Raises:
        UsageError: an arm is not known, or needs what is not there, or fewer than two are left.

    Example:
        >>> chosen_arms(ComparePlan(), generator=False)
        ['retrieval, quoted', 'right passage, given']
        >>> chosen_arms(ComparePlan(), generator=True)
        ['closed-book', 'retrieval, quoted', 'retrieval', 'right passage, given', 'whole documents']
    """
    known = plan.known
    for arm in plan.arms:
        if arm not in known:
            raise UsageError("This is not an arm.", where=arm, remedy=f"Choose from: {', '.join(map(_quoted, known))}.")
        if known[arm].needs_generator and not generator:
            raise UsageError(
                "This arm needs a generator.",
                where=arm,
                remedy="Set generator.folder or generator.base_url in instill.toml.",
            )
        if known[arm].needs_tuning and plan.tuning is None:
            raise UsageError(
                "This arm needs training.", where=arm, remedy="Set generator.folder, and leave --no-train out."
            )
    for each in plan.own:
        if not plan.arms and each.needs_generator and not generator:
            raise UsageError(
                "This arm needs a generator.",
                where=each.name,
                remedy="Set generator.folder or generator.gguf in instill.toml, or take the arm out of its file.",
            )
    found = [
        arm
        for arm, each in known.items()
        if arm in (plan.arms or known)
        and (generator or not each.needs_generator)
        and (plan.tuning is not None or not each.needs_tuning)
    ]
    if len(found) < 2:
        raise UsageError("A comparison needs two arms.", where=", ".join(found), remedy="Name another one: --arm NAME")
    return found
