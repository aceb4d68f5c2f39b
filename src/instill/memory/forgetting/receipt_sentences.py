"""What a receipt says: where something was taken out, and where it could not be."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from instill.catalog.earlier_catalog import CATALOG_FILE
from instill.common.plurals import counted
from instill.index.generations import LANCE
from instill.memory.editing.record import EditRecord
from instill.memory.forgetting.edits_left import said_of
from instill.memory.forgetting.job import Job
from instill.memory.forgetting.leftovers import Leftovers
from instill.memory.forgetting.other_folders import other_folders
from instill.memory.forgetting.receipts import Receipt, Taken
from instill.memory.forgetting.withdrawing import Withdrawal


@dataclass(frozen=True, slots=True)
class Store:
    """What keeps the index.

    Args:
        kind: "lance", or that of another store; `url`: where that is, without a password.
        left: see `instill.index.protocol.Capabilities`.
        anywhere: machines anywhere use it, each with a folder of its own.
    """

    kind: str
    url: str
    left: str
    anywhere: bool = False

    @property
    def own(self) -> bool:
        """Its files are the workspace's."""
        return self.kind == LANCE

    @property
    def name(self) -> str:
        """For people."""
        return "index" if self.own else f"index in {self.kind} {self.url}".rstrip()


def unsigned(
    job: Job,
    withdrawal: Withdrawal,
    *,
    rewritten: Sequence[str],
    removed: Sequence[str],
    exchanges: int,
    in_use: Sequence[str],
    encoders: Sequence[str],
    left: Leftovers,
    endpoint: str,
    store: Store,
    copies: Sequence[Taken] = (),
    gone_edits: Sequence[str] = (),
    edits_again: Sequence[EditRecord] = (),
    questions_left: int = 0,
    earlier: int | None = None,
    catalog: str = "",
) -> Receipt:
    """The receipt of a job that is done.

    Args:
        rewritten, removed, exchanges, in_use: as purging reports them.
        encoders: that were trained on the documents, by name.
        left: what was looked for afterwards, and found.
        store: what keeps the index, and what it cannot take out.
        copies: earlier copies of the index that could not be deleted.
        endpoint: address of the generator that passages are sent to; "" without one.
        gone_edits: ids of the edits that ended.
        edits_again: other edits that were to be made again, as they are now.
        questions_left: how many questions the log still holds.
        earlier: exchanges that were deleted from the file that the catalog was in before it was in a database.
        catalog: where the catalog is, if that is in a database; "" if it is a file of the workspace.
    """
    edited, again = said_of(edits_again)
    edited = [*(Taken(where=f"edit {id_}", said=EDIT_ENDED) for id_ in gone_edits), *edited]
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Receipt(
        id=f"{at[:10]}-{uuid.uuid4().hex[:8]}",
        at=at,
        kind=job.kind,
        reference=job.reference,
        documents=job.documents,
        removed=tuple(_removed(job, withdrawal, rewritten, removed, exchanges, earlier, edited, left, store, catalog)),
        not_removed=(
            *copies,
            *_not_removed(job, withdrawal, in_use, encoders, left, endpoint, store, questions_left, catalog),
        ),
        withdrawn=withdrawal.ids,
        rebuild=(*withdrawal.rebuild, *again),
    )


def _removed(
    job: Job,
    withdrawal: Withdrawal,
    rewritten: Sequence[str],
    removed: Sequence[str],
    exchanges: int,
    earlier: int | None,
    edited: Sequence[Taken],
    left: Leftovers,
    store: Store,
    catalog: str,
) -> list[Taken]:
    what = "The evidence was blanked" if job.kind == "fact" else "The documents were removed"
    written = "and the index was written anew without old versions" if store.own else "and deleted in the store"
    found = [Taken(where=store.name, said=f"{what}, {written}.")]
    found += [
        Taken(where=f"study set {name}", said="Its facts, questions and rows were taken out, where there were any.")
        for name in rewritten
    ]
    if job.versions:
        found.append(Taken(where="earlier versions", said=said_of_earlier(len(job.versions), planned=False)))
    found += [Taken(where=name, said="It was deleted.") for name in removed]
    written = _DELETED_THERE if catalog else _WRITTEN
    found.append(Taken(where=_catalog_in(catalog), said=f"{_exchanges(exchanges)} {written}"))
    if earlier is not None:
        said = f"The catalog from before it was in a database. {_exchanges(earlier)} {_WRITTEN}"
        found.append(Taken(where=CATALOG_FILE, said=said))
    if job.taken:
        said = (
            f"Of these, {counted(job.taken, 'exchange')} only named it, by a name or a code that no other document has."
        )
        found.append(Taken(where="log of questions", said=said))
    found += [*of_weights(withdrawal), *edited]
    many, held = counted(left.sentences, "sentence"), counted(len(left.found), "file")
    looked = f"{many} of it {'was' if left.sentences == 1 else 'were'} looked for in {counted(left.files, 'file')}"
    found.append(Taken(where="proof", said=f"{looked}; {held} hold{'s' * (len(left.found) == 1)} one."))
    return found


_DELETED_THERE = "So were facts and cached answers; their rows are deleted in the database."
_WRITTEN = "So were facts and cached answers; the file was written anew."


def _catalog_in(database: str) -> str:
    return f"catalog in {database}" if database else "catalog"


def _exchanges(count: int) -> str:
    return f"{count} exchange{'s' * (count != 1)} in conversations and the log, with their uses, were deleted."


def said_of_earlier(count: int, *, planned: bool) -> str:
    """What becomes of the versions of documents that are kept for `restore`.

    Example:
        >>> said_of_earlier(1, planned=True)
        '1 earlier version of it, or copy, that could be brought back, is deleted too.'
    """
    verb = "is" if count == 1 else "are"
    copies = "copy" if count == 1 else "copies"
    deleted = f"{verb} deleted too" if planned else f"{'was' if count == 1 else 'were'} deleted"
    return f"{counted(count, 'earlier version')} of it, or {copies}, that could be brought back, {deleted}."


EDIT_ENDED = "Its value came from it, so it ended."


def of_weights(withdrawal: Withdrawal, *, planned: bool = False) -> list[Taken]:
    """What becomes of weights: known before it is done, and said in the receipt in the same words.

    Args:
        planned: it is not done yet.
    """
    found = []
    for id_ in withdrawal.ids:
        used = f"It {'is' if planned else 'was'} in use; " if id_ in withdrawal.was_champion else ""
        ends = "and its weights are deleted" if planned else "and its weights were deleted"
        found.append(Taken(where=f"candidate {id_}", said=f"{used}withdrawn, {ends}."))
    for base, champion in withdrawal.champions:
        when = "then" if planned else "now"
        found.append(Taken(where=f"model {base}", said=f"In use {when}: {champion or 'the base as it is'}."))
    return found


def _not_removed(
    job: Job,
    withdrawal: Withdrawal,
    in_use: Sequence[str],
    encoders: Sequence[str],
    left: Leftovers,
    endpoint: str,
    store: Store,
    questions: int,
    catalog: str,
) -> list[Taken]:
    found = [Taken(where=file, said="It still holds a sentence of it.") for file in left.found]
    return found + what_stays(
        job.kind,
        [document.source for document in job.documents],
        in_use=in_use,
        encoders=encoders,
        unknown=withdrawal.unknown,
        endpoint=endpoint,
        store=store,
        questions=questions,
        naming=job.naming,
        taken=job.taken,
        catalog=catalog,
    )


def what_stays(
    kind: str,
    sources: Sequence[str],
    *,
    in_use: Sequence[str],
    encoders: Sequence[str],
    unknown: Sequence[str],
    endpoint: str,
    store: Store,
    questions: int = 0,
    naming: int = 0,
    taken: int = 0,
    catalog: str = "",
) -> list[Taken]:
    """What forgetting cannot take out: known before it is done, and said in the receipt in the same words.

    Args:
        kind: "documents" or "fact".
        sources: of the documents, or of the document of the fact.
        unknown: candidates of which nobody wrote down what they learned from.
        in_use, encoders, endpoint, store: see `unsigned`.
        questions: how many questions the log still holds then.
        naming: how many exchanges name it, with a name or a code that stands in no other document, and stay.
        taken: how many of those go.
        catalog: see `unsigned`.
    """
    found = []
    if store.left:
        found.append(Taken(where=store.name, said=store.left))
    if catalog:
        found.append(Taken(where=_catalog_in(catalog), said=_DATABASE_KEEPS))
    found += other_folders(bucket=store.url if store.anywhere else "", catalog=catalog, kind=kind)
    found += [Taken(where=name, said="Another process uses it: forget again when that has ended.") for name in in_use]
    found += [
        Taken(where=f"encoder {name}", said="It learned from the document. Take it out: instill train encoder --undo")
        for name in encoders
    ]
    if questions or naming:
        found.append(Taken(where="log of questions", said=_typed(naming, taken=taken > 0)))
    found += [Taken(where=f"candidate {id_}", said="Nobody wrote down what it learned from.") for id_ in unknown]
    for source in sources:
        if Path(source).is_absolute() and Path(source).exists():
            more = "When it changes, it is read again: the words stay blank. " if kind == "fact" else ""
            found.append(Taken(where=source, said=f"The file itself. {more}It is yours to delete."))
    found.append(
        Taken(where="outside", said="Exports of models, copies and backups of the workspace, if there are any.")
    )
    if endpoint:
        found.append(Taken(where=endpoint, said="Passages may have been sent to this endpoint in answers."))
    return found


_DATABASE_KEEPS = "The database's own logs, replicas, snapshots and backups may hold deleted rows for a while."


_BY_WORDS = "To delete questions by their words: instill questions clear --about WORDS"


def _typed(naming: int, *, taken: bool) -> str:
    """What is said of questions that showed nothing of it."""
    if taken:
        rest = "The other questions that showed nothing of it stay, as people typed them."
        return f"{rest} {_BY_WORDS}"
    said = "What people asked without being shown anything of it stays, as they typed it."
    if naming:
        verb = "names" if naming == 1 else "name"
        said += f" {counted(naming, 'exchange')} of these {verb} it, by a name or a code that no other document has."
    return f"{said} {_BY_WORDS}"
