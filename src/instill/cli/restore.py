"""restore: documents that were removed, back again."""

from __future__ import annotations

from typing import Annotated

import typer

from instill.cli.output import JsonOption, WorkspaceOption, clean, print_json
from instill.cli.terminal import say
from instill.common.plurals import counted
from instill.workspace import Workspace

NOT_ALL = 3


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(restore)


def restore(
    documents: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DOC…",
            help="Ids, paths, patterns or folders; the id of a version, as in the list; none lists them.",
            show_default=False,
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring back documents that were removed, whole: text, labels, metadata, id. Without DOC, list those that can be
    brought back.

    A removed document is kept for a week, and so is each version of an upload that a newer one replaced. The name of a
    document means its last version; ID@VERSION, as the list has it, means this one. A document cannot be brought back
    if it was purged or forgotten, or if the index was made anew. Documents that `sync` removed, because their files are
    gone, are not kept.

    Example: `instill restore notes/old.md`
    """
    with Workspace.open(workspace) as opened:
        if not documents:
            found = opened.removed()
            if as_json:
                print_json({"removed": found})
            for each in () if as_json else found:
                until = f"{'replaced' if each.replaced else 'removed'} {each.removed}, kept until {each.until}"
                say(f"{each.reference}  {clean(each.document.source)}  ({until})")
            if not found and not as_json:
                say("Nothing can be brought back.")
            return
        done = opened.restore(documents)
    if as_json:
        print_json(done)
    else:
        say(f"Brought back {counted(len(done.restored), 'document')}.")
        for source, why in done.left_out:
            say(f"not brought back: {clean(source)}: {why}", fg="yellow", err=True)
    if done.left_out:
        raise typer.Exit(NOT_ALL)
