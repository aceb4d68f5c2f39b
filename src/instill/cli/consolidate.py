"""consolidate."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instill.cli.output import JsonOption, WorkspaceOption, clean, columns, print_json
from instill.cli.terminal import say, say_block
from instill.common.plurals import counted
from instill.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from instill.memory.consolidating.beforehand import PlannedGroup


def register(parent: typer.Typer) -> None:
    """Add the command to the application."""
    parent.command()(consolidate)


def consolidate(
    base: Annotated[
        str, typer.Option(help='The model: a folder, "smollm2" or "micro"; default: the one in the settings.')
    ] = "",
    replay: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Rows of what the model can do already and must not forget.")
    ] = None,
    gate: Annotated[Path | None, typer.Option(metavar="FILE", help="A gate file with more conditions.")] = None,
    seed: Annotated[int, typer.Option(help="A different seed gives different questions and splits.")] = 0,
    epochs: Annotated[
        int, typer.Option(min=0, help="Number of passes over the rows; 0: chosen by how many rows there are.")
    ] = 0,
    replay_share: Annotated[
        float | None, typer.Option(min=0, max=0.9, help="Share of replay in what is trained; default: 0.85.")
    ] = None,
    learning_rate: Annotated[float, typer.Option(min=0, max=1, help="Highest rate; 0: chosen by the model.")] = 0.0,
    when_idle: Annotated[bool, typer.Option("--when-idle", help="Work only while nobody asks questions.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be trained, and train nothing.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train the facts that people keep asking for into a model's weights, and test each of them afterwards.

    Example: `instill consolidate --base models/smollm2 --replay replay.jsonl --when-idle`
    """
    chosen: dict[str, Any] = {
        "base": base, "replay": replay, "gate": gate, "seed": seed, "epochs": epochs, "replay_share": replay_share,
        "learning_rate": learning_rate,
    }  # fmt: skip
    with Workspace.open(workspace) as opened:
        if dry_run:
            _print_plan(opened.consolidation_plan(**chosen), as_json)
            return
        if when_idle:
            found = _when_idle(opened, as_json)
        else:
            from instill.memory.when_idle import note_stage

            def stage(name: str) -> None:
                note_stage(opened.home, name)
                if not as_json:
                    say(f"{name} ...", err=True)

            results = opened.consolidate(**chosen, stage=stage)
            found = [each.model_dump(mode="json") for each in results]
    if as_json:
        print_json({"consolidated": found, "said": _said(found)})
    else:
        _print(found)
    if not all(each["promoted"] for each in found):
        raise typer.Exit(1)


def _when_idle(opened: Workspace, as_json: bool) -> list[dict[str, Any]]:
    """The same command in another process, which stands still while somebody asks."""
    from instill.memory.consolidating.one_at_a_time import alone
    from instill.memory.when_idle import run_when_idle

    with alone(opened.home):
        pass  # Said now, and not when nobody asks.
    kept = [word for word in sys.argv[1:] if word not in ("--when-idle", "--json")]
    command = [sys.executable, "-m", "instill", *kept, "--json"]
    done = run_when_idle(
        command,
        opened.home,
        idle_s=opened.settings.memory.idle_s,
        environment=os.environ,
        on_change=lambda change: None if as_json else say(f"{change} ...", err=True),
    )
    try:
        return list(json.loads(done.stdout)["consolidated"])
    except (ValueError, KeyError, TypeError):
        raise typer.Exit(done.returncode or 1) from None


def _print_plan(planned: Sequence[PlannedGroup], as_json: bool) -> None:
    if as_json:
        print_json({"planned": [each.model_dump(mode="json") for each in planned]})
        return
    if not planned:
        say("No fact is a candidate. See why: instill memory")
        return
    rows: list[tuple[str, ...]] = [("labels", "facts", "taught", "rows")]
    rows += [
        (", ".join(each.labels) or "(owner)", str(len(each.facts)), str(len(each.taught)), str(each.rows))
        for each in planned
    ]
    say_block(columns(rows))
    for each in planned:
        say(f"{clean(', '.join(each.labels)) or '(owner)'}:", bold=True)
        for doubt in each.doubts:
            say(f"  {clean(doubt)}")
        for fact_id in each.taught:
            say(f"  would be taught: {fact_id} {clean(each.asked_as[fact_id], 100)}")
        for fact_id, reason in each.left_out.items():
            say(f"  would be left out: {fact_id} {clean(each.asked_as[fact_id], 100)}: {clean(reason)}")
    say("Nothing was trained. Leave out --dry-run to start.")


def _said(found: Sequence[Mapping[str, Any]]) -> str:
    """What became of it, in a sentence for each adapter, without a word of a document.

    Example:
        >>> facts = [{"right": 2}, {"right": 0}]
        >>> _said([{"labels": [], "adapter": "memory-1", "promoted": True, "facts": facts, "left_out": {}}])
        'memory-1 for the owner is in use: 1 of 2 facts known in wordings that were not trained.'
        >>> _said([])
        'No fact is a candidate, so nothing was trained.'
    """
    sentences = []
    for each in found:
        whom = ", ".join(each["labels"]) or "the owner"
        known = sum(fact["right"] > 0 for fact in each["facts"])
        name = each["adapter"] or "Nothing was trained"
        state = ("is in use" if each["promoted"] else "is not in use") if each["adapter"] else ""
        left = f" {counted(len(each['left_out']), 'fact')} cannot be taught." if each["left_out"] else ""
        counts = f"{known} of {counted(len(each['facts']), 'fact')} known in wordings that were not trained"
        sentences.append(" ".join(filter(None, [name, f"for {whom}", state])) + f": {counts}.{left}")
    return " ".join(sentences) or "No fact is a candidate, so nothing was trained."


def _print(found: Sequence[Mapping[str, Any]]) -> None:
    if not found:
        say("No fact is a candidate. See why: instill memory")
    for each in found:
        whom = ", ".join(each["labels"]) or "the owner"
        known = sum(fact["right"] > 0 for fact in each["facts"])
        state = "in use" if each["promoted"] else "NOT in use"
        say(f"{each['adapter'] or '(nothing trained)'} for {clean(whom)}: {state}", bold=True)
        told = f"{counted(len(each['facts']), 'fact')}, {counted(each['rows'], 'row')}"
        say(f"{told}; {known} are known in wordings that were not trained.")
        for reason in each["reasons"]:
            say(f"  {clean(reason)}")
        for todo in each["next"]:
            say(f"  next: {clean(todo)}")
        for fact in each["facts"]:
            if fact["unknown"]:
                say(f"  not known: {fact['fact_id']} {clean(fact['question'], 100)}: {clean(fact['unknown'])}")
        for unchecked in each["unchecked"]:
            say(f"  {clean(unchecked)}")
        for fact_id, reason in each["left_out"].items():
            say(f"  {fact_id} was left out: {reason}.")
