"""Printing: JSON for machines, tables and progress for people."""

from __future__ import annotations

import dataclasses
import json
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from instill.answer.display import safe_text

WorkspaceOption = Annotated[
    str | None,
    typer.Option("--workspace", "-w", metavar="FOLDER", help="The workspace; otherwise the nearest from here upwards."),
]
QuestionsOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Your own questions, JSON Lines; otherwise they are written from the documents."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")]
LabelOption = Annotated[
    list[str] | None,
    typer.Option("--label", "-l", metavar="LABEL", help="Answer as a caller who holds this label (repeatable)."),
]
WhereOption = Annotated[
    str,
    typer.Option(
        metavar="CONDITION", help="Only documents for which this holds, e.g. \"year >= 2024 and kind = 'pdf'\"."
    ),
]

_LIVE_CHARACTERS = 1000

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """One JSON object on standard output; dataclasses become objects, tuples lists."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2, default=_plain)
    sys.stdout.write("\n")


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def clean(text: str, limit: int | None = None) -> str:
    """Text of a document for a terminal: no control characters, and no longer than `limit` characters."""
    shown = safe_text(text)
    if limit is not None and len(shown) > limit:
        return shown[: limit - 1].rstrip() + "…"
    return shown


def place(title: str, source: str, headings: str, page: int | None) -> str:
    """Where a passage stands, on one line: "report.pdf, p. 3 · Guide > Install"."""
    name = source.rsplit("/", 1)[-1] if source else title
    parts = [clean(name)]
    if page is not None:
        parts[0] += f", p. {page}"
    if headings:
        parts.append(clean(" ".join(headings.split())))
    return " · ".join(parts)


def _ignore(*_: object) -> None:
    """No bar, nothing to update."""


@contextmanager
def progress_bar(description: str, *, hidden: bool) -> Iterator[Callable[[int, int, str], None]]:
    """A bar with rate and time left on standard error; `hidden` for `--json` and when nobody watches.

    Yields `update(done, total, remark)`.
    """
    if hidden or not err.is_terminal:
        yield _ignore
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TaskProgressColumn(show_speed=True),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[remark]}"),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(description, total=None, remark="")

        def update(done: int, total: int, remark: str) -> None:
            bar.update(task, completed=done, total=total, remark=clean(remark, 40))

        yield update


@contextmanager
def live_text(*, hidden: bool) -> Iterator[Callable[[str], None] | None]:
    """Shows a reply while it is written, dimmed because nothing of it is checked yet, and takes it away at the end."""
    if hidden or not err.is_terminal:
        yield None
        return
    pieces: list[str] = []
    with Live(console=err, transient=True, refresh_per_second=8) as live:

        def show(piece: str) -> None:
            pieces.append(piece)
            live.update(Text(clean("".join(pieces))[-_LIVE_CHARACTERS:], style="dim"))

        yield show


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows as aligned columns of plain text."""
    widths = [max(len(row[position]) for row in rows) for position in range(len(rows[0]))] if rows else []
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def typed() -> str:
    """The command line as it was typed, quoted."""
    return shlex.join(["instill", *sys.argv[1:]])
