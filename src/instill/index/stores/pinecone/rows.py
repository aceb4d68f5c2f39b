"""Rows as documents of a Pinecone index."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from instill.errors import WorkspaceError
from instill.index.protocol import Capabilities, Place
from instill.index.stores.collection import LIVE, Among, Fields, Row
from instill.index.stores.pinecone.consistency import NAMESPACE, Settling
from instill.index.stores.requests import in_parts, in_requests
from instill.models.encoders.protocol import Vectors

_NUMBERS = ("document", "born", "died")
_LONGEST = 16_000
_MOST_BESIDE = 40_000
"""Bytes that a row may have beside its vector: all of it is metadata, of which 40 kB are allowed."""
_MOST_ROWS, _MOST_BYTES = 1000, 1_800_000
"""Of one request (1,000 documents, 2 MB)."""
_MOST_ANSWERED = 3_000_000
"""Bytes that an answer should have at most (4 MB are allowed for a query)."""
_MOST_FOUND = 10_000
_NUMBER = 24
"""Bytes of a vector's number in JSON, at most."""
_MISSING_S = 2.0


class PineconeCollection:
    """See `instill.index.stores.collection.Collection` and `Settles`."""

    longest = _LONGEST
    capabilities = Capabilities(
        tried=False,
        note="Pinecone shows what was written after a while; a commit waits for it, up to a minute. Neighbours are "
        "approximate.",
        left="Pinecone decides when the space of removed rows is freed; backups of the index keep them.",
    )

    def __init__(self, client: Any, index: Any, name: str, place: Place) -> None:
        self._client, self._index, self._documents = client, index, index.documents
        self._name, self._place = name, place
        self._settling = Settling(self._documents, place.folder, place.dimension, place.url or name)

    def settle(self) -> None:
        self._settling.settle()

    def head(self) -> str:
        return self._settling.head().text

    def set_head(self, head: str) -> None:
        self._settling.set_head(head)

    def insert(self, rows: Sequence[Row]) -> None:
        documents = map(self._document, rows)
        sized = ((document, self._size(document)) for document in documents)
        for request in in_requests(sized, most=_MOST_ROWS, most_bytes=_MOST_BYTES):
            self._documents.upsert(namespace=NAMESPACE, documents=request)

    def _size(self, document: Mapping[str, Any]) -> int:
        """Bytes of a document in a request, at most."""
        beside = sum(len(json.dumps(value)) for name, value in document.items() if name != "vector")
        return beside + _NUMBER * self._place.dimension + 100

    def _document(self, row: Row) -> dict[str, Any]:
        beside = len(row.passage) + len(row.part) + sum(len(label) + 2 for label in row.labels)
        if beside > _MOST_BESIDE:
            raise WorkspaceError(
                f"A passage with its labels is too long for Pinecone: {beside} bytes, at most {_MOST_BESIDE}.",
                where=self._place.url or self._name,
                remedy="Give the document fewer labels, or use another store (see docs/stores.md).",
            )
        values = {name: value for name, value in row.values().items() if value or name in _NUMBERS}
        return {"_id": str(row.id), **values, "vector": row.numbers()}

    def end(self, ids: Sequence[int], died: int) -> None:
        for chunk in in_parts(ids, _MOST_ROWS):
            self._documents.update(namespace=NAMESPACE, documents=[{"_id": str(each), "died": died} for each in chunk])

    def delete(self, ids: Sequence[int]) -> None:
        for chunk in in_parts(ids, _MOST_ROWS):
            self._documents.delete(namespace=NAMESPACE, ids=[str(each) for each in chunk])

    def nearest(self, vector: Vectors, among: Among, count: int) -> list[tuple[int, float]]:
        if among.labels == () or among.documents == ():
            return []
        conditions: list[dict[str, Any]] = [{"born": {"$lte": among.version}}, {"died": {"$gt": among.version}}]
        if among.labels is not None:
            conditions.append({"labels": {"$in": list(among.labels)}})
        if among.documents is not None:
            conditions.append({"document": {"$in": list(among.documents)}})
        found = self._documents.search(
            namespace=NAMESPACE,
            score_by=[{"type": "dense_vector", "field": "vector", "values": vector.tolist()}],
            top_k=min(count, _MOST_FOUND),
            filter={"$and": conditions},
        )
        return [(int(match.id), float(match.score)) for match in found.matches]

    def read(self, ids: Sequence[int], fields: Fields) -> list[Row]:
        rows: list[Row] = []
        for chunk in in_parts(ids, min(_MOST_ROWS, self._page(fields))):
            rows += self._read(chunk, fields)
        return rows

    def _read(self, ids: Sequence[int], fields: Fields) -> list[Row]:
        """Rows that are known to be there; one of the service's machines may be behind the others."""
        until = time.monotonic() + _MISSING_S
        while True:
            found = self._documents.fetch(
                namespace=NAMESPACE, ids=[str(each) for each in ids], include_fields=[*_NUMBERS, *fields]
            ).documents
            if len(found) >= len(set(ids)) or time.monotonic() > until:
                return [_row(name, document) for name, document in found.items()]
            time.sleep(0.1)

    def changed(self, since: int, fields: Fields) -> Iterator[Row]:
        ended = {"$and": [{"died": {"$gt": since}}, {"died": {"$lt": LIVE}}]}
        token: str | None = None
        while True:
            page = self._documents.fetch(
                namespace=NAMESPACE,
                filter={"$or": [{"born": {"$gt": since}}, ended]},
                include_fields=[*_NUMBERS, *fields],
                limit=self._page(fields),
                pagination_token=token,
            )
            yield from (_row(name, document) for name, document in page.documents.items())
            token = page.pagination.next if page.pagination is not None else None
            if not token:
                return

    def _page(self, fields: Fields) -> int:
        """Rows of which an answer is not too large, however long they are."""
        vector, text = _NUMBER * self._place.dimension, 2 * _LONGEST  # in JSON a text may become twice as long
        size = 200 + sum(vector if name == "vector" else text for name in fields)
        return max(1, min(_MOST_FOUND, _MOST_ANSWERED // size))

    def bytes(self) -> int:
        """It is elsewhere."""
        return 0

    def drop(self) -> None:
        from pinecone import NotFoundError

        with suppress(NotFoundError):
            self._client.indexes.delete(self._name, timeout=-1)

    def close(self) -> None:
        self._index.close()
        self._client.close()


def _row(name: str, document: Any) -> Row:
    vector = document.get("vector")
    return Row(
        int(name), int(document.get("document")), int(document.get("born")), int(document.get("died")), (),
        document.get("passage", ""), document.get("part", ""),
        None if vector is None else np.asarray(vector, dtype=np.float32),
    )  # fmt: skip
