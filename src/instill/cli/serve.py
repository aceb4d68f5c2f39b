"""serve and mcp."""

from __future__ import annotations

from typing import Annotated

import typer

from instill.cli.output import JsonOption, LabelOption, OnOption, WorkspaceOption, clean, print_json_line
from instill.cli.terminal import say
from instill.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add this group's commands to the application."""
    app.command()(serve)
    app.command()(mcp)


def serve(
    folder: Annotated[
        str | None,
        typer.Argument(
            help="The workspace, instead of --workspace; an empty folder becomes one. Default: the nearest one from "
            "here upwards."
        ),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; any other than this machine's own needs keys.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0: any free port.")] = None,
    on: OnOption = "",
    replicas: Annotated[
        str,
        typer.Option(
            metavar="N|MIN-MAX", help="With --on: number of processes that answer; default: 2.", show_default=False
        ),
    ] = "",
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve the workspace: web pages, an HTTP API (/docs), and interfaces like OpenAI's, Anthropic's and MCP.

    Without keys, it answers only this machine. SIGTERM or Ctrl-C stops it after the requests in progress.

    Example: `instill serve --open`
    """
    from instill.server.listening import serve as run
    from instill.server.served_workspace import folder_to_serve

    if replicas and not on:
        raise UsageError("--replicas goes with --on.", remedy="Example: instill serve --on ray --replicas 3")
    found = folder_to_serve(folder or workspace)

    def ready(address: str) -> None:
        if as_json:
            print_json_line({"workspace": str(found), "address": address})
        else:
            say(f"Serving {clean(str(found))} on {address}", "API: /docs. Ctrl-C ends it.", err=True)
        if open_:
            import webbrowser

            webbrowser.open(address)

    def ending(line: str) -> None:
        if not as_json:
            say(line, err=True)

    if on:
        from instill.server.on_ray import Replicas, serve_on

        serve_on(
            on, found, replicas=Replicas.read(replicas or "2"), host=host, port=port, on_ready=ready, on_end=ending
        )
        return
    run(found, host=host, port=port, on_ready=ready, on_end=ending)


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
    from instill.server.access.caller_role import Who
    from instill.server.doors.mcp_door import serve_stdio
    from instill.server.served_workspace import folder_to_serve
    from instill.workspace.arguments import labels_of

    who = Who("reader" if read_only else "editor", labels_of(label), "assistant")
    serve_stdio(folder_to_serve(workspace), who)
