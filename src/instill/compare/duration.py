"""Before a comparison: how long it takes, as well as that can be told.

Known are the times of earlier comparisons in the workspace, and of questions that were asked in it. Where nothing was
measured, a quotation takes about half a second, and SmolLM2 what it took on two cores. All else is said to be unknown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import ceil
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from instill.common.made_from import UNKNOWN, kept_beside
from instill.common.plurals import counted
from instill.compare.arms.specification import AWARE, BOTH, CLOSED, ORACLE, RETRIEVAL, TUNED, ArmSpecification
from instill.compare.plan import ComparePlan

if TYPE_CHECKING:
    from instill.study.stored_study import StoredStudy
    from instill.workspace import Workspace

QUOTED_S = 0.5
"""Of an answer that nobody generates."""

SMOLLM2 = "smollm2"
SMOLLM2_S: Mapping[str, float] = {CLOSED: 0.8, TUNED: 0.3, RETRIEVAL: 1.5, ORACLE: 1.0, BOTH: 5.0, AWARE: 5.0}
"""Of an answer of SmolLM2 (135 million weights), by arm."""

SMOLLM2_ROW_S = 1.3
"""Of showing it one row about a fact in training."""

_REPORTS, _ASKED = 5, 50


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds that are known.

    Args:
        answers: of an answer, by arm.
        trainings: of an arm's whole preparation, by arm.
        again: of the training for one changed fact, by arm.
        asked: of an ordinary question; None where nobody asked.
        generator: whether the workspace has one.
        model: what it is, as it is set ("smollm2").
    """

    answers: Mapping[str, float] = field(default_factory=dict)
    trainings: Mapping[str, float] = field(default_factory=dict)
    again: Mapping[str, float] = field(default_factory=dict)
    asked: float | None = None
    generator: bool = False
    model: str = ""

    def answer(self, arm: ArmSpecification) -> float | None:
        """Of one answer of the arm; None where that is not known."""
        if arm.name in self.answers:
            return self.answers[arm.name]
        of_base = arm.model in ("base", "base or none")
        if arm.model == "none" or (of_base and not self.generator):
            return QUOTED_S if self.asked is None or self.generator else self.asked
        if arm.name == RETRIEVAL and self.asked is not None:
            return self.asked
        model, like = self.model, arm.name
        if arm.own is not None:
            model, like = arm.own.gguf, {"nothing": CLOSED, "found": RETRIEVAL}.get(arm.given, "")
        return SMOLLM2_S.get(like) if model == SMOLLM2 else None

    def training(self, arm: str, plan: ComparePlan, rows: int) -> float | None:
        """Of the training of `TUNED` or `AWARE`, or of a recipe's arm; None where that is not known."""
        same = [name for name, each in plan.known.items() if each.trained_as == arm and name in self.trainings]
        if same:
            return self.trainings[same[0]]
        if arm != TUNED or self.model != SMOLLM2 or plan.tuning is None or not rows:
            return None
        return SMOLLM2_ROW_S * rows * plan.tuning.epochs / (1 - plan.tuning.replay_share)

    def training_again(self, plan: ComparePlan) -> float | None:
        """Of the training for one changed fact; None where that is not known."""
        from instill.compare.changed.parts_with_changes import FEWEST_SHOWN

        if TUNED in self.again or self.model != SMOLLM2 or plan.tuning is None:
            return self.again.get(TUNED)
        return SMOLLM2_ROW_S * FEWEST_SHOWN / (1 - plan.tuning.replay_share)


@dataclass(frozen=True, slots=True)
class Duration:
    """How long a comparison takes.

    Args:
        answers: of all arms at most; a need that is decided early takes fewer.
        trainings: models that are trained, those for changed facts among them; what is trained already is taken up.
        seconds: all that is known; None where nothing is.
        asking, training: the two parts of it.
        unmeasured: arms and trainings of which it is not known; they are not in `seconds`.
        said: all of it for people.
    """

    arms: int
    answers: int
    trainings: int
    seconds: float | None
    asking: float
    training: float
    unmeasured: tuple[str, ...]
    said: str

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "unmeasured": list(self.unmeasured)}


def how_long(
    measured: Measured, plan: ComparePlan, arms: Sequence[str], groups: Mapping[str, Sequence[str]], *, rows: int = 0
) -> Duration:
    """How long a comparison of these arms takes.

    Args:
        groups: the fact of each question, by need, see `say_by_need`.
        rows: about facts, that a model is trained on; 0: not known.

    Example:
        >>> found = how_long(Measured(), ComparePlan(noise=0, changes=0), ["retrieval, quoted"], {"facts": ["f"] * 240})
        >>> found.said
        'About 2 minutes: at most 240 answers, by 1 way to answer.'
    """
    counts = answers_of(plan, arms, groups)
    asking = training = 0.0
    known, unmeasured = False, []
    for arm, count in counts.items():
        one = measured.answer(plan.known[arm])
        if one is None:
            unmeasured.append(f'answers of "{arm}"')
        else:
            asking, known = asking + one * count, True
    every = _trainings(measured, plan, arms, rows)
    for what, times, seconds in every:
        if seconds is None:
            unmeasured.append(what)
        else:
            training, known = training + times * seconds, True
    if plan.examples is not None:
        unmeasured.append("formats and tones")
    answers, trainings = sum(counts.values()), sum(times for _, times, _ in every)
    seconds = asking + training if known else None
    said = _said(len(counts), answers, trainings, asking if known else None, training, unmeasured)
    return Duration(len(counts), answers, trainings, seconds, asking, training, tuple(unmeasured), said)


def answers_of(plan: ComparePlan, arms: Sequence[str], groups: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How many questions each arm is asked at most: the main ones, and those with noise and changed documents."""
    facts = groups.get("facts", ())
    changed = plan.changes * ceil(len(facts) / max(1, len(set(facts))))
    found = {}
    for arm in arms:
        spec, count = plan.known[arm], sum(map(len, groups.values()))
        if spec.finds:
            count += min(plan.noise, len(facts)) + changed
        found[arm] = count + changed * (spec.renewal is not None)
    return found


def measured_here(workspace: Workspace) -> Measured:
    """From the newest comparisons that the workspace's caller sees, and the median of what `ask` took here."""
    from instill.workspace.asked_questions import Feedback

    answers: dict[str, float] = {}
    trainings: dict[str, float] = {}
    again: dict[str, float] = {}
    for numbers in _newest_reports(workspace):
        for into, rows, key in (
            (answers, "answers", "seconds"),
            (trainings, "preparations", "seconds"),
            (again, "preparations", "seconds_per_fact"),
        ):
            for arm, seconds in _seconds(numbers.get(rows), key):
                into.setdefault(arm, seconds)
    took = [each.milliseconds / 1000 for each in Feedback(workspace).newest(limit=_ASKED)]
    settings = workspace.settings.generator
    asked = median(took) if took else None
    return Measured(answers, trainings, again, asked, settings.is_set, settings.gguf)


def rows_of(study: StoredStudy, plan: ComparePlan) -> int:
    """Rows about facts that a model would be trained on; 0 where none is."""
    from instill.compare.tuned.tuning_by_recipe import closed_rows

    return 0 if plan.tuning is None else len(closed_rows(study))


def _trainings(
    measured: Measured, plan: ComparePlan, arms: Sequence[str], rows: int
) -> list[tuple[str, int, float | None]]:
    """What is trained, how often, and the seconds of each."""
    needed = dict.fromkeys(plan.known[arm].trained_as for arm in arms)
    found = [
        (f'the training for "{name}"', 1, measured.training(name, plan, rows)) for name in needed if name is not None
    ]
    if TUNED in arms and plan.changes:
        found.append(("the training for each changed fact", plan.changes, measured.training_again(plan)))
    return found


def _said(
    arms: int, answers: int, trainings: int, asking: float | None, training: float, unmeasured: Sequence[str]
) -> str:
    known = asking is not None
    work = f"at most {answers:,} answers, by {counted(arms, 'way')} to answer"
    if trainings:
        work += f", and {counted(trainings, 'training')}"
    if not known:
        return f"How long it takes is not known, since nothing was asked or compared here yet: {work}."
    total = (asking or 0.0) + training
    rest = f" To this is added what is not known yet: {'; '.join(unmeasured)}." if unmeasured else ""
    split = f" ({_time(training)} of it training)" if training else ""
    return f"About {_time(total)}{split}: {work}.{rest}"


def _time(seconds: float) -> str:
    """Example: "5 minutes", "3 hours"."""
    if seconds < 90:
        return counted(max(1, round(seconds)), "second")
    minutes = round(seconds / 60)
    return counted(minutes, "minute") if minutes < 120 else counted(round(seconds / 3600), "hour")


def _newest_reports(workspace: Workspace) -> Iterator[dict[str, Any]]:
    """The numbers of comparisons whose documents the caller may see, newest first; what cannot be read is left out."""
    caller, taken = workspace.caller(), 0
    files = [*(workspace.home / "reports").glob("*/report.json")]
    for file in sorted(files, key=_changed, reverse=True):
        if taken == _REPORTS:
            return
        if caller.sees(kept_beside(file.parent) or UNKNOWN):
            numbers = _read(file)
            if numbers:
                taken += 1
                yield numbers


def _changed(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(rows: Any, key: str) -> list[tuple[str, float]]:
    """Arm and seconds of a report's rows; a report of another version may have none."""
    found = [(each.get("arm"), each.get(key)) for each in rows or () if isinstance(each, dict)]
    return [(arm, float(took)) for arm, took in found if isinstance(arm, str) and isinstance(took, (int, float))]
