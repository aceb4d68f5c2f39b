"""forget, receipt verify, receipt list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instill.cli.output import JsonOption, WorkspaceOption, clean, columns, print_json
from instill.cli.output_place import must_be_writable
from instill.cli.terminal import say, say_block
from instill.errors import UsageError
from instill.workspace import Workspace

if TYPE_CHECKING:
    from instill.memory.forgetting.receipts import Receipt
    from instill.workspace.forgetting_plan import ForgettingPlan

_EXAMPLE = "Example: instill forget letters/holm.md"

receipts = typer.Typer(no_args_is_help=True, help="Show and verify receipts of what was forgotten.")


def register(parent: typer.Typer) -> None:
    """Add these commands to the application."""
    parent.command()(forget)
    parent.add_typer(receipts, name="receipt")


def forget(
    reference: Annotated[
        str, typer.Argument(metavar="DOC|FACT", help="Id or path of documents, or id of a fact.")
    ] = "",
    receipt: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the receipt to this file too.")] = None,
    allow: Annotated[
        str, typer.Option(metavar="PATH", help="Let forgotten documents be added again: a path, a folder or a pattern.")
    ] = "",
    questions: Annotated[
        bool,
        typer.Option(
            "--questions",
            help="Also delete questions in the log that name it, by a name or a code that no other document has.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be removed, and what would not; remove nothing.")
    ] = False,
    probe: Annotated[
        bool,
        typer.Option("--probe", help="Train the weights again now, and measure what they know of it before and after."),
    ] = False,
    base: Annotated[str, typer.Option(help="With --probe: the base, as for instill consolidate.")] = "",
    replay: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --probe: replay rows, as for instill consolidate.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a document or a fact for good: from the index, from what was made from it, and from weights.

    Example: `instill forget letters/holm.md --dry-run`
    """
    if reference.strip() and allow:
        raise UsageError(
            "Name a document or fact to forget, or use --allow PATH; not both.", where="--allow", remedy=_EXAMPLE
        )
    if not reference.strip() and not allow.strip():
        raise UsageError("No document or fact is named.", where="DOC|FACT", remedy=_EXAMPLE)
    with Workspace.open(workspace) as opened:
        if allow:
            found = opened.allow(allow)
            if not found:
                raise UsageError(
                    "No document from this source was forgotten.",
                    where=allow,
                    remedy="Give its path, its folder, a pattern, or what the notice of `add` names.",
                )
            if as_json:
                print_json({"allowed": found})
            else:
                say("It may be added again.")
            return
        if dry_run:
            _print_plan(opened.forgetting_plan(reference, questions=questions), as_json)
            return
        if receipt is not None:
            must_be_writable(
                receipt,
                "--receipt",
                what="The receipt cannot be written there, so nothing was forgotten.",
                remedy="Name a file in a folder that you may write. All receipts are kept too: instill receipt list",
            )
        if probe:
            signed = opened.forget_and_probe(reference, base=base, replay=replay, questions=questions)
        else:
            signed = opened.forget(reference, questions=questions)
    if receipt is not None:
        from instill.memory.forgetting.receipts import write_receipt

        write_receipt(receipt, signed)
    if as_json:
        print_json(signed.model_dump(mode="json"))
        return
    _print(signed)
    if receipt is not None:
        say(f"Receipt: {receipt}")


@receipts.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The receipt.")],
    key: Annotated[str, typer.Option(help="The name of the key that must have signed it.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Check that a receipt was signed by its key and has not been changed since. If not, the exit code is 1.

    Example: `instill receipt verify receipt.json`
    """
    from instill.memory.forgetting.receipts import read_receipt
    from instill.memory.forgetting.receipts import verify as verified

    found = read_receipt(file)
    result = verified(found, [key] if key else [])
    name, genuine = result.key, result.genuine
    if as_json:
        print_json({"genuine": genuine, "key": name, "id": found.id, "at": found.at, "reference": found.reference})
    elif genuine:
        say(f"Genuine: {found.id}, signed on {found.at} with the key {name}.")
    elif result.signed:
        say(f"It was signed with another key: {name}.", fg="red")
    else:
        say("NOT genuine: the signature does not fit this content.", fg="red")
    if not genuine:
        raise typer.Exit(1)


@receipts.command("list")
def list_(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the receipts of the workspace.

    Example: `instill receipt list`
    """
    with Workspace.open(workspace) as opened:
        found = opened.receipts()
    if as_json:
        print_json({"receipts": [each.model_dump(mode="json") for each in found]})
        return
    if not found:
        say("Nothing was forgotten yet.")
        return
    rows: list[tuple[str, ...]] = [("id", "at", "kind", "reference")]
    rows += [(each.id, each.at, each.kind, clean(each.reference, 60)) for each in found]
    say_block(columns(rows))


def _print_plan(plan: ForgettingPlan, as_json: bool) -> None:
    if as_json:
        print_json({"planned": plan.as_dict()})
        return
    say("Would be forgotten:", bold=True)
    for source in plan.documents:
        said = "a fact of " if plan.kind == "fact" else ""
        say(f"  {said}{clean(source)}")
    say("What goes with it:")
    for line in (plan.goes.said, *plan.memory_said):
        say(f"  {clean(line)}")
    for each in plan.weights:
        say(f"  {clean(each.where)}: {clean(each.said)}")
    say("Not removed from:")
    for each in plan.stays:
        say(f"  {clean(each.where)}: {clean(each.said)}")
    for line in plan.rebuild:
        say(f"To train again: {clean(line)}")
    say("Nothing was removed. Leave out --dry-run to forget it; this cannot be undone.")


def _print(receipt: Receipt) -> None:
    say("Forgotten:", bold=True)
    for document in receipt.documents:
        said = "a fact of " if receipt.kind == "fact" else ""
        say(f"  {said}{clean(document.source)} ({document.doc_id})")
    say("Removed from:")
    for each in receipt.removed:
        say(f"  {clean(each.where)}: {clean(each.said)}")
    say("Not removed from:")
    for each in receipt.not_removed:
        say(f"  {clean(each.where)}: {clean(each.said)}")
    _print_probes(receipt)
    for line in () if receipt.probes else receipt.rebuild:
        say(f"To train again: {clean(line)}")
    say(f"Receipt {receipt.id}, signed.")


def _print_probes(receipt: Receipt) -> None:
    if not receipt.probes:
        return
    rows: list[tuple[str, ...]] = [
        ("weights", "known", "never taught", "attack (AUC)", "truth ratio", "p", "extraction", "of never taught")
    ]
    rows += [
        (
            each.state, _range(each.recall), _range(each.never), _range(each.attack), f"{each.truth_ratio:.2f}",
            f"{each.forget_quality:.2f}", f"{each.extraction:.2f}", f"{each.extraction_never:.2f}",
        )
        for each in receipt.probes
    ]  # fmt: skip
    say_block(columns(rows))


def _range(found: tuple[float, float, float]) -> str:
    return f"{found[0]:.2f} [{found[1]:.2f}, {found[2]:.2f}]"
