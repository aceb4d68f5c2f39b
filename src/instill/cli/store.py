"""store: where the documents are kept, and moving them to another store."""

from __future__ import annotations

from typing import Annotated

import typer

from instill.cli.output import JsonOption, WorkspaceOption, clean, print_json, progress_bar
from instill.cli.terminal import say
from instill.common.plurals import are, counted
from instill.workspace import Workspace

store = typer.Typer(no_args_is_help=True, help="Show where documents are kept, or move them to another store.")


def register(app: typer.Typer) -> None:
    """Add this group's commands to the application."""
    app.add_typer(store, name="store")


@store.command()
def show(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show the store that holds the documents, and which parts of a search it does itself.

    Example: `instill store show`
    """
    with Workspace.open(workspace) as opened:
        generation, capabilities, stats = opened.index.generation, opened.index.capabilities, opened.index.stats()
    if as_json:
        print_json({"kind": generation.store, "url": generation.url, "capabilities": capabilities, "stats": stats})
        return
    say(f"{generation.store} {clean(generation.url)}".strip())
    say(f"{stats.rows} passages, {stats.bytes / 1e6:.1f} MB", dim=True)
    for name in ("transactions", "keywords", "filters", "labels"):
        say(
            f"{name}: {'the store' if getattr(capabilities, name) == 'store' else 'Instill, above the store'}", dim=True
        )
    if capabilities.note:
        say(capabilities.note, dim=True)
    if not capabilities.tried:
        say("This store was not tested against the real service; see docs/stores.md.", dim=True)


@store.command()
def copy(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help="lance, s3, postgres, qdrant, chroma, milvus, opensearch, weaviate, pinecone, or a plug-in's name.",
        ),
    ],
    url: Annotated[str, typer.Option("--url", help="Address of the server or bucket, if the store has one.")] = "",
    key_variable: Annotated[
        str, typer.Option("--key-variable", help="Environment variable that has the key of the new store.")
    ] = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy all documents to another store, compare both, and use the new one from then on.

    If it is stopped, the same command continues it. A later `instill add` or `sync` deletes the old copy.

    Example: `instill store copy --to postgres --url postgresql://db.example/docs`
    """
    from instill.workspace.moving import move

    with Workspace.open(workspace) as opened, progress_bar("Copying", hidden=as_json) as update:
        moved = move(opened, to, url, key_variable=key_variable, progress=lambda done, total: update(done, total, ""))
    if as_json:
        print_json(moved)
        return
    found = moved.compared
    documents, passages = counted(found.documents, "document"), counted(found.passages, "passage")
    say(f"{documents} with {passages} {are(found.documents)} in {moved.store}.")
    say(
        f"Compared: counts, a hash of every document, {found.queries} queries. instill.toml names the new store.",
        dim=True,
    )


@store.command()
def catalog(
    url: Annotated[str, typer.Option("--to", help="postgresql://user@host/database; the password is in catalog.key.")],
    name: Annotated[str, typer.Option("--name", help="Schema of this workspace in the database.")] = "instill",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move conversations, the log of questions, followed paths, keys and jobs to PostgreSQL, and use them there.

    The file in the workspace stays as it was. Stop `instill serve` first.

    Example: `instill store catalog --to postgresql://db.example/docs --name handbook`
    """
    from instill.workspace.moving import move_catalog

    with Workspace.open(workspace) as opened:
        rows = move_catalog(opened, url, name)
    if as_json:
        print_json({"rows": rows})
        return
    say(f"{counted(rows, 'row')} {are(rows)} in the database. instill.toml names it.")
