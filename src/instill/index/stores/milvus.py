"""Milvus: its embedded form (milvus-lite) in the workspace's folder, or its server."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from instill.common.quiet_loggers import quiet
from instill.errors import StoreInUse
from instill.index.protocol import Capabilities, Place
from instill.index.stores.collection import LIVE, Among, Fields, Row
from instill.index.stores.embedded_clients import LocalClients
from instill.models.encoders.protocol import Vectors

_PAGE = 1000
_NUMBERS = ("id", "document", "born", "died")
_LONGEST = 65_535
_MOST_LABELS = 1000
_LOCAL = LocalClients()
_LOCK = threading.RLock()


def open_store(place: Place, *, create: bool) -> MilvusCollection:
    """The collection of a generation."""
    from pymilvus import MilvusClient

    quiet("pymilvus", "milvus_lite")
    if place.url:
        client = MilvusClient(uri=place.url, token=place.key)
    else:
        path = str(place.folder / "milvus.db")
        try:
            client = _LOCAL.opened(path, lambda: MilvusClient(path))
        except Exception as error:
            if not _is_held(path):
                raise
            raise StoreInUse(
                "Another process uses this Milvus folder; without a server, it is for one process at a time.",
                where=str(place.folder),
                remedy="Stop the other process, or use a Milvus server and set store.url.",
            ) from error
    collection = MilvusCollection(client, place)
    if create:
        collection.create()
    collection.load()
    return collection


def _is_held(path: str) -> bool:
    """Whether another process has the folder open; the client's own error does not say."""
    from milvus_lite.db import MilvusLite
    from milvus_lite.exceptions import DataDirLockedError

    try:
        MilvusLite(path).close()
    except DataDirLockedError:
        return True
    except Exception:  # whatever else is wrong with it
        return False
    return False


_LEFT = "Milvus frees the space of removed rows when it compacts; until then they are in its segments."


class MilvusCollection:
    """See `instill.index.stores.collection.Collection`. The head is the one row of a collection of its own.

    Expressions are made of numbers and of digests only.
    """

    longest = _LONGEST

    def __init__(self, client: Any, place: Place) -> None:
        self._client, self._place = client, place
        self._rows, self._heads = f"instill_{place.name}", f"instill_{place.name}_head"
        # `end` reads a row and writes it again.
        self._lock = _LOCK
        self._is_open = True

    @property
    def capabilities(self) -> Capabilities:
        if self._place.url:
            return Capabilities(tried=False, left=_LEFT)
        return Capabilities(sharing="process", note="Every vector is compared; it is for small folders.", left=_LEFT)

    def create(self) -> None:
        """Make both collections."""
        from pymilvus import DataType, MilvusClient

        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        for name in _NUMBERS[1:]:
            schema.add_field(name, DataType.INT64)
        schema.add_field(
            "labels", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=_MOST_LABELS, max_length=32
        )
        schema.add_field("passage", DataType.VARCHAR, max_length=_LONGEST)
        schema.add_field("part", DataType.VARCHAR, max_length=_LONGEST)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self._place.dimension)
        index = self._client.prepare_index_params()
        kind = "AUTOINDEX" if self._place.url else "FLAT"
        index.add_index("vector", index_type=kind, metric_type="COSINE")
        self._client.create_collection(self._rows, schema=schema, index_params=index, consistency_level="Strong")
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("head", DataType.VARCHAR, max_length=1000)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
        index = self._client.prepare_index_params()
        index.add_index("vector", index_type=kind, metric_type="L2")
        self._client.create_collection(self._heads, schema=schema, index_params=index, consistency_level="Strong")

    def load(self) -> None:
        """Make what is stored searchable; a server forgets it when it stops."""
        for name in (self._rows, self._heads):
            self._client.load_collection(name)

    def head(self) -> str:
        found = self._client.query(self._heads, filter="id == 1", output_fields=["head"])
        return str(found[0]["head"]) if found else ""

    def set_head(self, head: str) -> None:
        self._client.upsert(self._heads, [{"id": 1, "head": head, "vector": [0.0, 0.0]}])

    def insert(self, rows: Sequence[Row]) -> None:
        with self._lock:
            self._client.upsert(self._rows, [{"id": row.id, **row.values(), "vector": row.numbers()} for row in rows])

    def end(self, ids: Sequence[int], died: int) -> None:
        with self._lock:
            fields = [*_NUMBERS, "labels", "passage", "part", "vector"]
            found = self._client.query(self._rows, filter=_among("id", ids), output_fields=fields)
            written = [
                {**{name: row[name] for name in fields}, "labels": list(row["labels"]), "died": died} for row in found
            ]
            if written:
                self._client.upsert(self._rows, written)

    def delete(self, ids: Sequence[int]) -> None:
        with self._lock:
            self._client.delete(self._rows, ids=list(ids))

    def nearest(self, vector: Vectors, among: Among, count: int) -> list[tuple[int, float]]:
        conditions = [f"born <= {among.version}", f"died > {among.version}"]
        if among.labels is not None:
            held = ", ".join(f'"{label}"' for label in among.labels)
            conditions.append(f"array_contains_any(labels, [{held}])")
        if among.documents is not None:
            conditions.append(_among("document", among.documents))
        found = self._client.search(
            self._rows, data=[vector.tolist()], filter=" and ".join(conditions), limit=min(count, 16_384),
            output_fields=["id"],
        )  # fmt: skip
        return [(int(hit["id"]), float(hit["distance"])) for hit in found[0]]

    def read(self, ids: Sequence[int], fields: Fields) -> list[Row]:
        found = self._client.query(self._rows, filter=_among("id", ids), output_fields=[*_NUMBERS, *fields])
        return [_row(row) for row in found]

    def changed(self, since: int, fields: Fields) -> Iterator[Row]:
        ids = list(self._every(f"born > {since} or (died > {since} and died < {LIVE})"))
        for start in range(0, len(ids), _PAGE):
            yield from self.read(ids[start : start + _PAGE], fields)

    def _every(self, condition: str) -> Iterator[int]:
        found = self._client.query_iterator(self._rows, filter=condition, output_fields=["id"], batch_size=_PAGE)
        try:
            while batch := found.next():
                yield from (int(row["id"]) for row in batch)
        finally:
            found.close()

    def bytes(self) -> int:
        if self._place.url:
            return 0
        place = self._place.folder / "milvus.db"
        files = place.rglob("*") if place.is_dir() else [place]
        return sum(path.stat().st_size for path in files if path.is_file())

    def drop(self) -> None:
        self._client.drop_collection(self._rows)
        self._client.drop_collection(self._heads)

    def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        if self._place.url:
            self._client.close()
        elif _LOCAL.closed(path := str(self._place.folder / "milvus.db")):
            from milvus_lite.server_manager import server_manager_instance

            self._client.close()
            server_manager_instance.release_server(path)  # or the file stays locked for other processes


def _among(column: str, values: Sequence[int]) -> str:
    return f"{column} in [{', '.join(map(str, values))}]"


def _row(row: Any) -> Row:
    vector = np.asarray(row["vector"], dtype=np.float32) if "vector" in row else None
    return Row(
        int(row["id"]), int(row["document"]), int(row["born"]), int(row["died"]), (), row.get("passage", ""),
        row.get("part", ""), vector,
    )  # fmt: skip
