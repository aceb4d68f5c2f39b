"""Trains what the fine-tuned arms need: the facts by heart, and reading among distractors, both with replay."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instill.common.made_from import made_from
from instill.common.progress_watch import Watch
from instill.compare.arms.line_up import BASE, opened
from instill.compare.arms.passages import Passages
from instill.compare.arms.specification import AWARE, TUNED, ArmSpecification
from instill.compare.plan import BARE, ComparePlan
from instill.compare.tuned.kept_replies import KeptReplies
from instill.compare.tuned.order_of_trainings import ArmTraining, trained
from instill.compare.tuned.reading_rows import reading_rows
from instill.compare.tuned.replay import general_prompts, replay_rows
from instill.compare.tuned.tuning_by_recipe import Tuned, TuningPlan, closed_rows, training_of, tune
from instill.errors import UsageError
from instill.measure.jsonl_journal import open_journal
from instill.models.generators.generator_by_word import local_base
from instill.settings.location import expanded
from instill.study.links import linked
from instill.study.stored_study import StoredStudy

if TYPE_CHECKING:
    from instill.workspace import Workspace

Rows = Sequence[Mapping[str, Any]]

_KEPT_BACK = 4
"""Of the base's own replies every so many-th is kept for measuring what was forgotten."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Rows of what the base can do.

    Args:
        shown: with the new rows, in training.
        kept_back: to measure forgetting on; none of them is trained on.
        seconds: that writing those that are shown took; 0 where they were given.
    """

    shown: Rows
    kept_back: Rows
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Trained:
    """The candidates.

    Args:
        by_arm: `TUNED` and `AWARE`, as far as an arm needs them, and `BARE` where the plan wants it.
        replay: rows that were shown with the new ones.
        retention: rows to measure forgetting on; none of them was trained on.
    """

    by_arm: dict[str, Tuned]
    replay: Rows
    retention: Rows


def train_arms(
    workspace: Workspace,
    study: StoredStudy,
    plan: ComparePlan,
    names: Sequence[str],
    folder: Path,
    *,
    watch: Watch | None = None,
    replied: Callable[[int, int], None] = lambda *_: None,
) -> Trained:
    """Train what the arms of these names need; a candidate that is there is used again.

    Args:
        folder: where rows and recipes are kept.
        replied: see `replay_of`.

    Raises:
        UsageError: the base is not the workspace's generator; see `tune`; or no training question has a passage.
        WorkspaceError: another process trains the same, or kept replies are damaged.
        GeneratorError: the base gives no replies for replay.
    """
    arms = [plan.known[name] for name in names]
    watch = watch or Watch()
    trainings = _of_recipes(workspace, arms, plan.on)
    replay = None
    needed = {each.trained_as for each in arms if each.needs_tuning}
    if plan.tuning is not None and needed:
        _check_base(workspace, plan.tuning.base)
        replay = replay_of(workspace, plan, folder, watch, replied)
        trainings += _of_study(workspace, study, plan, plan.tuning, needed, replay, folder)
    if plan.on and not trainings:
        raise UsageError(
            "A cluster trains the fine-tuned arms, and none is trained.",
            where=f"--on {plan.on}",
            remedy="Leave out --on; or set a local model, and choose an arm that is fine-tuned.",
        )
    found = trained(trainings, watch, on=plan.on)
    if replay is None:
        return Trained(found, (), plan.retention or ())
    return Trained(found, replay.shown, replay.kept_back)


def _of_study(
    workspace: Workspace,
    study: StoredStudy,
    plan: ComparePlan,
    tuning: TuningPlan,
    needed: Container[str | None],
    replay: Replay,
    folder: Path,
) -> list[ArmTraining]:
    """What is trained on the study set: the facts by heart, and reading among distractors."""
    found = []

    def add(name: str, about: str, tuning: TuningPlan, named: str, rows: Rows, replay: Replay) -> None:
        train = partial(tune_arm, workspace, tuning, named, rows, replay, folder, on=plan.on)
        found.append(ArmTraining(name, about, train))

    if TUNED in needed:
        rows: Rows = closed_rows(study)
        add(TUNED, "facts by heart", tuning, "known", rows, replay)
        if plan.contrast and replay.shown:
            add(BARE, "facts by heart, without replay", tuning, "bare", rows, Replay((), ()))
    if AWARE in needed:
        rows = reading_rows(
            study.items("train"),
            Passages(workspace, study.facts()),
            plan.wording,
            facts=study.facts(),
            seed=plan.seed,
            unknown=plan.unknown,
        )
        rows = linked(rows, study.facts(), study.card.made_from | made_from(workspace.documents()))
        reading = replace(tuning, epochs=tuning.reading_epochs or tuning.epochs)
        add(AWARE, "reading among distractors", reading, "reading", rows, replay)
    return found


def _of_recipes(workspace: Workspace, arms: Sequence[ArmSpecification], on: str) -> list[ArmTraining]:
    """The recipes of a user's arms; a candidate that is there is used again, and nothing is promoted.

    Raises:
        UsageError: a recipe cannot be read, or its base is not the workspace's generator.
    """
    from instill.train.generator.recipes.recipe import Recipe, read_recipe
    from instill.train.pipeline import train_recipe

    def train(recipe: Recipe, file: Path, watch: Watch) -> Tuned:
        outcome = train_recipe(workspace.home, recipe, promote=False, on=on, watch=watch)
        seconds, steps = training_of(outcome.card, outcome.folder)
        return Tuned(outcome.card.id, seconds, 0, steps, file, outcome.folder)

    found = []
    for arm in arms:
        if arm.own is None or arm.own.recipe is None:
            continue
        recipe = read_recipe(arm.own.recipe)
        _check_base(workspace, recipe.base)
        found.append(ArmTraining(arm.name, f"training {arm.name}", partial(train, recipe, arm.own.recipe)))
    return found


def tune_arm(
    workspace: Workspace,
    plan: TuningPlan,
    name: str,
    rows: Rows,
    replay: Replay,
    folder: Path,
    watch: Watch,
    *,
    on: str = "",
) -> Tuned:
    """Train what an arm needs, in its own folder below `folder`; see `tune` for `on`."""
    named = replace(plan, name=f"{plan.name}-{name}")
    return tune(
        workspace.home,
        named,
        rows,
        folder / named.name,
        replay=replay.shown,
        replay_seconds=replay.seconds,
        on=on,
        watch=watch,
    )


def replay_of(
    workspace: Workspace,
    plan: ComparePlan,
    folder: Path,
    watch: Watch,
    replied: Callable[[int, int], None] = lambda *_: None,
) -> Replay:
    """The plan's rows, or else the base's own replies; each of these is asked for once, also over several runs.

    Args:
        folder: where the base's replies are kept.
        replied: is told how many prompts are answered, of how many.
    """
    if plan.replay is not None:
        return Replay(plan.replay, plan.retention or ())
    watch.stage("asking the base for replay")
    own, seconds = _own_replies(workspace, folder, replied)
    kept_back = [row for number, row in enumerate(own) if number % _KEPT_BACK == 0]
    shown = [row for number, row in enumerate(own) if number % _KEPT_BACK]
    return Replay(
        shown, plan.retention if plan.retention is not None else kept_back, seconds * len(shown) / max(1, len(own))
    )


def _own_replies(
    workspace: Workspace, folder: Path, replied: Callable[[int, int], None]
) -> tuple[list[dict[str, Any]], float]:
    """What the base says to general prompts, and the seconds that this took."""
    from instill.models.generators.model_hash import model_hash

    local = local_base(workspace.settings.generator)
    if not local:
        raise UsageError(
            "Replay by the base itself needs it as the workspace's generator.",
            where="generator.folder",
            remedy="Set generator.folder to the base, or name rows of replay.",
        )
    base = model_hash(Path(local))
    prompts = general_prompts()
    file = folder / f"replay-{base}.jsonl"
    with open_journal(file, base, noun="a reply", work="asking this model for replay") as journal:
        kept = KeptReplies(lambda: opened(workspace, BASE), journal, lambda count: replied(count, len(prompts)))
        return replay_rows(kept, prompts), kept.seconds


def _check_base(workspace: Workspace, base: str) -> None:
    """The arms are asked with the workspace's generator, so that it must be what is trained."""
    folder = local_base(workspace.settings.generator)
    if not folder or expanded(folder).resolve() != expanded(base).resolve():
        raise UsageError(
            "Arms are fine-tuned from the workspace's own generator.",
            where=f"base = {base}, generator.folder = {folder or 'not set'}",
            remedy="Set generator.folder to the base.",
        )
