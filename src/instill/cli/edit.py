"""edit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from instill.cli.output import JsonOption, WorkspaceOption, clean, columns, print_json
from instill.cli.terminal import say, say_block
from instill.errors import UsageError
from instill.workspace import Workspace

if TYPE_CHECKING:
    from instill.workspace.editing import Edited


def register(parent: typer.Typer) -> None:
    """Add the command to the application."""
    parent.command()(edit)


def edit(
    subject: Annotated[str, typer.Argument(help="The person or thing that the value belongs to.")] = "",
    relation: Annotated[
        str, typer.Argument(help='What to change: a noun ("employer"), or a question with {} for the subject.')
    ] = "",
    value: Annotated[str, typer.Argument(help="The new value.")] = "",
    base: Annotated[str, typer.Option(help='The model: "micro" or a folder; default: the one in the settings.')] = "",
    method: Annotated[
        Literal["rome", "alphaedit", "ultraedit"], typer.Option(help="How the weights are changed; see docs/edit.md.")
    ] = "ultraedit",
    wording: Annotated[
        list[str] | None, typer.Option(help="Another wording of the question, to measure the edit with.")
    ] = None,
    document: Annotated[
        str,
        typer.Option(help="Id or path of a document that says the new value; default: one that is found, or a note."),
    ] = "",
    keep: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Rows with replies that must not change, to measure the edit with."),
    ] = None,
    layer: Annotated[
        int, typer.Option(help="Number of the layer to change; -1: the layer that suits the method.")
    ] = -1,
    force: Annotated[
        bool, typer.Option("--force", help="Use the edit even if it does not meet the conditions.")
    ] = False,
    undo: Annotated[str, typer.Option(metavar="ID", help="Undo this edit.")] = "",
    list_: Annotated[bool, typer.Option("--list", help="List all edits.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a local model say a new value at once, until the next `instill consolidate`.

    The exit code is 1 if the edit is not used.

    Example: `instill edit "Mara Holm" "employer" "Nordlicht" --base micro`
    """
    if list_ + bool(undo) + bool(subject) != 1 or (subject and not (relation and value)):
        raise UsageError(
            "Name a subject, a relation and a value; or --undo ID; or --list.",
            where="edit",
            remedy='Example: instill edit "Mara Holm" "employer" "Nordlicht" --base micro',
        )
    with Workspace.open(workspace) as opened:
        if list_:
            _print_list(opened, as_json)
            return
        if undo:
            record = opened.undo_edit(undo)
            if as_json:
                print_json(record.model_dump(mode="json"))
            else:
                say(f"{record.edit_id} is undone: {clean(record.prompt)}")
            return
        found = opened.edit(
            subject, relation, value, base=base, method=method, wordings=wording or (), document=document, keep=keep,
            layer=layer, force=force,
        )  # fmt: skip
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        _print(found)
    if not found.in_use:
        raise typer.Exit(1)


def _print_list(opened: Workspace, as_json: bool) -> None:
    found = opened.edits()
    if as_json:
        print_json({"edits": [each.model_dump(mode="json") for each in found]})
        return
    if not found:
        say("There are no edits.")
        return
    rows: list[tuple[str, ...]] = [("id", "at", "state", "question", "value", "adapter", "why")]
    rows += [
        (
            each.edit_id, each.at[:16], each.state, clean(each.prompt, 50), clean(each.value, 30), each.adapter,
            clean(each.said, 60),
        )
        for each in found
    ]  # fmt: skip
    say_block(columns(rows))


def _print(found: Edited) -> None:
    state = "in use" if found.in_use else "NOT in use"
    say(f"{found.edit_id} in {found.adapter}: {state}", bold=True)
    say(f"before:   {clean(found.before, 100)}", f"document: {clean(found.document)}")
    for reason in found.reasons:
        say(f"  {clean(reason)}")
    for unchecked in found.unchecked:
        say(f"  {clean(unchecked)}")
    if not found.in_use:
        say("The weights do not say it; to use them anyway, edit again with --force.")
        say("Its document stays in the index, and answers from there.")
        say(f"To take that out as well: instill edit --undo {found.edit_id}")
    for line in found.advice:
        say(f"note: {clean(line)}", dim=True)
