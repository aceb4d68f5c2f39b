"""The Lance store whose table is in a bucket.

A commit is Lance's: files are written first, then one manifest under the condition that nobody wrote this version
before. `key` is declared as the table's key, so that of two commits that put in the same passage the later one finds
out and is done again on the newest version. Who may decide what to commit is settled by the lease; where a writer stood
still for so long that another one took over, it makes its commit once more when it has the lease again, since what it
had read may have changed in between.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import pyarrow as pa

from instill.common.object_storage.failures import persistently
from instill.errors import WorkspaceError
from instill.index import soundness, upkeep
from instill.index.generations import FORMAT, Generation
from instill.index.lance import LanceStore, LanceView
from instill.index.lance_tables import Table, Tables, connect
from instill.index.protocol import Capabilities, Place, Result, Stats
from instill.index.schema import TABLE, schema
from instill.index.stores.objects.address import Access, parsed
from instill.index.stores.objects.failures import object_errors
from instill.index.stores.objects.lease import Lease
from instill.index.stores.objects.pointer import ObjectPointer
from instill.index.stores.objects.replica import Replica, TooLarge

_REGAINED = 5
_KEY = {b"lance-schema:unenforced-primary-key": b"true"}


def open_store(place: Place, *, create: bool) -> ObjectStore:
    """The store of a generation."""
    access = Access(parsed(place.url), place.key)
    if create:
        with object_errors(access.address):
            upkeep.make_table(connect(*access.lance(place.name)), _schema(place.dimension))
    return ObjectStore(place, access)


def _schema(dimension: int) -> pa.Schema:
    columns = schema(dimension)
    at = columns.get_field_index("key")
    return columns.set(at, columns.field(at).with_nullable(False).with_metadata(_KEY))


class ObjectTables(Tables):
    """Writes to the bucket; snapshots are of the copy on the local disk, where the table fits there."""

    def __init__(self, place: Place, access: Access) -> None:
        super().__init__(place.folder, connect(*access.lance(place.name)))
        self.address = access.address
        self._copy = place.folder / "copy"
        most = 0.0 if place.read_only else place.cache_gb * 1e9
        self.replica = Replica(access.bucket(f"{place.name}/{TABLE}.lance"), self._copy / f"{TABLE}.lance", most)
        self._keeps_copy = most > 0

    def writable(self) -> Table:
        return persistently(super().writable)

    def snapshot(self) -> Table:
        if not self._keeps_copy:
            return persistently(super().snapshot)
        with self._lock:
            newest = self.replica.newest()
            if self._snapshot is None or self._snapshot.version != newest:
                self._snapshot = self._copied()
            return self._snapshot

    def _copied(self) -> Table:
        try:
            version = self.replica.follow()
        except TooLarge:
            self.replica.drop()
            version = self.replica.newest()
            return self._database.open_table(TABLE, version=version)
        return connect(self._copy).open_table(TABLE, version=version)

    def errors(self) -> AbstractContextManager[None]:
        return object_errors(self.address)


class ObjectStore(LanceStore):
    """See `instill.index.protocol.Store`."""

    capabilities = Capabilities(
        sharing="anywhere", left="If the bucket keeps versions of its objects, the earlier ones hold it still."
    )
    tables: ObjectTables

    def __init__(self, place: Place, access: Access) -> None:
        super().__init__(
            place.folder, dimension=place.dimension, read_only=place.read_only, tables=ObjectTables(place, access)
        )
        self._place, self._access = place, access
        self.lock = Lease(access.bucket(), access.address)

    def reading(self, read: Callable[[LanceView], Result]) -> Result:
        with self.tables.errors():
            return super().reading(read)

    def newest(self) -> LanceView:
        with self.tables.errors():
            return super().newest()

    def _sound(self, table: Table) -> Table:
        if not self._is_sound:
            super()._sound(self.tables.snapshot())  # all rows are looked at, so rather those that are here
        return table

    def _committed(self, table: Table, change: Callable[[Table], Result]) -> Result:  # noqa: ARG002
        def attempt() -> tuple[Result, int]:
            newest = self.tables.writable()
            return change(self._sound(newest)), int(newest.version)

        # Every change is made by key, so that one whose end was not heard of can be made again.
        result, version = persistently(attempt)
        soundness.note(self.folder, version)
        return result

    def _change(
        self,
        change: Callable[[Table], Result],
        alone: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Result:
        with alone(), self.tables.errors():
            if not self.lock.is_held():
                self.lock.regain()
            result = super()._change(change)
            for _ in range(_REGAINED):
                if self.lock.is_held():
                    return result
                self.lock.regain()
                super()._change(change)
        raise WorkspaceError(
            "This machine stood still again and again while it wrote, and others took over.",
            where=str(self._access.address),
            remedy="Run the command again; a longer lease helps: ?lease_s=120 in store.url.",
        )

    def upkeep(
        self,
        alone: Callable[[], AbstractContextManager[None]],
        *,
        progress: Callable[[str], None] | None = None,
        force: bool = False,
    ) -> None:
        with self.tables.errors():
            super().upkeep(alone, progress=progress, force=force)

    def upkeep_but_graph(
        self, alone: Callable[[], AbstractContextManager[None]], *, progress: Callable[[str], None] | None = None
    ) -> None:
        with self.tables.errors():
            super().upkeep_but_graph(alone, progress=progress)

    def needs_upkeep(self) -> bool:
        with self.tables.errors():
            return super().needs_upkeep()

    def damage(self) -> list[str]:
        with self.tables.errors():
            return super().damage()

    def stats(self) -> Stats:
        with self.tables.errors():
            return replace(super().stats(), bytes=sum(size for _, size in self._objects()))

    def drop(self) -> None:
        import obstore

        generation = Generation(self._place.name, self._place.dimension, "", FORMAT)
        with self.tables.errors():
            ObjectPointer(self.folder.parent, self._access, self._place.url).forget(generation)
            paths = [path for path, _ in self._objects()]
            if paths:
                obstore.delete(self._access.bucket(self._place.name), paths)
        shutil.rmtree(self.folder / "copy", ignore_errors=True)

    def _objects(self) -> list[tuple[str, int]]:
        import obstore

        found: list[Any] = persistently(lambda: obstore.list(self._access.bucket(self._place.name)).collect())
        return [(str(each["path"]), int(each["size"])) for each in found]
