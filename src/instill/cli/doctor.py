"""doctor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from instill.cli.output import JsonOption, WorkspaceOption, clean, print_json
from instill.cli.terminal import say
from instill.common.plurals import are, counted

if TYPE_CHECKING:
    from instill.index.repair import Repair
    from instill.plugins import Plugin

_MARKS = {
    "ok": ("ok", "green"),
    "optional": ("optional", "yellow"),
    "in use": ("in use", "yellow"),
    "missing": ("MISSING", "red"),
    "broken": ("BROKEN", "red"),
}


def register(app: typer.Typer) -> None:
    """Add this group's commands to the application."""
    app.command()(doctor)


def _say(done: Repair) -> None:
    if not done.damage:
        say("The index is not damaged.")
        return
    for sentence in done.damage:
        say(f"The index was damaged: {clean(sentence)}.")
    say(f"The index is repaired: {counted(done.documents, 'document')} {are(done.documents)} complete.")
    for source in done.remade:
        say(f"Cut and encoded again: {clean(source)}")
    for source in done.lost:
        say(f"Lost to the index: {clean(source)}")
    if done.unreadable:
        say(f"{done.unreadable} passages could not be read, so it is not known whose they were.")
    say("Next: instill sync (reads again what is missing and followed). Add again what was piped in.")


def _plugins(workspace: str | None) -> list[Plugin[Any]]:
    from instill.cli.plugins import found_plugins, turned_off
    from instill.errors import InstillError

    try:
        off = turned_off(workspace)
    except InstillError:  # told by what looks at the workspace
        off = ()
    return found_plugins(off)


def doctor(
    workspace: WorkspaceOption = None,
    repair: Annotated[bool, typer.Option("--repair", help="Repair a damaged index first.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what is there, what is missing or damaged, and what to do. Reads every file of the index.

    The exit code is 1 if something that is needed is missing or damaged, or a plug-in is broken.

    Example: `instill doctor --repair`
    """
    from instill.workspace.doctor import examine
    from instill.workspace.doctor import repair as mend

    done = mend(workspace) if repair else None
    findings = examine(workspace, _plugins(workspace))
    if as_json:
        print_json({"findings": findings} if done is None else {"repair": done, "findings": findings})
    else:
        if done is not None:
            _say(done)
        for finding in findings:
            mark, colour = _MARKS[finding.verdict]
            say(f"{mark:<9}", fg=colour, nl=False)
            say(f"{finding.name:<22} {clean(finding.what)}")
            if finding.remedy:
                say(f"{'':<32}{clean(finding.remedy)}")
    if any(finding.verdict in ("missing", "broken") for finding in findings):
        raise typer.Exit(1)
