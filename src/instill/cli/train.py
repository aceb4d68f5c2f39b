"""train: recipes for language models, and the commands for reader and encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from instill.cli.output import (
    JsonOption,
    TrainedOnOption,
    WorkspaceOption,
    columns,
    print_json,
    progress_bar,
    typed,
)
from instill.cli.output_place import must_be_writable
from instill.cli.questions import rows_to_train_on, say_rows
from instill.cli.terminal import say, say_block
from instill.cli.train_attack import attack
from instill.cli.train_encoder import encoder
from instill.cli.train_init import init
from instill.cli.train_recipes import pairs, run
from instill.errors import UsageError
from instill.workspace import Workspace

if TYPE_CHECKING:
    from instill.train.reader.rows import Row


class RecipeGroup(TyperGroup):
    """`instill train FILE` is `instill train run FILE`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["run", *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=RecipeGroup,
    no_args_is_help=True,
    help="Train a language model (`instill train RECIPE`), the reader, or the encoder; needs the extra [train].",
)


def register(parent: typer.Typer) -> None:
    """Add this group's commands to the application."""
    app.command()(run)
    app.command()(init)
    app.command()(pairs)
    app.command()(attack)
    app.command()(encoder)
    parent.add_typer(app, name="train")


@app.command()
def reader(
    out: Annotated[Path, typer.Option("--out", help="Folder of the run; a run that was stopped there is continued.")],
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Questions with passages: JSON in SQuAD's layout, or JSON Lines."),
    ] = None,
    questions: TrainedOnOption = None,
    epochs: Annotated[int, typer.Option(min=1)] = 2,
    learning_rate: Annotated[float, typer.Option(min=1e-7, max=1e-2)] = 1.5e-4,
    seed: int = 0,
    held_out: Annotated[
        float, typer.Option(min=0.01, max=0.9, help="Share of articles that are held out for measuring.")
    ] = 0.12,
    mined: Annotated[float, typer.Option(min=0, max=1, help="Wrong passages that rank high, per question.")] = 0.25,
    removed: Annotated[
        float, typer.Option(min=0, max=1, help="Copies of the passage without the sentence that answers, per question.")
    ] = 0.12,
    misled: Annotated[float, typer.Option(min=0, max=1, help="Misleading variants, per question.")] = 0.18,
    tweaked: Annotated[
        float, typer.Option(min=0, max=1, help="Variants with a number or version changed, per question.")
    ] = 0.0,
    neighbours: Annotated[
        float, typer.Option(min=0, max=1, help="Other passages of the same group, per question.")
    ] = 0.0,
    retitled: Annotated[
        float, typer.Option(min=0, max=1, help="Copies of the passage under another title, per question.")
    ] = 0.0,
    short: Annotated[
        float, typer.Option(min=0, max=1, help="Share of passages that are cut to a short window.")
    ] = 0.25,
    share: Annotated[float, typer.Option(min=0.01, max=1, help="Share of the rows in an epoch.")] = 1.0,
    unanswerable_copies: Annotated[
        int, typer.Option(min=1, help="How often each unanswerable row is in an epoch.")
    ] = 2,
    start_from: Annotated[
        Path | None,
        typer.Option(
            "--start-from", help="An earlier run or an exported reader whose weights the training starts from."
        ),
    ] = None,
    average: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="With --start-from: share of the new weights in the result; the rest are the starting weights.",
        ),
    ] = 1.0,
    split_seed: Annotated[int, typer.Option(help="Seed that selects these articles.")] = 0,
    attribution: Annotated[
        list[str] | None, typer.Option(help="A line for the card: a source and its licence (repeatable).")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a reader: which words of a passage answer a question, and whether any do.

    Some articles (with --questions: some documents) are held out for measuring. The finished reader is in OUT/reader.
    To use it, set `answer.reader = "FOLDER"`.

    Example: `instill train reader --data rows.jsonl --out runs/reader`

    Example: `instill train reader --questions feedback --data rows.jsonl --out runs/reader`
    """
    from instill.train.progress import TrainingStep
    from instill.train.reader.examples import Mix
    from instill.train.reader.run import ReaderRun, train_reader
    from instill.train.reader.settings import ReaderHyperparameters

    if not data and questions is None:
        raise UsageError("There is nothing to train on.", remedy="Give --data FILE, --questions FILE, or both.")
    must_be_writable(out, "--out", folder=True)
    rows: Sequence[Row] = ()
    if questions is not None:
        with Workspace.open(workspace) as opened:
            given, asked = rows_to_train_on(questions, opened)
        rows = given.rows
        if not as_json:
            say_rows(given, asked)
    chosen = ReaderHyperparameters(epochs=epochs, learning_rate=learning_rate, seed=seed)
    run = ReaderRun(
        data or (),
        out,
        held_out,
        split_seed,
        chosen,
        Mix(
            mined=mined,
            removed=removed,
            misled=misled,
            tweaked=tweaked,
            neighbours=neighbours,
            retitled=retitled,
            short=short,
            share=share,
            unanswerable_copies=unanswerable_copies,
        ),
        start_from,
        average,
        attribution or (),
        typed(),
        rows,
    )
    with (
        progress_bar("Mining hard negatives", hidden=as_json) as mining,
        progress_bar("Training", hidden=as_json) as training,
        progress_bar("Measuring", hidden=as_json) as judging,
    ):

        def report(entry: TrainingStep) -> None:
            training(entry.step, entry.steps, f"loss {entry.loss:.3f}")

        found = train_reader(
            run,
            mining=lambda done, total: mining(done, total, ""),
            progress=report,
            judging=lambda done, total: judging(done, total, ""),
        )
    if as_json:
        print_json({"reader": str(out / "reader"), "metrics": found})
        return
    say_block(columns([["measured on held-out articles", ""], *([name, str(each)] for name, each in found.items())]))
    say(f"The reader is in {out / 'reader'}")
