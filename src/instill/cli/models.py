"""models list, show, promote, rollback, try, export, diff."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from instill.cli.gate_replies import reply_lines
from instill.cli.output import JsonOption, WorkspaceOption, clean, columns, print_json, readable, stages
from instill.cli.output_place import must_be_writable
from instill.cli.terminal import err, say, say_block
from instill.common.extras import how_to_install
from instill.errors import MissingDependency, UsageError, WorkspaceError
from instill.models.registry.card import gate_notice
from instill.models.registry.card_differences import BASE, base_card, card_differences, flat
from instill.models.registry.champions import Champions, Change
from instill.models.registry.store import Candidate, Registry
from instill.settings.location import find_workspace
from instill.train.gate.advice import BRACKETS, WORDS, advice, gained_of, measured_name
from instill.train.gate.reply_samples import kept
from instill.workspace.replies import candidates_of

if TYPE_CHECKING:
    from instill.models.generators.chat_text import ChatMessage
    from instill.train.generator.export.distance import LayerDistance

app = typer.Typer(
    no_args_is_help=True, help="List, use, roll back, export and compare trained models (candidates and champions)."
)

CandidateArgument = Annotated[str, typer.Argument(metavar="ID", help="The candidate's id, or the beginning of it.")]
BaseFolderOption = Annotated[
    Path | None, typer.Option("--base", metavar="FOLDER", help="Folder of the base, if it is not where the card says.")
]


def register(parent: typer.Typer) -> None:
    """Add this group's commands to the application."""
    parent.add_typer(app, name="models")


@app.command("list")
def list_(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List all candidates, oldest first, and which of them are in use.

    Example: `instill models list`
    """
    registry = _registry(workspace)
    used = {line.champion: base for base, line in Champions(registry).lines().items() if line.champion}
    entries = registry.entries()
    if as_json:
        print_json(dict(candidates_of(registry)))
        return
    missing = sorted(set(used) - {entry.id for entry in entries})
    if not entries and not missing:
        say("There are no candidates yet.")
        return
    rows = [("", "id", "made", "base", "method", "objective", "rows", "gate", "goes on from")]
    for entry in entries:
        mark = "champion" if entry.id in used else ""
        if entry.card is None:
            rows.append((mark, clean(entry.id, 60), "", "", "", "", "", clean(entry.problem, 80), ""))
            continue
        card = entry.card
        how = (clean(str(card.recipe.get("method", "")), 20), clean((card.objective or "").replace("_", " "), 20))
        what = (card.made[:16], clean(card.base.name, 30), *how, str(card.rows.count), card.verdict)
        rows.append((mark, card.id, *what, card.parent or ""))
    gone = "its folder is gone; run: instill models rollback"
    rows += [("champion", id_, "", "", "", "", "", gone, "") for id_ in missing]
    say_block(columns(rows))


@app.command()
def show(candidate: CandidateArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show a candidate's card: what it was made from, what was measured, what the gate said. Checks its files.

    Example: `instill models show dates`
    """
    registry = _registry(workspace)
    found = registry.get(candidate)
    champion = Champions(registry).champion(found.card.base.hash) == found.card.id
    problem = _problem(registry, found.card.id)
    if as_json:
        replies = [asdict(each) for each in kept(registry.home, found.card.id)]
        card = found.card.model_dump(mode="json")
        print_json({**card, "champion": champion, "problem": problem, "replies": replies})
        return
    _print_card(found, registry.home, champion=champion, problem=problem)


@app.command()
def promote(
    candidate: CandidateArgument,
    force: Annotated[
        bool, typer.Option("--force", help="Allow a candidate that the gate rejected or did not measure.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Use a candidate with its base from now on. Its files are checked, and it must have passed the gate.

    Example: `instill models promote dates`
    """
    change = Champions(_registry(workspace)).promote(candidate, force=force)
    _print_change(change, as_json=as_json)


@app.command()
def rollback(
    base: Annotated[str | None, typer.Option(help="Name or hash of the base, if several bases have champions.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go back to the previous champion, or to the base. Works even if the present champion's files are damaged.

    Example: `instill models rollback`
    """
    change = Champions(_registry(workspace)).rollback(base)
    _print_change(change, as_json=as_json)


@app.command(name="try")
def try_(
    words: Annotated[
        list[str],
        typer.Argument(metavar="ID... TEXT", help="Ids of one or more candidates, then the text that each gets."),
    ],
    system: Annotated[
        str | None,
        typer.Option(help="Instructions before the text; default: those that the first candidate was trained with."),
    ] = None,
    max_tokens: Annotated[
        int, typer.Option("--max-tokens", min=1, help="Maximum tokens of a reply; a longer one is cut.")
    ] = 200,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a text to candidates and to their base, and show the replies side by side.

    Example: `instill models try tickets "The printer on floor 3 is broken."`
    """
    from instill.models.registry.replies_side_by_side import try_candidates

    if len(words) < 2:
        raise UsageError("Name a candidate and what is said to it.", remedy='Run: instill models try ID "some text"')
    *ids, text = words
    with err.status("Asking") if not as_json else nullcontext():
        replies = try_candidates(_registry(workspace), ids, text, system=system, max_tokens=max_tokens)
    if as_json:
        print_json({"text": text, "replies": replies})
        return
    for each in replies:
        say(f"{each.name} ({each.verdict})" if each.verdict else each.name, bold=True)
        say_block("\n".join(f"    {line}" for line in readable(each.text or f"[{each.problem}]").splitlines()))


@app.command()
def export(
    candidate: CandidateArgument,
    out: Annotated[Path, typer.Argument(help="Folder to write; it must be empty or not exist.")],
    form: Annotated[
        Literal["merged", "adapter", "gguf", "ollama"],
        typer.Option(
            "--format",
            help="merged: a transformers folder; adapter: PEFT's folder; gguf: by llama.cpp's converter, where it is "
            "installed; ollama: a merged folder with a Modelfile.",
        ),
    ] = "merged",
    precision: Annotated[
        Literal["float32", "bf16"],
        typer.Option(help="Number format of merged weights; bf16 is half the size and rounds."),
    ] = "float32",
    prompts: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Rows (JSON Lines) whose prompts are used for the comparison.")
    ] = None,
    base: BaseFolderOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Export a candidate for other programs. The export is kept only if its replies equal the candidate's.

    Example: `instill models export dates exported/dates --format ollama`
    """
    must_be_writable(out, "OUT", folder=True)
    registry = _registry(workspace)
    found = registry.check(candidate)
    doubt = gate_notice(found.card)
    if doubt and not as_json:
        say(f"note: {doubt}", err=True)
    with _quiet_libraries():
        from instill.train.generator.export.export import export as run

        with stages("Exporting", hidden=as_json) as tell:
            done = run(
                base or Path(found.card.base.folder),
                found.folder,
                out,
                form=form,
                precision=precision,
                prompts=_prompts_of(prompts),
                progress=tell,
            )
    if as_json:
        print_json(done)
        return
    worst = max(done.parity.values())
    say(f"{found.card.id} is in {done.folder}")
    say(f"{done.prompts} replies are equal; log-probabilities differ by at most {worst:.2g} a token.")
    for notice in done.notices:
        if notice != doubt:  # It was said before.
            say(f"note: {notice}", dim=True)
    if done.serve:
        say(f"To serve it: {done.serve}")


@app.command()
def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="A candidate's id, or the beginning of it.")],
    second: Annotated[
        str, typer.Argument(metavar="B", help="The other candidate's id, or the beginning of it; default: its base.")
    ] = "",
    weights: Annotated[bool, typer.Option(help="Also compare the weights, for which both are loaded.")] = True,
    base: BaseFolderOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what differs between two candidates, or between one and its base: rows, recipe, metrics, edits, and the
    weights layer by layer.

    Example: `instill models diff dates-0a dates-1b --no-weights`
    """
    registry = _registry(workspace)
    one = registry.get(first)
    other = registry.get(second) if second else Candidate(Path(), base_card(one.card))
    differences = card_differences(one.card, other.card)
    layers, note = _distances(registry, one, other, base) if weights else ([], "")
    if as_json:
        print_json({"a": one.card.id, "b": other.card.id, "differences": differences, "layers": layers, "note": note})
        return
    rows = [("", one.card.id, other.card.id)]
    for part, found in differences.items():
        rows += [(f"{part}: {clean(name, 40)}", _shown(a), _shown(b)) for name, (a, b) in found.items()]
    say_block(columns(rows) if len(rows) > 1 else "Their cards say the same.")
    if layers:
        table = [("weights", "norm of the difference", "share of A")]
        say_block("\n" + columns([*table, *((each.layer, f"{each.norm:.4g}", f"{each.share:.2%}") for each in layers)]))
    if note:
        say(f"note: {note}", dim=True)


def _registry(workspace: str | None) -> Registry:
    return Registry(find_workspace(workspace) / ".instill")


def _problem(registry: Registry, id_: str) -> str:
    try:
        registry.check(id_)
    except WorkspaceError as error:
        return error.what
    return ""


def _print_card(found: Candidate, home: Path, *, champion: bool, problem: str) -> None:
    card = found.card
    say(card.id + (", the champion of its base" if champion else ""), bold=True)
    say_block(
        columns(
            [
                ("made", f"{card.made} by instill {clean(card.environment.get('instill', ''))}"),
                ("base", f"{clean(card.base.name)} (hash {clean(card.base.hash)}, {clean(card.base.folder)})"),
                ("rows", f"{card.rows.count} (hash {clean(card.rows.hash)})"),
                ("seed", str(card.seed)),
                ("parent", card.parent or "none"),
                ("gate", card.verdict),
                ("files", clean(problem) or f"{len(card.files)}, as on the card"),
                ("folder", str(found.folder)),
            ]
        )
    )
    _print_section("recipe", [(clean(name), _shown(value)) for name, value in flat(card.recipe).items()])
    before, after = flat(card.metrics.before), flat(card.metrics.after)
    names = [*before, *(name for name in after if name not in before)]
    measured = [
        (clean(measured_name(name)), *(_shown(side[name]) if name in side else "" for side in (before, after)))
        for name in names
    ]
    _print_section("measured", [("", "base", "candidate"), *measured] if measured else [])
    conditions = card.gate.conditions if card.gate else ()
    marks = [
        (WORDS.get(each.outcome, "ok" if each.passed else "failed"), clean(each.name), clean(each.said))
        for each in conditions
    ]
    _print_section(f"gate ({BRACKETS})", marks)
    gain = next((each for each in conditions if each.name == "gain"), None)
    gained = (
        None
        if gain is None
        else gained_of(before.get("gain"), after.get("gain"), (gain.model_extra or {}).get("rows"), gain.limit)
    )
    outcomes = ((each.name, each.outcome or ("" if each.passed else "failed"), each.needed) for each in conditions)
    todo = advice(outcomes, gained)
    lines = reply_lines(kept(home, card.id))
    if lines:
        say("", lines[0], bold=True)
        say_block("\n".join(lines[1:]))
    _print_section("next", [(each,) for each in todo])
    _print_section("reasons", [(clean(reason),) for reason in card.reasons])


def _print_section(title: str, rows: Sequence[Sequence[str]]) -> None:
    if rows:
        say("", f"{title}", bold=True)
        say_block(columns(rows))


def _print_change(change: Change, *, as_json: bool) -> None:
    if as_json:
        print_json(change)
        return
    for notice in change.notices:
        say(f"note: {clean(notice)}", dim=True)
    if change.champion == change.before:
        return
    now = change.champion or "as it is, without a candidate"
    before = f" Before: {change.before}." if change.before else ""
    say(f"In use for {clean(change.base)} from now on: {now}.{before}")


def _distances(
    registry: Registry, one: Candidate, other: Candidate, base: Path | None
) -> tuple[list[LayerDistance], str]:
    """By layer, or nothing and why."""
    if one.card.base.hash != other.card.base.hash:
        return [], "The weights are not compared: the bases differ."
    folder = base or Path(one.card.base.folder)
    if not (folder / "config.json").is_file():
        return [], f"The weights are not compared: the base is not in {folder}. Name its folder: --base FOLDER"
    untrained = other.card.id == BASE
    for each in (one,) if untrained else (one, other):
        registry.check(each.card.id)
    with _quiet_libraries():
        from instill.train.generator.export.distance import distances

        return distances(folder, one.folder, None if untrained else other.folder), ""


def _prompts_of(file: Path | None) -> list[Sequence[ChatMessage]] | None:
    if file is None:
        return None
    from instill.train.generator.data.rows import read_rows

    prompts: list[Sequence[ChatMessage]] = [row.prompt for row in read_rows(file) if row.prompt]
    if not prompts:
        raise UsageError("The rows have no prompts.", where=str(file), remedy='A line is e.g. {"messages": [...]}')
    return prompts


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Their progress bars and their notes to programmers are nothing to a user."""
    for package in ("torch", "transformers", "peft"):
        if importlib.util.find_spec(package) is None:
            raise MissingDependency("This loads models.", where=package, remedy=how_to_install("train"))
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            if shown:
                logging.enable_progress_bar()


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else clean(str(value), 60)
