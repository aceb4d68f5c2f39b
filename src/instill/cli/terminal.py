"""The one place that writes to standard output and standard error.

Whatever is said here is escaped first (`instill.errors.escapes`): colours come from the arguments, never from a text.
Use `say` for lines, in which a line end of a name is escaped too, and `say_block` for texts that have lines of their
own.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from instill.errors.escapes import json_text, shown, shown_block

out = Console(highlight=False, soft_wrap=False, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, markup=False, emoji=False)


def say(*lines: object, err: bool = False, nl: bool = True, **style: Any) -> None:
    """Print lines, each escaped; an empty one without arguments. `style`: fg, bold, dim."""
    said = "\n".join(shown(line) for line in lines)
    typer.secho(said, err=err, nl=nl, **style) if style else typer.echo(said, err=err, nl=nl)


def say_marked(parts: Sequence[tuple[str, bool]]) -> None:
    """Print one line made of parts, each escaped; those with True are bold."""
    typer.echo("".join(typer.style(shown(part), bold=True) if marked else shown(part) for part, marked in parts))


def say_block(text: str, *, err: bool = False, **style: Any) -> None:
    """Print a text whose line ends and tabs are meant; everything else in it is escaped."""
    said = shown_block(text)
    typer.secho(said, err=err, **style) if style else typer.echo(said, err=err)


def say_json(value: Any, *, indent: int | None = 2, default: Any = None, err: bool = False) -> None:
    """Print one JSON value and flush, so that a reader of lines has it at once; `indent` None: on one line."""
    stream = sys.stderr if err else sys.stdout
    stream.write(json_text(value, indent=indent, default=default) + "\n")
    stream.flush()


def say_traceback(error: BaseException) -> None:
    """Print a bug's traceback with the errors behind it, the last one at the end; escaped like all else."""
    behind = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if behind is not None:
        say_traceback(behind)
        say("", "Then:", err=True)
    say("Traceback (most recent call last):", err=True)
    say_block("".join(traceback.format_tb(error.__traceback__)).rstrip("\n"), err=True)
    say(f"{type(error).__name__}: {error}", err=True)


def styled(text: str, style: str = "") -> Text:
    """A cell or line for rich, escaped, and free of markup."""
    return Text(shown(text), style=style)
