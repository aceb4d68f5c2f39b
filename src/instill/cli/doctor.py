"""doctor."""

from __future__ import annotations

import typer

from instill.cli.output import JsonOption, WorkspaceOption, clean, print_json
from instill.cli.terminal import say

_MARKS = {"ok": ("ok", "green"), "optional": ("optional", "yellow"), "missing": ("MISSING", "red")}


def register(app: typer.Typer) -> None:
    """Add this group's commands to the application."""
    app.command()(doctor)


def doctor(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """What is there, what is missing, and how to get it. Leaves with exit code 1 when something needed is missing.

    Example: `instill doctor`
    """
    from instill.doctor import examine

    findings = examine(workspace)
    if as_json:
        print_json({"findings": findings})
    else:
        for finding in findings:
            mark, colour = _MARKS[finding.verdict]
            say(f"{mark:<9}", fg=colour, nl=False)
            say(f"{finding.name:<22} {clean(finding.what)}")
            if finding.remedy:
                say(f"{'':<32}{clean(finding.remedy)}")
    if any(finding.verdict == "missing" for finding in findings):
        raise typer.Exit(1)
