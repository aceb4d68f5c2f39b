"""lab: the fictional world, its micro model, and the experiments on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from instill.cli.output import JsonOption, OnOption, columns, print_json, progress_bar, typed
from instill.cli.output_place import must_be_writable
from instill.cli.terminal import say, say_block
from instill.errors import UsageError

app = typer.Typer(
    no_args_is_help=True,
    help="Measure learning and forgetting in minutes, on a micro model of a fictional world; needs the extra [train].",
)

ModelOption = Annotated[Path | None, typer.Option("--model", help="Folder of a model; default: the shipped one.")]


def register(parent: typer.Typer) -> None:
    """Add this group to the application."""
    parent.add_typer(app, name="lab")


@app.command(name="list")
def list_experiments(as_json: JsonOption = False) -> None:
    """List the experiments, the question of each, and the papers whose findings it repeats.

    Example: `instill lab list`
    """
    from instill.lab.experiments.all import EXPERIMENTS

    if as_json:
        print_json(
            [
                {"name": each.name, "question": each.question, "mirrors": each.mirrors, "source": each.source}
                for each in EXPERIMENTS.values()
            ]
        )
        return
    rows = [(each.name, each.question) for each in EXPERIMENTS.values()]
    say_block(columns(rows) + "\n\nRun one or more: instill lab run NAME...; all: instill lab run all")


@app.command()
def run(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Experiments, or `all`.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for results and report; finished parts are kept.")] = Path(
        "lab"
    ),
    seeds: Annotated[int, typer.Option(min=1, max=50, help="How many; the more, the narrower the intervals.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="The first one; other seeds draw other people and questions.")] = 0,
    workers: Annotated[int, typer.Option(min=0, help="Number of processes; 0: one per core.")] = 0,
    on: OnOption = "",
    model: ModelOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run experiments and write one report with charts, OUT/report.html.

    Example: `instill lab run replay`

    Example: `instill lab run all --out lab`
    """
    from datetime import UTC, datetime

    from instill.lab.experiments.all import EXPERIMENTS
    from instill.lab.report import as_html, as_text, findings
    from instill.lab.running import run_trials, trials_of
    from instill.models.registry.card import environment

    chosen = list(EXPERIMENTS) if names == ["all"] else names
    for name in chosen:
        if name not in EXPERIMENTS:
            raise UsageError(
                "This is not an experiment.", where=name, remedy=f"Choose from: all, {', '.join(EXPERIMENTS)}."
            )
    must_be_writable(out, "--out", folder=True)
    folder = _model(model)
    with progress_bar("Running", hidden=as_json) as update:
        results = run_trials(
            trials_of(chosen, seeds, first=seed),
            folder,
            out,
            workers=workers,
            on=on,
            progress=lambda done, total, trial: update(done, total, f"{trial.experiment}: {trial.arm}"),
        )
    found = findings(results)
    made = environment()
    about = {
        "command": typed(),
        "made": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": made["machine"],
        "model": folder.name,
        "instill": made["instill"],
    }
    report = out / "report.html"
    report.write_text(as_html(found, about=about), encoding="utf-8")
    if as_json:
        print_json({"report": str(report), "experiments": [each.as_dict() for each in found]})
        return
    for each in found:
        say_block(as_text(each) + "\n")
    say(f"The report is in {report}")


@app.command()
def pretrain(
    out: Annotated[Path, typer.Option("--out", help="Folder of the run; a run that was stopped there is continued.")],
    steps: Annotated[
        int | None, typer.Option(min=1, help="Steps of 64 rows; default: as for the shipped model.")
    ] = None,
    seed: int = 0,
    learning_rate: Annotated[
        float | None, typer.Option(min=1e-6, max=1, help="Learning rate; default: as for the shipped model.")
    ] = None,
    further: Annotated[
        bool, typer.Option("--further-questions", help="Ask in twenty further wordings of each question.")
    ] = False,
    base: Annotated[
        Path | None,
        typer.Option("--from", help="Folder of a micro model to train further, or `micro`; default: from scratch."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train the micro model, from scratch or further. The finished model is in OUT/model.

    Example: `instill lab pretrain --out runs/micro`

    Example: `instill lab pretrain --from micro --further-questions --steps 3000 --learning-rate 1e-3 --out runs/more`
    """
    from instill.lab.pretrain import PretrainRun, pretrain

    must_be_writable(out, "--out", folder=True)
    start = _model(None) if base == Path("micro") else base
    chosen = PretrainRun(out, seed=seed, command=typed(), further=further, base=start)
    chosen = replace(chosen, steps=steps or chosen.steps, learning_rate=learning_rate or chosen.learning_rate)
    with progress_bar("Training", hidden=as_json) as update:
        folder = pretrain(chosen, progress=lambda entry: update(entry.step, entry.steps, f"loss {entry.loss:.3f}"))
    card = folder / "README.md"
    if as_json:
        print_json({"model": str(folder), "card": str(card)})
    else:
        say(f"The model is in {folder}; what it can do is on its card, {card}")


@app.command()
def measure(model: ModelOption = None, as_json: JsonOption = False) -> None:
    """Measure what a model can do in the laboratory's world: facts, reading, saying "unknown", JSON, and `ask`.

    Example: `instill lab measure`
    """
    from instill.lab.measuring import measured

    found = measured(_model(model))
    if as_json:
        print_json(found)
    else:
        say_block(columns([["measured", ""], *([name, str(each)] for name, each in found.items())]))


@app.command()
def documents(
    folder: Annotated[Path, typer.Argument(help="Folder for the pages.")],
    groups: Annotated[str, typer.Option(help="Groups of people: letters from A to E.")] = "CD",
    as_json: JsonOption = False,
) -> None:
    """Write a page about each person of the world, which you can add to a workspace.

    Example: `instill lab documents people`
    """
    from instill.lab.world import GROUPS, make_world, write_documents

    if not groups or set(groups) - set(GROUPS):
        raise UsageError("Only the groups A to E exist.", where=f"--groups {groups}")
    wanted = [person for person in make_world().people if person.group in groups]
    paths = write_documents(wanted, folder)
    if as_json:
        print_json({"folder": str(folder), "pages": len(paths)})
    else:
        say(f"Wrote {len(paths)} pages into {folder}. Next: instill add {folder}")


def _model(folder: Path | None) -> Path:
    from instill.models.weights import micro_folder

    return folder if folder is not None else micro_folder()
