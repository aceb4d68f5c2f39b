"""A collection whose client's errors are told as ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from instill.index.protocol import Capabilities
from instill.index.stores.collection import Among, Collection, Fields, Row, Settles
from instill.index.stores.refusals import service_errors
from instill.models.encoders.protocol import Vectors


class Guarded:
    """The collection; what its client raises becomes a `WorkspaceError` that names the store and its place."""

    def __init__(self, collection: Collection, errors: service_errors) -> None:
        self._collection = collection
        self._errors = errors

    @property
    def capabilities(self) -> Capabilities:
        return self._collection.capabilities

    @property
    def longest(self) -> int:
        return self._collection.longest

    def settle(self) -> None:
        if isinstance(self._collection, Settles):
            with self._errors:
                self._collection.settle()

    def head(self) -> str:
        with self._errors:
            return self._collection.head()

    def set_head(self, head: str) -> None:
        with self._errors:
            self._collection.set_head(head)

    def insert(self, rows: Sequence[Row]) -> None:
        with self._errors:
            self._collection.insert(rows)

    def end(self, ids: Sequence[int], died: int) -> None:
        with self._errors:
            self._collection.end(ids, died)

    def delete(self, ids: Sequence[int]) -> None:
        with self._errors:
            self._collection.delete(ids)

    def nearest(self, vector: Vectors, among: Among, count: int) -> list[tuple[int, float]]:
        with self._errors:
            return self._collection.nearest(vector, among, count)

    def read(self, ids: Sequence[int], fields: Fields) -> list[Row]:
        with self._errors:
            return self._collection.read(ids, fields) if ids else []

    def changed(self, since: int, fields: Fields) -> Iterator[Row]:
        with self._errors:
            yield from self._collection.changed(since, fields)

    def bytes(self) -> int:
        with self._errors:
            return self._collection.bytes()

    def drop(self) -> None:
        with self._errors:
            self._collection.drop()

    def close(self) -> None:
        with self._errors:
            self._collection.close()
