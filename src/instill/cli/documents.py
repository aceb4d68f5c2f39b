"""init, add, sync, watch, remove, status, show, reindex."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instill.catalog.earlier_catalog import CATALOG_FILE
from instill.cli.output import (
    JsonOption,
    LabelOption,
    OnOption,
    WorkspaceOption,
    clean,
    columns,
    print_json,
    print_json_line,
    progress_bar,
    readable,
)
from instill.cli.stopping import StoppedError
from instill.cli.terminal import say, say_block
from instill.common.plurals import counted
from instill.errors import UsageError
from instill.workspace import Workspace
from instill.workspace.arguments import labels_of
from instill.workspace.purge.holders import TRAINED
from instill.workspace.replies import Documents, Removed

if TYPE_CHECKING:
    from instill.index.types import DocumentRecord
    from instill.ingest.types import FileOutcome, IngestReport, Progress
    from instill.workspace.purge.purging import Purged

SOME_FAILED = 3


def register(app: typer.Typer) -> None:
    """Add this group's commands to the application."""
    for command in (init, add, sync, watch, remove, status, show, reindex):
        app.command()(command)


def init(
    folder: Annotated[str, typer.Argument(help="The folder; it is created if it does not exist.")] = ".",
    as_json: JsonOption = False,
) -> None:
    """Make a folder a workspace.

    Example: `instill init ~/knowledge`
    """
    with Workspace.init(folder) as workspace:
        if as_json:
            print_json({"path": str(workspace.path)})
        else:
            say(f"Made a workspace in {workspace.path}. Next: instill add PATH, then instill ask.")


def add(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH…|-", help="Files, folders, patterns, http(s) and s3 addresses; - reads standard input."
        ),
    ],
    label: Annotated[
        list[str] | None, typer.Option("--label", "-l", help="Give these documents this access label (repeatable).")
    ] = None,
    meta: Annotated[
        list[str] | None,
        typer.Option("--meta", "-m", metavar="KEY=VALUE", help="Set a field that filters can use (repeatable)."),
    ] = None,
    name: Annotated[
        str, typer.Option(help="Name for the text from standard input; its ending decides the format.")
    ] = "stdin.txt",
    follow: Annotated[bool, typer.Option(help="Let `instill sync` follow these paths.")] = True,
    on: OnOption = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add documents, or update those that have changed. Unchanged documents are skipped.

    Documents whose files are gone stay until `instill sync`. A document that was removed comes back with its folder.

    With --json: one line for each file as soon as it is added or refused, and the report as the last line.

    Example: `instill add ~/Documents "notes/**/*.md" https://example.org/page.html --label team --meta year=2026`
    """
    metadata = parse_metadata(meta or [])
    with Workspace.open(workspace) as opened, _ingesting("Adding", as_json) as (progress, on_file):
        if "-" in paths:
            if len(paths) > 1:
                raise UsageError("Standard input and paths cannot be added in one command.", remedy="Run two commands.")
            data = sys.stdin.buffer.read()
            report = opened.add_text(data, name=name, labels=label, metadata=metadata, on_file=on_file)
        else:
            report = opened.add(
                paths,
                labels=label,
                metadata=metadata,
                follow=follow,
                on=on,
                refine=False,
                progress=progress,
                on_file=on_file,
            )
        _refine(opened, report, as_json)
    _finish(report, as_json)


def sync(on: OnOption = "", workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Update the index from the paths that were added: new, changed, moved and removed files.

    With --json: one line for each file as soon as it is added or refused, and the report as the last line.

    Example: `instill sync`
    """
    with Workspace.open(workspace) as opened, _ingesting("Syncing", as_json) as (progress, on_file):
        report = opened.sync(
            on=on,
            refine=False,
            progress=progress,
            on_file=on_file,
        )
        _refine(opened, report, as_json)
    _finish(report, as_json)


def watch(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Sync now, then after every change, until Ctrl-C.

    With --json: one object on one line for each change.

    Example: `instill watch`
    """
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with Workspace.open(workspace) as opened:

        def show_report(report: Any) -> None:
            if as_json:
                print_json_line(report)
            else:
                _print_report(report)

        if not as_json:
            say("Watching. Ctrl-C ends it; nothing is lost.", err=True)
        opened.watch(on_report=show_report, stop=stop)


def remove(
    documents: Annotated[
        list[str] | None, typer.Argument(metavar="DOC…", help="Ids, paths, patterns or folders.", show_default=False)
    ] = None,
    purge: Annotated[
        bool,
        typer.Option(
            "--purge",
            help="Also delete their text everywhere else; without DOC, the text of all documents that were removed "
            "earlier.",
        ),
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove documents from the index. The files themselves are not touched, so a file in a followed folder comes back
    with the next `sync`, unless you remove the folder.

    With --purge their text is deleted everywhere in the workspace. Study sets lose their facts. Comparisons, reports,
    data curves, unfinished runs and caches that were made with them are deleted. Conversations and the log lose the
    exchanges that show them. The index is rewritten. Models that were trained on them are named, because weights
    cannot be purged.

    Example: `instill remove notes/old.md` or `instill remove 3f2a9c --purge`
    """
    if not documents and not purge:
        raise UsageError("No document was named.", remedy="Example: instill remove notes/old.md")
    with Workspace.open(workspace) as opened:
        records = opened.remove(documents, keep=not purge) if documents else []
        purged = opened.purge([record.doc_id for record in records] if documents else None) if purge else None
        back = len(opened.comes_back(records))
    if back and not as_json:
        it = "1 of them" if back == 1 else f"{back} of them"
        say(
            f"note: The next `instill sync` adds {it if len(records) > 1 else 'it'} again, because a folder that it "
            "follows holds the file. Move or exclude the file, or remove the folder.",
            fg="yellow",
            err=True,
        )
    if purged is not None:
        _print_purged(len(records), purged, as_json=as_json, records=records)
        return
    if as_json:
        print_json(dict(Removed(removed=records)))
    else:
        say(f"Removed {len(records)} document{'s' * (len(records) != 1)}.")


def _print_purged(count: int, purged: Purged, *, as_json: bool, records: Sequence[DocumentRecord]) -> None:
    if as_json:
        print_json({"removed": records, "purged": purged})
        return
    lines = [f"Removed {count} document{'s' * (count != 1)}."] if count else []
    there = ", but not in the earlier copies that are named below" if purged.copies else ""
    lines.append(f"Deleted the text of {len(purged.documents)} document{'s' * (len(purged.documents) != 1)}{there}.")
    lines += [f"study set {name}: facts, questions and rows of the documents deleted" for name in purged.rewritten]
    lines += [f"deleted: {name}" for name in purged.removed]
    if purged.exchanges:
        lines.append(f"deleted: {counted(purged.exchanges, 'exchange')} in conversations and the log of questions")
    if purged.earlier is not None:
        gone = counted(purged.earlier, "exchange")
        lines.append(f"deleted: {gone} in {CATALOG_FILE}, the catalog from before it was in a database")
    say(*lines)
    for name in purged.trained:
        say(f"{TRAINED}{name}. What it learned is still in its weights.", fg="yellow")
    for name in purged.in_use:
        say(f"in use, not purged: {name}. When it is no longer in use, run: instill remove --purge", fg="yellow")
    for copy in purged.copies:
        say(f"still in: {copy.name}. {copy.said}", fg="yellow")
    for each in purged.elsewhere:
        say(f"not deleted from {each.where}: {each.said}", fg="yellow")


def status(
    documents: Annotated[bool, typer.Option("--documents", "-d", help="List the documents.")] = False,
    where: Annotated[str, typer.Option(help="With --documents: list only documents that match this condition.")] = "",
    label: LabelOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the workspace holds.

    Example: `instill status --documents --where "kind = 'pdf'"`
    """
    with Workspace.open(workspace) as opened:
        if documents or where or label:
            records = opened.documents(where=where, labels=label)
            if as_json:
                print_json(dict(Documents(documents=records)))
            elif records:
                rows = [("id", "kind", "passages", "labels", "source")]
                rows += [
                    (
                        record.doc_id,
                        record.kind,
                        str(record.passage_count),
                        ",".join(record.labels),
                        clean(record.source),
                    )
                    for record in records
                ]
                say_block(columns(rows))
            return
        now = opened.status()
    if as_json:
        print_json(now)
        return
    kinds = ", ".join(f"{count} {kind}" for kind, count in now.kinds.items())
    facts: list[tuple[str, ...]] = [
        ("workspace", now.path + ("" if now.writable else " (read-only)")),
        ("documents", f"{now.documents}" + (f" ({kinds})" if kinds else "")),
        ("passages", str(now.passages)),
        *([("", _in_words(now.passages_in_words))] if now.passages_in_words else []),
        *_listed("labels", _by_label(now.by_label, now.unlabelled)),
        *([("index", f"{now.index_bytes / 1e6:.1f} MB")] if now.index_bytes is not None else []),
        ("encoder", now.encoder),
        ("generator", now.generator or "none (answers quote the documents)"),
        *_listed("threshold", [f"{now.threshold:g} ({now.threshold_origin})", *([now.promise] if now.promise else [])]),
        *_listed("learned", now.learned),
        *_listed("followed", now.roots or ["nothing yet"]),
        ("questions", str(now.questions)),
        *_listed("earlier", _earlier(now.earlier_catalog)),
        *_listed("removed", _removed(now.removed_text)),
    ]
    say_block(columns(facts))


def _listed(name: str, values: Sequence[str]) -> list[tuple[str, str]]:
    """A row for each value, the first with the name."""
    return [(name if number == 0 else "", value) for number, value in enumerate(values)]


def _by_label(by_label: Mapping[str, int], unlabelled: int) -> list[str]:
    """The labels with their documents; nothing where none is used."""
    if not by_label:
        return []
    with_each = [f"{clean(label, 40)}: {counted(count, 'document')}" for label, count in by_label.items()]
    without = f"without a label: {counted(unlabelled, 'document')}, which callers with labels never see"
    return [*with_each, *([without] if unlabelled else [])]


def _earlier(catalog: str) -> list[str]:
    """What is there of the catalog from before it was in a database."""
    if not catalog:
        return []
    return [
        f"{catalog}: the catalog from before it was in a database; nothing uses it.",
        "It holds the questions and conversations of then. Delete the file if you do not want to go back to it.",
    ]


def _removed(lines: Sequence[str]) -> list[str]:
    """What removed documents are still in, and how to take their text out of it."""
    if not lines:
        return []
    mended = all(line.startswith(TRAINED) for line in lines)
    return [
        "text of removed documents is still in:",
        *lines,
        *([] if mended else ["to delete it: instill remove --purge"]),
    ]


def show(
    document: Annotated[str, typer.Argument(metavar="DOC", help="An id, the beginning of one, or a path.")],
    passages: Annotated[bool, typer.Option("--passages", "-p", help="Show how it was split into passages.")] = False,
    label: LabelOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the text of a document, to which all citations point.

    Example: `instill show notes/tea.md --passages`
    """
    with Workspace.open(workspace) as opened:
        stored = opened.show(document, labels=label)
        cut = opened.index.passages_of(stored.record.doc_id, labels_of(label)) if passages else []
    if as_json:
        print_json({"document": stored, **({"passages": cut} if passages else {})})
        return
    record = stored.record
    say(f"{clean(record.title)}", bold=True)
    facts = [
        record.doc_id,
        record.kind,
        counted(len(stored.text), "character"),
        counted(record.passage_count, "passage"),
    ]
    facts += [f"labels: {', '.join(record.labels)}"] * bool(record.labels)
    say(record.source, f"{' · '.join(facts)}", dim=True)
    for key, value in sorted(record.metadata.items()):
        say(f"{key}: {clean(str(value))}", dim=True)
    say("")
    if not passages:
        say_block(readable(stored.text))
    for passage in cut:
        page = f" · p. {passage.page}" if passage.page else ""
        say(f"[{passage.start}, {passage.end}) {clean(passage.headings)}{page}", dim=True)
        say_block(readable(passage.text) + "\n")


def reindex(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Split and encode all documents again with the present settings, beside the old index, then switch to the new one.

    Example: `INSTILL_ENCODER__MODEL=minilm instill reindex`
    """
    with Workspace.open(workspace) as opened, progress_bar("Re-encoding", hidden=as_json) as update:
        count = opened.reindex(progress=lambda done, total: update(done, total, ""))
    if as_json:
        print_json({"documents": count})
    else:
        say(f"Encoded {counted(count, 'document')} again. The new index is in use.")


def parse_metadata(pairs: list[str]) -> dict[str, Any]:
    """ "year=2024" -> {"year": 2024}; numbers and true/false are read as such, everything else is text.

    Raises:
        UsageError: a pair has no "=", or its key is not a name.
    """
    metadata: dict[str, Any] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key.isidentifier():
            raise UsageError("Metadata must be given as KEY=VALUE.", where=pair, remedy="Example: --meta year=2024")
        metadata[key.lower()] = _scalar(value)
    return metadata


def _scalar(value: str) -> str | int | float | bool:
    if value.lower() in {"true", "false"}:
        return value.lower() == "true"
    for convert in (int, float):
        try:
            return convert(value)
        except ValueError:
            continue
    return value


@contextmanager
def _ingesting(
    description: str, as_json: bool
) -> Iterator[tuple[Callable[[Progress], None], Callable[[FileOutcome], None]]]:
    """Receivers of the progress, shown as a bar, and of what becomes of each file: printed with --json, and counted for
    a person who presses Ctrl-C."""
    kept = 0

    def on_file(outcome: FileOutcome) -> None:
        nonlocal kept
        kept += outcome.result not in ("failed", "unchanged")
        if as_json:
            print_json_line(outcome)

    try:
        with progress_bar(description, hidden=as_json) as update:
            yield (lambda now: update(now.done, now.total, counted(now.passages, "passage"))), on_file
    except StoppedError as stopped:
        if kept:
            done = "1 file is" if kept == 1 else f"{kept} files are"
            stopped.kept = f"{done} done and kept; run the same command again for the rest."
        raise


def _refine(workspace: Workspace, report: IngestReport, as_json: bool) -> None:
    """Compute the vectors that are told from words, where there are any."""
    waiting = workspace.passages_in_words()
    if not waiting:
        return
    if not as_json:
        say(
            f"{counted(waiting, 'passage')} can be searched; their vectors are told from words so far. Now they are "
            "computed, which makes the ranking better. Meanwhile you can ask in another terminal.",
            err=True,
        )
    try:
        with progress_bar("Computing vectors", hidden=as_json) as update:
            workspace.refine(lambda now: update(now.done, now.total, "passages"), report=report)
    except StoppedError as stopped:
        stopped.kept = "All documents can be searched. The next `instill add` or `instill sync` computes the rest."
        raise


def _in_words(passages: int) -> str:
    return f"the vectors of {passages:,} are told from words; the next add or sync computes them"


def _finish(report: Any, as_json: bool) -> None:
    if as_json:
        print_json_line(report)
    else:
        _print_report(report)
    if report.failed:
        raise typer.Exit(SOME_FAILED)


def _print_report(report: Any) -> None:
    counts = [
        (len(report.added), "added"),
        (len(report.changed), "changed"),
        (len(report.moved), "moved"),
        (len(report.relabelled), "relabelled"),
        (len(report.removed), "removed"),
        (report.unchanged, "unchanged"),
        (len(report.failed), "not read"),
    ]
    summary = ", ".join(f"{count} {word}" for count, word in counts if count) or (
        "nothing added" if report.notices else "no files found"
    )
    say(f"{summary}; {counted(report.passages, 'passage')} encoded in {report.seconds:.1f} s.")
    if report.refined:
        say(f"The vectors of {counted(report.refined, 'passage')} were told from words first, and are computed now.")
    if report.resettled:
        again = counted(report.resettled, "document")
        say(f"Encoded again because a setting that affects passages has changed: {again}.")
    for source, notice in report.notices:
        say(f"note: {clean(source)}: {notice}", dim=True)
    for failure in report.failed:
        say(f"not read: {clean(failure.source)}", fg="yellow", err=True)
        say(f"  {failure.what} {failure.remedy}".rstrip(), err=True)
