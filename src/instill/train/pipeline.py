"""From rows to a promoted adapter, from top to bottom: `train_recipe`, and its steps below it in their order.

The recipe names the rows. They come from a study set (`instill.study.study_workspace` makes it), from files, or from
both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from instill.common.made_from import keep_beside
from instill.common.progress_watch import Watch
from instill.common.purges import keeping, last_purge
from instill.common.waiting_threads import wait_passively
from instill.errors import ForgottenMeanwhile, InstillError, UsageError
from instill.models.registry.card import Card
from instill.models.registry.champions import Champions
from instill.models.registry.store import Candidate, Registry
from instill.settings.location import plugins_off
from instill.train.candidate_card import (
    all_sources,
    first_card,
    gate_hash,
    gate_score,
    known_candidate,
    with_gate,
    with_training,
)
from instill.train.gate.reply_samples import keep as keep_replies
from instill.train.run_folder import held, tidy

if TYPE_CHECKING:
    from instill.train.gate.recipe_gate import OpenedGate
    from instill.train.gate.run import Interpolated
    from instill.train.generator.data.rows import Row
    from instill.train.generator.recipes.recipe import Recipe
    from instill.train.generator.run import Fitted, Prepared
    from instill.train.progress import TrainingStep


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The result of a recipe.

    Args:
        folder: the folder of the candidate in the registry.
        fitted: the training. None if the same candidate existed already.
        tried: the gate's verdicts. None without a gate, or if they existed already.
        promoted: whether it is the champion of its base now.
        replaced: the champion that it took the place of. None if there was none.
        better: the champion that stays because it scored higher on the same gate; see `better_champion`.
    """

    card: Card
    folder: Path
    fitted: Fitted | None
    tried: Interpolated | None
    promoted: bool
    replaced: str | None = None
    better: str | None = None


def train_recipe(
    home: Path,
    recipe: Recipe,
    *,
    parent: str | None = None,
    rows: Sequence[Row] | None = None,
    promote: bool = True,
    again: bool = False,
    on: str = "",
    workers: int = 1,
    since: str | None = None,
    watch: Watch | None = None,
) -> TrainingResult:
    """Train a candidate, hold it against the recipe's gate, and put it into the registry with its card.

    A candidate that is there already is not trained again. It is measured again when the gate's file or one that it
    names has changed. In each of several processes the same is called; only the first touches gate and registry.

    Args:
        home: the workspace's `.instill`.
        parent: id of a candidate that is trained on.
        rows: instead of the recipe's own.
        promote: make it the champion of its base when the gate lets it pass. Without a gate nothing is promoted. A
            champion that scored higher on the same gate stays.
        again: train also when the very same candidate is there.
        on: train on a node of this Ray cluster, "ray" or "ray://HOST:PORT"; the gate is measured here.
        workers: processes on nodes of the cluster that train together.
        since: the mark of purges when the rows were read; None: now. See `instill.common.purges`.

    Raises:
        ForgottenMeanwhile: a document of the rows was forgotten or purged meanwhile; the candidate is not kept.
        UsageError: the recipe, its files or the gate cannot be used, or pre-flight finds what would waste the run; or
            there is no cluster.
        WorkspaceError: the run's folder or the parent is damaged, or another process trains the same.
    """
    from instill.train.generator.loop import processes

    wait_passively()
    watch = watch or Watch()
    if workers > 1 and not on:
        raise UsageError(
            "Several workers train on a Ray cluster only.",
            where=f"workers: {workers}",
            remedy="Name the cluster, e.g. --on ray; without one, start the command with: accelerate launch",
        )
    since = last_purge(home) if since is None else since
    watch.stage("opening")
    processes.wait()  # The parent may be what the first process is just putting into the registry.
    registry = Registry(home)
    start = registry.check(parent) if parent is not None else None
    prepared, gate = _opened(recipe, start, rows, home)
    card = first_card(prepared, start.card if start else None)
    known = None if again else _known(registry, card)
    if known is not None and (gate is None or gate_hash(known.card) == gate.hash):
        return _as_before(registry, known)

    with held(home / "runs" / card.id) as run:
        if processes.is_first():
            keep_beside(run, card.made_from)
        if known is not None and known.card.id == card.id:
            # The same but for the gate, which it is now measured by.
            _refuse_what_was_trained_on(prepared)
            card, weights, fitted = known.card.model_copy(update={"recipe": card.recipe}), known.folder, None
        else:
            fitted = _trained(prepared, run, home, on, workers, watch)
            card, weights = with_training(card, fitted), fitted.folder
        if not processes.is_first():
            return TrainingResult(card, registry.folder / card.id, fitted, None, False)
        tried = None
        if gate is not None:
            card, weights, tried = _measured(prepared, card, weights, gate, run, home, watch)
        try:
            with keeping(home, card.made_from, since):
                card = registry.add(weights, card)
        except ForgottenMeanwhile:
            tidy(run)  # Its checkpoints learned from the document.
            raise
        tidy(run)

    better = better_champion(registry, card)
    promoted = promote and tried is not None and tried.passed and better is None
    before = Champions(registry).promote(card.id).before if promoted else None
    replaced = before if before != card.id else None
    return TrainingResult(card, registry.folder / card.id, fitted, tried, promoted, replaced, better)


def better_champion(registry: Registry, card: Card) -> str | None:
    """The champion of the candidate's base if it was measured by the same gate and scored higher there.

    Both scores are means over the same rows. A candidate that meets every condition of its gate can still be worse than
    what is in use, so this is asked before it takes the place. None where the gates differ: their scores say nothing
    about each other.
    """
    in_use = Champions(registry).champion(card.base.hash)
    if in_use is None or in_use == card.id:
        return None
    try:
        champion = registry.get(in_use).card
    except InstillError:
        return None  # Damaged or gone: whatever passed the gate is better.
    scores = [gate_score(each) for each in (champion, card)]
    if gate_hash(champion) != gate_hash(card) or scores[0] is None or scores[1] is None:
        return None
    return champion.id if scores[0] > scores[1] else None


# -- the steps, in their order -----------------------------------------------------------------------------------------


def _opened(
    recipe: Recipe, start: Candidate | None, rows: Sequence[Row] | None, home: Path
) -> tuple[Prepared, OpenedGate | None]:
    """The recipe with its rows and base, and its gate with the rows that it measures on."""
    from instill.train.gate.recipe_gate import opened_gate
    from instill.train.generator.run import open_recipe

    prepared = open_recipe(recipe, parent=start.folder if start else None, rows=rows)
    if start is not None:
        check_parent(start.card, prepared)
    gate = opened_gate(prepared, plugins_off(home.parent))
    return replace(prepared, measured_on=gate.rows if gate else ()), gate


def check_parent(parent: Card, prepared: Prepared) -> None:
    """Weights are kept as their difference from the base, so what goes on must train what its parent did.

    Raises:
        UsageError: the parent has another base, or was trained in another way.
    """
    if parent.base.hash != prepared.base_hash:
        raise UsageError("The candidate to go on from has another base.", where=parent.id)
    own = prepared.recipe.effective()
    keys = ("method", "last_layers", "modules", "lora")
    differing = [key for key in keys if parent.recipe.get(key) != own.get(key)]
    if not differing and own["method"] == "dora" and "scale" in parent.recipe:
        differing = ["scale"]
    if differing:
        raise UsageError(
            f"The candidate to go on from was trained in another way: {', '.join(differing)} differ.",
            where=parent.id,
            remedy="Train on with the same method, last_layers, modules and [lora].",
        )


def _known(registry: Registry, card: Card) -> Candidate | None:
    """The candidate that the same recipe made before; its card names the documents of both times from now on."""
    known = known_candidate(registry, card)
    if known is not None and known.card.made_from != card.made_from:
        return replace(known, card=registry.update(known.card.id, documents=all_sources(known.card, card)))
    return known


def _as_before(registry: Registry, known: Candidate) -> TrainingResult:
    """Nothing to do: it is trained, and measured by this gate."""
    champion = Champions(registry).champion(known.card.base.hash)
    return TrainingResult(known.card, known.folder, None, None, champion == known.card.id)


def _refuse_what_was_trained_on(prepared: Prepared) -> None:
    """A training finds it before it begins; a candidate that is there may have been trained on a new gate's rows.

    Raises:
        UsageError: the gate measures on rows that were trained on.
    """
    from instill.train.generator.data.duplicates import duplicate_findings
    from instill.train.generator.data.findings import refuse_errors

    refuse_errors(duplicate_findings([*prepared.rows, *prepared.replay], prepared.measured_on))


def _trained(prepared: Prepared, run: Path, home: Path, on: str, workers: int, watch: Watch) -> Fitted:
    """The weights, in the folder of the run; a run that was stopped goes on from its last checkpoint, here or there."""
    from instill.train.checkpoint_file import begun_at
    from instill.train.gate.recipe_gate import gate_findings
    from instill.train.generator.beforehand.few_steps import few_steps
    from instill.train.generator.run import fit
    from instill.train.progress import CHECKPOINT

    steps = few_steps(prepared.recipe, len(prepared.rows), prepared.base)
    for each in (*steps, *gate_findings(prepared.recipe, prepared.tokenizer)):
        watch.warning(each)
    begun = begun_at(run / CHECKPOINT)
    watch.stage(f"training, from step {begun + 1} on" if begun else "training")

    def progress(step: TrainingStep) -> None:
        watch.progress(step.step, step.steps, step.said)

    if on:
        from instill.train.generator.on_ray import fit_on

        return fit_on(on, prepared, run, workers=workers, progress=progress)
    return fit(prepared, run, caches=home / "frozen", progress=progress)


def _measured(
    prepared: Prepared, card: Card, weights: Path, gate: OpenedGate, run: Path, home: Path, watch: Watch
) -> tuple[Card, Path, Interpolated]:
    """The gate's verdict, and the weights that it chose: all of the change or a part of it."""
    from instill.train.gate.recipe_gate import chosen_weights, judged

    watch.stage("measuring")
    tried = judged(gate.gate, prepared, weights, home / "gates", told=watch.progress)
    weights, card = chosen_weights(prepared, weights, run, with_gate(card, tried, gate.hash), tried)
    keep_replies(home, card.id, tried.chosen.replies)
    return card, weights, tried
