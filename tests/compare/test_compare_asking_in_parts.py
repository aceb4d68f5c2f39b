"""Questions in parts: what is decided is asked no more, and neither is an arm that is out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from instill.compare.arms.built_in_arms import ClosedBookArm
from instill.compare.arms.protocol import Arm
from instill.compare.arms.specification import CLOSED, ORACLE, ArmSpecification, OwnModel
from instill.compare.asking_arms import TASKS, group_of
from instill.compare.asking_in_parts import FEWEST, ask_in_parts, parts_of
from instill.compare.comparison_setting import ComparisonSetting
from instill.compare.plan import ComparePlan
from instill.compare.prices import Prices
from instill.compare.tuned.train_arms import Trained
from instill.measure.verdict import Way, reach_verdict
from instill.study.closed_book import ClosedBook
from instill.study.study_set import Phrasing, StudyItem
from tests.compare.compare_world import Knows
from tests.compare.test_compare_asking_arms import some_items


def questions(**counts: int) -> list[StudyItem]:
    """Each about a fact of its own."""
    found = []
    for phrasing, count in counts.items():
        for number, item in enumerate(some_items(count, cast(Phrasing, phrasing))):
            own = {"id": f"{phrasing}{number}", "fact_ids": (f"f{phrasing}{number}",)}
            found.append(item.model_copy(update={**own, "question": f"What is {phrasing} number {number}?"}))
    return found


class Scripted:
    """Makes arms that know these shares of the answers; each is the real closed-book arm."""

    def __init__(self, items: Sequence[StudyItem], known: Mapping[str, float]) -> None:
        self._items, self._known = items, known

    def model_of(self, name: str) -> str:
        return name

    def arms(self, names: Sequence[str]) -> list[Arm]:
        return [self._arm(name) for name in names]

    def _arm(self, name: str) -> Arm:
        # Every tenth is what tells .9 from all, spread over the questions.
        kept = {item.question: item.answer for n, item in enumerate(self._items) if n % 10 < 10 * self._known[name]}
        return ClosedBookArm(name, Knows(kept), ClosedBook([]), len)


def setting(folder: Path, items: Sequence[StudyItem], known: Mapping[str, float]) -> ComparisonSetting:
    """In the order of their prices; two arms are built in."""
    own = tuple(
        ArmSpecification(name, "", "own", "nothing", Way(f'use "{name}"'), OwnModel())
        for name in known
        if name not in (CLOSED, ORACLE)
    )
    prices = {name: Prices(tokens_in=2.0**place) for place, name in enumerate(known)}
    line_up: Any = Scripted(items, known)
    nothing: Any = None
    return ComparisonSetting(
        nothing, nothing, nothing, ComparePlan(own=own), line_up, Trained({}, (), ()), tuple(known), folder, "x",
        Prices(own=prices),
    )  # fmt: skip


def test_a_part_has_each_task_and_as_many_facts_as_it_can() -> None:
    items = questions(direct=60, reworded=60, unanswerable=FEWEST - 1, control=30)
    looks = parts_of(items)
    assert Counter(looks.values()) == {0: 30, 1: 30, 2: 60}
    first = [item for item in items if looks.get((TASKS[item.phrasing], item.id)) == 0]
    assert Counter(item.phrasing for item in first) == {"direct": 15, "reworded": 15}
    assert len({group_of(item, "fact") for item in first}) == 30
    assert looks == parts_of(items)


def test_what_is_out_or_decided_is_asked_no_more(tmp_path: Path) -> None:
    items = questions(direct=200, control=10)
    known = {CLOSED: 0.0, "good": 0.9, "equal": 0.9, "poor": 0.2}
    asked = ask_in_parts(setting(tmp_path, items, known), items, [], {})
    counts = Counter((each.outcome.arm, each.outcome.task) for each in asked.records)
    assert [counts[arm, "facts"] for arm in known] == [50, 100, 100, 50]  # out after the first part; decided after two
    assert {counts[arm, "control"] for arm in known} == {10}
    assert asked.left == {"facts": 100}
    rows = [each.outcome for each in asked.records]
    need = reach_verdict(rows, [], looks=asked.looks).need("facts")
    assert (need.arm, need.state, need.questions, need.left_out) == ("good", "decided", 100, 0)
    assert set(need.fewer) == {CLOSED, "poor"}
    assert need.found is not None
    assert need.found.passed == (CLOSED,)
    assert [each.arm for each in need.found.standings] == list(known)
    assert need.scores["poor"].mean == pytest.approx(0.2, abs=0.15)
    # The same again asks nothing and finds the same.
    again = ask_in_parts(setting(tmp_path, items, known), items, [], {})
    assert again.records == asked.records


def test_an_arm_without_a_rival_is_asked_everything(tmp_path: Path) -> None:
    items = questions(direct=60)
    asked = ask_in_parts(setting(tmp_path, items, {CLOSED: 0.5, ORACLE: 1.0}), items, [], {})
    assert (len(asked.records), asked.looks, asked.left) == (120, {}, {})
