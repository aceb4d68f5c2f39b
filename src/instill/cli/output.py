"""Printing: JSON for machines, tables and progress for people."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from instill.answer.harmless_text import safe_text
from instill.cli.terminal import err, say, say_json
from instill.common.place_in_words import in_file, short_name
from instill.errors.escapes import shortened, shown
from instill.workspace.replies import plain

WorkspaceOption = Annotated[
    str | None,
    typer.Option(
        "--workspace",
        "-w",
        metavar="FOLDER",
        help="The workspace; default: this folder or the nearest one above it that is a workspace.",
    ),
]
OnOption = Annotated[
    str,
    typer.Option(
        metavar="ray|ray://HOST:PORT",
        help="Do the work on a Ray cluster; ray: the one that runs here, or else this machine's cores.",
    ),
]
QuestionsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Your own questions (JSON Lines), or `feedback`: those that people judged; default: written by rules.",
    ),
]
TrainedOnOption = Annotated[
    Path | None,
    typer.Option(
        "--questions",
        metavar="FILE",
        help="Questions about the workspace's documents (JSON Lines), or `feedback`: those that people judged.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
LabelOption = Annotated[
    list[str] | None,
    typer.Option("--label", "-l", metavar="LABEL", help="Use only what somebody with this label may see (repeatable)."),
]
WhereOption = Annotated[
    str,
    typer.Option(
        metavar="CONDITION",
        help="Use only documents that match this condition, e.g. \"year >= 2024 and kind = 'pdf'\".",
    ),
]

_LIVE_CHARACTERS = 1000


def print_json(value: Any) -> None:
    """One JSON object on standard output; dataclasses become objects, tuples lists."""
    say_json(value, default=plain)


def print_json_line(value: Any) -> None:
    """The same on one line, and sent at once."""
    say_json(value, indent=None, default=plain)


def clean(text: str, limit: int | None = None) -> str:
    """A name, a title or a message for a terminal: one line, odd characters as escapes, at most `limit` characters."""
    return shown(text, limit)


def readable(text: str, limit: int | None = None) -> str:
    """Words of a document for a person to read: what cannot be seen is left out, line ends stay."""
    return shortened(safe_text(text), limit)


def place(title: str, source: str, headings: str, page: int | None, line: int | None = None) -> str:
    """Where a passage stands, on one line: "report.pdf, p. 3 · Guide > Install"."""
    name = short_name(source) if source else title
    parts = [clean(name) + in_file(page, line)]
    if headings:
        parts.append(clean(" ".join(headings.split())))
    return " · ".join(parts)


def _ignore(*_: object) -> None:
    """No bar, nothing to update."""


class PlainProgress:
    """Progress as lines for logs: the first after half a minute, so that what is quick says nothing; then one where at
    least as long and a twentieth of the work went by.

    Args:
        clock: seconds that only go up.
    """

    def __init__(self, description: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._description, self._clock = description, clock
        self._began = clock()
        self._next, self._done = self._began + _QUIET_S, 0

    def update(self, done: int, total: int, remark: str) -> None:
        """Print a line, where one is due."""
        now = self._clock()
        if done < self._done:  # Another part of the work, which is counted anew.
            self._done = 0
        few = self._done and total and done - self._done < _SHARE * total and done < total
        if now < self._next or done <= self._done or few:
            return
        self._next, self._done = now + _BETWEEN_S, done
        of = f"{done} of {total}" if total else f"{done}"
        after = f", {remark}" if remark else ""
        say(clean(f"{self._description}: {of} after {now - self._began:.0f} s{after}"), err=True)


_QUIET_S, _BETWEEN_S, _SHARE = 30.0, 30.0, 0.05
_PROGRAM_S = 0.3


class ProgressLines:
    """Progress for a program that started this one (`INSTILL_PROGRESS=json`): an object a line on standard error,
    several a second at most.

    Args:
        clock: seconds that only go up.
    """

    def __init__(self, description: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._description, self._clock = description, clock
        self._next = 0.0

    def update(self, done: int, total: int, remark: str) -> None:
        """Print a line, where one is due."""
        if self._clock() < self._next and done < total:
            return
        self._next = self._clock() + _PROGRAM_S
        what = f"{self._description}: {remark}" if remark else self._description
        say_json({"progress": {"done": done, "total": total, "what": what}}, indent=None, err=True)


@contextmanager
def stages(description: str, *, hidden: bool) -> Iterator[Callable[[str], None]]:
    """What is being done: a spinner on standard error, or, where that is no terminal, a line a stage.

    Yields `tell(what)`.
    """
    if hidden:
        yield _ignore
    elif err.is_terminal:
        with err.status(description) as status:
            yield lambda what: status.update(what.capitalize())
    else:
        yield lambda what: say(f"{what} ...", err=True)


@contextmanager
def progress_bar(description: str, *, hidden: bool) -> Iterator[Callable[[int, int, str], None]]:
    """A bar with rate and time left on standard error, or, where that is no terminal, a line now and then; `hidden` for
    `--json`.

    Yields `update(done, total, remark)`.
    """
    if os.environ.get("INSTILL_PROGRESS") == "json":
        yield ProgressLines(description).update
        return
    if hidden:
        yield _ignore
        return
    if not err.is_terminal:
        yield PlainProgress(description).update
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TaskProgressColumn(show_speed=True),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[remark]}", markup=False),
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
            live.update(Text(readable("".join(pieces))[-_LIVE_CHARACTERS:], style="dim"))

        yield show


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows as aligned columns of plain text; a line end or control character in a cell is shown as an escape."""
    cells = [[shown(cell) for cell in row] for row in rows]
    widths = [max(len(row[position]) for row in cells) for position in range(len(cells[0]))] if cells else []
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def typed() -> str:
    """The command line as it was typed, quoted."""
    return shlex.join(["instill", *sys.argv[1:]])
