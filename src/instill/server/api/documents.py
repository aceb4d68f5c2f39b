"""Documents: list, look at, add, label, remove."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import anyio
from fastapi import APIRouter, File, Form, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from instill.common.plurals import counted
from instill.documents.document import Passage
from instill.errors import UsageError
from instill.index.lookup import StoredDocument
from instill.index.types import DocumentRecord
from instill.ingest.document_references import resolve
from instill.server.errors import Refused, unknown
from instill.server.jobs.store import ENDED, Job
from instill.server.service import Editing, Reading, Seen
from instill.server.uploads import Uploads
from instill.workspace.arguments import labels_of, metadata_of
from instill.workspace.purge.what_goes import what_keeps
from instill.workspace.replies import Documents, Removed
from instill.workspace.restoring import RemovedDocument, Restored

router = APIRouter(prefix="/api/documents", tags=["documents"])

Wait = Annotated[float, Field(ge=0, le=60)]
_LOOK_S = 0.1
_MOST_FILES = 1000


class Shown(BaseModel):
    """A document with its canonical text, and its passages where they were asked for."""

    document: StoredDocument
    passages: Sequence[Passage] | None = None


class Address(BaseModel):
    """A page to fetch and add.

    Args:
        labels: of the document; otherwise those that the caller holds.
        metadata: fields to filter by.
        wait: seconds to wait for the job to end before answering.
    """

    url: str = Field(max_length=4000)
    labels: list[str] | None = None
    metadata: dict[str, Any] = {}
    wait: Wait = 0


class Labelling(BaseModel):
    """The labels that a document has from now on."""

    labels: list[str]


class Many(BaseModel):
    """Many documents.

    Args:
        documents: their ids; None: all that the caller sees and `words` finds.
        words: that stand in a document's title, source, labels or kind.
        count: how many documents the caller means; refused where there are more or fewer now.
    """

    documents: list[str] | None = Field(None, max_length=100_000)
    words: str = Field("", max_length=200)
    count: int | None = Field(None, ge=0)


class ManyRemoved(Many):
    """Documents that are to be taken out; `count` is needed where they are not named by their ids."""

    model_config = ConfigDict(extra="forbid")


class ManyLabels(Many):
    """Labels that many documents get and lose; see `Many`."""

    add: list[str] = []
    remove: list[str] = []


class Relabelled(BaseModel):
    """How many documents were meant, how many of them have other labels now, and the requests that undo it."""

    documents: int
    changed: int
    undo: list[ManyLabels]


class Deleted(Removed):
    """Documents that are taken out, and of them the ids of those that can be brought back."""

    restorable: Sequence[str] = ()


class Lately(BaseModel):
    """Documents that were taken out and can be brought back, the last first."""

    removed: Sequence[RemovedDocument]


class Restoring(BaseModel):
    """Documents that are to come back: the id of each, for the version that was removed last, or the `reference` of a
    version."""

    model_config = ConfigDict(extra="forbid")

    documents: list[str] = Field(min_length=1, max_length=100_000)


class Removal(BaseModel):
    """What removing a document would do, and how to have it back; for people."""

    said: str


@router.get("")
def list_documents(seen: Reading, where: str = "") -> Documents:
    """All documents that the caller may see, by source. `where`: a condition, e.g. `kind = 'pdf'`."""
    return Documents(documents=seen.workspace.documents(where=seen.condition(where)))


@router.post("", status_code=202)
async def upload(
    seen: Editing,
    files: Annotated[list[UploadFile], File(description="One or several documents.")],
    paths: Annotated[
        list[str] | None, Form(description="Names with folders, one a file, where the files' own lack them.")
    ] = None,
    labels: Annotated[list[str] | None, Form()] = None,
    metadata: Annotated[str, Form(description="A JSON object of fields to filter by.")] = "{}",
    wait: Annotated[float, Form(ge=0, le=60)] = 0,
) -> Job:
    """Add documents. When this answers, the files are on the disk; a job reads them (`GET /api/jobs/{job_id}`)."""
    names = [each for each in paths or () if each] or [each.filename or "" for each in files]
    if len(names) != len(files) or len(files) > _MOST_FILES:
        raise UsageError(f"Each file has one path, and there are at most {_MOST_FILES}.", where="paths")
    contents = [(name, each.file) for name, each in zip(names, files, strict=True)]
    job = await anyio.to_thread.run_sync(_kept, seen, contents, labels, _object(metadata))
    return await waited(seen, job, wait)


@router.post("/url", status_code=202)
async def add_address(seen: Editing, address: Address) -> Job:
    """Add a web page or file by its address. Private networks are refused unless `documents.url_allow` names them."""
    if not address.url.lower().startswith(("http://", "https://")):
        raise UsageError("Only http and https addresses are fetched.", where="url", remedy="Upload the file instead.")
    granted = granted_labels(seen, address.labels)
    arguments = {"url": address.url, "labels": granted, "metadata": metadata_of(address.metadata)}
    job = await anyio.to_thread.run_sync(lambda: _job(seen, "add url", arguments))
    return await waited(seen, job, address.wait)


@router.post("/sync", status_code=202)
def sync(seen: Editing) -> Job:
    """Bring the index in step with the paths that were added at the command line. For callers who see everything."""
    if seen.labels is not None:
        raise Refused(403, "Only who sees all documents brings all of them up to date.")
    return _job(seen, "sync", {})


@router.get("/removed")
def list_removed(seen: Editing) -> Lately:
    """Documents that were taken out and that the caller can bring back: for a week, unless they were purged or
    forgotten, or the index was made anew. Each version of one that was replaced is listed."""
    return Lately(removed=seen.service.opened.whole.removed(labels=seen.labels))


@router.post("/restore")
def restore(seen: Editing, restoring: Restoring) -> Restored:
    """Bring back documents that were taken out, whole. Who may take a document out may bring it back."""
    whole = seen.service.opened.whole
    removed = whole.removed(labels=seen.labels)
    there = {each.document.doc_id for each in removed} | {each.reference for each in removed}
    missing = next((each for each in restoring.documents if each not in there), None)
    if missing is not None:
        remedy = "List what can be brought back (GET /api/documents/removed), or add the document again."
        raise unknown("No removed document that can be brought back has this id.", missing[:80], remedy)
    done = whole.restore(restoring.documents, labels=seen.labels)
    if not done.restored:
        [(source, why), *_] = done.left_out
        raise Refused(409, f"It was not brought back. {why}", where=source)
    return done


@router.get("/{doc_id}")
def show(seen: Reading, doc_id: str, passages: bool = False) -> Shown:
    """The canonical text of a document, to which all citations point, and how it was cut."""
    record = found(seen, doc_id)
    workspace = seen.workspace
    stored = workspace.index.document_text(record.doc_id)
    if stored is None:
        raise unknown("No document has this name or id.", doc_id)
    return Shown(document=stored, passages=workspace.index.passages_of(record.doc_id) if passages else None)


@router.put("/{doc_id}/labels")
def label(seen: Editing, doc_id: str, labelling: Labelling) -> DocumentRecord:
    """Replace a document's labels. A caller with labels changes only those that they hold, and leaves one of them."""
    record = found(seen, doc_id)
    wanted = set(labels_of(labelling.labels) or ())
    index = seen.service.opened.whole.index
    if seen.labels is not None:
        granted_labels(seen, sorted(wanted))
        [whole] = index.records(doc_ids=[record.doc_id]) or [record]
        wanted |= set(whole.labels) - set(seen.labels)
    index.relabel(record.doc_id, sorted(wanted))
    return found(seen, doc_id)


@router.put("/labels")
def label_many(seen: Editing, labelling: ManyLabels) -> Relabelled:
    """Give labels to many documents, and take labels from them. The other labels of each stay. A caller with labels
    changes only those that they hold, and each document keeps one of them."""
    add, remove = set(labels_of(labelling.add) or ()), set(labels_of(labelling.remove) or ())
    if not add | remove or add & remove:
        raise UsageError("Name labels to add or to take away, none of them twice.", where="add, remove")
    if seen.labels is not None and not add | remove <= set(seen.labels):
        raise Refused(403, "You give and take only labels that you hold.", where="add, remove")
    records = _meant(seen, labelling)
    changes: dict[tuple[frozenset[str], frozenset[str]], list[str]] = {}

    def changed(record: DocumentRecord) -> list[str]:
        return sorted((set(record.labels) | add) - remove)

    def noted(record: DocumentRecord) -> list[str]:
        before, now = set(record.labels), changed(record)
        if before != set(now):
            changes.setdefault((frozenset(before.difference(now)), frozenset(now) - before), []).append(record.doc_id)
        return now

    bare = None if seen.labels is None else next((each for each in records if not changed(each)), None)
    if bare is not None:
        raise UsageError("A document of yours keeps a label of yours.", where=bare.title)
    index = seen.service.opened.whole.index
    count = index.relabel_many([each.doc_id for each in records], noted)
    undo = [
        ManyLabels(documents=ids, add=sorted(lost), remove=sorted(gained)) for (lost, gained), ids in changes.items()
    ]
    return Relabelled(documents=len(records), changed=count, undo=undo)


def _meant(seen: Seen, many: Many) -> list[DocumentRecord]:
    records = _found(seen, many)
    if many.count is not None and many.count != len(records):
        raise UsageError(
            f"It is {counted(len(records), 'document')} now.",
            where=f"count: {many.count}",
            remedy="Look at the list once more, and repeat it.",
        )
    return records


def _found(seen: Seen, many: Many) -> list[DocumentRecord]:
    if many.documents is None:
        return [each for each in seen.workspace.documents() if fits(seen, each, many.words)]
    wanted = list(dict.fromkeys(many.documents))
    records = seen.workspace.index.records(doc_ids=wanted)
    if len(records) < len(wanted):
        missing = set(wanted) - {each.doc_id for each in records}
        raise unknown("No document has this id.", min(missing)[:80], "List the documents (GET /api/documents).")
    return records


def fits(seen: Seen, record: DocumentRecord, words: str) -> bool:
    """Whether all words stand in the document's title, source, labels or kind, in any case; in its source as who asks
    is told of it."""
    text = f"{record.title} {seen.called(record.source)} {' '.join(record.labels)} {record.kind}".lower()
    return all(word in text for word in words.lower().split())


@router.post("/removal")
def plan_removals(seen: Editing, many: ManyRemoved) -> Removal:
    """What `POST /api/documents/remove` would do, and how to have the documents back. Nothing is written."""
    records = _meant(seen, many)
    back = f"For a week they can be brought back on the page Documents. {_files_of(seen, records)}"
    return Removal(said=back + _kept_of(seen, records))


@router.post("/remove")
def remove_many(seen: Editing, many: ManyRemoved) -> Deleted:
    """Take many documents out of the index, each as `DELETE` does. `POST /api/documents/restore` brings them back."""
    if many.documents is None and many.count is None:
        raise UsageError("How many documents are meant is not said.", where="count", remedy="Send their number too.")
    return _removed(seen, _meant(seen, many))


@router.get("/{doc_id}/removal")
def plan_removal(seen: Editing, doc_id: str) -> Removal:
    """What `DELETE` would do to a document, and how to have it back. Nothing is written."""
    record = found(seen, doc_id)
    if record.source.startswith(("http://", "https://")):
        back = "After that, add its address again."
    elif Path(record.source).is_relative_to(seen.service.uploads):
        back = "Then the file that was uploaded is deleted too."
    elif record.source.startswith("stdin:"):
        back = "Its text is kept nowhere else."
    else:
        back = "Its file stays where it is."
    return Removal(said=f"For a week it can be brought back on the page Documents. {back}{_kept_of(seen, [record])}")


def _files_of(seen: Seen, records: Sequence[DocumentRecord]) -> str:
    """What becomes of the files of many documents."""
    uploads = [each for each in records if Path(each.source).is_relative_to(seen.service.uploads)]
    names = ("http://", "https://", "stdin:")
    files = [each for each in records if each not in uploads and not each.source.startswith(names)]
    said = []
    if uploads:
        said.append("Then the files that were uploaded are deleted too.")
    if files:
        said.append("Other files stay where they are." if uploads else "Their files stay where they are.")
    if any(each.source.startswith("stdin:") for each in records):
        is_all = all(each.source.startswith("stdin:") for each in records)
        said.append(f"The text of {'them' if is_all else 'some of them'} is kept nowhere else.")
    return " ".join(said)


def _kept_of(seen: Seen, records: Sequence[DocumentRecord]) -> str:
    """Who still sees these documents, and what keeps words of them, in sentences after others."""
    it = "it" if len(records) == 1 else "them"
    ids = {each.doc_id for each in records}
    said = "" if seen.labels is None else f" Who sees {it} by other labels still sees {it}."
    said += f" Conversations, the list of questions and the memory keep the words of {it} that were shown."
    kept = what_keeps(seen.workspace.home, sorted(ids), seen.caller)
    if kept:
        said += f" What was made from {it} stays as it is: {kept}."
    said += (
        f" Forgetting {it}{'' if seen.who.may('admin') else ', which an admin can do,'} takes {it} out of these too."
    )
    asked = seen.feedback.question_set()
    lost = sum(bool(each.evidence) and {part.doc_id for part in each.evidence} <= ids for each in asked)
    them = "its answer stands" if lost == 1 else "their answers stand"
    judged = (
        f" {counted(lost, 'judged question')} no longer {'counts' if lost == 1 else 'count'}: {them} in {it} alone."
    )
    return said + judged if lost else said


@router.delete("/{doc_id}")
def remove(seen: Editing, doc_id: str) -> Deleted:
    """Take a document out of the index. A caller with labels takes it from those who hold these labels; where others
    see it too, it stays theirs. `POST /api/documents/restore` brings it back."""
    return _removed(seen, [found(seen, doc_id)])


def _removed(seen: Seen, records: Sequence[DocumentRecord]) -> Deleted:
    whole = seen.service.opened.whole
    ids = [each.doc_id for each in records]
    stays = (
        []
        if seen.labels is None
        else [each.doc_id for each in whole.index.records(doc_ids=ids) if set(each.labels) - set(seen.labels)]
    )
    if stays:
        whole.take_labels(stays, seen.labels or ())
    gone = [each for each in ids if each not in set(stays)]
    if gone:
        whole.remove(gone)
    there = {each.document.doc_id for each in whole.removed(labels=seen.labels)}
    return Deleted(removed=list(records), restorable=[each for each in ids if each in there])


def found(seen: Seen, reference: str) -> DocumentRecord:
    """The document that the caller means: by its id, the start of it, or its source.

    Raises:
        Refused: there is none that the caller may see.
        UsageError: there are several.
    """
    index = seen.workspace.index
    records = index.records(doc_ids=[reference]) or index.records([reference])
    if records:
        return records[0]
    try:
        return resolve(index, reference, many=False)[0]
    except UsageError as error:
        if error.what.startswith("No document"):
            raise unknown(
                error.what, error.where, "Search for it, or list the documents (GET /api/documents)."
            ) from error
        raise


def granted_labels(seen: Seen, labels: Sequence[str] | None) -> list[str] | None:
    """The labels that the caller may give to a document: any for who sees all, otherwise some of their own.

    Raises:
        Refused: the caller does not hold one of them.
        UsageError: there is none, and the caller would not see the document.
    """
    given = labels_of(labels)
    if seen.labels is None:
        return None if given is None else sorted(set(given))
    if given is None:
        return sorted(seen.labels)
    if not given:
        raise UsageError("A document of yours carries a label of yours.", where="labels", remedy="Name one.")
    if not set(given) <= set(seen.labels):
        raise Refused(403, "You give only labels that you hold.", where="labels")
    return sorted(set(given))


async def waited(seen: Seen, job: Job, seconds: float) -> Job:
    """The job as it is when it has ended, or when the time is over."""
    end = anyio.current_time() + seconds
    while job.state not in ENDED and anyio.current_time() < end:
        await anyio.sleep(_LOOK_S)
        job = await anyio.to_thread.run_sync(seen.service.jobs.get, job.job_id, seen.labels)
    return job


def _kept(
    seen: Seen, files: Sequence[tuple[str, BinaryIO]], labels: Sequence[str] | None, metadata: dict[str, Any]
) -> Job:
    granted = granted_labels(seen, None if labels is None else [each for each in labels if each])
    sent = _uploads(seen).send_all(files)
    return _job(seen, "add", {**sent.arguments(), "labels": granted, "metadata": metadata})


def _job(seen: Seen, kind: str, arguments: dict[str, Any]) -> Job:
    return seen.service.jobs.add(kind, "documents", arguments, labels=seen.labels, asked_by=seen.who.name)


def _uploads(seen: Seen) -> Uploads:
    service = seen.service
    return Uploads(service.uploads, service.opened.whole, seen.labels, service.settings.documents)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise UsageError(
            "The metadata are no JSON.", where="metadata", remedy='Send for example: {"year": 2024}'
        ) from error
    return metadata_of(value)
