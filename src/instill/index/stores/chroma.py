"""Chroma: its persistent client in the workspace's folder, or its server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from instill.index.protocol import Capabilities, Place
from instill.index.stores.collection import LIVE, Among, Fields, Row
from instill.models.encoders.protocol import Vectors

_PAGE = 500
_NO_LABEL = "none"
"""Chroma refuses an empty list; this is no digest."""


def open_store(place: Place, *, create: bool) -> ChromaCollection:
    """The collection of a generation."""
    import chromadb
    from chromadb.config import Settings

    settings = Settings(anonymized_telemetry=False)
    if place.url:
        parts = urlsplit(place.url)
        headers = {"x-chroma-token": place.key} if place.key else None
        is_safe = parts.scheme == "https"
        client = chromadb.HttpClient(
            host=parts.hostname or "", port=parts.port or (443 if is_safe else 8000), ssl=is_safe, headers=headers,
            settings=settings,
        )  # fmt: skip
    else:
        client = chromadb.PersistentClient(path=str(place.folder / "chroma"), settings=settings)
    name = f"instill-{place.name}"
    if create:
        # What the graph may miss costs recall; these are wide enough for a few hundred thousand passages.
        configuration = {"hnsw": {"space": "cosine", "ef_construction": 200, "ef_search": 600, "max_neighbors": 32}}
        rows = client.create_collection(name, embedding_function=None, configuration=configuration)
    else:
        rows = client.get_collection(name, embedding_function=None)
    return ChromaCollection(client, rows, place)


_LEFT = "Chroma frees the space of removed rows when it sees fit; its log may hold them until then."


class ChromaCollection:
    """See `instill.index.stores.collection.Collection`. The head is in the metadata of the collection."""

    longest = 0

    def __init__(self, client: Any, rows: Any, place: Place) -> None:
        self._client, self._rows, self._place = client, rows, place
        self._is_open = True

    @property
    def capabilities(self) -> Capabilities:
        if self._place.url:
            return Capabilities(tried=False, note="Neighbours are found by a graph and may be missed.", left=_LEFT)
        return Capabilities(sharing="process", note="Neighbours are found by a graph and may be missed.", left=_LEFT)

    def head(self) -> str:
        found = self._client.get_collection(self._rows.name, embedding_function=None)
        return str((found.metadata or {}).get("head", ""))

    def set_head(self, head: str) -> None:
        self._rows.modify(metadata={"head": head})

    def insert(self, rows: Sequence[Row]) -> None:
        self._rows.upsert(
            ids=[str(row.id) for row in rows],
            embeddings=[row.vector for row in rows],
            metadatas=[
                {
                    "id": row.id,
                    "document": row.document,
                    "born": row.born,
                    "died": row.died,
                    "labels": list(row.labels) or [_NO_LABEL],
                    "passage": row.passage,
                }
                for row in rows
            ],
            documents=[row.part for row in rows],
        )

    def end(self, ids: Sequence[int], died: int) -> None:
        self._rows.update(ids=list(map(str, ids)), metadatas=[{"died": died} for _ in ids])

    def delete(self, ids: Sequence[int]) -> None:
        self._rows.delete(ids=list(map(str, ids)))

    def nearest(self, vector: Vectors, among: Among, count: int) -> list[tuple[int, float]]:
        conditions: list[dict[str, Any]] = [{"born": {"$lte": among.version}}, {"died": {"$gt": among.version}}]
        if among.labels is not None:
            held = [{"labels": {"$contains": label}} for label in among.labels]
            conditions.append(held[0] if len(held) == 1 else {"$or": held})
        if among.documents is not None:
            conditions.append({"document": {"$in": list(among.documents)}})
        found = self._rows.query(
            query_embeddings=[vector], n_results=count, where={"$and": conditions}, include=["distances"]
        )
        return [(int(each), 1 - float(far)) for each, far in zip(found["ids"][0], found["distances"][0], strict=True)]

    def read(self, ids: Sequence[int], fields: Fields) -> list[Row]:
        return list(_found(self._rows.get(ids=list(map(str, ids)), include=_include(fields)), fields))

    def changed(self, since: int, fields: Fields) -> Iterator[Row]:
        ended = {"$and": [{"died": {"$gt": since}}, {"died": {"$lt": LIVE}}]}
        condition = {"$or": [{"born": {"$gt": since}}, ended]}
        offset = 0
        while True:
            found = self._rows.get(where=condition, limit=_PAGE, offset=offset, include=_include(fields))
            yield from _found(found, fields)
            offset += len(found["ids"])
            if len(found["ids"]) < _PAGE:
                return

    def bytes(self) -> int:
        if self._place.url:
            return 0
        return sum(path.stat().st_size for path in (self._place.folder / "chroma").rglob("*") if path.is_file())

    def drop(self) -> None:
        self._client.delete_collection(self._rows.name)

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._client.close()


def _include(fields: Fields) -> list[str]:
    more = [("documents", "part"), ("embeddings", "vector")]
    return ["metadatas", *(name for name, field in more if field in fields)]


def _found(found: Any, fields: Fields) -> Iterator[Row]:
    for at, metadata in enumerate(found["metadatas"]):
        yield Row(
            int(metadata["id"]), int(metadata["document"]), int(metadata["born"]), int(metadata["died"]), (),
            metadata["passage"] if "passage" in fields else "",
            (found["documents"][at] or "") if "part" in fields else "",
            np.asarray(found["embeddings"][at], dtype=np.float32) if "vector" in fields else None,
        )  # fmt: skip
