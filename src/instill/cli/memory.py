"""memory, and memory show, pin, unpin, exclude, edit, add, remove."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Annotated

import typer

from instill.cli.output import (
    JsonOption,
    LabelOption,
    WorkspaceOption,
    clean,
    columns,
    print_json,
    progress_bar,
    readable,
)
from instill.cli.terminal import say, say_block
from instill.common.plurals import counted
from instill.workspace import Workspace

if TYPE_CHECKING:
    from instill.memory.types import Decision, Fact

app = typer.Typer(help="Show the facts that people keep asking for, and decide on them.", invoke_without_command=True)

_FactArgument = Annotated[str, typer.Argument(metavar="FACT", help="Id of a fact, or the start of it.")]
_WordingOption = Annotated[
    list[str] | None, typer.Option(metavar="TEXT", help="Another wording of the question; give it several times.")
]
_NoteOption = Annotated[str, typer.Option(help="A note, shown with the fact.")]


def register(parent: typer.Typer) -> None:
    """Add this group's commands to the application."""
    parent.add_typer(app, name="memory")


@app.callback()
def list_(
    context: typer.Context,
    candidates: Annotated[bool, typer.Option("--candidates", help="Show only candidates for weights.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Number of facts.")] = 20,
    label: LabelOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the facts that people keep asking for, and what keeps each from being a candidate for weights.

    Example: `instill memory --candidates`
    """
    if context.invoked_subcommand is not None:
        return
    from instill.memory.types import Facts

    with Workspace.open(workspace) as opened:
        found = opened.memory(labels=label).facts()
        cache = "" if label or as_json else opened.cache_said()
    every = [fact for fact in found if fact.candidate or not candidates]
    found = every[:limit]
    if as_json:
        print_json(Facts(facts=found, total=len(every)).model_dump(mode="json"))
        return
    if cache:
        say(cache, dim=True)
    if not found:
        say("No facts yet: they come from questions that are asked (instill ask).")
        return
    rows: list[tuple[str, ...]] = [("id", "stage", "used", "weight", "candidate", "question", "answer")]
    for fact in found:
        missing = [each.name for each in fact.why if each.met is False]
        said = "yes" if fact.candidate else f"no: {', '.join(missing)}"
        mark = f" ({fact.decision})" if fact.decision else ""
        question, answer = clean(fact.question, 50), clean(fact.answer, 30)
        rows.append((fact.fact_id, fact.stage + mark, str(fact.uses), f"{fact.weight:.2f}", said, question, answer))
    say_block(columns(rows))
    if len(every) > limit:
        say(f"and {len(every) - limit} more: --limit {len(every)}", dim=True)


@app.command()
def show(
    fact: _FactArgument,
    label: LabelOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a fact with its evidence, its wordings, and why it is, or is not, a candidate.

    Example: `instill memory show 3f2a`
    """
    with Workspace.open(workspace) as opened:
        found = opened.memory(labels=label).get(fact)
    _print(found, as_json)


@app.command()
def pin(
    fact: _FactArgument, note: _NoteOption = "", workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """Make a fact a candidate even if it is rarely asked for. The other conditions still apply.

    Example: `instill memory pin 3f2a`
    """
    _decide(fact, "pinned", note, workspace, as_json)


@app.command()
def exclude(
    fact: _FactArgument, note: _NoteOption = "", workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """Keep a fact out of weights, however often it is asked for.

    Example: `instill memory exclude 3f2a --note "changes every month"`
    """
    _decide(fact, "excluded", note, workspace, as_json)


@app.command()
def unpin(fact: _FactArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Undo `pin` or `exclude`.

    Example: `instill memory unpin 3f2a`
    """
    _decide(fact, "", "", workspace, as_json)


@app.command()
def edit(
    fact: _FactArgument,
    question: Annotated[str, typer.Option(help="The question, in other words.")] = "",
    answer: Annotated[str, typer.Option(help="The answer, in words of the evidence.")] = "",
    wording: _WordingOption = None,
    note: _NoteOption = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change the wording of a fact's question or answer, or add wordings of the question.

    Example: `instill memory edit 3f2a --answer "80 degrees"`
    """
    with Workspace.open(workspace) as opened:
        found = opened.memory().edit(fact, question=question, answer=answer, note=note, wordings=wording or ())
    _print(found, as_json)


@app.command()
def add(
    question: Annotated[str, typer.Argument(help="The question.")],
    answer: Annotated[str, typer.Argument(help="The answer, in words of a document.")],
    document: Annotated[
        str, typer.Option(help="Id or path of the document that holds the answer; default: one that is found.")
    ] = "",
    wording: _WordingOption = None,
    note: _NoteOption = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a fact by hand. Its answer must be in a document.

    Example: `instill memory add "How hot is green tea brewed?" "80 degrees"`
    """
    from instill.memory.worded_by_hand import doubt

    with Workspace.open(workspace) as opened:
        found = opened.remember(question, answer, document=document, note=note, wordings=wording or ())
    _print(found, as_json)
    warning = doubt(found)
    if warning:
        say(warning, fg="yellow", err=True)


@app.command()
def remove(fact: _FactArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Take back what was done with a fact by hand: that it was added, and its words. Documents stay as they are.

    Example: `instill memory remove 3f2a`
    """
    with Workspace.open(workspace) as opened:
        found = opened.memory().remove(fact)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    say(f"{found.fact_id} was taken back: {clean(found.question)}")
    if found.still_asked:
        asked = counted(found.still_asked, "question")
        say(f"It stays in the list, because it answered {asked} of people. Keep it out of weights: memory exclude")
    if found.adapter:
        say(f"{found.adapter} holds it until the next: instill consolidate")


@app.command()
def calibrate(
    risk: Annotated[float, typer.Option(help="Share of the answers shown again that may be wrong.")] = 0.05,
    confidence: Annotated[float, typer.Option(help="Confidence of the promise.")] = 0.95,
    most: Annotated[int, typer.Option(min=1, help="Number of questions.")] = 1000,
    seed: Annotated[int, typer.Option(help="A different seed gives different questions.")] = 0,
    label: LabelOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find out when an earlier answer may be shown again for a similar question (with `memory.cache = true`).

    Example: `instill memory calibrate --risk 0.02`
    """
    with Workspace.open(workspace) as opened, progress_bar("Asking", hidden=as_json) as bar:
        found = opened.calibrate_cache(
            risk=risk,
            confidence=confidence,
            most=most,
            seed=seed,
            labels=label,
            progress=lambda done, total: bar(done, total, ""),
        )
    safe = found.safe
    if as_json:
        print_json(
            {
                "asked": len(found.judged),
                "threshold": safe.threshold if safe else None,
                "given": safe.given if safe else None,
                "wrong": safe.wrong if safe else None,
                "more": found.choice.more,
                "risk": risk,
                "confidence": confidence,
            }
        )
        if safe is None:
            raise typer.Exit(1)
        return
    if safe is None:
        say(f"{counted(len(found.judged), 'question')} asked; nothing can be promised. Nothing was changed.")
        for line in missing_for_cache(len(found.judged), found.choice.more, opened.settings.memory.cache):
            say(line)
        raise typer.Exit(1)
    say(safe.promise)
    say(f"Least similarity of two questions: {safe.threshold:g}. To show answers again, set memory.cache = true.")


def missing_for_cache(asked: int, more: int | None, is_on: bool) -> list[str]:
    """What the cache does without a promise, and what a promise takes, a sentence each.

    Args:
        asked: questions that rules wrote about the documents.
        more: how many more would do; None where more would hardly help.
        is_on: whether `memory.cache` is set.

    Example:
        >>> missing_for_cache(4, 66, True)[1]
        'For other wordings, about 66 more questions are needed: about 18 times as many documents like these.'
        >>> missing_for_cache(400, None, True)[1]
        'For other wordings, more questions would hardly help: too many answers belonged to another question.'
    """
    same = "shows an answer again for the same words, as long as nothing has changed that it was made from"
    found = [f"The cache {same}." if is_on else f"With memory.cache = true, the cache {same}."]
    if more is None:
        wrong = "too many answers belonged to another question"
        return [*found, f"For other wordings, more questions would hardly help: {wrong}."]
    times = ceil((asked + more) / max(1, asked))
    found.append(
        f"For other wordings, about {more} more questions are needed: about {times} times as many documents like these."
    )
    return [*found, "Asking does not say so again until there are half as many more passages."]


def _decide(reference: str, decision: Decision, note: str, workspace: str | None, as_json: bool) -> None:
    with Workspace.open(workspace) as opened:
        found = opened.memory().decide(reference, decision, note=note)
    _print(found, as_json)


def _print(fact: Fact, as_json: bool) -> None:
    if as_json:
        print_json(fact.model_dump(mode="json"))
        return
    say(f"{fact.fact_id} · {fact.stage}" + (f" · {fact.decision}" if fact.decision else ""), bold=True)
    say(f"question: {clean(fact.question)}", f"answer:   {clean(fact.answer) or '(not known)'}")
    there = any(each.name == "in place" and each.met for each in fact.why)
    say(f"evidence{'' if there else ' (gone from the document)'}: {readable(fact.evidence, 300)}")
    say(f"document: {clean(fact.source) or '(gone)'} · {fact.doc_id} [{fact.start}, {fact.end})", dim=True)
    for wording in fact.wordings[:5]:
        say(f"worded:   {clean(wording)}", dim=True)
    for each in fact.why:
        mark = {True: "yes", False: "no", None: "-"}[each.met]
        say(f"{each.name + ':':<12}{mark:<4}{clean(each.said)}")
    say("It is a candidate for weights." if fact.candidate else "It is not a candidate for weights.")
    if fact.note:
        say(f"note: {clean(fact.note)}")
