"""train run, train pairs: adapting a language model by recipes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from instill.cli.gate_replies import reply_lines
from instill.cli.output import JsonOption, OnOption, WorkspaceOption, clean, columns, print_json, progress_bar
from instill.cli.output_place import must_be_writable
from instill.cli.stopping import StoppedError
from instill.cli.terminal import err, say, say_block
from instill.errors import UsageError
from instill.settings.location import find_workspace
from instill.train.gate.advice import BRACKETS, WORDS, advice, gained_of, scale_text

if TYPE_CHECKING:
    from instill.common.progress_watch import Told, Watch
    from instill.models.registry.card import Card
    from instill.models.registry.store import Candidate
    from instill.train.generator.data.findings import Finding
    from instill.train.generator.recipes.recipe import Recipe
    from instill.train.pipeline import TrainingResult
    from instill.train.several_recipes import InOrder


def run(
    recipes: Annotated[list[Path], typer.Argument(metavar="RECIPE...", help="One recipe, or several with --order.")],
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Check, estimate time and memory, print all values that would be used; train nothing."
        ),
    ] = False,
    order: Annotated[
        Literal["sequential", "joint", "both"] | None,
        typer.Option(
            help="For several recipes: train one after the other, all together, or both, and show what was kept."
        ),
    ] = None,
    parent: Annotated[
        str | None, typer.Option("--from", metavar="ID", help="Start from this candidate's weights.")
    ] = None,
    promote: Annotated[bool, typer.Option(help="Make the candidate the champion if it passes its gate.")] = True,
    again: Annotated[bool, typer.Option("--again", help="Train even if the same candidate exists.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with code 7 if the candidate does not pass its gate.")
    ] = False,
    on: OnOption = "",
    workers: Annotated[
        int, typer.Option(min=1, help="With --on: number of processes on the nodes of the cluster that train together.")
    ] = 1,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a language model as a recipe says, measure it against its gate, and store it with its card.

    If a run is stopped, the same command continues it. `instill train FILE` is short for `instill train run FILE`.

    Example: `instill train json.toml --dry-run`

    Example: `instill train json.toml`

    Example: `instill train format.toml tone.toml --order both`
    """
    from instill.models.registry.store import Registry
    from instill.train.generator.recipes.recipe import read_recipe

    found = [read_recipe(file) for file in recipes]
    if dry_run:
        if as_json and len(found) > 1:
            raise UsageError("--json prints one object.", remedy="Give one recipe with --dry-run --json.")
        if parent is not None and len(found) > 1:
            raise UsageError("--from goes with one recipe.", remedy="Give one recipe with --from.")
        start = Registry(find_workspace(workspace) / ".instill").check(parent) if parent is not None else None
        passed = [_dry(recipe, start, as_json) for recipe in found]
        if not all(passed):
            raise typer.Exit(2)
        return
    if strict and (len(found) > 1 or not found[0].gate):
        raise UsageError("--strict needs one recipe with a gate.", where=str(recipes[0]))
    home = find_workspace(workspace) / ".instill"
    if len(found) > 1:
        if order is None:
            raise UsageError(
                "There are several recipes.", remedy="Say how: --order sequential, --order joint, or --order both."
            )
        beside = "--on" if on else "--from" if parent is not None else "--workers" if workers > 1 else ""
        if beside:
            raise UsageError(f"{beside} goes with one recipe.")
        _in_order(home, found, order, as_json)
        return
    from instill.train.generator.loop import processes
    from instill.train.pipeline import train_recipe

    with ExitStack() as stack, _kept_said(home):
        outcome = train_recipe(
            home,
            found[0],
            parent=parent,
            promote=promote,
            again=again,
            on=on,
            workers=workers,
            watch=_watch(stack, as_json),
        )
    if not processes.is_first():
        return
    if as_json:
        print_json(_as_json(outcome))
    else:
        say_block(_told(outcome))
    if strict and not _passed(outcome):
        raise typer.Exit(7)


def pairs(
    prompts: Annotated[Path, typer.Argument(help="Rows whose prompts the generator answers.")],
    principles: Annotated[Path, typer.Option("--principles", help="Text file with one principle per line.")],
    out: Annotated[Path, typer.Option("--out", help="File for the preferences.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write preference pairs with the workspace's generator: a reply, its critique by a principle, the revision.

    Example: `instill train pairs prompts.jsonl --principles principles.txt --out pairs.jsonl`
    """
    from instill.documents.text_decoding import strict_text
    from instill.train.generator.data.rows import read_rows, write_rows
    from instill.train.generator.methods.preference import write_pairs
    from instill.workspace import Workspace

    must_be_writable(out, "--out")
    try:
        lines = strict_text(principles.read_bytes()).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The principles cannot be read: {error}.", where=str(principles)) from error
    asked = [row.prompt for row in read_rows(prompts)]
    with Workspace.open(workspace) as opened, progress_bar("Writing", hidden=as_json) as update:
        if opened.generator is None:
            raise UsageError(
                "No generator is set.", where="generator", remedy="Set generator.base_url or generator.folder."
            )
        found = list(
            write_pairs(
                opened.generator,
                asked,
                [line.strip() for line in lines if line.strip()],
                progress=lambda done, total: update(done, total, ""),
            )
        )
    write_rows(found, out)
    if as_json:
        print_json({"prompts": len(asked), "pairs": len(found), "file": str(out)})
    else:
        say(f"{len(found)} pairs from {len(asked)} prompts are in {out}.")


def _dry(recipe: Recipe, start: Candidate | None, as_json: bool) -> bool:
    """Whether the run may begin.

    Args:
        start: the candidate that the run would go on from.
    """
    from instill.cli.train_dry_run import show_dry_run
    from instill.train.gate.recipe_gate import gate_findings, gate_rows
    from instill.train.gate.specification import load_gate
    from instill.train.gate.time_beforehand import gate_time
    from instill.train.generator.beforehand.dry_run import dry_run
    from instill.train.generator.beforehand.few_steps import few_steps
    from instill.train.generator.run import adapted, open_recipe, opened_model
    from instill.train.pipeline import check_parent

    prepared = open_recipe(recipe, parent=start.folder if start else None)
    recipe, tokenizer = prepared.recipe, prepared.tokenizer
    if start is not None:
        check_parent(start.card, prepared)
    measured_on = gate_rows(recipe, tokenizer)
    model = adapted(prepared, opened_model(prepared))
    report = dry_run(recipe, model, tokenizer, measured_on=measured_on)
    more = (*few_steps(recipe, report.rows, prepared.base), *gate_findings(recipe, tokenizer))
    report = replace(report, findings=(*report.findings, *more))
    gate = None
    if recipe.gate and report.estimate is not None:
        max_tokens = load_gate(recipe.path(recipe.gate)).max_tokens
        gate = gate_time(model, tokenizer, measured_on, max_tokens=max_tokens)
    show_dry_run(recipe, report, as_json, gate)
    return report.passed


def _in_order(home: Path, recipes: Sequence[Recipe], order: str, as_json: bool) -> None:
    from instill.train.generator.loop import processes
    from instill.train.several_recipes import Order, train_in_order

    wanted: list[Order] = [each for each in ("sequential", "joint") if order in (each, "both")]
    found: list[InOrder] = []
    for one in wanted:
        with ExitStack() as stack:
            found.append(train_in_order(home, recipes, one, watch=_watch(stack, as_json)))
    if not processes.is_first():
        return
    if as_json:
        print_json(
            [
                {
                    "order": each.order,
                    "tasks": each.tasks,
                    "before": each.before,
                    "scores": each.scores,
                    "candidates": [outcome.card.id for outcome in each.outcomes],
                    "seconds": each.seconds,
                }
                for each in found
            ]
        )
        return
    for outcome in found:
        say_block(_order_told(outcome) + "\n")


def _order_told(found: InOrder) -> str:
    stages = found.tasks if found.order == "sequential" else ("all together",)
    rows = [[f"score on, after {found.order} training of", *found.tasks], ["(nothing)", *_shown(found.before)]]
    rows += [[stage, *_shown(scores)] for stage, scores in zip(stages, found.scores, strict=True)]
    lines = [columns(rows), f"mean in the end {sum(found.scores[-1]) / len(found.tasks):.3f}, {found.seconds:.0f} s"]
    if found.retention is not None:
        lines.append(f"forgetting {found.retention.forgetting:.3f}")
    lines.append("candidates: " + ", ".join(outcome.card.id for outcome in found.outcomes))
    return "\n".join(lines)


def _shown(scores: Sequence[float]) -> list[str]:
    return [f"{score:.3f}" for score in scores]


@contextmanager
def _kept_said(home: Path) -> Iterator[None]:
    """After Ctrl-C, say how much of the training is kept."""
    began = time.time()
    try:
        yield
    except StoppedError as stopped:
        from instill.train.checkpoint_file import begun_at
        from instill.train.progress import CHECKPOINT

        written = [file for file in (home / "runs").glob(f"*/{CHECKPOINT}") if file.stat().st_mtime >= began]
        steps = max(map(begun_at, written), default=0)
        stopped.kept = (
            f"A checkpoint of step {steps} is kept; run the same command again to go on from it."
            if steps
            else "No new checkpoint was written yet; the same command begins where this one did."
        )
        raise


def _unmeasured(card: Card) -> list[str]:
    """What the gate of a champion did not look at, and what follows for its use."""
    names = {each.name.partition(".")[0] for each in card.gate.conditions} if card.gate else set()
    found = []
    if "forgetting" not in names:
        found.append("Not measured: what it lost of the base's abilities. The gate has no [forgetting].")
    if "reading" not in names:
        found.append(
            "Not measured: whether it answers from passages. With a .gguf model, `instill ask` goes on without it; "
            f"to ask with it all the same, set generator.adapter = {card.id!r}."
        )
    return found


def _told(outcome: TrainingResult) -> str:
    card = outcome.card
    fitted = outcome.fitted
    if fitted is None:
        lines = [f"{card.id} is there already, made from the same base, rows and recipe."]
        if outcome.tried is None:
            standing = "It is the champion." if outcome.promoted else f"By the gate: {card.verdict}."
            return f"{lines[0]} {standing} Train anyway: --again"
        lines.append("The gate has changed, so it was measured again.")
    else:
        end = (
            f"loss {fitted.loss:.3f}" if fitted.reward is None else f"mean reward of the last step {fitted.reward:.3f}"
        )
        lines = [f"{card.id}: {fitted.steps} steps in {fitted.seconds:.0f} s, {end}"]
        lines += [clean(f"{each.severity}: {each}") for each in fitted.findings if each.severity != "error"]
    if outcome.tried is None:
        return "\n".join([*lines, f"No gate: it is kept, not promoted. Next: instill models show {card.id}"])
    lines.append(f"The gate, {BRACKETS}:")
    for tried in outcome.tried.tried:
        if len(outcome.tried.tried) > 1:
            lines.append(f"With {scale_text(tried.scale)}:")
        lines += [f"  {WORDS[each.outcome]:<14}  {clean(each.said)}" for each in tried.verdict.conditions]
    lines += reply_lines(outcome.tried.chosen.replies)
    if outcome.promoted:
        replaced = f" and replaces {outcome.replaced}" if outcome.replaced else ""
        lines.append(f"Passed: it is the champion{replaced}. Undo: instill models rollback")
        lines += _unmeasured(card)
    elif outcome.tried.passed and outcome.better:
        lines.append(
            f"Passed, but {outcome.better} scored higher on the same gate and stays the champion. "
            f"To use this one all the same: instill models promote {card.id}"
        )
    elif outcome.tried.passed:
        lines.append(f"Passed; it is kept, not promoted. Next: instill models promote {card.id}")
    else:
        found = outcome.tried.chosen.verdict.conditions
        lost = any(each.outcome == "failed" for each in found)
        said = "Rejected" if lost else "Not proven yet, so it is not promoted"
        lines.append(f"{said}; it is kept with the reasons. See: instill models show {card.id}")
        gain = next((each for each in found if each.name == "gain"), None)
        gained = None if gain is None else gained_of(gain.before, gain.after, gain.rows, gain.limit)
        lines += [f"next: {each}" for each in advice(((one.name, one.outcome, one.needed) for one in found), gained)]
    return "\n".join(lines)


def _passed(outcome: TrainingResult) -> bool:
    """By the gate, now or when it was measured before."""
    return outcome.tried.passed if outcome.tried else bool(outcome.card.gate and outcome.card.gate.passed)


def _as_json(outcome: TrainingResult) -> dict[str, Any]:
    tried = outcome.tried.tried if outcome.tried else ()
    return {
        "id": outcome.card.id,
        "folder": str(outcome.folder),
        "trained": outcome.fitted is not None,
        "seconds": outcome.fitted.seconds if outcome.fitted else 0.0,
        "warnings": [each.as_dict() for each in outcome.fitted.findings] if outcome.fitted else [],
        "tried": [{"scale": each.scale, **each.verdict.as_dict()} for each in tried],
        "replies": [asdict(each) for each in outcome.tried.chosen.replies] if outcome.tried else [],
        "passed": outcome.tried.passed if outcome.tried else None,
        "promoted": outcome.promoted,
        "replaced": outcome.replaced,
        "better": outcome.better,
        "card": outcome.card.model_dump(mode="json"),
    }


_LONG = ("training", "measuring")
"""Stages that tell how far they are."""


def _watch(stack: ExitStack, hidden: bool) -> Watch:
    from instill.common.progress_watch import Watch

    bar = stack.enter_context(ExitStack())  # One bar at a time: that of the stage.
    updates: list[Told] = []

    def stage(name: str) -> None:
        bar.close()
        if not hidden:
            say(f"{name} ...", err=True, dim=err.is_terminal)
        if name in _LONG:
            updates[:] = [bar.enter_context(progress_bar(name.capitalize(), hidden=hidden))]

    def warning(found: Finding) -> None:
        if not hidden:
            say(f"{found.severity}: {found}", err=True)

    def progress(done: int, total: int, what: str) -> None:
        if updates:
            updates[-1](done, total, what)

    return Watch(stage, progress, warning)
