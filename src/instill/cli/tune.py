"""tune search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from instill.cli.output import (
    JsonOption,
    LabelOption,
    QuestionsOption,
    WorkspaceOption,
    columns,
    print_json,
    progress_bar,
)
from instill.cli.questions import own_questions
from instill.cli.terminal import say, say_block
from instill.errors import UsageError
from instill.index.types import EMPTY
from instill.workspace import Workspace

if TYPE_CHECKING:
    from instill.fit.search import Figures, SearchReport

app = typer.Typer(no_args_is_help=True, help="Fit the search settings to the documents by measuring.")


@app.callback()
def _group() -> None:
    """Fit the search settings to the documents by measuring."""


def register(parent: typer.Typer) -> None:
    """Add this group's commands to the application."""
    parent.add_typer(app, name="tune")


@app.command()
def search(
    questions: QuestionsOption = None,
    most: Annotated[int, typer.Option(min=20, help="Maximum number of questions.")] = 300,
    passage_sizes: Annotated[
        bool, typer.Option("--passage-sizes", help="Also try passages of half and double the size; takes longer.")
    ] = False,
    documents: Annotated[
        int, typer.Option(min=2, help="With --passage-sizes: maximum number of documents to encode for the trial.")
    ] = 200,
    apply: Annotated[bool, typer.Option("--apply", help="Use the better settings from now on.")] = False,
    seed: Annotated[int, typer.Option(help="A different seed gives different questions.")] = 0,
    label: LabelOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the search weights that rank the right passages of these documents highest.

    A setting changes only if the gain is measurable: the 95% interval of the cross-validated gain must be above zero.
    Nothing is stored without --apply. Values that you set in instill.toml always take precedence.

    Example: `instill tune search --questions questions.jsonl --apply`
    """
    from instill.fit.search import keep, tune_search

    with Workspace.open(workspace) as whole:
        opened = whole.seen_by(label)
        if opened.is_empty:
            raise UsageError(EMPTY)
        own, origin = own_questions(questions, opened)
        with progress_bar("Measuring", hidden=as_json) as update:
            report = tune_search(
                opened,
                questions=own,
                most=most,
                sizes=passage_sizes,
                documents=documents,
                seed=seed,
                progress=lambda what, done, total: update(done, total, what),
            )
        tuned = keep(opened, report, origin=origin) if apply and report.values else None
    if as_json:
        print_json(_as_dict(report, applied=tuned is not None))
        return
    _print(report, applied=tuned is not None)


def verdict(report: SearchReport, *, applied: bool) -> str:
    """The outcome in one sentence."""
    if not report.values:
        return "Nothing is measurably better than the present settings."
    changes = ", ".join(f"{name} = {value:g}" for name, value in report.values.items())
    if applied:
        return f"Now in use: {changes}"
    return f"Better: {changes}. To use this, run: instill tune search --apply"


def _print(report: SearchReport, *, applied: bool) -> None:
    rows = [(f"{report.questions} questions", "MRR@10", "answer in the first 5")]
    rows += [(f"{name} alone", *_cells(figures)) for name, figures in report.legs.items()]
    rows.append((f"now ({_name(report, before=True)})", *_cells(report.before)))
    if report.best != report.way:
        rows.append((f"tuned ({_name(report, before=False)})", *_cells(report.after)))
    say_block(columns(rows))
    say("", f"Cross-validated gain: {report.choice.gain}")
    if report.sizes is not None:
        say("", f"Passage sizes, on {report.sizes.documents} documents (1 / the amount read until the answer):")
        sizes = zip(report.sizes.sizes, report.sizes.scores, strict=True)
        say_block(columns([(f"{size} tokens", str(score)) for size, score in sizes]))
        say(f"Cross-validated gain: {report.sizes.choice.gain}")
    for name in report.fixed:
        say(f"{name} is set in instill.toml or by an environment variable, so it was not changed.")
    for note in report.notes:
        say(f"note: {note}", dim=True)
    say("")
    say(verdict(report, applied=applied), bold=True, fg="green" if report.values else "yellow")
    if report.values and not applied:
        say(*_toml(report.values))


def _cells(figures: Figures) -> tuple[str, str]:
    return str(figures.mrr), str(figures.recall)


def _name(report: SearchReport, *, before: bool) -> str:
    way = report.way if before else report.best
    return f"vector {way.vector_weight:g}, rerank {way.rerank:g}"


def _toml(values: Any) -> list[str]:
    """The lines to put in instill.toml."""
    lines: list[str] = []
    for name in sorted(values):
        section, _, key = name.partition(".")
        if f"[{section}]" not in lines:
            lines.append(f"[{section}]")
        lines.append(f"{key} = {values[name]:g}")
    return lines


def _as_dict(report: SearchReport, *, applied: bool) -> dict[str, Any]:
    return {
        "applied": applied,
        "verdict": verdict(report, applied=applied),
        "values": report.values,
        "questions": report.questions,
        "documents": report.documents,
        "now": report.way,
        "best": report.best,
        "before": report.before,
        "after": report.after,
        "legs": report.legs,
        "gain": report.choice.gain,
        "sizes": report.sizes,
        "fixed": report.fixed,
        "notes": report.notes,
    }
