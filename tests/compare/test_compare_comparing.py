"""A comparison from documents to report: quoting arms alone, and real training of a tiny model, with a kill."""

from __future__ import annotations

import gc
import json
import shutil
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

pytest.importorskip("torch")

import instill.compare.changed.parts_with_changes
import instill.compare.tuned.skills_lost_part
from instill import Workspace
from instill.common.progress_watch import Watch
from instill.compare.arms.specification import AWARE, BOTH, CLOSED, ORACLE, QUOTED, TUNED, WHOLE
from instill.compare.arms.users_arms import read_arms
from instill.compare.comparing import Compared, compare
from instill.compare.plan import ComparePlan
from instill.compare.prices import Prices
from instill.compare.report.page import as_html
from instill.compare.report.text import as_dict, as_text
from instill.compare.report_material import PARTS
from instill.compare.saved_reports import NUMBERS, PAGE, save
from instill.compare.stored_outcomes import Recorded
from instill.errors import UsageError, WorkspaceError
from instill.models.generators.local import LocalGenerator
from instill.models.registry.store import Registry
from instill.study.stored_study import open_study
from tests.compare.compare_world import World, make_world
from tests.compare.small_compare import ARMS, give_model, run, small_plan
from tests.warm import Warm

QUOTING = ComparePlan(changes=2, noise=4)


def strict(text: str) -> Any:
    """JSON as everybody reads it: without NaN and Infinity."""

    def refuse(name: str) -> None:
        raise AssertionError(name)

    return json.loads(text, parse_constant=refuse)


def without_seconds(records: Any) -> list[Recorded]:
    return [replace(each, outcome=replace(each.outcome, seconds=0.0)) for each in records]


@pytest.fixture(scope="module")
def quoted(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world of its own, which has no generator."""
    return make_world(tmp_path_factory.mktemp("quoted"))


@pytest.fixture(scope="module")
def first(quoted: World) -> Compared:
    return compare(quoted.workspace, quoted.study, QUOTING, commands=["instill compare"])


def test_without_a_generator_what_quotes_is_compared(quoted: World, first: Compared) -> None:
    asked = len(quoted.study.items("gate"))
    counts = {
        (task, arm): sum(each.outcome.task == task and each.outcome.arm == arm for each in first.records)
        for task in ("noise", "freshness", "conflict", "contradiction")
        for arm in (QUOTED, ORACLE)
    }
    assert first.report.arms == [QUOTED, ORACLE]
    assert sum(each.outcome.task not in {task for task, _ in counts} for each in first.records) == 2 * asked
    assert counts[("noise", QUOTED)] == 4
    assert counts[("freshness", QUOTED)] == counts[("contradiction", QUOTED)] > 0
    assert not any(count for (_, arm), count in counts.items() if arm == ORACLE)
    assert counts[("conflict", QUOTED)] == 0  # Without a model nobody believes anything.
    need = first.report.verdict.need("facts")
    assert (need.arm, need.scores[QUOTED].mean) == (QUOTED, 1.0)
    (preparation,) = first.report.preparations
    assert (preparation.arm, preparation.facts) == (QUOTED, sum(fact.role != "removed" for fact in quoted.facts))
    assert preparation.seconds > 0
    assert preparation.seconds_per_fact > 0
    (refresh,) = first.report.refreshes
    assert refresh.seconds is not None
    assert f"of {len({each.outcome.group for each in first.records if each.outcome.task == 'freshness'})}" in (
        refresh.said
    )
    assert "only quoted" in first.report.missing["generators"]
    assert first.report.missing["money"].startswith("No prices are set")
    assert first.report.missing["conflict"].startswith("no arm could be contradicted: ")
    assert first.report.missing["format"] == "no examples of it were given (--format)"
    assert not {"noise", "freshness", "contradiction"} & set(first.report.missing)
    shown = {each.outcome.item for each in first.records if each.outcome.item in first.report.evidence}
    assert len(shown) > asked / 2


def test_nothing_is_asked_twice_and_the_original_stays_as_it_was(quoted: World, first: Compared) -> None:
    before = {record.doc_id: record.content_hash for record in quoted.workspace.documents()}
    stages: list[str] = []
    again = compare(quoted.workspace, quoted.study, QUOTING, watch=Watch(stages.append))
    assert again.records == first.records
    assert (again.folder, again.beforehand) == (first.folder, stages[0])
    assert {record.doc_id: record.content_hash for record in quoted.workspace.documents()} == before
    assert not (first.folder / "copy").exists()
    # Fewer questions are a part of those that were asked, and have the same noise.
    fewer = compare(quoted.workspace, quoted.study, replace(QUOTING, questions=20, noise=2, changes=0))
    assert fewer.folder == first.folder
    keys = {each.key: each for each in first.records}
    assert all(keys[each.key] == each for each in fewer.records)
    assert fewer.report.refreshes == ()
    assert fewer.report.missing["freshness"] == fewer.report.missing["conflict"] == "it was left out (--changes 0)"


def test_page_and_numbers_are_written(first: Compared, tmp_path: Path) -> None:
    page = save(first, tmp_path / "report")
    assert page == tmp_path / "report" / PAGE
    text = page.read_text(encoding="utf-8")
    assert first.report.verdict.said in unescape(text)
    assert "instill compare" in text
    numbers = strict((tmp_path / "report" / NUMBERS).read_text(encoding="utf-8"))
    assert numbers["beforehand"] == first.beforehand
    assert numbers["arms"] == [QUOTED, ORACLE]
    assert Path(numbers["outcomes"]) == first.folder
    assert numbers["failures"].get("other", {}) == {}


def test_an_endpoint_that_does_not_answer_gets_no_marks_for_what_is_quoted(
    quoted: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing listens there, and `instill ask` would quote the documents."""
    monkeypatch.setattr("instill.models.generators.endpoint_generator.RETRY_AFTER_S", 0.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    file = tmp_path / "arms.toml"
    file.write_text(f'[arms.dead]\nbase_url = "{url}"\nmodel = "m"\n', encoding="utf-8")
    plan = replace(QUOTING, arms=("dead", QUOTED), own=read_arms(file, Prices()), questions=20, noise=2, changes=1)
    found = compare(quoted.workspace, quoted.study, plan)
    dead = [each for each in found.records if each.outcome.arm == "dead"]
    failures = [each for each in dead if each.error]
    assert all("could not be reached" in each.error for each in failures)
    assert all((each.outcome.reply, each.outcome.right) == ("", 0.0) for each in failures)
    # What the pipeline refuses without asking the model is its own answer.
    assert all(each.outcome.kind == "abstained" for each in dead if not each.error)
    assert {"facts", "freshness", "noise"} <= {each.outcome.task for each in failures}
    need = found.report.verdict.need("facts")
    assert need.scores["dead"].mean == 0.0
    assert need.arm == QUOTED
    [writers] = found.report.writers
    assert (writers.arm, writers.answers, writers.failed) == ("dead", len(dead), len(failures))
    assert (writers.written, writers.unproved, writers.unasked) == (0, 0, 0)
    assert writers.refused == len(dead) - len(failures)
    [missing] = [why for what, why in found.report.missing.items() if what.startswith('"dead", ')]
    assert "they count as wrong" in missing
    assert "could not be reached" in missing
    text = " ".join(as_text(found.report).split())
    assert f'"dead", {len(dead)} answers: 0 written by the model; ' in text
    assert f"{len(failures)} failed, which count as wrong." in text
    assert 'error: "dead" ' in text
    numbers = strict(json.dumps(as_dict(found.report)))
    assert numbers["writers"] == [asdict(writers)]
    assert "Who wrote the answers" in as_html(found.report)


def test_what_a_document_says_now_is_not_mixed_with_what_it_said(quoted: World, tmp_path: Path) -> None:
    kb = Path(shutil.copytree(quoted.workspace.path, tmp_path / "kb"))
    plan = replace(QUOTING, questions=20, noise=0, changes=0)
    with Workspace.open(kb) as workspace:
        study = open_study(workspace.home)
        before = compare(workspace, study, plan)
        workspace.add_text("The timber mill was sold in 1991.", name="sale.txt")
        assert compare(workspace, study, plan).folder != before.folder
        workspace.add_text("The timber mill is gone.", name="mills.txt")
        with pytest.raises(WorkspaceError, match="changed since"):
            compare(workspace, study, plan)


def test_two_processes_do_not_run_the_same_comparison(quoted: World, first: Compared) -> None:
    lock = FileLock(first.folder / "compare.lock")
    with lock, pytest.raises(WorkspaceError, match="Another process runs this comparison"):
        compare(quoted.workspace, quoted.study, QUOTING)


def test_what_cannot_be_compared_is_told_before_anything_is_asked(quoted: World, tmp_path: Path) -> None:
    def refused(said: str, plan: ComparePlan) -> None:
        with pytest.raises(UsageError, match=said):
            compare(quoted.workspace, quoted.study, plan)

    refused("not an arm", ComparePlan(arms=("magic",)))
    refused("needs a generator", ComparePlan(arms=(CLOSED, QUOTED)))
    refused("needs a generator", ComparePlan(arms=(WHOLE, QUOTED)))
    refused("needs two arms", ComparePlan(arms=(QUOTED,)))


@pytest.fixture(scope="module")
def trainable(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("trained")
    world = make_world(folder)
    give_model(world, folder / "base")
    return world


def killed(warm: Warm, kb: Path, there: Callable[[], bool]) -> None:
    """Begin the comparison in a process of its own, and kill it when something is there."""
    worker = warm.start("-m", "tests.compare.small_compare", str(kb))
    deadline = time.monotonic() + 120
    while not there() and worker.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert worker.kill(), "the worker ended before it could be killed"


def loaded() -> int:
    """Local models in memory."""
    return sum(type(each) is LocalGenerator and each._loaded is not None for each in gc.get_objects())


@pytest.mark.long
def test_a_comparison_that_trains_survives_a_kill_and_holds_one_model(
    trainable: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: Warm
) -> None:
    kb = Path(shutil.copytree(trainable.workspace.path, tmp_path / "killed"))
    compared = kb / ".instill" / "compare"
    killed(warm, kb, lambda: any(compared.glob("*/freshness/outcomes.jsonl")))
    assert list(compared.glob("*/copy"))
    resumed = run(kb)

    held: list[tuple[str, int]] = []
    for module, name in (
        (instill.compare.changed.parts_with_changes, "tune"),
        (instill.compare.tuned.skills_lost_part, "forgetting"),
    ):
        real = getattr(module, name)

        def counted(*arguments: Any, real: Any = real, name: str = name, **more: Any) -> Any:
            held.append((name, loaded()))
            return real(*arguments, **more)

        monkeypatch.setattr(module, name, counted)
    whole = run(trainable.workspace.path)
    assert held == [("tune", 0), ("forgetting", 0)]
    assert without_seconds(resumed.records) == without_seconds(whole.records)
    assert resumed.folder.name == whole.folder.name
    for name in ("prompts", "causes", "evidence"):
        assert getattr(resumed.report, name) == getattr(whole.report, name)
    # Sums of two threads differ in the last digits.
    measured = [[(each.arm, each.skill, each.state) for each in one.report.kept] for one in (resumed, whole)]
    assert measured[0] == measured[1]
    assert not list(compared.glob("*/copy"))
    again = run(kb)
    assert [name for name, _ in held[2:]] == ["tune"]  # Which finds the candidate.
    assert kept_ones(again) == kept_ones(resumed)  # To the last digit; where a generator failed, it is asked again.
    assert again.report.kept == resumed.report.kept

    about_closed_books(trainable, whole)
    about_what_was_trained(trainable, whole)


def kept_ones(found: Compared) -> list[Recorded]:
    return [each for each in found.records if not each.error]


def about_closed_books(world: World, found: Compared) -> None:
    """No prompt of an arm without passages holds evidence, and those with passages tell which."""
    evidence = [" ".join(fact.evidence.text.split()) for fact in world.facts]
    seen = set()
    for part in PARTS:
        file = found.folder / part / "compare-prompts.jsonl"
        for line in file.read_text(encoding="utf-8").splitlines()[1:] if file.exists() else ():
            prompt = json.loads(line)
            seen.add((part, prompt["arm"]))
            said = " ".join(" ".join(message["content"] for message in prompt["messages"]).split())
            if prompt["arm"] in (CLOSED, TUNED):
                assert not any(text in said for text in evidence)
                assert "passages" not in prompt
            else:
                assert "passages" in prompt
    assert {("questions", arm) for arm in ARMS} | {("freshness", CLOSED), ("freshness", TUNED)} <= seen
    first = {each.outcome.arm: each.outcome.prompt for each in reversed(found.records)}
    assert set(first.values()) <= set(found.report.prompts)


def about_what_was_trained(world: World, found: Compared) -> None:
    rows = world.study.rows()
    registry = Registry(world.workspace.home)
    trained = {arm: found.report.about[f"{arm} candidate"].partition(":")[0] for arm in (TUNED, AWARE)}
    assert registry.get(trained[TUNED]).card.rows.count == len(rows) + 20  # With replay.
    assert trained[TUNED] != trained[AWARE]
    cards = [registry.get(id_).card for id_ in registry.ids()]
    changed = [card for card in cards if card.parent is not None]
    assert [card.parent for card in changed] == [trained[TUNED]]
    assert {each.skill for each in found.report.kept} >= {"perplexity", "reading", "refusals"}
    prepared = {each.arm: each for each in found.report.preparations}
    assert set(prepared) == {QUOTED, TUNED, BOTH, AWARE}
    assert prepared[BOTH].seconds == pytest.approx(prepared[QUOTED].seconds + prepared[TUNED].seconds)
    again = changed[0].metrics.after["training"]["seconds"]
    assert prepared[TUNED].seconds_per_fact == pytest.approx(again)
    assert {each.arm for each in found.report.refreshes} == set(ARMS)
    strict(json.dumps(found.report.verdict.as_dict()))


def test_arms_are_trained_from_the_workspaces_own_generator(trainable: World) -> None:
    with (
        Workspace.open(trainable.workspace.path) as workspace,
        pytest.raises(UsageError, match="workspace's own generator"),
    ):
        compare(workspace, trainable.study, small_plan("somewhere else"))
