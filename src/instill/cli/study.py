"""study make, list, show, check, export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from instill.cli.callers import asked_by
from instill.cli.output import (
    JsonOption,
    LabelOption,
    QuestionsOption,
    WorkspaceOption,
    clean,
    columns,
    print_json,
    progress_bar,
    readable,
)
from instill.cli.output_place import must_be_writable
from instill.cli.questions import own_questions
from instill.cli.terminal import say, say_block
from instill.common.place_in_words import short_name
from instill.common.plurals import counted
from instill.workspace import Workspace
from instill.workspace.replies import studies_of, study_card

if TYPE_CHECKING:
    from instill.study.stored_study import StoredStudy
    from instill.study.study_set import StudyCard, StudyItem

app = typer.Typer(no_args_is_help=True, help="Make questions and training rows from the documents (study sets).")

StudyArgument = Annotated[
    str,
    typer.Argument(
        metavar="[ID]", help="The study set's id, or the beginning of it; default: the newest.", show_default=False
    ),
]


def register(parent: typer.Typer) -> None:
    """Add this group's commands to the application."""
    parent.add_typer(app, name="study")


@app.command()
def make(
    most: Annotated[int, typer.Option(min=1, help="Maximum number of facts.")] = 400,
    gate: Annotated[float, typer.Option(help="Share of the wordings for the gate split, 0 to 1.")] = 0.25,
    audit: Annotated[float, typer.Option(help="Share of the wordings for the audit split, 0 to 1.")] = 0.25,
    controls: Annotated[float, typer.Option(help="Share of the facts that no training row holds, 0 to 1.")] = 0.2,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Leave out questions whose answer the reader does not find.")
    ] = True,
    generator: Annotated[
        bool, typer.Option("--generator", help="Let the workspace's generator write questions and texts too.")
    ] = False,
    questions: QuestionsOption = None,
    seed: Annotated[int, typer.Option(help="A different seed gives different wordings and splits.")] = 0,
    label: LabelOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a study set from the workspace's documents: facts, questions in several wordings, and training rows.

    The questions are divided into training, gate and audit splits, by fact and by wording. Without --generator, rules
    write everything. They read English prose; the card says how much of the documents they covered.

    With --questions, gate and audit ask your questions. A line is `{"question": "When was the oven built?", "answer":
    "1987"}`. The keys "accepted", "document" and "quote" are optional. `"answerable": false` marks a question that the
    documents do not answer.

    Example: `instill study make --most 200`

    Example: `instill study make --questions asked.jsonl`
    """
    from instill.study.splits import Shares
    from instill.study.study_making import StudySettings
    from instill.study.study_workspace import study_workspace

    settings = StudySettings(most_facts=most, shares=Shares(gate=gate, audit=audit, controls=controls), seed=seed)
    problems: list[str] = []
    with Workspace.open(workspace) as opened, progress_bar("Making", hidden=as_json) as update:
        seen = opened.seen_by(label)
        study = study_workspace(
            seen,
            settings,
            check=check,
            generated=generator,
            questions=own_questions(questions, seen)[0],
            problem=problems.append,
            progress=lambda what, done, total: update(done, total, what),
        )
    if as_json:
        print_json({"folder": str(study.folder), **study_card(study.card, label), "problems": problems})
    else:
        _print_card(study.card)
        for problem in problems:
            say(f"not asked: {clean(problem, 200)}", fg="yellow")
        say("", f"Stored in {study.folder}", bold=True)
        say(f"Look at some questions: instill study show {study.card.id}")


@app.command("list")
def list_(label: LabelOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List all study sets, oldest first.

    Example: `instill study list`
    """
    from instill.study.stored_study import list_studies

    with asked_by(workspace, label) as (home, caller):
        found = list_studies(home, caller)
        if as_json:
            print_json(dict(studies_of(home, caller)))
            return
    if not found:
        say("There is no study set yet: instill study make")
        return
    rows: list[tuple[str, ...]] = [("id", "made", "writer", "facts", "train", "gate", "audit", "rows")]
    for study in found:
        card = study.card
        counts = [str(sum(card.items.get(split, {}).values())) for split in ("train", "gate", "audit")]
        facts = str(sum(card.facts.get("role", {}).values()))
        rows.append((card.id, card.made[:16], clean(card.writer, 30), facts, *counts, str(sum(card.rows.values()))))
    say_block(columns(rows))


@app.command()
def show(
    study: StudyArgument = "",
    split: Annotated[Literal["train", "gate"], typer.Option(help="The split whose questions are shown.")] = "gate",
    audit: Annotated[
        bool, typer.Option("--audit", help="Show the audit's questions, and record that the audit was opened.")
    ] = False,
    many: Annotated[int, typer.Option("--many", "-n", min=1, help="Number of questions.")] = 12,
    seed: Annotated[int, typer.Option(help="A different seed shows other questions.")] = 0,
    label: LabelOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the card and a sample of the questions with their evidence.

    Example: `instill study show --split train -n 20`
    """
    from random import Random

    from instill.study.audit import open_audit, openings

    found = _study(workspace, study, label)
    items = open_audit(found, unseal=True, why="instill study show") if audit else found.items(split)
    items = Random(seed).sample(items, min(many, len(items)))  # noqa: S311
    opened = openings(found)
    if as_json:
        shown = [item.model_dump(mode="json") for item in items]
        print_json({**study_card(found.card, label), "audit_opened": opened, "shown": shown})
        return
    _print_card(found.card)
    say(f"audit opened: {len(opened)} times", "")
    names = _names(workspace, label, items)
    for item in items:
        _print_item(item, names)


@app.command()
def check(
    study: StudyArgument = "",
    label: LabelOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the files against the card, and search for leaks again. The exit code is 1 if there are leaks.

    The audit's questions are compared but not shown.

    Example: `instill study check`
    """
    import json

    from instill.study.audit import open_audit
    from instill.study.stored_study import PROMPTS_FILE
    from instill.study.study_making import find_leaks

    found = _study(workspace, study, label)
    items = [*found.items("train"), *found.items("gate"), *open_audit(found, unseal=True, why="instill study check")]
    file = found.folder / PROMPTS_FILE
    lines = file.read_text(encoding="utf-8").split("\n") if file.exists() else []
    leaks = find_leaks(found.facts(), items, found.rows(), [json.loads(line) for line in lines if line])
    if as_json:
        print_json({"id": found.card.id, "leaks": leaks})
    else:
        for leak in leaks[:20]:
            say(f"{leak.kind}: {leak.id} in {leak.where}: {clean(leak.shared, 100)}")
        colour = "yellow" if leaks else "green"
        say(f"{found.card.id}: files are unchanged, {counted(len(leaks), 'leak')}.", bold=True, fg=colour)
    if leaks:
        raise typer.Exit(1)


@app.command()
def export(
    study: Annotated[str, typer.Argument(metavar="ID", help="The study set's id, or the beginning of it.")],
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Folder to write; it must be empty or not exist.")],
    form: Annotated[
        Literal["messages", "text"], typer.Option(help="messages: conversations; text: one text per row.")
    ] = "messages",
    label: LabelOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the training rows and the gate's questions as JSON Lines for other trainers. The audit is not exported.

    trl, Axolotl, LLaMA-Factory (dataset_info.json is written too) and hosted services read the format `messages`.

    Example: `instill study export 3f2a --to exported`
    """
    from instill.study.export import export_study

    must_be_writable(to, "--to", folder=True)
    counts = export_study(_study(workspace, study, label), to, form=form, labels=label)
    if as_json:
        print_json({"folder": str(to), "rows": counts})
        return
    for name, count in counts.items():
        say(f"{to / name}: {counted(count, 'row')}")


def _study(workspace: str | None, reference: str, label: list[str] | None) -> StoredStudy:
    from instill.study.stored_study import open_study

    with asked_by(workspace, label) as (home, caller):
        return open_study(home, reference, caller)


def _print_card(card: StudyCard) -> None:
    say(f"Study set {card.id}, written by {_writers(card)}", bold=True)
    rows: list[tuple[str, str]] = [
        ("documents", _counts(card.documents)),
        ("sentences", _counts(card.sentences)),
        ("facts", _counts(card.facts.get("role", {}))),
        ("", _counts(card.facts.get("kind", {}))),
    ]
    rows += [(split, _counts(counts)) for split, counts in card.items.items()]
    rows += [("rows", _counts(card.rows)), ("left out", _counts(card.rejected))]
    rows += [("of people's", _counts(card.rejected_of_people)), ("leaks", _counts(card.leaks))]
    say_block(columns([row for row in rows if row[1]]))
    for note in card.notes:
        say(f"note: {note}", dim=True)


def _writers(card: StudyCard) -> str:
    return clean(card.writer, 60) if len(card.writers) < 2 else _counts(card.writers)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {clean(name)}" for name, count in counts.items())


def _names(workspace: str | None, label: list[str] | None, items: Sequence[StudyItem]) -> dict[str, str]:
    """What the documents of the questions are called, by their ids; without those that are gone."""
    wanted = {span.doc_id for item in items for span in (*item.evidence, *item.excluded)}
    with Workspace.open(workspace) as opened:
        seen = opened if label is None else opened.seen_by(label)
        return {record.doc_id: short_name(record.source) for record in seen.index.records(doc_ids=sorted(wanted))}


def _print_item(item: StudyItem, names: Mapping[str, str]) -> None:
    asks = item.phrasing if item.phrasing == item.form else f"{item.phrasing}, {item.form}"
    say(f"[{item.split}: {asks}] {readable(item.question, 300)}", bold=True)
    say(f"  answer:   {readable(item.answer, 300) or '(the documents do not say)'}")
    for name, spans in (("evidence", item.evidence), ("hidden", item.excluded)):
        for span in spans:
            say(f"  {name}: {readable(span.text, 300)} ({clean(names.get(span.doc_id, span.doc_id), 60)})", dim=True)
