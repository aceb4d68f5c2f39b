"""A store over a `Collection`: commits, versions, look-ups and the keyword leg for a plain vector database.

A commit of version `v + 1`: new rows are inserted with `born = v + 1`; the rows that they replace get `died = v + 1`;
then the head says `v + 1`, and from this moment on everybody sees all of it. Who reads version `v` sees the old rows,
whichever step was reached. A writer that was killed in between leaves the mark `writing`; the next one takes its rows
out again before it goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from instill.common.durable_files import write_json
from instill.errors import InstillError, WorkspaceError
from instill.index.protocol import Capabilities, Place, Result, Stats
from instill.index.stores.collection import LIVE, PASSAGE, Collection, Row, Settles
from instill.index.stores.integrity_check import damage_in
from instill.index.stores.requests import in_parts
from instill.index.stores.row_texts import (
    body_of,
    digest_of,
    document_body,
    parts_of,
    passage_body,
    record_of_document,
)
from instill.index.stores.snapshot import OverView, Shared
from instill.index.stores.sqlite_mirror import Mirror
from instill.index.stores.tokens import Cutter
from instill.index.types import DocumentRecord, IndexedDocument, Keep

_MARK = "writing"
_BATCH = 500
_ATTEMPTS = 3
_ENDED_ROWS = 1000


@dataclass(frozen=True, slots=True)
class _Head:
    """`next` is the first free id; rows that ended up to version `purged` were deleted."""

    version: int = 1
    next: int = 1
    purged: int = 0


class OverCollection:
    """See `instill.index.protocol.Store`.

    Args:
        collection: of this generation, and of no other store.
        place: whose folder keeps the mirror.
    """

    def __init__(self, collection: Collection, place: Place) -> None:
        self._collection = collection
        self._place = place
        self._folder = place.folder
        self._cutter = Cutter()
        self._mirror = Mirror(self._folder / "mirror.db", self._cutter.of)
        self._shared = Shared(self._collection, self._mirror, self._cutter, place.dimension)

    @property
    def capabilities(self) -> Capabilities:
        return replace(self._collection.capabilities, transactions="instill", keywords="instill", filters="instill")

    # -- reading -----------------------------------------------------------------------------------------------

    def reading(self, read: Callable[[OverView], Result]) -> Result:
        for _ in range(_ATTEMPTS):
            view = self.newest()
            try:
                result = read(view)
            except InstillError:
                raise
            except Exception:
                if self._mirror.purged() > view.version:  # what was read has gone meanwhile
                    continue
                raise
            if self._mirror.purged() <= view.version:
                return result
        raise WorkspaceError(
            "The store is cleaned up faster than it can be read.", where=self._where, remedy="Run the command again."
        )

    def newest(self) -> OverView:
        head = self._head()
        self._mirror.follow(head.version, head.purged, lambda since: self._collection.changed(since, PASSAGE))
        return OverView(self._shared, head.version)

    # -- changing ----------------------------------------------------------------------------------------------

    def put(self, documents: Sequence[IndexedDocument], kept: Sequence[Keep]) -> None:
        unique = {entry.document.doc_id: entry for entry in documents}
        view = self._ready()
        known = {
            record.doc_id: record for record in view.records(None, [*unique, *(each.doc_id for each in kept)], None, "")
        }
        ended = view.row_ids(list(known))
        head = self._head()
        rows: list[Row] = []
        for entry in unique.values():
            before = known.get(entry.document.doc_id)
            added = before.added if before else entry.added or _now()
            rows += self._rows_of(entry, record_of_document(entry, added), head, head.next + len(rows))
        for change in kept:
            rows += self._kept(view, change, head, head.next + len(rows))
        self._commit(head, rows, ended)

    def remove(self, doc_ids: Sequence[str]) -> int:
        view = self._ready()
        known = [record.doc_id for record in view.records(None, doc_ids, None, "")]
        if known:
            self._commit(self._head(), [], view.row_ids(known))
        return len(known)

    def _rows_of(self, entry: IndexedDocument, record: DocumentRecord, head: _Head, first: int) -> list[Row]:
        labels = tuple(map(digest_of, record.labels))
        parts = list(parts_of(document_body(entry.document), self._collection.longest))
        rows = []
        for at in range(max(len(parts), len(entry.passages))):
            passage = passage_body(entry.passages[at], record) if at < len(entry.passages) else ""
            if 0 < self._collection.longest < len(passage):
                raise WorkspaceError(
                    f"A passage or the metadata of a document is too long for this store: {len(passage)} bytes, "
                    f"at most {self._collection.longest}.",
                    where=record.source,
                    remedy="Set documents.passage_tokens lower, or use another store (see docs/stores.md).",
                )
            rows.append(
                Row(
                    first + at, first, head.version + 1, LIVE, labels, passage,
                    parts[at] if at < len(parts) else "", entry.vectors[min(at, len(entry.passages) - 1)],
                )
            )  # fmt: skip
        return rows

    def _kept(self, view: OverView, change: Keep, head: _Head, first: int) -> list[Row]:
        """The rows of a document whose name or labels change."""
        labels = tuple(sorted(set(change.labels)))
        record = replace(change.known, source=change.source, title=change.title, labels=labels)
        before = view.read_rows(view.row_ids([change.doc_id]), ("passage", "part", "vector"))
        return [
            replace(
                row,
                id=first + at,
                document=first,
                born=head.version + 1,
                died=LIVE,
                labels=tuple(map(digest_of, labels)),
                passage=row.passage and passage_body(body_of(row.passage).passage, record),
            )
            for at, row in enumerate(sorted(before, key=lambda row: row.id))
        ]

    def _commit(self, head: _Head, rows: list[Row], ended: list[int]) -> None:
        version = head.version + 1
        write_json(self._folder / _MARK, version)
        for batch in in_parts(rows, _BATCH):
            self._collection.insert(batch)
        for ids in in_parts(ended, _BATCH):
            self._collection.end(ids, version)
        self._collection.set_head(json.dumps(asdict(_Head(version, head.next + len(rows), head.purged))))
        (self._folder / _MARK).unlink(missing_ok=True)
        with suppress(Exception):  # it follows when it is read next
            self._mirror.took(rows, ended, version)

    def _ready(self) -> OverView:
        """The newest version, after what a killed writer left was taken out."""
        if (self._folder / _MARK).exists():
            if isinstance(self._collection, Settles):
                self._collection.settle()
            head = self._head()
            left = list(self._collection.changed(head.version, ()))
            for ids in in_parts([row.id for row in left if row.born > head.version], _BATCH):
                self._collection.delete(ids)
            for ids in in_parts([row.id for row in left if row.born <= head.version < row.died < LIVE], _BATCH):
                self._collection.end(ids, LIVE)
            (self._folder / _MARK).unlink(missing_ok=True)
        return self.newest()

    # -- upkeep ------------------------------------------------------------------------------------------------

    def needs_upkeep(self) -> bool:
        [(ended, live)] = self._mirror.rows("SELECT sum(died <> ?1), sum(died = ?1) FROM passages", (LIVE,))
        return int(ended or 0) > max(_ENDED_ROWS, int(live or 0) // 5)

    def upkeep(
        self,
        alone: Callable[[], AbstractContextManager[None]],
        *,
        progress: Callable[[str], None] | None = None,
        force: bool = False,
    ) -> None:
        if not force and not self.needs_upkeep():
            return
        with alone():
            if progress is not None:
                progress("deleting what replaced documents left behind")
            self._purge()

    def rewrite(self) -> None:
        self._purge()
        self._mirror.compact()

    def _purge(self) -> None:
        view = self._ready()
        head = self._head()
        self._collection.set_head(json.dumps(asdict(replace(head, purged=view.version))))
        self._mirror.purge(view.version)
        ended = [row.id for row in self._collection.changed(0, ()) if row.died <= view.version]
        for batch in in_parts(ended, _BATCH):
            self._collection.delete(batch)

    def damage(self) -> list[str]:
        found = damage_in(self.newest())
        here = {row[0] for row in self._mirror.rows("SELECT id FROM passages WHERE died = ?", (LIVE,))}
        there = {row.id for row in self._collection.changed(0, ()) if row.died == LIVE}
        if here != there and not (self._folder / _MARK).exists():
            lacking, more = len(here - there), len(there - here)
            found.append(f"{lacking} passages are gone from the store, and {more} are there that no document has")
        return found

    def stats(self) -> Stats:
        [(rows,)] = self._mirror.rows("SELECT count(*) FROM passages WHERE died = ? AND ordinal >= 0", (LIVE,))
        return Stats(int(rows), 0, 1, self._collection.bytes() + self._mirror.size(), vector_index=True)

    def drop(self) -> None:
        self._collection.drop()
        self.close()

    def close(self) -> None:
        self._mirror.close()
        self._collection.close()

    def _head(self) -> _Head:
        written = self._collection.head()
        try:
            return _Head(**json.loads(written)) if written else _Head()
        except (ValueError, TypeError) as error:
            raise WorkspaceError(
                "The record of the store's version cannot be read.",
                where=self._where,
                remedy="Restore the store from a backup, or add the documents to a new workspace.",
            ) from error

    @property
    def _where(self) -> str:
        return self._place.url or str(self._folder)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
