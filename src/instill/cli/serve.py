"""serve, mcp, and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from instill.cli.output import JsonOption, LabelOption, WorkspaceOption, clean, columns, print_json, print_json_line
from instill.cli.terminal import say, say_block
from instill.workspace import Workspace

if TYPE_CHECKING:
    from instill.server.access.keys import KeyStore
    from instill.server.access.roles import Role

keys = typer.Typer(no_args_is_help=True, help="Manage the keys of the service; each has a role and labels.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands to the application."""
    app.command()(serve)
    app.command()(mcp)
    app.add_typer(keys, name="keys")


def serve(
    folder: Annotated[
        str | None,
        typer.Argument(help="The workspace; an empty folder becomes one. Default: the nearest one from here upwards."),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; any other than this machine's own needs keys.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0: any free port.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve the workspace: web pages, an HTTP API (/docs), and interfaces like OpenAI's, Anthropic's and MCP.

    Without keys, it answers only this machine. SIGTERM or Ctrl-C stops it after the requests in progress.

    Example: `instill serve --open`
    """
    from instill.server.opened import folder_to_serve
    from instill.server.running import serve as run

    found = folder_to_serve(folder or workspace)

    def ready(address: str) -> None:
        if as_json:
            print_json_line({"workspace": str(found), "address": address})
        else:
            say(f"Serving {clean(str(found))} on {address}", "API: /docs. Ctrl-C ends it.", err=True)
        if open_:
            import webbrowser

            webbrowser.open(address)

    run(found, host=host, port=port, on_ready=ready)


def mcp(
    label: LabelOption = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Do not offer the tool that adds documents.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Speak the Model Context Protocol on standard input and output, for an assistant that starts this command.

    Tools: search, ask, show, and add. Documents are resources. docs/mcp.md has what to write into the configuration of
    common assistants.

    Example: `instill mcp --workspace ~/knowledge`
    """
    from instill.server.access.roles import Who
    from instill.server.doors.mcp_door import serve_stdio
    from instill.server.opened import folder_to_serve
    from instill.workspace.arguments import labels_of

    who = Who("reader" if read_only else "editor", labels_of(label), "assistant")
    serve_stdio(folder_to_serve(workspace), who)


@keys.command("add")
def add_key(
    name: NameArgument,
    role: Annotated[
        str,
        typer.Option(
            help="reader (asks), editor (also adds and removes), admin (everything), public (for a web site)."
        ),
    ] = "reader",
    label: Annotated[
        list[str] | None, typer.Option("--label", "-l", help="Sees only documents with this label (repeatable).")
    ] = None,
    days: Annotated[float | None, typer.Option(help="Number of days until it expires; default: never.")] = None,
    origin: Annotated[
        list[str] | None, typer.Option("--origin", metavar="URL", help="For public: a web site that may use it.")
    ] = None,
    rate: Annotated[int, typer.Option(min=0, help="Maximum requests a minute; 0: the limit for all keys.")] = 0,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key. It is shown only once, because only its hash is stored.

    Example: `instill keys add ann --role editor --label staff --days 365`
    """
    with Workspace.open(workspace) as opened:
        made = _store(opened).add(
            name, role=cast("Role", role), labels=label, days=days, origins=origin or (), rate=rate
        )
    if as_json:
        print_json(made.model_dump(mode="json"))
        return
    say(f"Key {made.key.key_id} for {clean(made.key.name)}, {_may(made.key.role, made.key.labels)}:", "")
    say(f"    {made.secret}", bold=True)
    if made.key.role == "public":
        say("", f"For the pages of {clean(', '.join(made.key.origins))}, with the address of your server:", "")
        say(f'    <script src="https://instill.example.org/widget.js" data-key="{made.secret}" async></script>')
        return
    say("", "It is shown this once. Programs send it as: Authorization: Bearer KEY", dim=True)


@keys.command("list")
def list_keys(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List all keys, oldest first. The secrets are not shown.

    Example: `instill keys list`
    """
    with Workspace.open(workspace) as opened:
        found = _store(opened).all()
    if as_json:
        print_json({"keys": [key.model_dump(mode="json") for key in found]})
        return
    if not found:
        say("There are no keys, so only this machine can use the service. Make one: instill keys add NAME")
        return
    rows: list[tuple[str, ...]] = [("id", "name", "role", "labels", "state", "expires", "last used")]
    rows += [
        (
            key.key_id,
            clean(key.name, 40),
            key.role,
            "all" if key.labels is None else clean(",".join(key.labels), 40),
            key.state,
            key.expires or "never",
            key.last_used or "never",
        )
        for key in found
    ]
    say_block(columns(rows))


@keys.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id, the start of it, or its name.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke a key. It stops working at once, and whoever is logged in with it is logged out.

    Example: `instill keys revoke ann`
    """
    with Workspace.open(workspace) as opened:
        store = _store(opened)
        revoked = store.revoke(key)
        left = store.any()
    if as_json:
        print_json(revoked.model_dump(mode="json"))
        return
    say(f"Revoked key {revoked.key_id} of {clean(revoked.name)}.")
    if not left:
        say("No key is left: a server on this machine's own address asks for none.", fg="yellow")


def _store(opened: Workspace) -> KeyStore:
    from instill.server.access.keys import KeyStore

    return KeyStore(opened.catalog, opened.given.server.public_labels)


def _may(role: str, labels: list[str] | None) -> str:
    sees = "all documents" if labels is None else f"documents with {' or '.join(clean(label) for label in labels)}"
    return f"{role}, sees {sees}"
