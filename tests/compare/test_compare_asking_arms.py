"""The runner: every outcome is kept at once, a killed run ends as it would have ended, failures do not stop it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from instill.compare.arms.built_in_arms import ClosedBookArm, PipelineArm
from instill.compare.arms.prompts import Instructed
from instill.compare.arms.protocol import Arm, ArmReply
from instill.compare.asking_arms import TASKS, draw, group_of, in_turn, need_of, questions_of, run_arms
from instill.compare.prices import Prices
from instill.compare.recording import Answered
from instill.compare.report.answer_means import answers
from instill.compare.stored_outcomes import OUTCOMES_FILE, PROMPTS_FILE, Recorded, read_prompts
from instill.errors import GeneratorError, UsageError, WorkspaceError
from instill.models.generators.protocol import Message
from instill.study.audit import openings
from instill.study.closed_book import ClosedBook, EvidenceInPrompt
from instill.study.study_set import Evidence, Phrasing, StudyItem
from tests.compare.compare_world import Breaks, Knows, World
from tests.warm import Warm

WORKER = """
import sys, time
from pathlib import Path
from instill.compare.asking_arms import run_arms
from tests.compare.test_compare_asking_arms import Slow, some_items

if __name__ == "__main__":
    run_arms(some_items(40), [Slow("one"), Slow("two")], Path(sys.argv[1]), identity="x")
"""


class Slow:
    """An arm that takes a moment and knows every second answer."""

    def __init__(self, name: str) -> None:
        self.name = name

    def answer(self, item: StudyItem) -> ArmReply:
        time.sleep(0.01)
        text = item.answer if len(item.id) % 2 else "unknown"
        messages = ({"role": "user", "content": f"{self.name}: {item.question}"},)
        return ArmReply(text, None, messages, None, (), 0.01, 5, 2)  # type: ignore[arg-type]


class Fails:
    name = "fails"

    def answer(self, item: StudyItem) -> ArmReply:
        raise GeneratorError("The generator failed.")


def some_items(count: int, phrasing: Phrasing = "direct") -> list[StudyItem]:
    evidence = Evidence(doc_id="d1", start=0, end=9, text="Something")
    return [
        StudyItem(
            id=f"i{number}" if number % 3 else f"item{number}",
            fact_ids=(f"f{number // 2}",),
            phrasing=phrasing,
            form="direct",
            question=f"What is number {number}?",
            answer=f"{number}00",
            accepted=(f"{number}00",),
            evidence=(evidence,),
        )
        for number in range(count)
    ]


def without_seconds(records: Sequence[Recorded]) -> list[Recorded]:
    return [replace(each, outcome=replace(each.outcome, seconds=0.0)) for each in records]


def test_a_comparison_on_real_documents(world: World, tmp_path: Path) -> None:
    items = questions_of(world.study)
    known = {item.question: item.answer for item in items if item.phrasing == "direct"}
    closed = ClosedBook([fact.evidence.text for fact in world.facts])
    arms: list[Arm] = [
        ClosedBookArm("closed book", Knows({}), closed, len),
        ClosedBookArm("fine-tuned", Knows(known), closed, len),
        PipelineArm("retrieval", world.workspace, world.passages),
    ]
    seen: list[Answered] = []
    prices = Prices(tokens_in=1.0, tokens_out=2.0)
    found = run_arms(items, arms, tmp_path, identity="x", prices=prices, progress=seen.append)
    assert len(found) == len(seen) == 3 * len(items)
    assert (seen[-1].done, seen[-1].most, any(each.taken_up for each in seen)) == (len(found), len(found), False)
    for each in found:
        outcome = each.outcome
        if outcome.arm == "closed book":
            assert outcome.kind == "abstained"
            assert outcome.right == (outcome.task == "unanswerable")
            assert outcome.recall is None
            assert outcome.money == pytest.approx((outcome.tokens_in + 2 * outcome.tokens_out) / 1000)
        if outcome.arm == "fine-tuned" and outcome.task == "facts":
            assert outcome.kind == "correct"
    right = [each.outcome.right for each in found if each.outcome.arm == "retrieval"]
    assert sum(right) >= 0.9 * len(right)
    prompts = {prompt["id"]: prompt for prompt in read_prompts(tmp_path, "x")}
    for each in found:
        prompt = prompts[each.outcome.prompt]
        assert (prompt["arm"], prompt["item"]) == (each.outcome.arm, each.outcome.item)
        assert each.outcome.question in prompt["messages"][-1]["content"]
    assert all("passages" in prompt for prompt in prompts.values() if prompt["arm"] == "retrieval")
    assert openings(world.study) == []
    again = run_arms(items, arms, tmp_path, identity="x", prices=prices, progress=seen.append)
    assert again == found
    assert all(each.taken_up for each in seen[len(found) :])
    dearer = run_arms(items, arms, tmp_path, identity="x", prices=Prices(tokens_in=2.0, tokens_out=4.0))
    assert [each.outcome.money for each in dearer] == [pytest.approx(2 * each.outcome.money) for each in found]


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_outcomes(tmp_path: Path, warm: Warm) -> None:
    folder = tmp_path / "killed"
    file = folder / OUTCOMES_FILE
    lines = 0
    for kill in range(3):
        worker = warm.start("-c", WORKER, str(folder))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and worker.poll() is None:
            if file.exists() and file.read_bytes().count(b"\n") > lines + 5:
                break
            time.sleep(0.002)
        time.sleep(0.004 * kill)
        assert worker.kill(), "the worker ended before it could be killed"
        lines = file.read_bytes().count(b"\n")
    for name in (OUTCOMES_FILE, PROMPTS_FILE):  # A kill may tear the last line.
        with (folder / name).open("ab") as stream:
            stream.write(b'{"outcome": {"item": "i7", "a')
    arms, items = [Slow("one"), Slow("two")], some_items(40)
    seen: list[Answered] = []
    found = run_arms(items, arms, folder, identity="x", progress=seen.append)
    assert sum(each.taken_up for each in seen) == lines - 1
    whole = run_arms(items, arms, tmp_path / "whole", identity="x")
    assert without_seconds(found) == without_seconds(whole)
    ids = [json.loads(line)["id"] for line in (folder / PROMPTS_FILE).read_text().splitlines()[1:]]
    assert len(ids) == len(set(ids)) == 80
    assert {each.outcome.prompt for each in found} == set(ids)


def test_arms_and_items_may_be_added(tmp_path: Path) -> None:
    run_arms(some_items(3), [Slow("one")], tmp_path, identity="x")
    seen: list[Answered] = []
    found = run_arms(some_items(4), [Slow("two"), Slow("one")], tmp_path, identity="x", progress=seen.append)
    assert [each.taken_up for each in seen] == [False] * 4 + [True] * 3 + [False]
    assert [each.outcome.arm for each in found] == ["two"] * 4 + ["one"] * 4


@dataclass(frozen=True)
class Says:
    """An arm that says the same to every question."""

    text: str
    quoted: bool
    name: str = "says"

    def answer(self, item: StudyItem) -> ArmReply:
        prompt: tuple[Message, ...] = ({"role": "user", "content": item.question},)
        return ArmReply(self.text, False, prompt, None, (), 0.1, quoted=self.quoted)


LONG = (
    "The brewery stands on the island and can be visited. It was founded in 1820 by two brothers, who had come from "
    "the coast with a cart and a copper kettle. Every summer a feast is held in its yard, with music, and with cakes "
    "that the neighbours bake; whoever comes by boat pays nothing. In winter the yard is closed, and the kettle rests."
)


@pytest.mark.parametrize(
    ("text", "quoted", "right"),
    [
        (LONG, True, 1.0),  # A person finds the answer in what is quoted.
        (LONG, False, 0.0),  # A model that says all it has does not commit itself to anything.
        ("It was founded in 1820.", False, 1.0),
        (LONG.replace("1820", "1830"), True, 0.0),
    ],
)
def test_a_long_quotation_counts_where_a_long_reply_does_not(
    text: str, quoted: bool, right: float, tmp_path: Path
) -> None:
    (item,) = some_items(1)
    told = {"question": "When was the brewery founded?", "answer": "1820", "accepted": ("1820",)}
    item = item.model_copy(update=told)
    (found,) = run_arms([item], [Says(text, quoted)], tmp_path, identity="x")
    assert (found.outcome.right, found.outcome.quoted) == (right, quoted)
    (about,) = answers([found.outcome], ["says"])
    assert about.words == len(text.split())


def test_a_failing_answer_is_wrong_with_its_error_and_the_run_goes_on(tmp_path: Path) -> None:
    items = [*some_items(2), some_items(3, "unanswerable")[2].model_copy(update={"accepted": (), "evidence": ()})]
    arms: list[Arm] = [ClosedBookArm("breaks", Breaks(), ClosedBook([]), len), Fails()]
    found = run_arms(items, arms, tmp_path, identity="x")
    assert [bool(each.error) for each in found] == [True, False, True, True, True, True]
    for each in found:
        if each.error:
            assert "The generator failed." in each.error
            assert (each.outcome.kind, each.outcome.right, each.outcome.reply) == ("wrong", 0.0, "")
    assert run_arms(items, arms, tmp_path, identity="x") == found
    later = run_arms(items, [arms[0]], tmp_path, identity="x", again_after_errors=True)
    assert [bool(each.error) for each in later] == [False, False, True]
    assert run_arms(items, [arms[0]], tmp_path, identity="x") == later


def test_arms_that_share_a_model_are_asked_in_turn(tmp_path: Path) -> None:
    asked: list[tuple[str, str]] = []

    class Tells(Slow):
        def answer(self, item: StudyItem) -> ArmReply:
            asked.append((self.name, item.question[-2]))
            return super().answer(item)

    arms = [Tells("a"), Tells("x"), Tells("b"), Tells("alone")]
    models = {"a": "base", "b": "base", "x": "tuned"}
    found = run_arms(some_items(3), arms, tmp_path, identity="x", models=models)
    assert [(each.outcome.arm, each.outcome.question[-2]) for each in found] == [
        (arm, place) for arm in ("a", "x", "b", "alone") for place in "012"
    ]
    base, tuned, alone = asked[:6], asked[6:9], asked[9:]
    assert base == [("a", "0"), ("b", "0"), ("b", "1"), ("a", "1"), ("a", "2"), ("b", "2")]
    assert {name for name, _ in tuned} == {"x"}
    assert {name for name, _ in alone} == {"alone"}


def test_a_leak_stops_the_run(tmp_path: Path) -> None:
    leaky = Instructed(instructions="Something")
    arm = ClosedBookArm("leaks", Knows({}), ClosedBook(["Something"]), len, wording=leaky)
    with pytest.raises(EvidenceInPrompt):
        run_arms(some_items(2), [arm], tmp_path, identity="x")


def test_the_audit_is_opened_when_asked_and_written_down(world: World, tmp_path: Path) -> None:
    before = len(openings(world.study))
    assert {item.split for item in questions_of(world.study)} == {"gate"}
    assert len(openings(world.study)) == before
    assert {item.split for item in questions_of(world.study, audit=True)} == {"audit"}
    assert [opening["why"] for opening in openings(world.study)][before:] == ["compare"]
    (world.study.folder / "audit-openings.jsonl").unlink()


def test_a_draw_keeps_the_shares_of_tasks_and_is_the_same_each_time() -> None:
    items = [*some_items(60), *[item.model_copy(update={"id": f"r{item.id}"}) for item in some_items(30, "reverse")]]
    found = draw(items, 30, seed=1)
    assert 9 <= [item.phrasing for item in found].count("reverse") <= 11
    assert found == draw(items, 30, seed=1) != draw(items, 30, seed=2)
    assert [item for item in items if item in found] == found
    assert draw(items, 90) == items
    assert set(map(id, draw(items, 10, seed=1))) <= set(map(id, found))
    with pytest.raises(UsageError):
        draw(items, 0)


def test_questions_go_where_they_decide() -> None:
    """By need and not by number; few controls; facts before wordings."""
    facts = [item for phrasing in ("direct", "reworded") for item in some_items(80, phrasing)]
    others = [item for phrasing in ("unanswerable", "control") for item in some_items(200, phrasing)]
    items = [item.model_copy(update={"id": f"i{number}"}) for number, item in enumerate([*facts, *others])]
    found = Counter(TASKS[item.phrasing] for item in draw(items, 200, seed=3))
    assert (found["facts"] + found["paraphrase"], found["unanswerable"], found["control"]) == (100, 80, 20)
    about = [group_of(item, "fact") for item in draw(items, 120, seed=3) if item.phrasing in ("direct", "reworded")]
    assert (len(about), len(set(about))) == (60, 40)  # all facts that there are
    assert abs(found["facts"] - found["paraphrase"]) <= 20
    few = [*items[:30], *items[160:]]  # what facts do not have the others get
    shared = Counter(need_of(TASKS[item.phrasing]) for item in draw(few, 130, seed=3))
    assert (shared["facts"], shared["refusal"], shared[""]) == (30, 80, 20)


def test_any_beginning_has_each_task_and_as_many_facts_as_it_can() -> None:
    items = [item for phrasing in ("direct", "reworded", "reverse") for item in some_items(40, phrasing)]
    items = [item.model_copy(update={"id": f"i{number}"}) for number, item in enumerate(items)]
    order = in_turn(items, seed=1)
    assert sorted(item.id for item in order) == sorted(item.id for item in items)
    for count in (12, 40, 80):
        begun = order[:count]
        assert len({group_of(item, "fact") for item in begun}) == min(count, 20)
        tasks = Counter(TASKS[item.phrasing] for item in begun)
        assert max(tasks.values()) - min(tasks.values()) <= 1


def test_questions_are_grouped_by_fact_or_document() -> None:
    (item,) = some_items(1)
    assert (group_of(item, "fact"), group_of(item, "document")) == ("f0", "d1")
    assert group_of(item.model_copy(update={"evidence": ()}), "document") == "f0"


def test_mistakes_and_damage_are_named(tmp_path: Path) -> None:
    for items, arms in (([], [Slow("a")]), (some_items(1), []), (some_items(1) * 2, [Slow("a")])):
        with pytest.raises(UsageError, match="is there twice"):
            run_arms(items, arms, tmp_path, identity="x")
    run_arms(some_items(1), [Slow("a")], tmp_path, identity="x")
    with pytest.raises(WorkspaceError, match="other data"):
        run_arms(some_items(1), [Slow("a")], tmp_path, identity="y")
    for line in ("{", "[]", '{"outcome": {}}'):
        (tmp_path / OUTCOMES_FILE).write_text('{"identity": "x"}\n' + line + "\n")
        with pytest.raises(WorkspaceError, match="This line is not") as raised:
            run_arms(some_items(1), [Slow("a")], tmp_path, identity="x")
        assert raised.value.where.endswith(":2")


def test_another_task_is_asked_anew(tmp_path: Path) -> None:
    first = run_arms(some_items(1), [Slow("a")], tmp_path, identity="x")
    second = run_arms(some_items(1), [Slow("a")], tmp_path, identity="x", task="noise")
    assert (first[0].outcome.task, second[0].outcome.task) == ("facts", "noise")
    assert len((tmp_path / OUTCOMES_FILE).read_text().splitlines()) == 3
