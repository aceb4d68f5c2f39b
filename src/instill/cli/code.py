"""ask --code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from instill.cli.output import clean, print_json, readable
from instill.cli.terminal import say, say_block
from instill.workspace import Workspace

if TYPE_CHECKING:
    from instill.answer.coding.check_names import Checked

UNKNOWN = 7


def ask_code(
    question: str,
    *,
    labels: list[str] | None,
    generator: str | None,
    strict: bool,
    workspace: str | None,
    as_json: bool,
) -> None:
    """Print code with what it uses. With `strict`, exit code 7 if something is unknown or cannot be decided, or if
    nothing could be checked."""
    with Workspace.open(workspace, generator=generator) as opened:
        found = opened.ask_code(question, labels=labels)
    if as_json:
        print_json({
            **found.model_dump(mode="json"), "unknown": [each.name for each in found.unknown],
            "undecided": [each.name for each in found.undecided],
        })  # fmt: skip
    else:
        say_block(readable(found.code, 100_000) or "(no code)")
        if found.cut:
            say(found.cut, fg="yellow")
        if found.problem:
            say(found.problem, fg="red")
        _print_checked(found.checked)
    if strict and (found.unknown or found.undecided or found.problem):
        raise typer.Exit(UNKNOWN)


def _print_checked(found: Sequence[Checked]) -> None:
    for each in found:
        name = clean(each.name.replace("()", ""), 80)
        if each.state in ("unknown", "undecided"):
            mark = "UNKNOWN " if each.state == "unknown" else "OPEN    "
            say(f"  {mark} line {each.line}: {name}: {clean(each.hint, 120) or 'no document shows it'}", fg="red")
        elif each.shown is not None:
            say(f"  known    line {each.line}: {name}: {clean(each.shown.source, 60)}, {clean(each.shown.text, 80)}")
