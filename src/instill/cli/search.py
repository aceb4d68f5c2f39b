"""search and sql."""

from __future__ import annotations

from typing import Annotated, cast

import typer
from rich.table import Table

from instill.cli.output import JsonOption, LabelOption, WhereOption, WorkspaceOption, clean, place, print_json, readable
from instill.cli.terminal import out, say, styled
from instill.index.types import EMPTY, NOTHING_TO_SEE, Mode
from instill.workspace import Workspace
from instill.workspace.arguments import labels_of
from instill.workspace.replies import Found, Rows


def register(app: typer.Typer) -> None:
    """Add this group's commands to the application."""
    app.command()(search)
    app.command()(sql)


def search(
    words: Annotated[list[str], typer.Argument(metavar="QUERY", help="Words or a question.")],
    k: Annotated[int, typer.Option("--limit", "-k", min=1, max=1000, help="Number of passages to show.")] = 5,
    mode: Annotated[str, typer.Option(help="hybrid, keyword or vector.")] = "hybrid",
    where: WhereOption = "",
    label: LabelOption = None,
    full: Annotated[bool, typer.Option("--full", help="Show whole passages instead of their beginnings.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the passages that match best.

    Example: `instill search "refund period" -k 3 --where "kind = 'pdf'"`
    """
    query = " ".join(words)
    with Workspace.open(workspace) as opened:
        result = opened.search(query, k=k, mode=cast("Mode", mode), where=where, labels=label)
        is_empty = not result.hits and opened.index.count(labels_of(label))[0] == 0
    if as_json:
        print_json(Found.of(query, result).model_dump(mode="json"))
        return
    for notice in result.notices:
        say(f"note: {clean(notice)}", fg="yellow", err=True)
    if not result.hits:
        say((NOTHING_TO_SEE if label else EMPTY) if is_empty else "Nothing found.")
    for rank, hit in enumerate(result.hits, start=1):
        say(f"{rank}. {place(hit.title, hit.source, hit.headings, hit.page)}", bold=True)
        scores = f"score {hit.score:.2f} · keyword {hit.keyword_score:.2f} · vector {hit.vector_score:.2f}"
        say(f"   {scores} · {hit.doc_id} [{hit.start}, {hit.end})", dim=True)
        text = readable(hit.text) if full else readable(" ".join(hit.text.split()), 400)
        say(*(f"   {line}" for line in text.splitlines()), "")


def sql(
    query: Annotated[str, typer.Argument(help="One SELECT over `documents` and `passages`.")],
    near: Annotated[str, typer.Option(help="Adds the column `similarity` to passages: cosine to this text.")] = "",
    label: LabelOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run read-only SQL over documents and passages.

    Example: `instill sql "select kind, count(*) from documents group by kind"`

    Example: `instill sql "select source, text from passages order by similarity desc limit 3" --near "refunds"`
    """
    from instill.index.sql_limits import memory_bounded
    from instill.index.sql_values import plain_rows

    with Workspace.open(workspace) as opened, memory_bounded(opened.settings.sql.max_memory_mb):
        table = opened.sql(query, labels=label, near=near)
    if as_json:
        print_json(dict(Rows.of(table)))
        return
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in table.column_names:
        shown.add_column(styled(column), overflow="fold")
    for row in plain_rows(table):
        shown.add_row(*(styled(clean("" if value is None else str(value), 200)) for value in row.values()))
    out.print(shown)
