"""curve: how much data is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from instill.cli.callers import asked_by
from instill.cli.output import (
    JsonOption,
    LabelOption,
    OnOption,
    WorkspaceOption,
    clean,
    columns,
    print_json,
    progress_bar,
    typed,
)
from instill.cli.output_place import must_be_writable
from instill.cli.terminal import say, say_block
from instill.common.extras import how_to_install
from instill.errors import MissingDependency, UsageError

if TYPE_CHECKING:
    from instill.common.made_from import Caller
    from instill.curve.growing import CurveWatch, MeasuredCurve
    from instill.curve.material import Material
    from instill.curve.running import CurveProgress
    from instill.train.gate.scoring import Scoring


def register(parent: typer.Typer) -> None:
    """Add this command to the application."""
    parent.command("curve")(curve)


def curve(
    source: Annotated[
        str,
        typer.Argument(
            metavar="[RECIPE|ID]",
            help="A recipe with held-out rows; with --study: id of a study set (default: the newest).",
            show_default=False,
        ),
    ] = "",
    study: Annotated[
        bool,
        typer.Option("--study", help="Train on the rows of a study set, and ask its gate questions without documents."),
    ] = False,
    like: Annotated[
        Path | None,
        typer.Option(
            "--recipe",
            metavar="FILE",
            help="With --study: train with this recipe's settings on the rows of the study set.",
        ),
    ] = None,
    base: Annotated[
        str,
        typer.Option(
            metavar="FOLDER",
            help='Model to train: a folder, "smollm2" or "micro"; default: the recipe\'s, or generator.folder.',
        ),
    ] = "",
    sizes: Annotated[
        str,
        typer.Option(metavar="N,N,...", help="Numbers of rows; default: evenly spaced on a log scale, up to all rows."),
    ] = "",
    seeds: Annotated[int, typer.Option(min=1, help="Maximum number of trainings for each size.")] = 3,
    gain: Annotated[float, typer.Option(help="Gain in score that doubling the rows should bring.")] = 0.01,
    have: Annotated[
        int | None, typer.Option(min=1, help="Number of rows that you have; default: those of the recipe.")
    ] = None,
    by: Annotated[
        Literal["fact", "wording"],
        typer.Option(help="What smaller sizes leave out: whole facts, or rows about each fact."),
    ] = "fact",
    score: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC",
            help="How replies are scored: exact, verbatim, f1, json, contains, or the metric of a plug-in; default: "
            "exact, or json if the recipe names a schema.",
        ),
    ] = None,
    equal_steps: Annotated[
        bool, typer.Option("--equal-steps", help="Train every size for as many steps as all rows get.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Measure all sizes and seeds; no early stop.")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder for results, page and chart.", show_default=False)
    ] = None,
    on: OnOption = "",
    label: LabelOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find out how much data is needed: train on growing parts of the rows, and ask held-out questions each time.

    Fits the curve of the scores and says whether a doubling of the rows is worth it, how many rows more to collect,
    and whether rows are learned by heart. It stops early when larger sizes would change nothing. If a
    run is stopped, the same command continues it.

    Example: `instill curve json.toml --seeds 3 --out curve`

    Example: `instill curve --study --base models/qwen --by wording`
    """
    from instill.curve.growing import CurveSettings, measure_data_curve
    from instill.curve.page import write_page

    _check_packages()
    must_be_writable(out, "--out", folder=True)
    with asked_by(workspace, label) as (home, caller):
        material = _material(study, source, like, base, score, home, caller)
    settings = CurveSettings(_numbers(sizes), seeds, gain, have, by, equal_steps, settle=not everything)
    with progress_bar("Measuring", hidden=as_json) as update:
        measured = measure_data_curve(home, material, out, settings, _watch(update), on=on)
    files = write_page(measured, [typed()])
    if as_json:
        print_json({"files": [str(file) for file in files], **measured.as_dict()})
    else:
        _print(measured, files)


def _check_packages() -> None:
    from importlib.util import find_spec

    for package in ("torch", "transformers"):
        if find_spec(package) is None:
            raise MissingDependency("This trains models.", where=package, remedy=how_to_install("train"))


def _of_recipe(source: str, base: str, score: Scoring | None) -> Material:
    from instill.curve.material import recipe_material, with_base
    from instill.train.generator.recipes.recipe import read_recipe

    if not source:
        raise UsageError("No recipe is named.", remedy="Run: instill curve RECIPE.toml, or: instill curve --study [ID]")
    recipe = read_recipe(Path(source))
    return recipe_material(with_base(recipe, base) if base else recipe, score)


def _material(
    study: bool, source: str, like: Path | None, base: str, score: Scoring | None, home: Path, caller: Caller
) -> Material:
    """What is trained and asked.

    Raises:
        UsageError: it cannot be used, or the caller may not see the documents that it was made from.
    """
    from instill.settings.location import plugins_off
    from instill.train.gate.metrics import known_scoring

    if score is not None:
        known_scoring(score, plugins_off(home.parent))
    if not study:
        if like is not None:
            raise UsageError("--recipe goes with --study.", remedy=f"Run: instill curve {like}")
        material = _of_recipe(source, base, score)
    elif score is not None:
        raise UsageError("A study set's answers are scored as comparisons do.", remedy="Leave --score out.")
    else:
        material = _of_study(home, source, like, base, caller)
    if not caller.sees(material.made_from):
        raise UsageError(
            "The rows were made from documents that this caller does not see.",
            where=source,
            remedy="Make a study set with the same --label: instill study make --label LABEL",
        )
    return material


def _of_study(home: Path, reference: str, like: Path | None, base: str, caller: Caller) -> Material:
    from instill.curve.material import study_material, study_recipe
    from instill.models.generators.named_model import with_named_model
    from instill.settings import SETTINGS_FILE, load_settings
    from instill.study.stored_study import open_study
    from instill.train.generator.recipes.recipe import read_recipe

    study = open_study(home, reference, caller)
    recipe = None if like is None else read_recipe(like)
    if recipe is None and not base:
        chosen = with_named_model(load_settings(home.parent / SETTINGS_FILE)).generator
        base = chosen.folder or chosen.gguf
    return study_material(study, study_recipe(study, base, recipe))


def _numbers(sizes: str) -> tuple[int, ...]:
    try:
        return tuple(int(each.strip().replace("_", "")) for each in sizes.split(",")) if sizes.strip() else ()
    except ValueError as error:
        raise UsageError(
            "The sizes are whole numbers of rows with commas between them.",
            where=sizes,
            remedy="E.g. --sizes 10,30,100",
        ) from error


def _watch(update: Callable[[int, int, str], None]) -> CurveWatch:
    from instill.curve.growing import CurveWatch

    done, most = 0, 0

    def result(entry: CurveProgress) -> None:
        nonlocal done, most
        done, most = entry.done, entry.most
        update(done, most, f"{entry.result.size} rows, seed {entry.result.seed}: {entry.result.mean:.2f}")

    def step(size: int, seed: int, number: int, steps: int) -> None:
        update(done, most, f"{size} rows, seed {seed}: step {number} of {steps}")

    return CurveWatch(result, step)


def _print(measured: MeasuredCurve, files: Sequence[Path]) -> None:
    from instill.curve.page import curve_table, left_out

    say(clean(f"{measured.material.name}: {measured.material.label} by number of rows", 150), bold=True)
    head, rows = curve_table(measured)
    say_block(columns([[name.lower() for name in head], *rows]) + "\n")
    advice = measured.curve.advice
    colours = {"stop": "green", "collect": "yellow"}
    say(advice.said, bold=True, fg=colours.get(advice.kind))
    if measured.overfitting is not None:
        found = measured.overfitting.kind != "none"
        say(measured.overfitting.said, bold=found, fg="yellow" if found else None)
    if spared := left_out(measured):
        say(spared)
    for note in measured.notes:
        say(f"note: {note}", dim=True)
    say("", *(f"Wrote {file}" for file in files))
