"""train encoder."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instill.cli.output import JsonOption, TrainedOnOption, WorkspaceOption, columns, print_json, progress_bar, typed
from instill.cli.output_place import must_be_writable
from instill.cli.questions import rows_to_train_on, say_rows
from instill.cli.terminal import say, say_block
from instill.common.plurals import counted
from instill.errors import UsageError
from instill.index.types import EMPTY
from instill.train.encoder.settings import EncoderHyperparameters
from instill.workspace import Workspace

if TYPE_CHECKING:
    from instill.fit.question_rows import QuestionRows
    from instill.fit.train_own_encoder import EncoderVerdict
    from instill.train.encoder.choosing import Chosen
    from instill.train.encoder.run import EncoderRun, EncoderWatch
    from instill.train.progress import TrainingStep

_NOTE = (
    "note: All of these questions were written by rules. People ask in other words: look at the search for some of "
    "their questions before and after."
)


def encoder(
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Train on these rows (as for `train reader`) instead of the documents."),
    ] = None,
    questions: TrainedOnOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="With --data: folder of the run.")] = None,
    most: Annotated[int, typer.Option(min=60, help="Maximum number of questions about the documents.")] = 3000,
    epochs: Annotated[int, typer.Option(min=1)] = 1,
    steps: Annotated[int, typer.Option(min=0, help="Maximum number of steps; 0: as many as the epochs have.")] = 0,
    batch: Annotated[int, typer.Option(min=2, help="Questions per batch.")] = 64,
    learning_rate: Annotated[float, typer.Option(min=1e-7, max=1e-2)] = 5e-5,
    seed: int = 0,
    held_out: Annotated[
        float, typer.Option(min=0.01, max=0.9, help="With --data: share that is held out for measuring.")
    ] = 0.12,
    split_seed: Annotated[int, typer.Option(help="With --data: seed that selects these groups.")] = 0,
    unrelated: Annotated[
        list[Path] | None,
        typer.Option(
            "--unrelated", metavar="DIR", help="A set in the BEIR layout on which the encoder must not get worse."
        ),
    ] = None,
    attribution: Annotated[
        list[str] | None, typer.Option(help="With --data: a line for the card, a source and its licence (repeatable).")
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Go back to the encoder of the settings.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train the encoder on questions about the documents, and use it only if the search gets measurably better.

    Mixtures of the old and the trained weights are tried; those that rank unrelated questions worse are dropped. The
    documents are encoded again beside the old index, and both are compared on questions about documents that were
    not used for training. With --questions, people's questions are used; otherwise rules write them. With --data the
    workspace is not changed: the finished encoder is in OUT/encoder.

    Example: `instill train encoder`

    Example: `instill train encoder --questions feedback`

    Example: `instill train encoder --data rows.jsonl --out runs/encoder`
    """
    chosen = EncoderHyperparameters(epochs=epochs, batch=batch, steps=steps, learning_rate=learning_rate, seed=seed)
    if undo:
        _undo(workspace, as_json)
        return
    must_be_writable(out, "--out", folder=True)
    given = _given(questions, workspace, as_json)
    if data:
        from instill.train.encoder.run import EncoderRun

        if out is None:
            raise UsageError("--data needs --out, a folder for the run.")
        run = EncoderRun(data, out, held_out, split_seed, chosen, unrelated or (), attribution or (), typed())
        _from_files(replace(run, rows=given.rows if given else ()), as_json)
    else:
        _own(workspace, most, seed, chosen, unrelated or (), given, as_json)


def _given(questions: Path | None, workspace: str | None, as_json: bool) -> QuestionRows | None:
    """The rows of people's questions, where some are named."""
    if questions is None:
        return None
    with Workspace.open(workspace) as opened:
        if opened.is_empty:
            raise UsageError(EMPTY)
        found, asked = rows_to_train_on(questions, opened)
    if not as_json:
        say_rows(found, asked)
    return found


def _from_files(run: EncoderRun, as_json: bool) -> None:
    from instill.train.encoder.run import train_encoder

    with ExitStack() as stack:
        found, folder = train_encoder(run, _watch(stack, as_json))
    if as_json:
        print_json({"encoder": str(folder) if folder else None, "share": found.share, "measured": found})
        return
    say_block(_table(found))
    if folder is None:
        say("Nothing is better than the encoder that training began from.", bold=True, fg="yellow")
    else:
        say(f'The encoder is in {folder}; use it with encoder.model = "{folder}"', bold=True, fg="green")


def _own(
    workspace: str | None,
    most: int,
    seed: int,
    chosen: EncoderHyperparameters,
    unrelated: Sequence[Path],
    given: QuestionRows | None,
    as_json: bool,
) -> None:
    from instill.fit.train_own_encoder import train_own_encoder
    from instill.train.encoder.ranking_quality import read_beir

    with Workspace.open(workspace) as opened, ExitStack() as stack:
        if opened.is_empty:
            raise UsageError(EMPTY)
        watch = _watch(stack, as_json)
        encoding = stack.enter_context(progress_bar("Encoding beside the old index", hidden=as_json))
        verdict = train_own_encoder(
            opened,
            most=most,
            seed=seed,
            hyperparameters=chosen,
            unrelated=[read_beir(folder) for folder in unrelated],
            watch=watch,
            encoding=lambda done, total: encoding(done, total, ""),
            questions=given,
        )
    note = _NOTE if given is None else ""
    if as_json:
        print_json(
            {"said": sentence(verdict), "note": note, **{key: getattr(verdict, key) for key in verdict.__slots__}}
        )
        return
    say_block(_table(verdict.chosen))
    if verdict.before is not None:
        rows = [(f"{verdict.compared_on} questions about other documents", "MRR@10")]
        rows += [("old index", str(verdict.before)), ("new index", str(verdict.after)), ("gain", str(verdict.gain))]
        say_block("\n" + columns(rows))
    say("")
    say(sentence(verdict), bold=True, fg="green" if verdict.switched else "yellow")
    if note:
        say(note)


def sentence(verdict: EncoderVerdict) -> str:
    """The outcome in one sentence."""
    if verdict.switched:
        return "The search is measurably better: the workspace uses the trained encoder. Undo: --undo"
    if verdict.before is None:
        return "No trained encoder is better than the one in use; nothing was changed."
    return "The search is not measurably better with the trained encoder; nothing was changed."


def _undo(workspace: str | None, as_json: bool) -> None:
    from instill.fit.train_own_encoder import undo_own_encoder

    with Workspace.open(workspace) as opened, progress_bar("Encoding", hidden=as_json) as update:
        count = undo_own_encoder(opened, progress=lambda done, total: update(done, total, ""))
        model = opened.settings.encoder.model
    if as_json:
        print_json({"documents": count, "encoder": model})
    else:
        say(f"Encoded {counted(count, 'document')} again; the encoder is {model} as before.")


def _table(found: Chosen) -> str:
    rows = [("trained share", "nDCG@10, held out", "gain", *found.unrelated)]
    for entry in found.weighed:
        remark = " *" if entry.share == found.share else ("" if entry.allowed else " (forgets)")
        means = zip(entry.unrelated, entry.changes, strict=True)
        unrelated = [f"{value:.3f} ({change.mean:+.3f})" for value, change in means]
        rows.append((f"{entry.share}{remark}", str(entry.held_out), str(entry.gain), *unrelated))
    return columns(rows)


def _watch(stack: ExitStack, hidden: bool) -> EncoderWatch:
    from instill.train.encoder.run import EncoderWatch

    mining = stack.enter_context(progress_bar("Mining hard negatives", hidden=hidden))
    training = stack.enter_context(progress_bar("Training", hidden=hidden))
    measuring = stack.enter_context(progress_bar("Measuring", hidden=hidden))

    def report(entry: TrainingStep) -> None:
        training(entry.step, entry.steps, f"loss {entry.loss:.3f}")

    return EncoderWatch(
        lambda done, total: mining(done, total, ""), report, lambda done, total: measuring(done, total, "")
    )
