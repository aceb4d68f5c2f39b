"""From a recipe to trained weights: rows, pre-flight, method, objective, loop."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from instill.errors import UsageError, WorkspaceError
from instill.models.generators.model_hash import model_hash
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.train.generator.beforehand.dry_run import dry_run
from instill.train.generator.data.examples import Example, make_examples
from instill.train.generator.data.findings import Finding, refuse_errors
from instill.train.generator.data.mix import mixed
from instill.train.generator.data.rows import Row, rows_hash
from instill.train.generator.data.turns import one_row_a_turn
from instill.train.generator.export.saving import save_candidate
from instill.train.generator.loop import processes
from instill.train.generator.loop.frozen_cache import FrozenCache
from instill.train.generator.loop.loop import Objective, next_token, train, uses_bf16
from instill.train.generator.methods.grpo import train_by_reward
from instill.train.generator.methods.methods import frozen_layers, prepare
from instill.train.generator.methods.preference import train_preferences
from instill.train.generator.methods.teacher import teach
from instill.train.generator.recipes.base import base_folder
from instill.train.generator.recipes.defaults import settled
from instill.train.generator.recipes.recipe import Recipe
from instill.train.generator.rewarding.rewards import rewards_of
from instill.train.progress import TrainingStep, entries, logged, spent

CANDIDATE = "candidate"
"""Folder of the trained weights in the folder of a run."""

LOG, IDENTITY = "log.jsonl", "identity"
"""Files in the folder of a run."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A recipe with everything that it names, opened.

    Args:
        base: folder of the model that training begins from.
        parent: folder of a candidate that is trained on, or None.
        measured_on: rows besides those held out that may not be trained on, such as the gate's.
    """

    recipe: Recipe
    base: Path
    base_hash: str
    tokenizer: Any
    rows: tuple[Row, ...]
    replay: tuple[Row, ...]
    held_out: tuple[Row, ...]
    parent: Path | None = None
    measured_on: tuple[Row, ...] = ()

    @property
    def rows_hash(self) -> str:
        """Names all rows that are trained on."""
        return rows_hash([*self.rows, *self.replay])

    @property
    def identity(self) -> str:
        """Names all that decides the trained weights."""
        parts = [self.base_hash, self.rows_hash, self.recipe.of_weights(), self.parent.name if self.parent else ""]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Outcome of a run.

    Args:
        folder: of the trained weights.
        seconds: of all processes that worked on the run, one after the other.
        steps: of the whole run.
        loss: mean over its last steps.
        reward: what the replies of its last step earned on average; None for other objectives.
    """

    folder: Path
    seconds: float
    steps: int
    loss: float
    findings: tuple[Finding, ...]
    reward: float | None = None


def open_recipe(recipe: Recipe, *, parent: Path | None = None, rows: Sequence[Row] | None = None) -> Prepared:
    """Read what the recipe names, and fill in what it leaves open.

    Args:
        rows: instead of the recipe's own.

    Raises:
        UsageError: a file or the base cannot be read.
    """
    base = base_folder(recipe)
    learnt = tuple(recipe.study_rows() if rows is None else rows)
    return Prepared(
        settled(recipe, len(learnt), base),
        base,
        model_hash(base),
        open_tokenizer(base),
        learnt,
        tuple(recipe.replay_rows()),
        tuple(recipe.held_out_rows()),
        parent,
    )


def fit(
    prepared: Prepared, run: Path, *, caches: Path, progress: Callable[[TrainingStep], None] | None = None
) -> Fitted:
    """Train as the recipe says.

    Args:
        run: folder of the run; a stopped run in it is taken up again.
        caches: where the output of frozen layers is kept, for this run and others.

    Of many processes only the first writes the weights; the others may go on before it has.

    Raises:
        UsageError: pre-flight finds mistakes that would waste the run.
        WorkspaceError: the folder holds another run.
    """
    recipe, started = prepared.recipe, time.monotonic()
    run.mkdir(parents=True, exist_ok=True)
    check_run(run, prepared.identity)
    model = opened_model(prepared)
    findings = dry_run(
        recipe, model, prepared.tokenizer, measure=False, rows=prepared.rows, measured_on=prepared.measured_on
    ).findings
    refuse_errors(findings)
    before = entries(run / LOG)
    last = before[-1] if before else TrainingStep(0, 0, 0.0, 0.0, 0)

    def report(entry: TrainingStep) -> None:
        nonlocal last
        last = entry
        if progress is not None:
            progress(entry)

    watched = logged(run / LOG, report)
    if recipe.objective in ("preference", "reward"):
        model, state = _by_trl(prepared, model, run, watched), None
    else:
        new, replay = (one_row_a_turn(each, prepared.tokenizer) for each in (prepared.rows, prepared.replay))
        rows = [*new, *replay]
        examples = make_examples(rows, prepared.tokenizer)
        objective = _objective(prepared, model, rows, examples, caches)
        model = adapted(prepared, model)
        state = _looped(prepared, model, (examples[: len(new)], examples[len(new) :]), objective, run, caches, watched)
    if processes.is_first():
        save_candidate(model, run / CANDIDATE, state=state)
    seconds = time.monotonic() - started + spent(before)
    return Fitted(run / CANDIDATE, seconds, last.step, last.loss, findings, last.reward)


def check_run(run: Path, identity: str) -> None:
    """Mark the folder of a run as that of these rows and settings.

    Raises:
        WorkspaceError: it holds another run.
    """
    if not processes.is_first():
        return  # The first checks for all, and none reads what it is just writing.
    stamp = run / IDENTITY
    if stamp.exists() and stamp.read_text(encoding="utf-8") != identity:
        raise WorkspaceError(
            "The folder holds a run with other rows or settings.", where=str(run), remedy="Choose another, or empty it."
        )
    stamp.write_text(identity, encoding="utf-8")


def opened_model(prepared: Prepared) -> Any:
    """The base, or the candidate to go on from, as it is trained; without a new adapter.

    Raises:
        UsageError, WorkspaceError: it cannot be opened.
    """
    # Steps are smaller than bfloat16 can add to a weight; adapters are float32 in any case.
    exact = prepared.recipe.method == "full" or processes.count() > 1
    return open_model(prepared.base, candidate=prepared.parent, trainable=True, dtype=torch.float32 if exact else None)


def adapted(prepared: Prepared, model: Any) -> Any:
    """The model with the recipe's adapter around it, where its method has one."""
    torch.manual_seed(prepared.recipe.training.seed)  # A new adapter begins with random numbers.
    return prepare(model, prepared.recipe.as_method())


def _by_trl(prepared: Prepared, model: Any, run: Path, progress: Callable[[TrainingStep], None]) -> Any:
    recipe = prepared.recipe
    if processes.count() > 1:
        raise UsageError(
            f'objective = "{recipe.objective}" trains in one process.', remedy="Start it without a launcher."
        )
    model, tokenizer, rows, chosen = adapted(prepared, model), prepared.tokenizer, prepared.rows, recipe.training
    if recipe.objective == "preference":
        train_preferences(model, tokenizer, rows, chosen, run, beta=recipe.preference.beta, progress=progress)
    else:
        rewards = rewards_of(recipe, tokenizer)
        train_by_reward(model, tokenizer, rows, rewards, recipe.reward, chosen, run, progress=progress)
    return model


def _objective(
    prepared: Prepared, model: Any, rows: Sequence[Row], examples: Sequence[Example], caches: Path
) -> Objective:
    recipe = prepared.recipe
    if recipe.objective != "distil":
        return next_token
    chosen = recipe.distil
    parts = [prepared.base_hash, prepared.rows_hash, prepared.parent and prepared.parent.name, chosen.model_dump()]
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    return teach(
        model,
        prepared.tokenizer,
        rows,
        examples,
        top_k=chosen.top_k,
        temperature=chosen.temperature,
        file=caches / f"teacher-{key}.safetensors",
        identity=key,
    ).objective


def _looped(
    prepared: Prepared,
    model: Any,
    examples: tuple[Sequence[Example], Sequence[Example]],
    objective: Objective,
    run: Path,
    caches: Path,
    progress: Callable[[TrainingStep], None],
) -> Any:
    recipe, (new, replay) = prepared.recipe, examples
    chosen = recipe.training

    def epochs(number: int) -> list[Example]:
        return mixed(new, replay, recipe.data.replay_share, chosen.seed, number)

    below = frozen_layers(model, recipe.as_method())
    if processes.count() > 1:
        below = 0  # A process that finds its rows in the cache would skip layers that the others wait for.
    precision = "bf16" if uses_bf16(chosen.precision) else "fp32"
    cache = FrozenCache(caches, model, below, precision=precision) if below else None
    with closing(cache) if cache is not None else nullcontext():
        return train(
            model,
            epochs,
            chosen,
            run,
            identity=prepared.identity,
            objective=objective,
            lower=cache,
            progress=progress,
        )
