"""calibrate."""

from __future__ import annotations

from dataclasses import asdict
from math import ceil
from pathlib import Path
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
from instill.cli.output_place import must_be_writable
from instill.cli.questions import own_questions
from instill.cli.terminal import say, say_block
from instill.common.plurals import are, counted
from instill.errors import UsageError
from instill.index.types import EMPTY
from instill.measure.numbers_in_sentences import percent_beside, percent_text
from instill.measure.risk import answers_needed, answers_needed_at
from instill.workspace import Workspace

if TYPE_CHECKING:
    from instill.fit.calibration import CalibrationReport
    from instill.measure.risk import Point

NO_PROMISE = 1
_ROWS = 8


def register(app: typer.Typer) -> None:
    """Add this group's commands to the application."""
    app.command()(calibrate)


def calibrate(
    risk: Annotated[float, typer.Option(help="Largest share of the answers given that may be wrong, 0 to 1.")] = 0.1,
    confidence: Annotated[float, typer.Option(help="Confidence of the promise, 0 to 1.")] = 0.95,
    questions: QuestionsOption = None,
    most: Annotated[int, typer.Option(min=1, help="Maximum number of questions.")] = 400,
    unanswerable: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Share of the questions that are asked with their evidence hidden; default: one half."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="A different seed gives different questions.")] = 0,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Write a chart of the curve to this file.")
    ] = None,
    label: LabelOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the threshold that keeps a promise: "of the answers given, at most 10% are wrong".

    Instill asks questions with known answers, half of them with their evidence hidden. `ask` uses the threshold until
    the encoder or the settings change, unless `answer.threshold` is set. If nothing can be promised, the threshold
    stays as it was, and the exit code is 1.

    Example: `instill calibrate --risk 0.1 --plot curve.svg`
    """
    from instill.cli.calibrate_picture import svg_picture
    from instill.fit.calibration import calibrate as run

    must_be_writable(plot, "--plot")
    with Workspace.open(workspace) as whole, progress_bar("Asking", hidden=as_json) as update:
        opened = whole.seen_by(label)
        if opened.is_empty:
            raise UsageError(EMPTY)
        own, origin = own_questions(questions, opened)
        report = run(
            opened,
            risk=risk,
            confidence=confidence,
            questions=own,
            origin=origin,
            most=most,
            unanswerable=unanswerable,
            seed=seed,
            progress=lambda done, total: update(done, total, ""),
        )
        is_set = opened.threshold.origin == "set"
    if plot is not None:
        picture = svg_picture(report.curve, risk, report.choice, title=verdict(report))
        plot.parent.mkdir(parents=True, exist_ok=True)
        plot.write_text(picture, encoding="utf-8")
    if as_json:
        print_json(_as_dict(report, label))
    else:
        _print(report)
        if is_set and report.calibration is not None:
            say("It is not used as long as `answer.threshold` is set: remove that line from instill.toml.")
    if report.calibration is None:
        raise typer.Exit(NO_PROMISE)


_FEWEST = 10
"""Answers of which a share is said."""


def verdict(report: CalibrationReport) -> str:
    """The outcome in one sentence."""
    if report.calibration is not None:
        return f"Threshold {report.calibration.threshold:g}: {report.calibration.promise}"
    asked = len(report.outcomes)
    too_few = f"{counted(asked, 'question')} {are(asked)} too few"
    if report.choice.more is not None:
        return (
            f"{too_few} to promise that at most {percent_text(report.risk)} of the "
            f"answers are wrong. About {report.choice.more} more would be enough if the share of wrong answers stays "
            "the same. The threshold stays as it was."
        )
    best = min((each for each in report.curve if each.given >= _FEWEST), key=lambda each: each.risk, default=None)
    if best is None:
        needed = answers_needed(report.risk, report.confidence)
        return (
            f"{too_few} to say anything: even where no answer is wrong, it takes "
            f"{needed} answers to promise that at most {percent_text(report.risk)} are. The threshold stays as it was."
        )
    if best.risk <= report.risk:
        enough_at = answers_needed_at(best.risk, report.risk, report.confidence)
        more = None if enough_at is None else ceil(enough_at * asked / best.given) - asked
        enough = (
            "That is so near to it that more questions would hardly help."
            if more is None
            else f"About {more} more questions would be enough if that share stays the same."
        )
        return (
            f"{too_few} to promise that at most {percent_text(report.risk)} of the answers are wrong, although of the "
            f"{best.given} with the highest confidence only {percent_text(best.risk)} are. {enough} "
            "The threshold stays as it was."
        )
    return (
        f"No threshold keeps the risk at {percent_text(report.risk)}: of the answers with the highest confidence, "
        f"{percent_beside(best.risk, report.risk)} are wrong. "
        "The threshold stays as it was."
    )


def _print(report: CalibrationReport) -> None:
    from instill.cli.calibrate_picture import terminal_picture

    say("Wrong answers among those given, by how many questions are answered", bold=True)
    if report.curve:
        say_block(terminal_picture(report.curve, report.risk, report.choice))
        say("● measured  · upper bound  ─ allowed  ◆ chosen", dim=True)
    say("")
    rows: list[tuple[str, ...]] = [("threshold", "answered", "wrong", "risk", "at most")]
    rows += [_row(point) for point in _shown(report)]
    say_block(columns(rows))
    if report.calibration is not None:
        say("", f"{report.answered} of {report.answerable} questions that the documents answer get an answer.")
    say("")
    say(verdict(report), bold=True, fg="green" if report.calibration else "yellow")


def _row(point: Point) -> tuple[str, ...]:
    answered = f"{point.given} of {point.asked}"
    return f"{point.threshold:g}", answered, str(point.wrong), f"{point.risk:.1%}", f"{point.high:.1%}"


def _shown(report: CalibrationReport) -> list[Point]:
    """A few points evenly along the curve, and the one that was chosen."""
    step = max(1, -(-len(report.curve) // _ROWS))
    shown = set(report.curve[step - 1 :: step]) | set(report.curve[-1:])
    if report.choice.point is not None:
        shown.add(report.choice.point)
    return sorted(shown, key=lambda point: -point.threshold)


def _as_dict(report: CalibrationReport, label: list[str] | None) -> dict[str, Any]:
    stored = report.calibration
    sources = None if stored is None else stored.made_from.shown_to(label).as_json()
    return {
        "promised": report.calibration is not None,
        "verdict": verdict(report),
        "risk": report.risk,
        "confidence": report.confidence,
        "more_questions": report.choice.more,
        "calibration": None if stored is None else {**asdict(stored), "made_from": sources},
        "asked": len(report.outcomes),
        "answerable": report.answerable,
        "answered": report.answered,
        "curve": report.curve,
    }
