"""What a report says was left out, and why."""

from __future__ import annotations

from dataclasses import replace

from instill.compare.arms.specification import AWARE, BOTH, CLOSED, QUOTED, RETRIEVAL, TUNED
from instill.compare.changed.changes import make_changes
from instill.compare.changed.parts_with_changes import Changed
from instill.compare.plan import ComparePlan
from instill.compare.report.types import ConflictWins
from instill.compare.report_material import not_done
from tests.compare.compare_world import World

ARMS = (CLOSED, QUOTED, RETRIEVAL, TUNED, BOTH, AWARE)


def test_arms_that_could_not_be_contradicted_are_named_with_the_reason(world: World) -> None:
    changed = Changed(changes=make_changes(world.workspace, world.study, most=1))

    def conflicts(names: tuple[str, ...], *asked: str) -> dict[str, str]:
        found = not_done(
            world.workspace,
            ComparePlan(),
            names,
            replace(changed, winners=[ConflictWins(arm, 1, {}, None) for arm in asked]),
            [],
        )
        return {what: why for what, why in found.items() if what.startswith("conflict")}

    assert conflicts(ARMS, RETRIEVAL, BOTH, AWARE) == {}
    some = conflicts(ARMS, BOTH)
    assert list(some) == [f"conflict, {RETRIEVAL}", f"conflict, {AWARE}"]
    assert all(why.startswith("nothing to contradict: closed-book answered none of the ") for why in some.values())
    assert conflicts(ARMS)["conflict"].startswith("nothing to contradict: closed-book and fine-tuned answered none of ")
    for names in ((QUOTED,), (CLOSED, QUOTED), (RETRIEVAL, BOTH)):
        assert conflicts(names)["conflict"].startswith("no arm could be contradicted: ")


def test_what_nobody_asked_for_is_named_with_its_option(world: World) -> None:
    plan = ComparePlan(noise=0, changes=0)
    found = not_done(world.workspace, plan, (QUOTED,), Changed(), [])
    assert found["noise"] == "it was left out (--noise 0)"
    assert {found[name] for name in ("freshness", "conflict", "contradiction")} == {"it was left out (--changes 0)"}
    assert (found["format"], found["tone"]) == (
        "no examples of it were given (--format)",
        "no examples of it were given (--tone)",
    )
    could_not = not_done(world.workspace, replace(plan, changes=3), (QUOTED,), Changed(), [])
    assert could_not["freshness"].startswith("the rules can change no fact that the study set asks for")
