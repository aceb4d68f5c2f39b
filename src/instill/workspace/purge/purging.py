"""Taking the text of removed documents out of everything that a workspace keeps, but trained weights."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from instill.catalog import Catalog
from instill.catalog.earlier_catalog import earlier_catalog
from instill.common.purges import note_purge
from instill.errors import WorkspaceError
from instill.fit.kept.own_encoder import FOLDER as ENCODERS
from instill.index.earlier_generations import Copy
from instill.index.removed_documents import note_removed, removed_from
from instill.index.rewriting import rewrite
from instill.index.store import Index
from instill.memory.forgetting.other_folders import other_folders
from instill.memory.forgetting.receipts import Taken
from instill.study.purged import without_documents
from instill.study.stored_study import StoredStudy, studies_folder
from instill.train.gate.gate_of_study import GATE_FILE, write_gate
from instill.workspace.purge.conversations_and_log import NONE, forget_exchanges
from instill.workspace.purge.holders import WEIGHTS, Holder, Kind, gone_from, holders, touched_by
from instill.workspace.purge.questions_naming import Naming
from instill.workspace.purge.uploaded import forget_uploads
from instill.workspace.removed_documents import RemovedDocuments, forget_removed

CACHES = ("gates", "frozen")
"""What was measured or computed of rows, by hashes: nobody can say of which. It is made again where it is needed."""

MEASURED: tuple[Kind, ...] = ("comparison", "report", "data curve", "run")
"""Deleted as a whole."""

_LEFT_BEHIND = re.compile(r"\..*\.(\d+)(?:\.old)?")
"""A draft of a process, by its number."""


@dataclass(frozen=True, slots=True)
class Purged:
    """What was taken out.

    Args:
        documents: ids of the documents whose text is gone.
        rewritten: study sets that hold the other documents still, by id.
        removed: what was deleted as a whole, such as "report 3f2a"; it can be made again.
        exchanges: questions with their answers that are gone from conversations and the log.
        trained: candidates and encoders that were trained on the documents, or on nobody knows what; they are still
            there, and so is what they learned.
        in_use: what another process works on just now, so that it was left: purge again when that has ended.
        copies: earlier copies of the index that could not be deleted, and still hold the text.
        earlier: exchanges that are gone from the file that the catalog was in before it was in a database; None where
            there is no such file.
        elsewhere: what other machines and folders that share the table or the catalog keep of the documents.
    """

    documents: tuple[str, ...]
    rewritten: tuple[str, ...]
    removed: tuple[str, ...]
    exchanges: int
    trained: tuple[str, ...]
    in_use: tuple[str, ...]
    copies: tuple[Copy, ...] = ()
    earlier: int | None = None
    elsewhere: tuple[Taken, ...] = ()


def purge(
    home: Path,
    catalog: Catalog,
    index: Index,
    doc_ids: Collection[str] | None = None,
    *,
    changed: Collection[str] = (),
    contents: Collection[str] = (),
    naming: Naming = NONE,
    earlier_naming: Naming = NONE,
) -> Purged:
    """Take the text of documents that are not in the index any longer out of all else. Stopped half-way, it is done
    again by the same call.

    Study sets lose the facts of these documents; comparisons, reports, data curves and unfinished runs that were made
    with them, or with nobody knows what, are deleted; so are caches, exchanges that show them, old versions of the
    index, what processes that died left behind, and what is kept of these documents for `restore`. Of other removed
    documents that stays, unless all are purged.

    Args:
        home: the workspace's `.instill`.
        doc_ids: None: of all documents that something was made from and that are gone.
        changed: documents that are there, but hold something no longer: all that was made from them goes too.
        contents: content hashes: what is kept for `restore` and has one of them goes too.
        naming: exchanges that go too, whatever they show.
        earlier_naming: the same, in the file that the catalog was in before it was in a database.

    Raises:
        WorkspaceError: the index cannot be written.
        OSError: a file cannot be deleted or the disk is full.
    """
    kept = RemovedDocuments(home, index)
    with index.alone():  # from here on nobody brings one of them back
        present = frozenset(record.doc_id for record in index.records())
        if doc_ids is None:
            forget_removed(home)
        else:
            kept.forget((frozenset(doc_ids) - present) | frozenset(changed), contents)
    found = holders(home, catalog)
    every = frozenset(doc_id for _, gone in gone_from(found, present) for doc_id in gone)
    wanted = every if doc_ids is None else frozenset(doc_ids) - present
    wanted |= frozenset(changed)
    report = _Report()
    touched = touched_by(found, wanted)
    for holder in touched:
        _take_out(holder, wanted, report)
    for folder in unreadable_studies(home):
        shutil.rmtree(folder, ignore_errors=True)
        report.removed.append(f"study set {folder.name}")
    for name in CACHES:
        if not report.in_use and (home / name).is_dir():
            shutil.rmtree(home / name)
    for place in _left_behind(home):
        _delete(place, place.name, report)
    forget_uploads(home, catalog, index, kept.sources())
    exchanges = forget_exchanges(catalog, wanted, naming)
    with earlier_catalog(home, catalog) as earlier:
        gone_earlier = None if earlier is None else forget_exchanges(earlier, wanted, earlier_naming)
    removed = removed_from(home / "index") | wanted
    copies = rewrite(index, before=kept.go_with)
    report.removed += [copy.name for copy in copies if not copy.why]
    for copy in copies:
        if copy.why:  # so that `status` tells it
            with contextlib.suppress(OSError):
                note_removed(home / "index" / copy.generation, sorted(removed))
    note_purge(home, wanted)
    return Purged(
        documents=tuple(sorted(wanted)),
        rewritten=tuple(report.rewritten),
        removed=tuple(report.removed),
        exchanges=exchanges,
        trained=tuple(f"{each.kind} {each.name}" for each in touched if each.kind in WEIGHTS),
        in_use=tuple(report.in_use),
        copies=tuple(copy for copy in copies if copy.why),
        earlier=gone_earlier,
        elsewhere=tuple(_elsewhere(catalog, index)) if wanted else (),
    )


def _elsewhere(catalog: Catalog, index: Index) -> list[Taken]:
    bucket = index.generation.url if index.capabilities.sharing == "anywhere" else ""
    return other_folders(bucket=bucket, catalog=catalog.where if catalog.shared else "")


class _Report:
    def __init__(self) -> None:
        self.rewritten: list[str] = []
        self.removed: list[str] = []
        self.in_use: list[str] = []


def _take_out(holder: Holder, doc_ids: frozenset[str], report: _Report) -> None:
    name = f"{holder.kind} {holder.name}"
    if holder.place is None or holder.kind in WEIGHTS:
        return
    if holder.kind == "study set":
        try:
            has_gate = (holder.place / GATE_FILE).is_file()
            left = without_documents(StoredStudy(holder.place), doc_ids)
            if has_gate and left is not None:
                write_gate(left)  # A recipe of this study set names it.
        except WorkspaceError:  # It is damaged, so that nobody can take a part of it out.
            left = None
            shutil.rmtree(holder.place, ignore_errors=True)
        (report.removed if left is None else report.rewritten).append(name if left is None else holder.name)
    elif holder.kind in MEASURED:
        _delete(holder.place, name, report)


def _delete(place: Path, name: str, report: _Report) -> None:
    with contextlib.ExitStack() as stack:
        try:
            for lock in _locks(place):
                stack.enter_context(FileLock(lock, timeout=0))
        except Timeout:
            report.in_use.append(name)
            return
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
        report.removed.append(name)


def in_use(place: Path) -> bool:
    """Whether another process works in the folder."""
    for lock in _locks(place):
        try:
            with FileLock(lock, timeout=0):
                pass
        except Timeout:
            return True
    return False


def _locks(place: Path) -> list[Path]:
    """The files that a process which works in the folder holds."""
    return (
        [file for file in place.rglob("*") if file.name == "lock" or file.suffix == ".lock"] if place.is_dir() else []
    )


def unreadable_studies(home: Path) -> list[Path]:
    """Study sets without a card that can be read. They hold nobody knows what, and are deleted."""
    return [folder for folder in sorted(studies_folder(home).glob("[!.]*")) if not _is_readable(folder)]


def _is_readable(folder: Path) -> bool:
    try:
        StoredStudy(folder)
    except WorkspaceError:
        return False
    return True


def _left_behind(home: Path) -> Iterator[Path]:
    """Drafts of processes that have ended, and folders of work that a kill has left."""
    for place in sorted(home.rglob(".*")):
        found = _LEFT_BEHIND.fullmatch(place.name)
        if found is not None and place.exists() and not _runs(int(found[1])):
            yield place
    yield from sorted(home.glob("tuning-*"))
    if not in_use(home / ENCODERS):  # The draft of a training is held by the lock of its run.
        yield from sorted((home / ENCODERS).glob(".*"))


def _runs(process: int) -> bool:
    if process == os.getpid():
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
