"""How much data is needed: a recipe's rows, or a study set's, trained in growing sizes and asked each time.

Every training is the ordinary one (`instill.train.generator.run`), on a part of the rows; all of them share the output
of frozen layers. Nothing gets into the registry: what is kept are the scores, each as soon as it is there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from instill.common.made_from import keep_beside
from instill.common.purges import keeping, last_purge
from instill.curve.laws.fitting import FEWEST_SIZES
from instill.curve.material import By, Material, identity_of
from instill.curve.overfitting import Overfitting, find_overfitting
from instill.curve.running import Curve, CurveProgress, measure_curve
from instill.curve.sizes import data_sizes
from instill.curve.trainings import Trainings
from instill.errors import ForgottenMeanwhile, UsageError
from instill.measure.jsonl_journal import open_journal
from instill.train.generator.data.mix import replay_count

if TYPE_CHECKING:
    from instill.train.generator.run import Prepared

SEEDS = 3
"""Trainings of a size, where nothing else is said."""

ALLOWED_GAP = 0.1
"""By how much taught rows may be better than questions, in scores, before it is called learning by heart."""

RESULTS_FILE, BESIDE_FILE = "results.jsonl", "beside.jsonl"

_SMALLEST = 10


@dataclass(frozen=True, slots=True)
class CurveWatch:
    """Receivers of progress.

    Args:
        result: a training was scored, or taken up.
        step: (rows, seed, steps done, steps in all) within a training.
    """

    result: Callable[[CurveProgress], None] = field(default=lambda _: None)
    step: Callable[[int, int, int, int], None] = field(default=lambda *_: None)


@dataclass(frozen=True, slots=True)
class CurveSettings:
    """What is measured.

    Args:
        sizes: numbers of rows; () for sizes on a log scale up to all rows.
        seeds: trainings of a size at most, from 1.
        gain: the least that a doubling has to bring, in scores, above 0 and below 1.
        have: rows that are there; None: all rows.
        by: what a smaller size has less of.
        equal_steps: every size is trained in as many steps as all rows are.
        settle: leave out trainings and sizes that would change nothing.
    """

    sizes: tuple[int, ...] = ()
    seeds: int = SEEDS
    gain: float = 0.01
    have: int | None = None
    by: By = "fact"
    equal_steps: bool = False
    settle: bool = True


@dataclass(frozen=True, slots=True)
class MeasuredCurve:
    """A curve with what was found beside it.

    Args:
        material: what was taught and asked.
        base: folder of the model.
        folder: where the results are kept.
        steps: of each size.
        taught: mean score on rows that were taught, by size; () of those that are plain texts.
        controls: mean score on questions about facts that were never taught, by size.
        overfitting: None where it could not be looked for.
        notes: what a reader should know, a sentence each.
    """

    material: Material
    base: str
    folder: Path
    curve: Curve
    steps: Mapping[int, int]
    taught: Mapping[int, float]
    controls: Mapping[int, float]
    overfitting: Overfitting | None
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        curve = self.curve
        return {
            "name": self.material.name,
            "base": self.base,
            "folder": str(self.folder),
            "rows": len(self.material.rows),
            "questions": len(self.material.asked),
            "scoring": self.material.scoring,
            "results": [
                {"size": each.size, "seed": each.seed, "mean": each.mean, "seconds": each.seconds}
                for each in sorted(curve.results, key=lambda each: (each.size, each.seed))
            ],
            "steps": {str(size): steps for size, steps in self.steps.items()},
            "taught": {str(size): mean for size, mean in self.taught.items()},
            "controls": {str(size): mean for size, mean in self.controls.items()},
            "skipped_sizes": list(curve.skipped_sizes),
            "skipped_seeds": curve.skipped_seeds,
            "fit": curve.fit.as_dict(),
            "advice": curve.advice.as_dict(),
            "overfitting": self.overfitting.as_dict() if self.overfitting else None,
            "notes": list(self.notes),
        }


def measure_data_curve(
    home: Path,
    material: Material,
    folder: Path | None,
    settings: CurveSettings | None = None,
    watch: CurveWatch | None = None,
    *,
    on: str = "",
) -> MeasuredCurve:
    """Train on growing parts of the rows, score each time, and say how much data is needed.

    A run that was stopped, by whatever, goes on when it is called again with the same material and folder: with the
    training that it was in, from its last checkpoint. Further sizes and seeds can be added in the same way.

    Args:
        home: the workspace's `.instill`.
        folder: where the results are kept, made if it is missing; None: `curves/<name>-<identity>` in the workspace.
        on: a Ray cluster, "ray" or "ray://HOST:PORT": several trainings at a time, on its nodes.

    Raises:
        UsageError: pre-flight finds what would waste the run, or a size is not possible.
        WorkspaceError: the folder holds results of something else, or another process measures there.
    """
    from instill.train.generator.loop import processes
    from instill.train.generator.recipes.base import base_folder
    from instill.train.generator.recipes.defaults import settled
    from instill.train.generator.run import open_recipe

    chosen, watch = settings or CurveSettings(), watch or CurveWatch()
    since = last_purge(home)
    _check_settings(material, chosen)
    # Every size is trained as all rows are: epochs that differed by size would be measured along with the rows.
    recipe = settled(material.recipe, len(material.rows), base_folder(material.recipe))
    material = replace(material, recipe=recipe)
    if processes.count() > 1:
        raise UsageError("A data curve is measured in one process.", remedy="Start it without a launcher.")
    material = _with_equal_steps(material) if chosen.equal_steps else material
    prepared = replace(
        open_recipe(material.recipe, rows=material.rows), measured_on=(*material.asked.rows, *material.controls.rows)
    )
    _preflight(prepared)
    identity = identity_of(material, prepared.base_hash, prepared.replay, chosen.by)
    folder = folder or home / "curves" / f"{material.recipe.name}-{identity}"
    folder.mkdir(parents=True, exist_ok=True)
    keep_beside(folder, material.made_from)
    sizes = chosen.sizes or default_sizes(material, chosen.by)
    noun, work = "a result of a curve", "measuring this curve"
    with open_journal(folder / BESIDE_FILE, identity, noun=noun, work=work) as beside:
        trainings = Trainings(home, material, prepared, chosen.by, identity, watch.step)
        for place, line in beside.lines:
            if not {"size", "seed", "taught", "controls"} <= line.keys():
                raise beside.damaged(place)
            trainings.beside[line["size"], line["seed"]] = line

        order = [(size, seed) for size in sorted(sizes) for seed in range(chosen.seeds)]
        missing = [each for each in order if each not in trainings.beside]
        with _trainer(on, missing, trainings, (material, prepared, chosen.by, identity)) as train:

            def scored(size: int, seed: int) -> Sequence[float]:
                scores, line = train(size, seed)
                beside.add(line)
                trainings.beside[size, seed] = line
                return scores

            curve = measure_curve(
                scored,
                sizes,
                range(chosen.seeds),
                folder / RESULTS_FILE,
                identity=identity,
                groups=material.groups,
                gain=chosen.gain,
                have=len(material.rows) if chosen.have is None else chosen.have,
                width=0.05 if chosen.settle else None,
                settle=chosen.settle,
                seconds=lambda size, seed: trainings.beside[size, seed]["seconds"],
                progress=watch.result,
            )
        trainings.tidy()
    try:
        with keeping(home, material.made_from, since):
            pass
    except ForgottenMeanwhile:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return _told(material, prepared, curve, trainings.beside, chosen.by, folder)


@contextmanager
def _trainer(
    on: str, order: Sequence[tuple[int, int]], here: Trainings, what: tuple[Material, Prepared, By, str]
) -> Iterator[Callable[[int, int], tuple[list[float], dict[str, Any]]]]:
    """Who trains: this process, or a cluster."""
    if not on:
        yield here.run
        return
    from instill.common.ray_cluster import RayCluster
    from instill.curve.on_ray import Ahead

    with RayCluster(on) as cluster:
        yield Ahead(cluster, order, *what).run


def default_sizes(material: Material, by: By = "fact") -> tuple[int, ...]:
    """Sizes on a log scale up to all rows, at least as many as a curve needs where there are rows enough.

    By wording, the smallest size has one row about each fact.
    """
    count = len(material.rows)
    smallest = max(1, min(_SMALLEST, count // 16))
    if by == "wording" and material.row_groups is not None:
        smallest = len(set(material.row_groups))
    sizes: list[int] = []
    for per_decade in range(3, 21):
        sizes = data_sizes(smallest, count, per_decade=per_decade)
        if len(sizes) > FEWEST_SIZES:
            break
    return tuple(sizes)


def steps_of_size(material: Material, size: int) -> int:
    """Steps of a training on `size` rows, and the replay that is mixed in."""
    chosen, data = material.recipe.training, material.recipe.data
    rows = size + (replay_count(size, data.replay_share) if data.replay else 0)
    return chosen.steps or chosen.epochs * -(-rows // chosen.batch_size)


def _check_settings(material: Material, chosen: CurveSettings) -> None:
    if chosen.by == "wording" and material.row_groups is None:
        raise UsageError(
            "The rows do not say which of them are about the same.",
            where="data.rows",
            remedy='Give each row the key "facts", a list of names, or leave --by wording out.',
        )
    if chosen.seeds < 1:
        raise UsageError("A size is trained once at least.", where=f"seeds: {chosen.seeds}")
    if not 0 < chosen.gain < 1:
        raise UsageError("The gain of a doubling must be between 0 and 1.", where=f"gain: {chosen.gain:g}")
    if chosen.have is not None and chosen.have < 1:
        raise UsageError("At least one row is there.", where=f"have: {chosen.have}")
    for size in chosen.sizes:
        if not 1 <= size <= len(material.rows):
            raise UsageError(
                f"A size of {size} rows cannot be drawn from {len(material.rows)}.",
                where="sizes",
                remedy=f"Choose sizes from 1 to {len(material.rows)}, or add rows.",
            )


def _with_equal_steps(material: Material) -> Material:
    recipe = material.recipe
    steps = steps_of_size(material, len(material.rows))
    training = recipe.training.model_copy(update={"steps": steps})
    return replace(material, recipe=recipe.model_copy(update={"training": training}))


def _preflight(prepared: Prepared) -> None:
    """Find what is wrong with any row before the smallest part of them is trained on."""
    from instill.models.generators.transformers_models import open_model
    from instill.train.generator.beforehand.dry_run import dry_run
    from instill.train.generator.data.findings import refuse_errors

    model = open_model(prepared.base)
    report = dry_run(
        prepared.recipe,
        model,
        prepared.tokenizer,
        measure=False,
        rows=prepared.rows,
        measured_on=prepared.measured_on,
    )
    refuse_errors(report.findings)


def _told(
    material: Material,
    prepared: Prepared,
    curve: Curve,
    beside: Mapping[tuple[int, int], Mapping[str, Any]],
    by: By,
    folder: Path,
) -> MeasuredCurve:
    sizes = sorted({result.size for result in curve.results})
    seeds = {size: [result.seed for result in curve.results if result.size == size] for size in sizes}

    def values(key: str) -> dict[int, list[float]]:
        found = {
            size: [each for seed in seeds[size] for each in beside.get((size, seed), {}).get(key, ())] for size in sizes
        }
        return {size: each for size, each in found.items() if each}

    taught, controls = values("taught"), values("controls")
    steps = {size: steps_of_size(material, size) for size in sizes}
    return MeasuredCurve(
        material=material,
        base=str(prepared.base),
        folder=folder,
        curve=curve,
        steps=steps,
        taught=_means(taught),
        controls=_means(controls),
        overfitting=_overfitting(material, curve, taught, by),
        notes=(*curve.fit.notes, *_notes(material, steps, _means(controls), by)),
    )


def _means(values: Mapping[int, Sequence[float]]) -> dict[int, float]:
    return {size: float(np.mean(each)) for size, each in values.items()}


def _overfitting(material: Material, curve: Curve, taught: Mapping[int, Sequence[float]], by: By) -> Overfitting | None:
    """Along the sizes; None where fewer than two of them, or of the questions' groups, can be compared."""
    if len(taught) < 2 or len(set(material.groups)) < 2:
        return None
    held_out = [
        np.mean([result.scores for result in curve.results if result.size == size], axis=0).tolist() for size in taught
    ]
    # Questions about facts that a size does not tell are no sign of learning by heart.
    allowed = None if material.of_facts and by == "fact" else ALLOWED_GAP
    return find_overfitting(
        list(taught),
        list(taught.values()),
        held_out,
        unit="score",
        along="size",
        groups=material.groups,
        allowed=allowed,
    )


def _notes(material: Material, steps: Mapping[int, int], controls: Mapping[int, float], by: By) -> list[str]:
    notes = []
    first, last = min(steps), max(steps)
    if steps[first] < steps[last]:
        notes.append(
            f"The {first:,} rows were trained in {steps[first]:,} steps, the {last:,} in {steps[last]:,}: part of the "
            "rise may come from the steps. With --equal-steps every size gets as many."
        )
    if material.of_facts and by == "fact":
        notes.append(
            "Asked are all facts of the study set, also those that a smaller size does not tell. With --by wording "
            "every size tells all facts, in fewer rows each."
        )
    if by == "wording":
        notes.append("Every size tells all facts; a smaller one tells each in fewer rows.")
    if controls:
        notes.append(
            f"Of the questions about facts that were never taught, {controls[max(controls)]:.0%} are answered rightly "
            "at the largest size: so much is guessed."
        )
    return notes
