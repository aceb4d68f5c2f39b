"""Before a comparison: how long it takes, and what so many questions can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from pydantic import BaseModel

from instill.errors import UsageError
from instill.server.api.studies_and_comparisons import list_comparisons, show_comparison
from instill.server.errors import unknown
from instill.server.jobs.job_kinds import Compare
from instill.server.service import Reading, Seen

if TYPE_CHECKING:
    from instill.compare.duration import Measured
    from instill.compare.plan import ComparePlan
    from instill.study.study_set import StudyItem

router = APIRouter(prefix="/api", tags=["evidence"])

_REPORTS = 5
_ASKED = 50


class Estimate(BaseModel):
    """What a comparison would be.

    Args:
        questions: asked of every arm.
        answers: of all arms at most; a comparison ends earlier where it is decided earlier.
        seconds: about so long, by what was measured before; None where nothing was. Without `unmeasured`.
        unmeasured: arms and trainings of which nobody knows yet how long they take.
        shows: which differences so many questions can show, by need.
        said: all of it for people.
    """

    questions: int
    arms: list[str]
    answers: int
    seconds: float | None
    unmeasured: list[str]
    shows: str
    said: str


@router.post("/comparisons/estimate")
def estimate(seen: Reading, request: Compare) -> Estimate:
    """How long a comparison takes and what it will be able to show; takes the arguments of the job `compare`."""
    from instill.compare.arms.line_up import has_generator
    from instill.compare.duration import how_long
    from instill.compare.plan import chosen_arms
    from instill.compare.said_beforehand import say_by_need

    plan = _plan(seen, request)
    arms = chosen_arms(plan, generator=has_generator(seen.workspace))
    groups = _groups(seen, request)
    questions = sum(map(len, groups.values()))
    each = questions + min(plan.noise, questions)
    seconds, unmeasured = _measured(seen).seconds(plan, arms, each)
    shows = say_by_need(groups, len(arms), wanted=plan.wanted)
    said = " ".join([how_long(len(arms), each * len(arms), seconds, unmeasured), shows])
    return Estimate(
        questions=questions, arms=arms, answers=each * len(arms), seconds=seconds, unmeasured=unmeasured, shows=shows,
        said=said,
    )  # fmt: skip


def _plan(seen: Seen, request: Compare) -> ComparePlan:
    """As the command makes it, as far as it decides which arms there are."""
    from instill.compare.arms.plugged import beside, brought_arms
    from instill.compare.arms.users_arms import read_arms
    from instill.compare.plan import ComparePlan
    from instill.compare.prices import Prices
    from instill.compare.tuned.tuning import TuningPlan, base_named

    settings = seen.workspace.settings
    base = base_named(settings.generator)
    own = seen.workspace.path / settings.compare.arms if settings.compare.arms else None
    from_file = () if own is None else read_arms(own, Prices.of_settings(settings.prices))
    return ComparePlan(
        arms=tuple(request.arm),
        own=beside(from_file, brought_arms(settings.plugins.off)),
        questions=request.questions if isinstance(request.questions, int) else None,
        tuning=TuningPlan("compare", base) if base and request.train else None,
        noise=request.noise,
        wanted=request.wanted,
        seed=request.seed,
    )


def _groups(seen: Seen, request: Compare) -> Mapping[str, Sequence[str]]:
    """The fact of each question that would be asked, by the need that it decides."""
    from instill.compare.asking_arms import TASKS, group_of, need_of, questions_of
    from instill.study.stored_study import open_study
    from instill.workspace.asked_questions import Feedback

    if request.questions == "feedback":
        judged = Feedback(seen.workspace).question_set()
        if not judged:
            raise UsageError(
                "No answer that was judged can be used yet.", where="feedback", remedy="Judge some: Ask, or Questions."
            )
        halves = {need: [each.question for each in judged if each.answerable is right] for need, right in _NEEDS}
        return {need: found[: (len(found) + 1) // 2] for need, found in halves.items()}  # The audit gets the others.
    try:
        study = open_study(seen.workspace.home, request.study, seen.caller)
    except UsageError as error:
        raise unknown(error.what, error.where, error.remedy) from error
    items: list[StudyItem] = questions_of(study, most=request.questions, seed=request.seed)
    found: dict[str, list[str]] = {}
    for item in items:
        found.setdefault(need_of(TASKS[item.phrasing]), []).append(group_of(item, "fact"))
    return found


_NEEDS = (("facts", True), ("refusal", False))


def _measured(seen: Seen) -> Measured:
    """From the newest reports that the caller sees, and the median of what `ask` took here."""
    from instill.compare.duration import Measured
    from instill.workspace.asked_questions import Feedback

    answers: dict[str, float] = {}
    trainings: dict[str, float] = {}
    for kept in list(list_comparisons(seen).found)[:_REPORTS]:
        numbers = show_comparison(seen, kept.id)
        for into, rows in ((answers, numbers.get("answers")), (trainings, numbers.get("preparations"))):
            for arm, seconds in _seconds(rows):
                into.setdefault(arm, seconds)
    took = [each.milliseconds / 1000 for each in Feedback(seen.workspace).newest(limit=_ASKED)]
    return Measured(answers, trainings, median(took) if took else None)


def _seconds(rows: Any) -> list[tuple[str, float]]:
    """Arm and seconds of a report's rows; a report of another version may have none."""
    found = [(each.get("arm"), each.get("seconds")) for each in rows or () if isinstance(each, dict)]
    return [(arm, float(took)) for arm, took in found if isinstance(arm, str) and isinstance(took, (int, float))]
