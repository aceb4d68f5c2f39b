"""Arms made by name, and models of which one is held; replies that are kept."""

from __future__ import annotations

import gc
import json
import shutil
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any, ClassVar

import pytest

from instill.compare.arms.built_in_arms import ClosedBookArm, PipelineArm, ReadingArm
from instill.compare.arms.line_up import LineUp, has_generator, opened
from instill.compare.arms.one_at_a_time import OneAtATime
from instill.compare.arms.prompts import PLAIN, RULES
from instill.compare.arms.specification import AWARE, BOTH, CLOSED, ORACLE, QUOTED, RETRIEVAL, TUNED, WHOLE
from instill.compare.laboratory import IN_ITS_FORM
from instill.compare.plan import ComparePlan
from instill.compare.tuned.kept_replies import KeptReplies
from instill.compare.tuned.replay import replay_rows
from instill.compare.tuned.tuning_by_recipe import Tuned
from instill.errors import GeneratorError, UsageError, WorkspaceError
from instill.measure.jsonl_journal import open_journal
from instill.models.generators.protocol import Generator, Message, usage_of
from instill.settings import Settings, with_values
from instill.workspace import Workspace
from tests.compare.compare_world import World
from tests.models.generators.endpoint_process import Endpoint

TRAINED = {
    TUNED: Tuned("known-1", 10.0, 9, 3, Path("r"), Path("c")),
    AWARE: Tuned("reads-1", 5.0, 9, 3, Path("r"), Path("c")),
}


def with_endpoint(world: World, url: str, model: str) -> Workspace:
    """The workspace of the world, with an endpoint as its generator."""
    found = Workspace(world.workspace.path, with_values(Settings(), {}))
    found.given = with_values(found.given, {"generator.base_url": url, "generator.model": model})
    found.refresh()
    return found


def test_without_a_generator_arms_quote_and_others_are_refused(world: World) -> None:
    line_up = LineUp(world.workspace, ComparePlan(), world.facts, {})
    assert not has_generator(world.workspace)
    assert [type(line_up.arm(name)) for name in (QUOTED, ORACLE)] == [PipelineArm, PipelineArm]
    assert [arm.name for arm in line_up.arms([ORACLE, QUOTED])] == [ORACLE, QUOTED]
    item = next(item for item in world.items if item.answer == "1987" and item.form == "direct")
    assert {line_up.arm(name).answer(item).text for name in (QUOTED, ORACLE)} == {"1987"}
    for name in (CLOSED, RETRIEVAL, WHOLE):
        with pytest.raises(UsageError, match="needs a generator"):
            line_up.arm(name)
    for name in (TUNED, BOTH, AWARE):
        with pytest.raises(UsageError, match="needs a candidate"):
            line_up.arm(name)
    with pytest.raises(UsageError, match="needs a local generator"):
        opened(world.workspace, "")


def test_arms_ask_the_generator_in_their_way(world: World, endpoint: Endpoint) -> None:
    workspace = with_endpoint(world, endpoint.url, "honest/line-up")
    item = next(item for item in world.items if item.answer == "Marta Lindqvist" and item.form == "direct")
    line_up = LineUp(workspace, ComparePlan(), world.facts, TRAINED)
    kinds = {name: type(line_up.arm(name)) for name in (CLOSED, RETRIEVAL, ORACLE, WHOLE, TUNED, BOTH, AWARE)}
    assert kinds == {
        CLOSED: ClosedBookArm, TUNED: ClosedBookArm, WHOLE: ReadingArm,
        RETRIEVAL: PipelineArm, ORACLE: PipelineArm, BOTH: PipelineArm, AWARE: PipelineArm,
    }  # fmt: skip
    closed = line_up.arm(CLOSED).answer(item)
    assert closed.messages == RULES.closed(item.question)
    read = line_up.arm(RETRIEVAL).answer(item)
    assert "Marta Lindqvist" in read.text
    assert read.tokens_in > closed.tokens_in
    # An endpoint has no candidates: what was trained cannot be asked there.
    with pytest.raises(UsageError, match="local generator"):
        line_up.arm(TUNED).answer(item)

    plain = LineUp(
        workspace, ComparePlan(own=(IN_ITS_FORM,), wording=PLAIN, pipeline=False, passages=2), world.facts, TRAINED
    )
    assert {type(plain.arm(name)) for name in (ORACLE, WHOLE, BOTH)} == {ReadingArm}
    assert type(plain.arm(RETRIEVAL)) is PipelineArm  # It is `ask`, whatever the others are.
    assert type(plain.arm(QUOTED)) is PipelineArm
    asked = plain.arm(IN_ITS_FORM.name).answer(item)
    assert asked.passages is not None
    assert len(asked.passages) == 2
    assert asked.messages[0]["content"].startswith("Passage 1: ")


class Model:
    alive: ClassVar[list[weakref.ref[Model]]] = []
    last_usage: tuple[int, int] | None = (3, 1)

    def __init__(self, name: str) -> None:
        assert not any(each() for each in self.alive), "another one is in memory"
        self.name, self.asked, self.itself = name, 0, self  # A cycle, as real models have them.
        self.alive.append(weakref.ref(self))

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        self.asked += 1
        yield f"{self.name} {self.asked}"


def said(generator: Generator, prompt: str = "?") -> str:
    return "".join(generator.stream([{"role": "user", "content": prompt}], max_tokens=9))


def test_one_model_is_held_and_it_can_be_let_go() -> None:
    several = OneAtATime(Model)
    base, tuned = several.generator("base"), several.generator("tuned")
    assert not Model.alive
    assert [said(base), said(base), said(tuned), said(base)] == ["base 1", "base 2", "tuned 1", "base 1"]
    assert usage_of(base) == (3, 1)
    gc.disable()
    try:
        several.release()
        assert not any(each() for each in Model.alive)
    finally:
        gc.enable()
    assert (tuned.name, said(tuned)) == ("tuned", "tuned 1")


class Counts:
    name = "counts"

    def __init__(self) -> None:
        self.asked: list[str] = []

    @property
    def last_usage(self) -> tuple[int, int] | None:
        return 5, len(self.asked)

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        said = messages[-1]["content"]
        self.asked.append(said)
        if said == "fails":
            raise GeneratorError("No.")
        sleep(0.02)
        yield f"reply to {said}"


def lines_of(file: Path) -> list[dict[str, Any]]:
    """What was kept."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()[1:]]


def test_replies_for_replay_are_asked_once_over_several_runs(tmp_path: Path) -> None:
    file = tmp_path / "replay.jsonl"
    first, later = Counts(), Counts()
    counts: list[int] = []
    with open_journal(file, "base") as journal:
        found = replay_rows(KeptReplies(lambda: first, journal, counts.append), ["one", "fails", "two"])
    assert [row["messages"][-1]["content"] for row in found] == ["reply to one", "reply to two"]
    assert counts == [1, 2]
    took = [line["seconds"] for line in lines_of(file)]
    assert len(took) == 2
    assert all(each > 0.01 for each in took)
    with file.open("ab") as stream:  # As a kill leaves it.
        stream.write(b'{"id": "x", "rep')
    with open_journal(file, "base") as journal:
        kept = KeptReplies(lambda: later, journal)
        assert replay_rows(kept, ["one", "two", "fails", "three"])[:2] == found
        assert kept.last_usage == (5, 2)
        # What was written in an earlier run counts with the time that it took then.
        assert kept.seconds == pytest.approx(sum(line["seconds"] for line in lines_of(file)))
        assert kept.seconds > sum(took)
    assert later.asked == ["fails", "three"]
    # A reply as long as it may be was cut, and is no row; kept replies tell that too.
    with open_journal(file, "base") as journal:
        assert replay_rows(KeptReplies(lambda: later, journal), ["one", "two"], max_tokens=2) == []
    with open_journal(tmp_path / "old.jsonl", "base") as journal:
        journal.add({"id": "x", "reply": "y", "usage": [5, 1]})
    with open_journal(tmp_path / "old.jsonl", "base") as journal:
        assert KeptReplies(lambda: later, journal).seconds == 0.0
    with open_journal(file, "base") as journal:
        journal.add({"id": 3, "usage": "none"})
    with open_journal(file, "base") as journal, pytest.raises(WorkspaceError):
        KeptReplies(lambda: later, journal)


def test_writing_replay_takes_the_time_of_what_is_shown(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from instill.common.progress_watch import Watch
    from instill.compare.tuned import train_arms
    from tests.compare.small_compare import REPLAY, give_model

    kb = Path(shutil.copytree(world.workspace.path, tmp_path / "kb"))
    base, slow = tmp_path / "base", Counts()
    monkeypatch.setattr(train_arms, "opened", lambda *_: slow)  # A real one would take half a minute.
    with Workspace.open(kb) as workspace:
        give_model(replace(world, workspace=workspace), base)
    with Workspace.open(kb) as workspace:
        found = train_arms.replay_of(workspace, ComparePlan(), tmp_path, Watch())
        again = train_arms.replay_of(workspace, ComparePlan(), tmp_path, Watch())
        given = train_arms.replay_of(workspace, ComparePlan(replay=REPLAY), tmp_path, Watch())
    (file,) = tmp_path.glob("replay-*.jsonl")
    took = sum(line["seconds"] for line in lines_of(file))
    assert (len(slow.asked), len(found.shown), len(found.kept_back)) == (60, 45, 15)
    assert found.seconds == pytest.approx(took * 45 / 60)
    assert again == found
    assert (given.shown, given.seconds) == (REPLAY, 0.0)
