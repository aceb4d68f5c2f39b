"""deploy: serve the candidates of this workspace with another program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instill.cli.output import JsonOption, WorkspaceOption, clean, print_json
from instill.cli.terminal import say
from instill.errors import UsageError

if TYPE_CHECKING:
    from instill.models.generators.protocol import Generator
    from instill.models.registry.vllm import Module

app = typer.Typer(no_args_is_help=True, help="Serve the base and its candidates with another program (vLLM).")


def register(parent: typer.Typer) -> None:
    """Add this group to the application."""
    parent.add_typer(app, name="deploy")


@app.command()
def vllm(
    url: Annotated[
        str, typer.Option("--check", metavar="URL", help="Check the server at this address, e.g. http://host:8000/v1.")
    ] = "",
    use: Annotated[bool, typer.Option("--use", help="With --check: let Instill use the server from now on.")] = False,
    base: Annotated[
        str,
        typer.Option(
            help="Name or hash of the base, if there are candidates of several bases; or the folder of a base without "
            "candidates."
        ),
    ] = "",
    candidate: Annotated[
        list[str] | None, typer.Option(help="Serve only the champion and this candidate (repeatable).")
    ] = None,
    sample: Annotated[
        int,
        typer.Option(
            min=0,
            max=5,
            help="With --check: number of prompts whose replies are compared with those of the local model.",
        ),
    ] = 3,
    host: Annotated[str, typer.Option(help="Address on which the server listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on which the server listens.")] = 8000,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the command that serves the base, the champion and the candidates with vLLM; or check a running server.

    Example: run `instill deploy vllm`, run the printed command on the machine of the server, then run
    `instill deploy vllm --check http://gpu.example:8000/v1 --use`
    """
    from instill.models.registry.vllm import PROMPTS, checked, planned
    from instill.settings import SETTINGS_FILE, set_in_file
    from instill.workspace import Workspace

    if use and not url:
        raise UsageError("--use needs the address of a server.", where="--use", remedy="Add: --check URL")
    with Workspace.open(workspace) as opened:
        plan = planned(opened.home, base=base, candidates=candidate or [])
        if not url:
            if as_json:
                print_json({"command": plan.command(host=host, port=port), "deployment": asdict(plan)})
                return
            say(plan.shown(host=host, port=port))
            for id_, reason in plan.left_out:
                say(f"Left out: {clean(id_)}. {clean(reason)}", err=True)
            return
        key = opened.given.generator.api_key
        local = None if sample == 0 else _local(Path(plan.folder))
        findings = checked(plan, url, key, local=local, prompts=PROMPTS[:sample])
        wrong = [finding for finding in findings if finding.wrong]
        if use and not wrong:
            values = {"base_url": url, "model": plan.model, "folder": "", "gguf": ""}
            set_in_file(opened.path / SETTINGS_FILE, "generator", values)
    if as_json:
        print_json({"findings": findings, "used": plan.model if use and not wrong else ""})
    else:
        for finding in findings:
            say(f"{'wrong' if finding.wrong else 'ok':6}{clean(finding.name)}: {clean(finding.wrong or finding.what)}")
        if use and not wrong:
            say(f"instill.toml names {clean(plan.model)} at {clean(url)}.")
    if wrong:
        raise typer.Exit(1)


def _local(base: Path) -> Callable[[Module | None], Generator]:
    from instill.models.generators.local import LocalGenerator

    def opened(module: Module | None) -> Generator:
        return LocalGenerator(base, adapter=None if module is None else Path(module.folder))

    return opened
