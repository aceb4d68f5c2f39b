"""What a comparison is to do: which arms, on which questions, held to what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from instill.compare.arms.prompts import RULES, Wording
from instill.compare.examples.plan import ExamplesPlan
from instill.compare.tuned.tuning import TuningPlan
from instill.errors import UsageError
from instill.measure.verdict import Rules

CLOSED = "closed-book"
QUOTED = "retrieval, quoted"
RETRIEVAL = "retrieval"
ORACLE = "oracle passage"
WHOLE = "whole documents"
TUNED = "fine-tuned"
BOTH = "fine-tuned + retrieval"
AWARE = "retrieval-aware tuning"

BARE = "fine-tuned without replay"
"""A candidate that forgetting is measured on beside the others; nothing is asked of it."""

ARMS: Mapping[str, str] = {
    CLOSED: "the model as it is, without any document",
    QUOTED: "what `instill ask` finds and quotes, without a generator",
    RETRIEVAL: "what `instill ask` answers with the generator",
    ORACLE: "the passage with the evidence given: what reading could reach at best",
    WHOLE: "the whole document with the evidence in the prompt, as if one knew which it is",
    TUNED: "the model fine-tuned on the documents' facts, without any document",
    BOTH: "the fine-tuned model with what retrieval finds",
    AWARE: "the model fine-tuned to read among distractors, with what retrieval finds",
}
NEED_GENERATOR = (CLOSED, RETRIEVAL, WHOLE, TUNED, BOTH, AWARE)
"""The others can quote; but a reader does not read a long document to its end, so no whole ones are quoted from."""

NEED_TUNING = (TUNED, BOTH, AWARE)


@dataclass(frozen=True, slots=True)
class ComparePlan:
    """What is compared, and how.

    Args:
        arms: names out of `ARMS`; () for all that the workspace allows.
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
        seed: of all that is drawn.
    """

    arms: tuple[str, ...] = ()
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
    seed: int = 0


def chosen_arms(plan: ComparePlan, *, generator: bool) -> list[str]:
    """The arms that are run, in the order of `ARMS`.

    Args:
        generator: whether the workspace has one.

    Raises:
        UsageError: an arm is not known, or needs what is not there, or fewer than two are left.

    Example:
        >>> chosen_arms(ComparePlan(), generator=False)
        ['retrieval, quoted', 'oracle passage']
        >>> chosen_arms(ComparePlan(), generator=True)
        ['closed-book', 'retrieval, quoted', 'retrieval', 'oracle passage', 'whole documents']
    """
    for arm in plan.arms:
        if arm not in ARMS:
            raise UsageError("This is not an arm.", where=arm, remedy=f"Choose from: {', '.join(ARMS)}.")
        if arm in NEED_GENERATOR and not generator:
            raise UsageError(
                "This arm needs a generator.",
                where=arm,
                remedy="Set generator.folder or generator.base_url in instill.toml.",
            )
        if arm in NEED_TUNING and plan.tuning is None:
            raise UsageError(
                "This arm needs training.", where=arm, remedy="Set generator.folder, and leave --no-train out."
            )
    wanted = plan.arms or tuple(ARMS)
    found = [
        arm
        for arm in ARMS
        if arm in wanted
        and (generator or arm not in NEED_GENERATOR)
        and (plan.tuning is not None or arm not in NEED_TUNING)
    ]
    if len(found) < 2:
        raise UsageError("A comparison needs two arms.", where=", ".join(found), remedy="Name another one: --arm NAME")
    return found
