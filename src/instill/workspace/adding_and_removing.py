"""Putting documents into a workspace, and taking them out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instill.catalog import Root
from instill.errors import UsageError
from instill.fit.kept.tuned import is_set
from instill.index.types import DocumentRecord
from instill.workspace.arguments import Labels, Paths, labels_of, metadata_of, paths_of, text_of, utf8
from instill.workspace.parts import Parts

if TYPE_CHECKING:
    from instill.documents.document import Scalar
    from instill.index.repair import Repair
    from instill.ingest.run import Ingest
    from instill.ingest.types import FileOutcome, IngestReport, Progress
    from instill.ingest.workers import Workers
    from instill.workspace.purge.purging import Purged

_MANY = 10
"""So many references are looked up together, as far as they are ids."""


class Changing(Parts):
    """What changes the index."""

    def add(
        self,
        paths: Paths,
        *,
        labels: Labels = None,
        metadata: Mapping[str, Scalar] | None = None,
        follow: bool = True,
        moves: bool = True,
        on: str = "",
        refine: bool = True,
        keep: bool = False,
        progress: Callable[[Progress], None] | None = None,
        on_file: Callable[[FileOutcome], None] | None = None,
    ) -> IngestReport:
        """Add files, folders (recursively), glob patterns, http(s) addresses, and what is below an address in a bucket
        (`s3://BUCKET/PREFIX`, with `?endpoint=URL&region=NAME` where they are not AWS's own).

        Of a large folder (`documents.words_first_from` new passages or more) the first vectors are told from words, so
        that it can be searched soon; then `refine` computes them.

        If a file in an added folder is gone, its document stays in the index, and the report has a notice. `sync`
        removes it.

        Args:
            paths: one or several. A string is always one path, also if it contains spaces.
            labels: access labels of these documents; None keeps the labels of documents that are known already.
            metadata: fields for filters. They replace fields of the same name that the files themselves have.
            follow: remember the paths, so that `sync` keeps up with them.
            moves: treat a new file as a moved document if it has the content of a document whose file is gone. Pass
                False if the caller may not see that document.
            on: read and encode on the nodes of a Ray cluster: "ray" for the one that runs here (or else a new one of
                this machine's cores), "ray://HOST:10001" for another. "" reads and encodes in this process.
            refine: False leaves what `refine` does to the next call of it, or of `add` or `sync`.
            keep: keep the earlier versions of documents whose content has changed, so that `restore` brings them back.
            on_file: called with the result for each source, as soon as it is on the disk.

        Raises:
            UsageError: `paths`, `labels` or `metadata` are not what they should be, or there is no cluster at `on`;
                nothing is added.
            WorkspaceError: the workspace is read-only, full, or was made with another encoder.
        """
        from instill.documents.bucket_addresses import is_in_bucket
        from instill.documents.sources import find_sources
        from instill.ingest.document_references import absolute_all, roots_of
        from instill.ingest.sync import files_gone, unless_said_since
        from instill.ingest.types import Attributes

        paths = paths_of(paths, on_disk=True)
        attributes = Attributes(labels_of(labels), metadata_of(metadata))
        self._must_be_writable()
        followed = roots_of(paths) if follow else []
        # An address in a bucket replaces the same place with other options.
        self._forget_roots(absolute_all(filter(is_in_bucket, followed)), but=followed)
        for root in followed:  # before the work, so that `sync` goes on where a stopped run ended
            self.catalog.remember_root(Root(root, attributes.labels or (), attributes.metadata))
        found = find_sources(paths, base=Path.cwd(), exclude=self.settings.documents.exclude)
        with self._workers_on(on) as workers:
            ingest = self._ingest(progress, on_file, moves=moves, workers=workers, keep=keep)
            seen = ingest.add(found, unless_said_since(self.catalog.roots, followed, attributes))
        gone = files_gone(followed, seen, self.index)
        ingest.report.notices += [(source, "Its file is gone. `instill sync` removes the document.") for source in gone]
        self._upkeep()
        return self.refine(progress, report=ingest.report) if refine else ingest.report

    def refine(
        self,
        progress: Callable[[Progress], None] | None = None,
        *,
        stop: Callable[[], bool] = lambda: False,
        report: IngestReport | None = None,
    ) -> IngestReport:
        """Compute the vectors of the documents whose vectors are told from words so far; see `add`.

        Afterwards every vector is the one that it would be if it had been computed at once.

        Args:
            progress: called with the number of passages that are done, of those that there are to do.
            stop: asked about every 1,000 passages; True ends it, and the next call goes on.
            report: is added to, and returned.

        Raises:
            WorkspaceError: the workspace is read-only or full, or was made with another encoder.
        """
        from instill.ingest.refining import refine
        from instill.ingest.types import IngestReport

        self._must_be_writable()
        report = report or IngestReport()
        before, started = report.refined, time.monotonic()
        refine(self.index, lambda: self.encoder, self.settings.documents, report, progress, stop)
        report.seconds += time.monotonic() - started
        if report.refined > before:
            waits = self.passages_in_words() > 0
            self.index.upkeep(force=not waits, graph=not waits)
        return report

    def passages_in_words(self) -> int:
        """How many passages have vectors that are told from words, and that `refine` computes."""
        from instill.ingest.refining import in_words_now

        return sum(in_words_now(self.index, self.settings.documents).values())

    def add_text(
        self,
        text: str | bytes,
        *,
        name: str,
        labels: Labels = None,
        metadata: Mapping[str, Scalar] | None = None,
        on_file: Callable[[FileOutcome], None] | None = None,
    ) -> IngestReport:
        """Add one document from memory; its source is "stdin:NAME". The ending of `name` decides the format."""
        from instill.documents.sources import from_stdin
        from instill.ingest.types import Attributes

        data = text if isinstance(text, bytes) else utf8(text, "text").encode()
        attributes = Attributes(labels_of(labels), metadata_of(metadata))
        source = from_stdin(text_of(name, "name"), data)
        self._must_be_writable()
        ingest = self._ingest(None, on_file)
        ingest.add([source], attributes)
        self._upkeep()
        return ingest.report

    def sync(
        self,
        *,
        on: str = "",
        refine: bool = True,
        progress: Callable[[Progress], None] | None = None,
        on_file: Callable[[FileOutcome], None] | None = None,
    ) -> IngestReport:
        """Update the index from the followed paths: new, changed, renamed and removed files.

        If a whole folder is gone, for example on an unmounted disk, it is reported, and its documents are kept.

        Args:
            on, refine: as for `add`.
        """
        from instill.ingest.sync import sync_roots

        self._must_be_writable()
        with self._workers_on(on) as workers:
            ingest = self._ingest(progress, on_file, workers=workers)
            sync_roots(self.catalog.roots, ingest, self.index, self.settings.documents)
        self._upkeep()
        return self.refine(progress, report=ingest.report) if refine else ingest.report

    def watch(self, *, on_report: Callable[[IngestReport], None], stop: Any = None) -> None:
        """Sync now and after every change under the followed folders, until `stop` (a threading.Event) is set."""
        from instill.ingest.watching import changes

        on_report(self.sync())
        for _ in changes([root.path for root in self.catalog.roots()], self.settings.documents, stop):
            on_report(self.sync())

    def remove(self, references: Paths, *, keep: bool = True) -> list[DocumentRecord]:
        """Remove documents from the index: by id, source path, glob pattern, or folder. A removed folder or
        file is no longer followed.

        For a week, `restore` can bring the documents back, unless they are purged or the index is made anew before.

        If a `sync` runs at the same time, the documents that it has added are removed too, and it adds no more of them.

        Args:
            keep: False keeps nothing for `restore`.

        Raises:
            UsageError: a reference names nothing.
        """
        from instill.documents.bucket_addresses import place_of
        from instill.ingest.document_references import absolute, at_its_endpoint, meant, resolve

        references = paths_of(references, "references")
        self._must_be_writable()
        by_id = self._by_id(references)
        places = {reference: absolute(at_its_endpoint(self.index, reference)) for reference in references}
        followed = {place_of(root.path) for root in self.catalog.roots()}
        for reference, place in places.items():
            if reference not in by_id and place not in followed:  # what is followed may have no document yet
                resolve(self.index, reference, many=True)
        roots = self.catalog.roots()
        self._forget_roots(places.values())
        with self.index.alone():  # whoever committed before looks up what is followed again before the next commit
            found = [
                record
                for reference in references
                if reference not in by_id
                for record in meant(self.index, reference, many=True)
            ]
            found += self.index.records(doc_ids=sorted(by_id)) if by_id else []
            records = {record.doc_id: record for record in found}
            self._forget_roots(record.source for record in records.values())  # files that were added by their own path
            if keep:
                self._keep(list(records.values()), roots)
            self.index.remove(list(records))
        self._upkeep()
        return list(records.values())

    def _by_id(self, references: Sequence[str]) -> set[str]:
        """Those of several references that are ids, so that many are looked up at once; a source wins over an id."""
        if len(references) < _MANY:
            return set()
        sources = {record.source for record in self.index.records(list(references))}
        return {record.doc_id for record in self.index.records(doc_ids=list(references))} - sources

    def _keep(self, records: Sequence[DocumentRecord], roots: Sequence[Root]) -> None:
        """Keep what is about to be removed, with those of `roots` that are followed no longer."""
        from instill.workspace.removed_documents import RemovedDocuments

        followed = {root.path for root in self.catalog.roots()}
        if records:
            kept = RemovedDocuments(self.home, self.index)
            kept.keep(records, [root for root in roots if root.path not in followed])

    def _drop_removed(self) -> None:
        """Delete what is kept of documents that nobody can bring back any more, with their uploaded files."""
        from instill.workspace.removed_documents import FOLDER, RemovedDocuments

        if not (self.home / FOLDER).is_dir():
            return
        kept = RemovedDocuments(self.home, self.index)
        if not kept.has_old():
            return
        with self.index.alone():
            sources = {record.source for record in kept.drop_old()}
            uploads = self.home / "uploads"
            gone = [source for source in sources if Path(source).is_relative_to(uploads)]
            there = {record.source for record in self.index.records(gone)} if gone else set()
            for source in set(gone) - there:
                Path(source).unlink(missing_ok=True)

    def comes_back(self, records: Iterable[DocumentRecord]) -> list[str]:
        """The sources of removed documents that the next `sync` adds again, because a folder that it follows holds
        their files."""
        from instill.ingest.sync import comes_back

        return comes_back(self.catalog.roots(), [record.source for record in records])

    def _forget_roots(self, places: Iterable[str], *, but: Sequence[str] = ()) -> None:
        from instill.documents.bucket_addresses import place_of

        gone = set(places)
        for root in self.catalog.roots() if gone else ():
            if place_of(root.path) in gone and root.path not in but:
                self.catalog.forget_root(root.path)

    def purge(self, doc_ids: str | Iterable[str] | None = None) -> Purged:
        """After `remove`: delete the text of the removed documents from everything that the workspace keeps.

        Args:
            doc_ids: ids of documents that were removed. None: all documents that were removed.

        Raises:
            UsageError: the workspace is seen under labels.
            WorkspaceError: the workspace is read-only or full, or the index cannot be written.
        """
        from instill.workspace.jobs_pause import jobs_paused
        from instill.workspace.purge.purging import purge

        self._must_be_writable()
        if self._whole is not None:
            raise UsageError(
                "Only the owner can purge: what was made from these documents may be made from others too."
            )
        wanted = None if doc_ids is None else paths_of(doc_ids, "doc_ids")
        with jobs_paused(self.home, self.catalog):
            purged = purge(self.home, self.catalog, self.index, wanted)
        self.refresh()
        return purged

    def reindex(self, *, progress: Callable[[int, int], None] | None = None) -> int:
        """Split and encode every document again with the present settings, beside the old index; then switch over.

        Returns how many documents there are. The old index answers until the switch.
        """
        from instill.fit.kept.own_encoder import used_also_as
        from instill.ingest.reindex import reindex

        self._must_be_writable()
        if "index" in self.__dict__:
            del self.__dict__["index"]
        if self.own_encoder is not None and not is_set(self.given, "encoder.model"):
            used_also_as(self.home, self.own_encoder, self.encoder.fingerprint)
        return reindex(self.home / "index", self.encoder, self.settings.documents, progress, store=self.given.store)

    def repair(self) -> Repair:
        """Repair the index if it is damaged. Undamaged documents are kept, and the report names those that have to be
        read again.

        Raises:
            WorkspaceError: the workspace is read-only, or another process keeps writing to it.
        """
        from instill.ingest.repairing import repair_index

        self._must_be_writable()
        self.__dict__.pop("index", None)
        return repair_index(self.home / "index", self.encoder, self.settings.documents)

    def _ingest(
        self,
        progress: Callable[[Progress], None] | None,
        on_file: Callable[[FileOutcome], None] | None,
        *,
        moves: bool = True,
        workers: Workers | None = None,
        keep: bool = False,
    ) -> Ingest:
        from instill.ingest.run import Ingest
        from instill.memory.forgetting.forgotten_documents import read_forgotten
        from instill.memory.forgetting.forgotten_facts import without_facts
        from instill.workspace.removed_documents import RemovedDocuments

        forgotten = read_forgotten(self.home, self.catalog)
        return Ingest(
            self.index,
            lambda: self.encoder,
            self.index.generation.fingerprint,
            self.settings.documents,
            progress,
            on_file,
            moves=moves,
            forgotten=forgotten.holds,
            blank=lambda document: without_facts(document, forgotten.facts),
            off=self.settings.plugins.off,
            workers=workers,
            keep=(lambda records: RemovedDocuments(self.home, self.index).keep(records, replaced=True))
            if keep
            else None,
        )

    @contextmanager
    def _workers_on(self, cluster: str) -> Iterator[Workers | None]:
        """Who reads and encodes, for as long as this lasts; None: this process."""
        if not cluster:
            yield None
            return
        from instill.ingest.ray_workers import RayWorkers, Setup

        settings = self.settings
        setup = Setup(
            documents=settings.documents,
            encoder=settings.encoder,
            fingerprint=self.index.generation.fingerprint,
            off=settings.plugins.off,
        )
        with closing(RayWorkers(cluster, setup)) as workers:
            yield workers

    def _upkeep(self) -> None:
        """What searching needs; without a graph of vectors while `refine` is to replace many of them."""
        self._drop_removed()
        if self.index.needs_upkeep():
            self.index.upkeep(graph=not self.passages_in_words())
