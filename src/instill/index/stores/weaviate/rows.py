"""Rows as objects of a Weaviate collection.

Writes go to all replicas, so that one of them is enough for a search. An object is written again where it changes:
`end` reads rows and inserts them with another `died`, which replaces them. Filters are made of numbers and of digests
only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar
from uuid import NAMESPACE_OID, UUID, uuid5

import numpy as np

from instill.index.protocol import Capabilities
from instill.index.stores.collection import LIVE, Among, Fields, Row
from instill.index.stores.refusals import asked_again, reason_of
from instill.index.stores.requests import in_parts, in_requests, wait_until
from instill.models.encoders.protocol import Vectors

VECTOR = "default"
_NUMBERS = ("row", "document", "born", "died")
_ALL: Fields = ("passage", "part", "vector")
_LONGEST = 32_000
_MOST_BYTES = 8_000_000
"""Of a request or an answer; servers take 10 MB and more."""
_MOST_ROWS, _MOST_FOUND = 1000, 10_000
"""Objects of one query (QUERY_MAXIMUM_RESULTS)."""
_HEAD = uuid5(NAMESPACE_OID, "instill:head")
WAIT_S = 60.0
"""How long a commit waits for a server that indexes vectors in the background (ASYNC_INDEXING)."""

Answer = TypeVar("Answer")


class GoneError(Exception):
    """A collection is not there; it is told as a 404."""

    status_code = 404


class WeaviateCollection:
    """See `instill.index.stores.collection.Collection`. The head is the one object of a collection of its own."""

    longest = _LONGEST
    capabilities = Capabilities(
        tried=False,
        note="Neighbours are found by a graph and may be missed. All replicas must be up for a commit.",
        left="Weaviate frees the space of removed rows when it compacts; until then, and in backups, they are on its "
        "disk.",
    )

    def __init__(self, client: Any, rows: str, heads: str) -> None:
        from weaviate.classes.config import ConsistencyLevel
        from weaviate.classes.query import Filter

        self._client, self._filter = client, Filter
        self._names = (rows, heads)
        self._rows = client.collections.use(rows).with_consistency_level(ConsistencyLevel.ALL)
        self._found = client.collections.use(rows).with_consistency_level(ConsistencyLevel.ONE)
        self._heads = client.collections.use(heads).with_consistency_level(ConsistencyLevel.ALL)

    def head(self) -> str:
        named = self._filter.by_id().equal(_HEAD)
        found = self._ask(
            lambda: self._heads.query.fetch_objects(filters=named, limit=1, return_properties=["head"])
        ).objects
        return str(found[0].properties["head"]) if found else ""

    def set_head(self, head: str) -> None:
        self._wait_for_index()
        self._write(self._heads, [(_HEAD, {"head": head}, [1.0])])

    def insert(self, rows: Sequence[Row]) -> None:
        objects = (((_id(row.id), {"row": row.id, **row.values()}, row.numbers()), _size(row)) for row in rows)
        for request in in_requests(objects, most=_MOST_ROWS, most_bytes=_MOST_BYTES):
            self._write(self._rows, request)

    def _write(self, collection: Any, objects: Sequence[tuple[UUID, dict[str, Any], list[float]]]) -> None:
        from weaviate.classes.data import DataObject

        made = [DataObject(uuid=name, properties=more, vector={VECTOR: vector}) for name, more, vector in objects]
        done = self._ask(lambda: collection.data.insert_many(made))
        for error in done.errors.values():
            raise RuntimeError(f"an object was not written: {error.message}")

    def end(self, ids: Sequence[int], died: int) -> None:
        rows = self._read(ids, _ALL, labels=True)
        self.insert([replace(row, died=died) for row in rows])

    def delete(self, ids: Sequence[int]) -> None:
        for part in in_parts(ids, _MOST_ROWS):
            names = [_id(each) for each in part]
            done = self._ask(partial(self._rows.data.delete_many, where=self._filter.by_id().contains_any(names)))
            if done.failed:
                raise RuntimeError(f"{done.failed} objects were not deleted")

    def nearest(self, vector: Vectors, among: Among, count: int) -> list[tuple[int, float]]:
        from weaviate.classes.query import MetadataQuery

        if among.labels == () or among.documents == ():
            return []
        of = self._filter.by_property
        conditions = [of("born").less_or_equal(among.version), of("died").greater_than(among.version)]
        if among.labels is not None:
            conditions.append(of("labels").contains_any(list(among.labels)))
        if among.documents is not None:
            conditions.append(of("document").contains_any(list(among.documents)))
        found = self._ask(
            lambda: self._found.query.near_vector(
                near_vector=vector.tolist(),
                target_vector=VECTOR,
                limit=min(count, _MOST_FOUND),
                filters=self._filter.all_of(conditions),
                return_metadata=MetadataQuery(distance=True),
                return_properties=["row"],
            )
        )
        return [(int(each.properties["row"]), 1.0 - float(each.metadata.distance)) for each in found.objects]

    def read(self, ids: Sequence[int], fields: Fields) -> list[Row]:
        return self._read(ids, fields)

    def _read(self, ids: Sequence[int], fields: Fields, *, labels: bool = False) -> list[Row]:
        rows: list[Row] = []
        for part in in_parts(ids, _page(fields)):
            names = [_id(each) for each in part]
            rows += self._fetched(self._filter.by_id().contains_any(names), fields, len(names), labels=labels)
        return rows

    def changed(self, since: int, fields: Fields) -> Iterator[Row]:
        of = self._filter.by_property
        ended = self._filter.all_of([of("died").greater_than(since), of("died").less_than(LIVE)])
        condition = self._filter.any_of([of("born").greater_than(since), ended])
        page, last = _page(fields), 0
        while True:
            rows = self._fetched(self._filter.all_of([condition, of("row").greater_than(last)]), fields, page)
            yield from rows
            if len(rows) < page:
                return
            last = rows[-1].id

    def _fetched(self, filters: Any, fields: Fields, limit: int, *, labels: bool = False) -> list[Row]:
        """The first objects under a filter, by row."""
        from weaviate.classes.query import Sort

        wanted = [*_NUMBERS, *(name for name in fields if name != "vector"), *(["labels"] if labels else [])]
        found = self._ask(
            lambda: self._found.query.fetch_objects(
                filters=filters,
                sort=Sort.by_property("row"),
                limit=limit,
                return_properties=wanted,
                include_vector=[VECTOR] if "vector" in fields else False,
            )
        )
        return [_row(each) for each in found.objects]

    def bytes(self) -> int:
        """It is elsewhere."""
        return 0

    def drop(self) -> None:
        self._client.collections.delete(list(self._names))

    def close(self) -> None:
        self._client.close()

    def _wait_for_index(self) -> None:
        """Until the server has put all vectors into its index: a search would not find them before."""

        def is_indexed() -> bool:
            nodes = self._ask(lambda: self._client.cluster.nodes(collection=self._names[0], output="verbose"))
            return not sum(shard.vector_queue_length for node in nodes for shard in node.shards or ())

        wait_until(
            is_indexed,
            WAIT_S,
            late=f"Weaviate did not index within {WAIT_S:.0f} seconds what was written to it.",
            where=self._names[0],
            remedy="Run the command again; nothing was committed, and nothing is there twice.",
        )

    def _ask(self, call: Callable[[], Answer]) -> Answer:
        """What the client gives; a server that is too busy is asked again."""
        try:
            return asked_again(call)
        except Exception as error:
            # The server tells a collection that is not there by words alone.
            if reason_of(error) is None:
                for name in self._names:
                    if not self._client.collections.exists(name):
                        raise GoneError(f"the collection {name} is not there") from error
            raise


def _id(number: int) -> UUID:
    return uuid5(NAMESPACE_OID, f"instill:{number}")


def _size(row: Row) -> int:
    """Bytes of an object in a request, or a little less than that."""
    return len(row.passage) + len(row.part) + 40 * len(row.labels) + 4 * len(row.numbers()) + 500


def _row(found: Any) -> Row:
    values = found.properties
    vector = found.vector.get(VECTOR) if found.vector else None
    return Row(
        int(values["row"]), int(values["document"]), int(values["born"]), int(values["died"]),
        tuple(values.get("labels") or ()), values.get("passage") or "", values.get("part") or "",
        None if vector is None else np.asarray(vector, dtype=np.float32),
    )  # fmt: skip


def _page(fields: Fields) -> int:
    """Objects of which an answer is not too large, however long they are."""
    return max(1, min(_MOST_ROWS, _MOST_BYTES // (500 + _LONGEST * len(fields))))
