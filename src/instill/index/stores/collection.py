"""The little that a plain vector database has to do. `instill.index.stores.collection_store` makes a store of it.

A row is a passage. It is never changed but for `died`: a document that changes gets new rows, and the old ones end. A
row is in version `v` when `born <= v < died`, so that writing and publishing are two things: rows of the next version
are not seen by anybody before the one record `head` says that this version is there.

An implementation needs no transactions, no keyword search and no conditions but the three of `Among`. All texts that
it gets are ASCII, labels are digests of 32 hexadecimal digits, numbers are below 2**53.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from instill.index.protocol import Capabilities
from instill.models.encoders.protocol import Vectors

LIVE = 2**53 - 1
"""`died` of a row that has not ended."""

Field = Literal["passage", "part", "vector"]
Fields = Sequence[Field]
PASSAGE: Fields = ("passage",)
PART: Fields = ("part",)
VECTOR: Fields = ("vector",)


@dataclass(frozen=True, slots=True)
class Row:
    """A passage of a document.

    Args:
        id: unique in the collection, 1 or more, ascending in time.
        document: the id of the document's first row.
        labels: digests of the labels of the document.
        passage: what is shown of it, JSON.
        part: a part of the document's text and structure, JSON when all are put together.
        vector: float32 `(dimension,)`; None where it was not asked for.
    """

    id: int
    document: int
    born: int
    died: int
    labels: tuple[str, ...] = ()
    passage: str = ""
    part: str = ""
    vector: Vectors | None = None

    def values(self) -> dict[str, Any]:
        """All but id and vector, by the names of the fields, as most databases take them."""
        return {
            "document": self.document,
            "born": self.born,
            "died": self.died,
            "labels": list(self.labels),
            "passage": self.passage,
            "part": self.part,
        }

    def numbers(self) -> list[float]:
        """The vector's numbers; none where there is no vector."""
        return [] if self.vector is None else [float(each) for each in self.vector.tolist()]


@dataclass(frozen=True, slots=True)
class Among:
    """Which rows a search is for: those of `version`, with one of `labels`, of one of `documents` (None: any)."""

    version: int
    labels: tuple[str, ...] | None = None
    documents: tuple[int, ...] | None = None


class Collection(Protocol):
    """Rows of one generation of an index. May be used by several threads at a time."""

    @property
    def capabilities(self) -> Capabilities:
        """As of the store that is made of it: `transactions`, `keywords` and `filters` are Instill's."""
        ...

    @property
    def longest(self) -> int:
        """Bytes that one text of a row may have; 0: any number."""
        ...

    def head(self) -> str:
        """What `set_head` wrote last, by whatever process; "" at first."""
        ...

    def set_head(self, head: str) -> None:
        """Replace the head: afterwards everybody reads either the old or the new one. What was inserted before is read
        by who reads the new one."""
        ...

    def insert(self, rows: Sequence[Row]) -> None:
        """Write rows, replacing those with the same id."""
        ...

    def end(self, ids: Sequence[int], died: int) -> None:
        """Set `died` of rows that are there."""
        ...

    def delete(self, ids: Sequence[int]) -> None:
        """Delete rows; those that are not there do no harm."""
        ...

    def nearest(self, vector: Vectors, among: Among, count: int) -> list[tuple[int, float]]:
        """Ids and cosines of the nearest rows, nearest first, at most `count`."""
        ...

    def read(self, ids: Sequence[int], fields: Fields) -> list[Row]:
        """Rows by id, in any order, with these fields; those that are not there are left out."""
        ...

    def changed(self, since: int, fields: Fields) -> Iterator[Row]:
        """Rows with `born` above `since`, and rows that ended above it."""
        ...

    def bytes(self) -> int:
        """Size on this machine's disk; 0 where it is elsewhere."""
        ...

    def drop(self) -> None:
        """Delete everything."""
        ...

    def close(self) -> None:
        """Release what is open."""
        ...


@runtime_checkable
class Settles(Protocol):
    """A collection that shows what was written only after a while."""

    def settle(self) -> None:
        """Wait until what was written before, by whatever process, is read; called with the write lock held.

        Raises:
            WorkspaceError: it takes too long.
        """
        ...
