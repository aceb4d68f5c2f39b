"""What an experiment is: arms that are run with several seeds, and the effect that is looked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from instill.lab.workbench import Bench, Measures

Arm = Callable[[Bench], Measures]
"""Runs on a fresh bench; the bench's seed decides everything that is drawn."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An effect that the results show or not.

    Args:
        said: the effect in a sentence, as a thing to be seen.
        higher, lower: (arm, quantity): the first is to be above the second.
        no_worse_by: above 0: the first may be at most so much lower ("not worse"). How large an effect is expected to
            be is not said beforehand: the interval of the difference tells how large it is.
    """

    said: str
    higher: tuple[str, str]
    lower: tuple[str, str]
    no_worse_by: float = 0.0


@dataclass(frozen=True, slots=True)
class Experiment:
    """One question that is put to the micro model.

    Args:
        name: on the command line.
        question: as a heading.
        mirrors: the published effect.
        source: where it was published.
        quantities: which measures are shown, in this order.
        curve: the arms are points on a line: number of examples, by arm.
    """

    name: str
    question: str
    mirrors: str
    source: str
    arms: Mapping[str, Arm]
    quantities: Sequence[str]
    claims: Sequence[Claim]
    curve: Mapping[str, float] | None = None
