"""Asking in parts: where a need is decided no more is asked for it, and an arm that is out is asked no more.

The parts and what each may err with are those of `instill.measure.statistics.early_looks`. Questions of the tasks that
decide nothing, such as controls, come with the first part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from instill.common.plurals import counted
from instill.compare.asking_arms import TASKS, in_turn, need_of, run_arms
from instill.compare.comparison_setting import ComparisonSetting, told_of_answers
from instill.compare.stored_outcomes import Recorded
from instill.measure.outcomes import Preparation
from instill.measure.statistics.early_looks import LOOKS, out_of
from instill.measure.token_rates import measure_rates
from instill.measure.verdict import ASKED_NEEDS, NEEDS, Looks, Way, reach_verdict
from instill.study.study_set import StudyItem

FEWEST = 40
"""Questions for a need; of fewer no part shows anything, and all are asked at once."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of the main questions.

    Args:
        looks: the part of each question that was asked in parts.
        left: questions for a need that were not asked, since it was decided before.
    """

    records: list[Recorded]
    looks: Looks
    left: Mapping[str, int]


def parts_of(items: Sequence[StudyItem], *, seed: int = 0) -> Looks:
    """Which part each question of a need comes with.

    A part has each task's share, and as many facts as it can: a fact's second wording comes after all first ones.
    """
    found: dict[tuple[str, str], int] = {}
    for tasks in ASKED_NEEDS.values():
        own = in_turn([item for item in items if TASKS[item.phrasing] in tasks], seed=seed)
        if len(own) < FEWEST:
            continue
        edges = [ceil(look * len(own)) for look in LOOKS]
        for place, item in enumerate(own):
            found[TASKS[item.phrasing], item.id] = next(part for part, edge in enumerate(edges) if place < edge)
    return found


def ask_in_parts(
    setting: ComparisonSetting, items: Sequence[StudyItem], prepared: Sequence[Preparation], ways: Mapping[str, Way]
) -> Asked:
    """The main questions, put to the arms that are not out yet.

    Args:
        prepared: what the arms cost before the first answer, as far as that is known; it orders them.
        ways: see `reach_verdict`.
    """
    offered = [each for each in setting.specifications if each.way.offered]
    # An arm without a rival would be decided at once, by nothing.
    looks = parts_of(items, seed=setting.plan.seed) if len(offered) > 1 else {}
    records: list[Recorded] = []
    closed: set[str] = set()
    out: dict[str, set[str]] = {need: set() for need in NEEDS}
    for part in range(len(LOOKS)):
        for need, own in _by_need(items, looks, part).items():
            names = [name for name in setting.names if name not in out.get(need, set())]
            if need in closed or not own or not names:
                continue
            what, whom = counted(len(own), "question"), counted(len(names), "arm")
            setting.watch.stage(f"asking {what} of {whom}{f' for {need}' if need else ''}")
            records += run_arms(
                own,
                setting.line_up.arms(names),
                setting.folder / "questions",
                identity=setting.identity,
                prices=setting.prices,
                again_after_errors=True,
                models={name: setting.line_up.model_of(name) for name in names},
                progress=told_of_answers(setting.watch),
            )
        verdict = reach_verdict(
            [each.outcome for each in records],
            prepared,
            ways=ways,
            rules=setting.plan.rules,
            looks=looks,
            rates=measure_rates((each.outcome for each in records), setting.kinds),
        )
        for each in verdict.needs:
            if each.found is not None and any(task in NEEDS[each.need] for task, _ in looks):
                out[each.need] = out_of(each.found)
                if each.found.decided:
                    closed.add(each.need)
    asked = {(each.outcome.task, each.outcome.item) for each in records}
    left = {need: sum(key not in asked for key in looks if key[0] in tasks) for need, tasks in ASKED_NEEDS.items()}
    return Asked(records, looks, {need: count for need, count in left.items() if count})


def _by_need(items: Sequence[StudyItem], looks: Looks, part: int) -> dict[str, list[StudyItem]]:
    """The questions of a part by the need that they decide; "" for none."""
    found: dict[str, list[StudyItem]] = {}
    for item in items:
        task = TASKS[item.phrasing]
        if looks.get((task, item.id), 0) == part:
            found.setdefault(need_of(task), []).append(item)
    return found
