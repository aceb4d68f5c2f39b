"""Qdrant: its server, or its client's local mode in the workspace's folder.

The local mode compares every vector and is for one process at a time; it is for trying things out.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from instill.errors import StoreInUse
from instill.index.protocol import Capabilities, Place
from instill.index.stores.collection import LIVE, Among, Fields, Row
from instill.index.stores.embedded_clients import LocalClients
from instill.models.encoders.protocol import Vectors

_PAGE = 500
_HEAD = 1
_NUMBERS = ("born", "died", "document")
_LOCAL = LocalClients()
_LOCK = threading.RLock()


def open_store(place: Place, *, create: bool) -> QdrantCollection:
    """The collection of a generation."""
    from qdrant_client import QdrantClient

    if place.url:
        client = QdrantClient(url=place.url, api_key=place.key or None, timeout=60, check_compatibility=False)
    else:
        try:
            path = str(place.folder / "qdrant")
            client = _LOCAL.opened(path, lambda: QdrantClient(path=path))
        except RuntimeError as error:
            if "already accessed" not in str(error):
                raise
            raise StoreInUse(
                "Another process has this Qdrant folder open; its local mode is for one process at a time.",
                where=str(place.folder),
                remedy="Stop the other process, or run a Qdrant server and set store.url.",
            ) from error
    collection = QdrantCollection(client, place)
    if create:
        collection.create()
    return collection


_LEFT = "Qdrant frees the space of removed rows when it optimises; until then, and in snapshots, they are on its disk."


class QdrantCollection:
    """See `instill.index.stores.collection.Collection`. The head is the one point of a collection of its own."""

    longest = 0

    def __init__(self, client: Any, place: Place) -> None:
        from qdrant_client import models

        self._client, self._models = client, models
        self._place = place
        self._rows, self._heads = f"instill-{place.name}", f"instill-{place.name}-head"
        # The client's local mode is not made for several threads.
        self._lock: Any = nullcontext() if place.url else _LOCK
        self._is_open = True

    @property
    def capabilities(self) -> Capabilities:
        if self._place.url:
            return Capabilities(tried=False, left=_LEFT)
        return Capabilities(
            sharing="process", note="The local mode compares every vector; it is for small folders.", left=_LEFT
        )

    def create(self) -> None:
        """Make both collections, and the indices of what is filtered by."""
        models = self._models
        parameters = models.VectorParams(size=self._place.dimension, distance=models.Distance.COSINE)
        self._client.create_collection(self._rows, vectors_config=parameters)
        heads = models.VectorParams(size=1, distance=models.Distance.DOT)
        self._client.create_collection(self._heads, vectors_config=heads)
        if self._place.url:
            for name in _NUMBERS:
                self._client.create_payload_index(self._rows, name, models.PayloadSchemaType.INTEGER, wait=True)
            self._client.create_payload_index(self._rows, "labels", models.PayloadSchemaType.KEYWORD, wait=True)

    def head(self) -> str:
        with self._lock:
            found = self._client.retrieve(self._heads, [_HEAD], with_payload=True)
        return str(found[0].payload["head"]) if found else ""

    def set_head(self, head: str) -> None:
        point = self._models.PointStruct(id=_HEAD, vector=[1.0], payload={"head": head})
        with self._lock:
            self._client.upsert(self._heads, [point], wait=True)

    def insert(self, rows: Sequence[Row]) -> None:
        points = [self._models.PointStruct(id=row.id, vector=row.numbers(), payload=row.values()) for row in rows]
        with self._lock:
            self._client.upsert(self._rows, points, wait=True)

    def end(self, ids: Sequence[int], died: int) -> None:
        with self._lock:
            self._client.set_payload(self._rows, {"died": died}, points=list(ids), wait=True)

    def delete(self, ids: Sequence[int]) -> None:
        with self._lock:
            self._client.delete(self._rows, self._models.PointIdsList(points=list(ids)), wait=True)

    def nearest(self, vector: Vectors, among: Among, count: int) -> list[tuple[int, float]]:
        models = self._models
        must = [
            models.FieldCondition(key="born", range=models.Range(lte=among.version)),
            models.FieldCondition(key="died", range=models.Range(gt=among.version)),
        ]
        if among.labels is not None:
            must.append(models.FieldCondition(key="labels", match=models.MatchAny(any=list(among.labels))))
        if among.documents is not None:
            must.append(models.FieldCondition(key="document", match=models.MatchAny(any=list(among.documents))))
        with self._lock:
            found = self._client.query_points(
                self._rows,
                query=vector.tolist(),
                query_filter=models.Filter(must=must),
                limit=count,
                with_payload=False,
            )
        return [(int(point.id), float(point.score)) for point in found.points]

    def read(self, ids: Sequence[int], fields: Fields) -> list[Row]:
        with self._lock:
            found = self._client.retrieve(
                self._rows, list(ids), with_payload=_payload(fields), with_vectors="vector" in fields
            )
        return [_row(point) for point in found]

    def changed(self, since: int, fields: Fields) -> Iterator[Row]:
        models = self._models
        ended = models.Filter(must=[models.FieldCondition(key="died", range=models.Range(gt=since, lt=LIVE))])
        condition = models.Filter(should=[models.FieldCondition(key="born", range=models.Range(gt=since)), ended])
        offset: Any = None
        while True:
            with self._lock:
                points, offset = self._client.scroll(
                    self._rows, scroll_filter=condition, limit=_PAGE, offset=offset, with_payload=_payload(fields),
                    with_vectors="vector" in fields,
                )  # fmt: skip
            yield from (_row(point) for point in points)
            if offset is None:
                return

    def bytes(self) -> int:
        if self._place.url:
            return 0
        return sum(path.stat().st_size for path in (self._place.folder / "qdrant").rglob("*") if path.is_file())

    def drop(self) -> None:
        with self._lock:
            self._client.delete_collection(self._rows)
            self._client.delete_collection(self._heads)

    def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        if self._place.url or _LOCAL.closed(str(self._place.folder / "qdrant")):
            with self._lock:
                self._client.close()


def _payload(fields: Fields) -> list[str]:
    return [*_NUMBERS, *(name for name in ("passage", "part") if name in fields)]


def _row(point: Any) -> Row:
    payload = point.payload
    vector = None if point.vector is None else np.asarray(point.vector, dtype=np.float32)
    return Row(
        int(point.id), int(payload["document"]), int(payload["born"]), int(payload["died"]), (),
        payload.get("passage", ""), payload.get("part", ""), vector,
    )  # fmt: skip
