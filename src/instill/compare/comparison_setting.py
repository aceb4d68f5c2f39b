"""What all parts of a comparison share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from instill.common.progress_watch import Watch
from instill.compare.arms.line_up import LineUp
from instill.compare.arms.specification import ArmSpecification
from instill.compare.plan import ComparePlan
from instill.compare.prices import Prices
from instill.compare.recording import Answered
from instill.compare.tuned.train_arms import Trained
from instill.measure.token_rates import Kind
from instill.study.stored_study import StoredStudy

if TYPE_CHECKING:
    from instill.workspace import Workspace


def told_of_answers(watch: Watch) -> Callable[[Answered], None]:
    """Tells of each outcome that is there."""
    return lambda made: watch.progress(made.done, made.most, made.recorded.outcome.arm)


def told_of_replay(watch: Watch) -> Callable[[int, int], None]:
    """Tells of each reply of the base to a prompt for replay."""
    return lambda done, most: watch.progress(done, most, "replay")


@dataclass(frozen=True, slots=True)
class ComparisonSetting:
    """Given to every part: a part asks some questions and gives back its records, or what it found.

    Args:
        copy: of the workspace; its documents are changed.
        line_up: makes the arms; one local model is in memory at a time, until `line_up.release()`.
        names: of the arms, in order.
        folder: a part keeps its outcomes in a folder of its own in it.
        identity: see `run_arms`.
    """

    workspace: Workspace
    copy: Workspace
    study: StoredStudy
    plan: ComparePlan
    line_up: LineUp
    trained: Trained
    names: Sequence[str]
    folder: Path
    identity: str
    prices: Prices
    watch: Watch = field(default_factory=Watch)

    @property
    def specifications(self) -> list[ArmSpecification]:
        """Of the arms, in order."""
        return [self.plan.known[name] for name in self.names]

    @property
    def asked_with_a_generator(self) -> list[str]:
        """The arms that answer as `instill ask` does, with a generator: what they say is written, or quoted."""
        return [
            arm.name
            for arm in self.specifications
            if arm.brought is None and arm.asks(self.plan.pipeline) and self.line_up.model_of(arm.name)
        ]

    @property
    def kinds(self) -> dict[str, Kind]:
        """What decides how long the arms' answers take: the model, and whether it searches and reads beside it."""
        found = {}
        for arm in self.specifications:
            way = "proved" if arm.asks(self.plan.pipeline) else "plain"
            found[arm.name] = Kind(self.line_up.model_of(arm.name), f"{arm.given}, {way}")
        return found
