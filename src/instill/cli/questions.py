"""questions list, judge, export, clear."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from instill.cli.output import JsonOption, LabelOption, WorkspaceOption, clean, columns, print_json, readable
from instill.cli.output_place import must_be_writable
from instill.cli.terminal import say, say_block
from instill.common.plurals import counted
from instill.errors import UsageError
from instill.workspace import Workspace

if TYPE_CHECKING:
    from instill.fit.question_rows import QuestionRows
    from instill.study.types import AskedQuestion
    from instill.workspace.asked_questions import JudgementVerdict, Kind

app = typer.Typer(no_args_is_help=True, help="Show and export what people asked and how they judged the answers.")

FEEDBACK = "feedback"
"""As a file of questions: those that people judged."""


def register(parent: typer.Typer) -> None:
    """Add this group's commands to the application."""
    parent.add_typer(app, name="questions")


@app.command("list")
def list_(
    kind: Annotated[
        str,
        typer.Option(
            help="all, answered, refused, wanted (the owner is asked for an answer), right, wrong, unjudged, "
            "corrected, slow, or missing (the correction is in no document)."
        ),
    ] = "all",
    words: Annotated[str, typer.Option(help="Show only questions that contain these words.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Number of questions.")] = 20,
    label: LabelOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the newest questions, with how people judged the answers.

    Example: `instill questions list --kind refused`
    """
    from instill.workspace.asked_questions import Feedback, Questions

    with Workspace.open(workspace) as opened:
        found = Feedback(opened.seen_by(label)).newest(cast("Kind", kind), words=words, limit=limit + 1)
    listed = Questions.of(found, limit)
    more, found = listed.next is not None, listed.questions
    if as_json:
        print_json(listed.model_dump(mode="json"))
        return
    if not found:
        say("No questions.")
        return
    rows: list[tuple[str, ...]] = [("id", "asked", "answer", "judged", "question")]
    for each in found:
        judged = each.verdict
        said = "wanted" if each.is_wanted else ""
        if judged is not None:
            said = judged.verdict + (", corrected" if judged.correction else "") + (", wanted" if said else "")
        shown = "refused" if each.abstained else str((each.answer or {}).get("short", ""))
        by = "" if each.labels is None else f" (asked with the labels {', '.join(each.labels) or 'none'})"
        rows.append((str(each.question_id), each.at[:16], clean(shown, 30), said, clean(each.question, 70) + clean(by)))
    say_block(columns(rows))
    if more:
        say(f"There are more: --limit {10 * limit}", dim=True)


@app.command()
def judge(
    question: Annotated[int, typer.Argument(metavar="ID", help="Number of the question in the list.")],
    verdict: Annotated[
        str,
        typer.Argument(
            metavar="right|wrong|wanted",
            help="Your verdict on the answer or the refusal; wanted: the owner is asked for an answer.",
        ),
    ],
    correction: Annotated[
        str, typer.Option(help="The right answer; Instill looks for its words in the documents.")
    ] = "",
    note: Annotated[str, typer.Option(help="A note.")] = "",
    label: LabelOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record whether an answer is right, and what the right answer is.

    Example: `instill questions judge 12 wrong --correction "within fourteen days"`
    """
    from instill.workspace.asked_questions import Feedback

    with Workspace.open(workspace) as opened:
        found = Feedback(opened.seen_by(label)).judge(
            question, cast("JudgementVerdict", verdict), correction=correction, note=note, judge="command line"
        )
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    say(f"Kept: {verdict}.")
    said = found.judgements[-1]
    for span in said.spans:
        say(f"It stands in {clean(span.source)} [{span.start}, {span.end}): {readable(span.text, 200)}")
    if said.correction and not said.spans:
        say("No document holds these words, so the question is listed as missing.", fg="yellow")
        say("It is in no question set: if a document says it in other words, correct it again by these.")


@app.command()
def export(
    to: Annotated[
        Path, typer.Option("--to", metavar="FILE", help="File to write (JSON Lines); an existing file is replaced.")
    ],
    label: LabelOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the judged questions with their answers and evidence, in the format that --questions reads.

    Example: `instill questions export --to questions.jsonl`
    """
    from instill.study.quick_questions import write_jsonl

    must_be_writable(to, "--to")
    with Workspace.open(workspace) as opened:
        found = judged_questions(opened.seen_by(label), unknown=True)
    count = write_jsonl(to, found)
    if as_json:
        print_json({"file": str(to), "questions": count})
    else:
        say(f"Wrote {count} question{'s' * (count != 1)} to {to}")


@app.command()
def clear(
    about: Annotated[
        str, typer.Option(metavar="WORDS", help="Delete only the questions that contain these words, in this order.")
    ] = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete all questions, their judgements, and all conversations; or only questions with some words.

    Example: `instill questions clear --about "Mara Holm"`
    """
    from instill.workspace.asked_questions import Feedback

    with Workspace.open(workspace) as opened:
        count = Feedback(opened).clear(about)
    if as_json:
        print_json({"cleared": count})
    elif about:
        say(f"Deleted {counted(count, 'exchange')} in conversations and the log of questions.")
    else:
        say(f"Deleted {count} question{'s' * (count != 1)}, and all conversations.")


def own_questions(file: Path | None, workspace: Workspace) -> tuple[Sequence[AskedQuestion] | None, str]:
    """What `--questions` names, and how that is called in what is stored: a file, or `feedback`.

    Raises:
        UsageError: the file cannot be read, or nobody has judged an answer yet.
    """
    from instill.study.quick_questions import read_questions

    if file is None:
        return None, "written"
    if str(file) == FEEDBACK:
        return judged_questions(workspace), FEEDBACK
    return read_questions(file), str(file)


def rows_to_train_on(file: Path, workspace: Workspace) -> tuple[QuestionRows, int]:
    """The rows that the questions which `--questions` names become, and how many questions there are.

    Raises:
        UsageError: the file cannot be read, nobody has judged an answer yet, or no question gives a row.
    """
    from instill.fit.question_rows import rows_of_questions
    from instill.study.quick_questions import read_questions

    is_feedback = str(file) == FEEDBACK
    asked = judged_questions(workspace, unknown=True) if is_feedback else read_questions(file, unknown=True)
    found = rows_of_questions(workspace, asked)
    if not found.rows:
        raise UsageError(
            f"None of the {len(asked)} questions gives a row: {clean(found.left_out[0], 200)}.",
            where=str(file),
            remedy="Name a quotation that stands in the documents as the evidence.",
        )
    return found, len(asked)


def say_rows(found: QuestionRows, asked: int) -> None:
    """How many rows the questions gave, and which gave none."""
    for question in found.left_out:
        say(f"not used: {clean(question, 200)}", fg="yellow")
    answered = sum(row.answerable for row in found.rows)
    say(
        f"{asked} questions give {len(found.rows)} rows: {answered} with an answer, "
        f"{len(found.rows) - answered} that say what does not answer."
    )


def judged_questions(workspace: Workspace, *, unknown: bool = False) -> Sequence[AskedQuestion]:
    """The questions that people judged; `unknown`: those too of which only a wrong answer is known.

    Raises:
        UsageError: there are none.
    """
    from instill.workspace.asked_questions import Feedback

    found = Feedback(workspace).question_set(unknown=unknown)
    if not found:
        raise UsageError(
            "No answer that was judged can be used yet.",
            where=FEEDBACK,
            remedy="Judge some: instill questions list, then: instill questions judge ID right",
        )
    return found
