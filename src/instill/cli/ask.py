"""ask and chat."""

from __future__ import annotations

import sys
from typing import Annotated, Any, cast

import typer

from instill.answer.types import Answer, citations_of
from instill.cli.answers import print_answer
from instill.cli.output import (
    JsonOption,
    LabelOption,
    WhereOption,
    WorkspaceOption,
    clean,
    columns,
    live_text,
    place,
    print_json,
    print_json_line,
    readable,
)
from instill.cli.terminal import say, say_block
from instill.common.place_in_words import headings_below as below
from instill.workspace import AskMode, Workspace
from instill.workspace.replies import Conversations

REFUSED = 7

GeneratorOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="The generator for this call: smollm2, a .gguf file, a transformers folder, or none."
    ),
]


def register(app: typer.Typer) -> None:
    """Add this group's commands to the application."""
    app.command()(ask)
    app.command()(chat)


def ask(
    question: Annotated[list[str], typer.Argument(help="The question; - reads it from standard input.")],
    mode: Annotated[
        str,
        typer.Option(
            help="auto: the generator writes, if there is one; extractive: quotes only; clusters: one answer pieced "
            "together from many documents."
        ),
    ] = "auto",
    where: WhereOption = "",
    label: LabelOption = None,
    generator: GeneratorOption = None,
    trace: Annotated[bool, typer.Option("--trace", help="Show how the answer was found.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with code 7 if the documents do not answer.")] = False,
    code: Annotated[
        bool, typer.Option("--code", help="Let the generator write Python, and check its names against the documents.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer from the documents with citations, or say that they do not answer.

    Example: `instill ask "How long do customers have to return goods?" --trace`
    """
    asked = sys.stdin.read() if question == ["-"] else " ".join(question)
    if code:
        from instill.cli.code import ask_code

        ask_code(asked, labels=label, generator=generator, strict=strict, workspace=workspace, as_json=as_json)
        return
    with Workspace.open(workspace, generator=generator) as opened, live_text(hidden=as_json) as on_token:
        answer = opened.ask(asked, mode=cast("AskMode", mode), where=where, labels=label, on_token=on_token)
    if as_json:
        print_json(answer.as_dict())
    else:
        print_answer(answer)
        if trace:
            print_trace(answer)
    if answer.abstained and strict:
        raise typer.Exit(REFUSED)


def chat(
    conversation: Annotated[
        str | None, typer.Option("--conversation", "-c", help="Continue the conversation with this id.")
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="List earlier conversations.")] = False,
    label: LabelOption = None,
    generator: GeneratorOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask in a conversation that understands follow-ups. Type /sources, /why or /new; /quit or Ctrl-D ends it.

    With --json: reads one question per line, and prints one answer per line.

    Example: `instill chat`
    """
    with Workspace.open(workspace, generator=generator) as opened:
        if listing:
            _list_conversations(opened, label, as_json)
            return
        talk = opened.chat(conversation, labels=label)
        interactive = sys.stdin.isatty()
        if not as_json:
            say(f"Conversation {talk.conversation_id}. /sources /why /new /quit", dim=True)
        while True:
            line = _read_line(interactive)
            if line is None or line == "/quit":
                return
            if not line:
                continue
            if not interactive and not as_json:
                say("", f"> {line}", bold=True)
            if line.startswith("/"):
                _chat_command(line, talk)
                continue
            with live_text(hidden=as_json) as on_token:
                answer = talk.say(line, on_token=on_token)
            if as_json:
                print_json_line(answer.as_dict())
            else:
                if answer.trace.standalone_question.strip() != line:
                    say(f"(searched for: {clean(answer.trace.standalone_question)})", dim=True)
                print_answer(answer)


def print_trace(answer: Answer) -> None:
    """How the answer came about."""
    trace = answer.trace
    say("", "How it was found", bold=True)
    say(f"searched for: {clean(trace.standalone_question)}")
    say(f"method: {trace.method}" + (f" ({clean(trace.generator)})" if trace.generator else ""))
    if trace.dropped_claims:
        say(f"claims dropped because their quotes failed the check: {trace.dropped_claims}")
    for line in trace.clusters:
        say(f"cluster: {clean(line)}")
    used = {(passage.doc_id, passage.ordinal) for passage in trace.context}
    rows = [("", "score", "keyword", "vector", "passage")]
    rows += [
        (
            "*" if (candidate.doc_id, candidate.ordinal) in used else "",
            f"{candidate.score:.2f}",
            f"{candidate.keyword_score:.2f}",
            f"{candidate.vector_score:.2f}",
            clean(
                place(candidate.title, candidate.source, below(candidate.title, candidate.headings), candidate.page), 90
            ),
        )
        for candidate in trace.candidates[:20]
    ]
    say_block(columns(rows))
    say("(* was read for the answer)")
    say("milliseconds: " + ", ".join(f"{step} {value:.0f}" for step, value in answer.timings.items()))


def _read_line(interactive: bool) -> str | None:
    try:
        line = input("\n> ") if interactive else sys.stdin.readline()
    except EOFError:
        return None
    if not interactive and line == "":
        return None
    return line.strip()


def _chat_command(line: str, talk: Any) -> None:
    if line == "/new":
        talk.new()
        say(f"Conversation {talk.conversation_id}.", dim=True)
    elif line in {"/sources", "/why"} and talk.last is None:
        say("There is no answer yet.")
    elif line == "/sources":
        for number, citation in enumerate(citations_of(talk.last.claims or talk.last.nearest), start=1):
            where = place(citation.title, citation.source, citation.headings, citation.page)
            say(f"[{number}] {where} · {clean(citation.source)}", bold=True)
            say(*(f"    {row}" for row in readable(citation.text).splitlines()))
    elif line == "/why":
        print_trace(talk.last)
    else:
        say("Commands: /sources (the quotes), /why (how it was found), /new (start over), /quit.")


def _list_conversations(opened: Workspace, label: list[str] | None, as_json: bool) -> None:
    found, total = opened.conversations(labels=label), opened.catalog.conversation_count(opened.seen_by(label).caller())
    if as_json:
        print_json(Conversations.of(found, total).model_dump())
    elif found:
        rows = [("id", "started", "questions", "first question")]
        rows += [
            (
                row["conversation_id"],
                row["started"],
                str((row["turns"] + 1) // 2),
                clean(row["first_question"] or "", 70),
            )
            for row in found
        ]
        say_block(columns(rows))
        if total > len(found):
            say(f"These are the newest {len(found)} of {total:,}.", dim=True)
    else:
        say("No conversations yet.")
