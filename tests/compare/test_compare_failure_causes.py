"""Why answers were wrong: each kind that a comparison can find has its sentence in the report."""

from __future__ import annotations

from typing import get_args

import pytest

from instill.compare.failure_causes import Causes, FailureKind
from instill.compare.report.failures import KINDS, SortedKind
from instill.compare.report.page import as_html
from instill.compare.report.types import Report
from instill.compare.stored_outcomes import Recorded
from instill.measure.judging.scorer import judge
from instill.measure.outcomes import Outcome
from instill.measure.verdict import reach_verdict
from tests.compare.compare_world import World


def test_every_kind_has_its_sentence_and_no_other_has() -> None:
    assert set(KINDS) == {*get_args(FailureKind), *get_args(SortedKind)}
    assert all(said.endswith(".") and said[0].isupper() for said in KINDS.values())


@pytest.mark.parametrize("kind", get_args(FailureKind))
def test_the_page_says_what_a_kind_is(kind: FailureKind) -> None:
    row = outcome("1955")
    causes: dict[tuple[str, str, str], str] = {(row.task, row.item, row.arm): kind}
    assert f"<p>{KINDS[kind]}</p>" in as_html(Report("t", reach_verdict([row], []), [row], causes=causes))


def outcome(reply: str, *, item: str = "q1", recall: float | None = 1.0, answerable: bool = True) -> Outcome:
    question, expected = "When was the stone oven built?", ("1987",) if answerable else ()
    found = judge(reply, expected, question=question)
    return Outcome(
        item, "retrieval", "f1", "facts", question, expected, reply, found.kind, found.exact, found.f1, found.right,
        None, recall, 0.1, 9, 1, 0.0, "p",
    )  # fmt: skip


def test_each_kind_is_found(world: World) -> None:
    causes = Causes(world.items, world.facts)
    oven = next(item for item in world.items if item.answer == "1987" and item.form == "direct").id
    found = [
        causes.of(Recorded(outcome("", item=oven), error="It is away.")),
        causes.of(Recorded(outcome("1987", answerable=False))),
        causes.of(Recorded(outcome("1955", recall=0.0))),
        causes.of(Recorded(outcome("I don't know."))),
        causes.of(Recorded(outcome("1986 or 1987"))),
        causes.of(Recorded(outcome("1991", item=oven))),
        causes.of(Recorded(outcome("1742", item=oven))),
        causes.of(Recorded(outcome("1234", item=oven))),
    ]
    assert tuple(found) == get_args(FailureKind)
    assert causes.of(Recorded(outcome("1987"))) is None
