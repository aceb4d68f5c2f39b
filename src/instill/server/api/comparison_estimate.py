"""Before a comparison: how long it takes, and what so many questions can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fastapi import APIRouter
from pydantic import BaseModel

from instill.errors import UsageError
from instill.server.errors import unknown
from instill.server.jobs.job_kinds import Compare
from instill.server.service import Reading, Seen

if TYPE_CHECKING:
    from instill.compare.plan import ComparePlan
    from instill.study.stored_study import StoredStudy
    from instill.study.study_set import StudyItem

_EPOCHS, _REPLAY = 8, 0.25
"""What the command trains with where nothing else is said."""

router = APIRouter(prefix="/api", tags=["evidence"])


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
    from instill.compare.asking_arms import groups_by_need
    from instill.compare.duration import how_long, measured_here, rows_of
    from instill.compare.plan import chosen_arms
    from instill.compare.said_beforehand import say_by_need

    plan = _plan(seen, request)
    arms = chosen_arms(plan, generator=has_generator(seen.workspace))
    study = None if request.questions == "feedback" else _study(seen, request)
    groups = _judged_groups(seen) if study is None else groups_by_need(_questions(study, request))
    rows = 0 if study is None else rows_of(study, plan)
    takes = how_long(measured_here(seen.workspace), plan, arms, groups, rows=rows)
    shows = say_by_need(groups, len(arms), wanted=plan.wanted)
    return Estimate(
        questions=sum(map(len, groups.values())), arms=arms, answers=takes.answers, seconds=takes.seconds,
        unmeasured=list(takes.unmeasured), shows=shows, said=f"{takes.said} {shows}",
    )  # fmt: skip


def _plan(seen: Seen, request: Compare) -> ComparePlan:
    """As the command makes it, as far as it decides which arms there are."""
    from instill.compare.arms.plugged import beside, brought_arms
    from instill.compare.arms.users_arms import read_arms
    from instill.compare.plan import ComparePlan
    from instill.compare.prices import Prices
    from instill.compare.tuned.tuning_by_recipe import TuningPlan, base_named

    settings = seen.workspace.settings
    base = base_named(settings.generator)
    own = seen.workspace.path / settings.compare.arms if settings.compare.arms else None
    from_file = () if own is None else read_arms(own, Prices.of_settings(settings.prices))
    plan = ComparePlan(
        arms=tuple(request.arm),
        own=beside(from_file, brought_arms(settings.plugins.off)),
        questions=request.questions if isinstance(request.questions, int) else None,
        tuning=TuningPlan("compare", base, epochs=_EPOCHS, replay_share=_REPLAY) if base and request.train else None,
        noise=request.noise,
        wanted=request.wanted,
        seed=request.seed,
    )
    return plan if request.changes is None else replace(plan, changes=request.changes)


def _judged_groups(seen: Seen) -> Mapping[str, Sequence[str]]:
    """Of the questions that people judged, those that would be asked, by the need that they decide."""
    from instill.compare.said_beforehand import groups_of_judged
    from instill.workspace.asked_questions import Feedback

    judged = Feedback(seen.workspace).question_set()
    if not judged:
        raise UsageError(
            "No answer that was judged can be used yet.", where="feedback", remedy="Judge some: Ask, or Questions."
        )
    return groups_of_judged(judged)


def _study(seen: Seen, request: Compare) -> StoredStudy:
    from instill.study.stored_study import open_study

    try:
        return open_study(seen.workspace.home, request.study, seen.caller)
    except UsageError as error:
        raise unknown(error.what, error.where, error.remedy) from error


def _questions(study: StoredStudy, request: Compare) -> list[StudyItem]:
    from instill.compare.asking_arms import questions_of

    most = request.questions if isinstance(request.questions, int) else None
    return questions_of(study, most=most, seed=request.seed)
