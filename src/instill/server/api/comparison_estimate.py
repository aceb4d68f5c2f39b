"""Before a comparison: how long it takes, and what so many questions can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from pydantic import BaseModel

from instill.errors import UsageError
from instill.server.errors import Refused, unknown
from instill.server.jobs.job_kinds import Compare
from instill.server.service import Reading, Seen

if TYPE_CHECKING:
    from instill.compare.plan import ComparePlan
    from instill.study.stored_study import StoredStudy
    from instill.study.types import AskedQuestion

_EPOCHS, _REPLAY = 8, 0.25
"""What the command trains with where nothing else is said."""

router = APIRouter(prefix="/api", tags=["evidence"])


class Estimate(BaseModel):
    """What a comparison would be.

    Args:
        questions: asked of every arm.
        recommended: the arms that can be recommended; fewer than two: nothing is compared.
        answers: of all arms at most; a comparison ends earlier where it is decided earlier.
        seconds: about so long, by what was measured before; None where nothing was. Without `unmeasured`.
        unmeasured: arms and trainings of which nobody knows yet how long they take.
        shows: which differences so many questions can show, by need.
        said: all of it for people.
    """

    questions: int
    arms: list[str]
    recommended: list[str]
    answers: int
    seconds: float | None
    unmeasured: list[str]
    shows: str
    said: str


@router.post("/comparisons/estimate")
def estimate(seen: Reading, request: Compare) -> Estimate:
    """How long a comparison takes and what it will be able to show; takes the arguments of the job `compare`."""
    from instill.compare.asked_beforehand import asked_of_judged, asked_of_study
    from instill.compare.duration import how_long, measured_here

    plan, arms = _checked(seen, request)
    workspace = seen.workspace
    if request.questions == "feedback":
        asked = asked_of_judged(workspace, _judged(seen), plan)
    else:
        asked = asked_of_study(_study(seen, request), plan)
    takes = how_long(measured_here(workspace), plan, arms, asked.groups, rows=asked.rows)
    shows = asked.shows(plan, arms)
    return Estimate(
        questions=asked.count, arms=arms, recommended=[arm for arm in arms if plan.known[arm].way.offered],
        answers=takes.answers, seconds=takes.seconds, unmeasured=list(takes.unmeasured), shows=shows,
        said=f"{takes.said} {shows}",
    )  # fmt: skip


def check_comparison(seen: Seen, arguments: Mapping[str, Any]) -> None:
    """Refuse a comparison that would fail for its arms or its study set, before it begins, as the estimate does.

    Raises:
        Refused: 422 for the arms, 404 for the study set.
    """
    request = Compare(**arguments)
    _checked(seen, request)
    if request.study:
        _study(seen, request)


def _checked(seen: Seen, request: Compare) -> tuple[ComparePlan, list[str]]:
    """The plan, and the arms that are run.

    Raises:
        Refused: 422, an arm is not known, or cannot be run here, or fewer than two are left.
    """
    from instill.compare.arms.line_up import has_generator
    from instill.compare.plan import chosen_arms

    plan = _plan(seen, request)
    try:
        return plan, chosen_arms(plan, generator=has_generator(seen.workspace))
    except UsageError as error:
        raise Refused(422, error.what, where=error.where, remedy=error.command) from error


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


def _judged(seen: Seen) -> list[AskedQuestion]:
    """The questions that people judged."""
    judged = seen.feedback.question_set()
    if not judged:
        raise UsageError(
            "No answer that was judged can be used yet.", where="feedback", remedy="Judge some: Ask, or Questions."
        )
    return judged


def _study(seen: Seen, request: Compare) -> StoredStudy:
    from instill.study.stored_study import open_study

    try:
        return open_study(seen.workspace.home, request.study, seen.caller)
    except UsageError as error:
        raise unknown(error.what, error.where, error.command) from error
