"""Bringing back documents that were removed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from instill.errors import UsageError, WorkspaceError
from instill.index.types import DocumentRecord
from instill.workspace.adding_and_removing import Changing
from instill.workspace.arguments import Labels, Paths, labels_of, paths_of

if TYPE_CHECKING:
    from instill.workspace.removed_documents import Removal, RemovedDocuments


@dataclass(frozen=True, slots=True)
class RemovedDocument:
    """A document that `restore` can bring back.

    Args:
        document: as it was; of a caller with labels, only with labels that they hold.
        reference: what names this version for `restore`. The document's id names the one that was removed last.
        removed: when, ISO 8601 UTC.
        until: until when it can be brought back.
        replaced: whether it is an earlier version, which an upload of the same name replaced.
    """

    document: DocumentRecord
    reference: str
    removed: str
    until: str
    replaced: bool = False


@dataclass(slots=True)
class Restored:
    """What came of `restore`.

    Args:
        restored: the documents that are back.
        left_out: source and reason of each that is not.
    """

    restored: list[DocumentRecord] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Kept:
    folder: Path
    removal: Removal
    record: DocumentRecord

    @property
    def reference(self) -> str:
        from instill.workspace.removed_documents import reference_of

        return reference_of(self.folder, self.record)


class Restoring(Changing):
    """What undoes a removal."""

    def take_labels(self, doc_ids: Paths, labels: Sequence[str]) -> None:
        """Remove documents for those who hold these labels, while they stay for others; `restore` gives them back."""
        from instill.workspace.removed_documents import RemovedDocuments

        self._must_be_writable()
        ids = paths_of(doc_ids, "doc_ids")
        with self.index.alone():
            RemovedDocuments(self.home, self.index).keep_labels(self.index.records(doc_ids=ids), labels)
            self.index.relabel_many(ids, lambda record: sorted(set(record.labels) - set(labels)))

    def removed(self, *, labels: Labels = None) -> list[RemovedDocument]:
        """The documents that `restore` can bring back, those removed last first: for a week, unless they were purged,
        or the index was made anew. Of a document that was replaced several times, each version is one of them.

        Args:
            labels: of a caller, who can bring back what they could remove: documents with no other labels. None: all.
        """
        from instill.workspace.removed_documents import KEPT_S

        held = labels_of(labels)
        if self.writable:
            self._drop_removed()
        return [
            RemovedDocument(
                _as_seen(each.record, held),
                each.reference,
                _clock(each.removal.at),
                _clock(each.removal.at + KEPT_S),
                each.removal.replaced,
            )
            for each in self._coming_back(held)
        ]

    def restore(self, references: Paths, *, labels: Labels = None) -> Restored:
        """Bring back documents that `remove` took out, whole: text, passages, vectors, labels, metadata, id and source.
        What `sync` followed because of them is followed again. An earlier version of an upload takes the place of the
        newer one, which is then kept in the same way.

        What was forgotten or purged does not come back.

        Args:
            references: ids, sources, patterns or folders, as for `remove`: of each document the version that was
                removed last. Or the `reference` of a version.
            labels: see `removed`.

        Raises:
            UsageError: a reference names nothing that can be brought back, or two name versions of one document.
            WorkspaceError: the workspace is read-only or full, or was made with another encoder.
        """
        from instill.ingest.document_references import meant
        from instill.workspace.removed_documents import RemovedDocuments

        references = paths_of(references, "references")
        self._must_be_writable()
        done = Restored()
        with self.index.alone():
            held = labels_of(labels)
            versions = self._coming_back(held)
            kept = {each.record.doc_id: each for each in reversed(versions)}
            named = {each.reference: each for each in versions}
            listed = _Listed([each.record for each in kept.values()])
            wanted: dict[str, _Kept] = {}
            for reference in references:
                meant_by_it = named.get(reference) or kept.get(reference)
                found = [meant_by_it.record] if meant_by_it else meant(listed, reference, many=True)
                if not found:
                    raise UsageError(
                        "No removed document that can be brought back has this name or id.",
                        where=reference[:200],
                        remedy="List them: instill restore. Or add the file again: instill add PATH",
                    )
                for each in [meant_by_it] if meant_by_it else [kept[record.doc_id] for record in found]:
                    if wanted.setdefault(each.record.doc_id, each) != each:
                        raise UsageError(
                            "Two versions of one document cannot be there at once.",
                            where=reference[:200],
                            remedy="Name one of them.",
                        )
            removed = RemovedDocuments(self.home, self.index)
            for folder in dict.fromkeys(each.folder for each in wanted.values()):
                self._bring_back(removed, [each for each in wanted.values() if each.folder == folder], done)
        self._upkeep()
        done.restored = [_as_seen(record, held) for record in done.restored]
        return done

    def _bring_back(self, removed: RemovedDocuments, some: Sequence[_Kept], done: Restored) -> None:
        """Documents of one removal."""
        from instill.memory.forgetting.forgotten_documents import read_forgotten

        forgotten = read_forgotten(self.home, self.catalog)
        folder, removal = some[0].folder, some[0].removal
        taken = {record.source: record.doc_id for record in self.index.records([each.record.source for each in some])}
        back = []
        for each in some:
            record = each.record
            if forgotten.holds(record.source, record.content_hash):
                done.left_out.append((record.source, "It was forgotten, and stays out."))
            elif record.doc_id in removal.labels:
                now = self.index.records(doc_ids=[record.doc_id])[0]
                self.index.relabel(record.doc_id, sorted({*now.labels, *removal.labels[record.doc_id]}))
                back.append(record)
            elif record.source in taken and not (
                taken[record.source] == record.doc_id and removed.is_version(record, removal)
            ):
                done.left_out.append((record.source, "Another document is at its place now."))
            else:
                back.append(record)
        ids = {record.doc_id for record in back}
        whole = [] if removal.labels else list(removed.documents(folder, ids))
        self._swap(removed, {entry.document.doc_id for entry in whole})
        self.index.commit(whole)
        for entry in whole:
            self._put_back_file(removed, next(each for each in back if each.doc_id == entry.document.doc_id))
        found = ids if removal.labels else {entry.document.doc_id for entry in whole}
        done.restored += [record for record in back if record.doc_id in found]
        done.left_out += [(each.source, "Its text is kept no longer.") for each in back if each.doc_id not in found]
        own = {record.source for record in back}
        is_all = {record.doc_id for record in removal.records} <= ids
        for root in removal.roots:
            if is_all or root.path in own:
                self.catalog.remember_root(root)
        removed.take_out(folder, found)

    def _swap(self, removed: RemovedDocuments, doc_ids: Collection[str]) -> None:
        """Keep the versions that stand where earlier ones come back."""
        from instill.workspace.removed_documents import FOLDER
        from instill.workspace.replaced_files import keep_file

        now = self.index.records(doc_ids=sorted(doc_ids))
        if now and not removed.keep(now, replaced=True):
            raise WorkspaceError(
                "The newer versions cannot be kept, so nothing was brought back.",
                where=str(self.home / FOLDER),
                remedy="Free some space on the disk.",
            )
        for record in now:
            if self._is_upload(record):
                keep_file(self.home / FOLDER, record, Path(record.source))

    def _put_back_file(self, removed: RemovedDocuments, record: DocumentRecord) -> None:
        """The file of an upload that is back, at its place; that of another version, which stands there, is kept."""
        from instill.workspace.removed_documents import FOLDER
        from instill.workspace.replaced_files import is_file_of, keep_file, put_back_file

        place = Path(record.source)
        if not self._is_upload(record) or is_file_of(record, place):
            return
        for other in removed.records_at([record.source]):
            keep_file(self.home / FOLDER, other, place)
        if not put_back_file(self.home / FOLDER, record):
            place.unlink(missing_ok=True)  # It is another version's.

    def _is_upload(self, record: DocumentRecord) -> bool:
        return Path(record.source).is_relative_to(self.home / "uploads")

    def _coming_back(self, held: tuple[str, ...] | None) -> list[_Kept]:
        """What a caller can bring back, newest removal first; of a document each version once."""
        from instill.workspace.removed_documents import FOLDER, RemovedDocuments

        if not (self.home / FOLDER).is_dir():  # Without opening the index.
            return []
        removals = RemovedDocuments(self.home, self.index).removals()
        ids = sorted({record.doc_id for _, removal in removals for record in removal.records})
        now = {each.doc_id: each.labels for each in self.index.records(doc_ids=ids)} if ids else {}
        found: dict[object, _Kept] = {}
        for folder, removal in removals:
            for record in removal.records:
                taken = removal.labels.get(record.doc_id)
                labels = record.labels if taken is None else taken
                if taken is None and record.doc_id in now:
                    # What takes the place of a document takes it from all who see it.
                    labels = (*labels, *now[record.doc_id]) if labels and now[record.doc_id] else ()
                if held is None or (labels and set(labels) <= set(held)):
                    same = (record.doc_id, record.content_hash, record.labels, taken)
                    found.setdefault(same, _Kept(folder, removal, record))
        return list(found.values())


class _Listed:
    """Removed documents, to be named as those of an index are."""

    def __init__(self, records: Sequence[DocumentRecord]) -> None:
        self._records = records

    def records(
        self,
        sources: Sequence[str] | None = None,
        *,
        doc_ids: Sequence[str] | None = None,
        labels: Sequence[str] | None = None,  # noqa: ARG002
    ) -> list[DocumentRecord]:
        """See `Index.records`; `labels` were looked at before."""
        return [
            each
            for each in self._records
            if (sources is None or each.source in sources) and (doc_ids is None or each.doc_id in doc_ids)
        ]


def _as_seen(record: DocumentRecord, held: tuple[str, ...] | None) -> DocumentRecord:
    return record if held is None else replace(record, labels=tuple(each for each in record.labels if each in held))


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
