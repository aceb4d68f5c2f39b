"""OpenSearch: its k-NN index of the engine Lucene, which filters while it looks for neighbours.

Written against the client's and the server's documentation, and proved against a server on loopback that speaks the
part that is used; not run against the service. The cosine is computed from the vectors that come back, since what a
score means has changed with the engines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from instill.index.protocol import Capabilities, Place
from instill.index.stores.collection import LIVE, Among, Fields, Row
from instill.models.encoders.protocol import Vectors

_PAGE = 500
_MOST = 10_000
"""Hits that one search gives (`index.max_result_window`)."""
_NUMBERS = ("id", "document", "born", "died")
_HEAD = "head"


def open_store(place: Place, *, create: bool) -> OpenSearchCollection:
    """The collection of a generation."""
    from opensearchpy import OpenSearch

    user = urlsplit(place.url).username
    more = {"http_auth": (user, place.key)} if user and place.key else {}
    collection = OpenSearchCollection(OpenSearch(place.url, timeout=60, **more), place)
    if create:
        collection.create()
    return collection


class OpenSearchCollection:
    """See `instill.index.stores.collection.Collection`. The head is the one document of an index of its own."""

    longest = 0
    capabilities = Capabilities(
        tried=False,
        note="Neighbours are found by a graph and may be missed.",
        left="Removed rows stay in the server's segments until it merges them, and in its snapshots.",
    )

    def __init__(self, client: Any, place: Place) -> None:
        self._client, self._place = client, place
        self._rows, self._heads = f"instill-{place.name}", f"instill-{place.name}-head"

    def create(self) -> None:
        """Make both indices."""
        kept = {"type": "text", "index": False}
        properties: dict[str, Any] = {name: {"type": "long"} for name in _NUMBERS}
        properties |= {"labels": {"type": "keyword"}, "passage": kept, "part": kept}
        properties["vector"] = {
            "type": "knn_vector",
            "dimension": self._place.dimension,
            "method": {
                "name": "hnsw",
                "engine": "lucene",
                "space_type": "cosinesimil",
                "parameters": {"m": 16, "ef_construction": 200},
            },
        }
        self._client.indices.create(
            index=self._rows,
            body={"settings": {"index": {"knn": True}}, "mappings": {"dynamic": "strict", "properties": properties}},
        )
        self._client.indices.create(
            index=self._heads, body={"mappings": {"dynamic": "strict", "properties": {_HEAD: kept}}}
        )

    def head(self) -> str:
        found = self._client.mget(index=self._heads, body={"ids": ["1"]})["docs"][0]
        return str(found["_source"][_HEAD]) if found.get("found") else ""

    def set_head(self, head: str) -> None:
        self._client.index(index=self._heads, id="1", body={_HEAD: head}, refresh="true")

    def insert(self, rows: Sequence[Row]) -> None:
        lines: list[dict[str, Any]] = []
        for row in rows:
            lines += [
                {"index": {"_id": str(row.id)}},
                {"id": row.id, **row.values(), "vector": row.numbers()},
            ]
        self._write(lines)

    def end(self, ids: Sequence[int], died: int) -> None:
        self._write([line for each in ids for line in ({"update": {"_id": str(each)}}, {"doc": {"died": died}})])

    def delete(self, ids: Sequence[int]) -> None:
        self._write([{"delete": {"_id": str(each)}} for each in ids])

    def _write(self, lines: list[dict[str, Any]]) -> None:
        """Several writes, which searches see afterwards."""
        done = self._client.bulk(index=self._rows, body=lines, refresh="true")
        for item in done["items"] if done["errors"] else ():
            for action, result in item.items():
                if "error" in result and not (action == "delete" and result["status"] == 404):
                    raise RuntimeError(f"{action} of row {result['_id']}: {result['error']['reason']}")

    def nearest(self, vector: Vectors, among: Among, count: int) -> list[tuple[int, float]]:
        conditions: list[dict[str, Any]] = [
            {"range": {"born": {"lte": among.version}}},
            {"range": {"died": {"gt": among.version}}},
        ]
        if among.labels is not None:
            conditions.append({"terms": {"labels": list(among.labels)}})
        if among.documents is not None:
            conditions.append({"terms": {"document": list(among.documents)}})
        wanted = min(count, _MOST)
        asked = {"vector": vector.tolist(), "k": wanted, "filter": {"bool": {"filter": conditions}}}
        body = {"size": wanted, "_source": ["vector"], "query": {"knn": {"vector": asked}}}
        hits = self._client.search(index=self._rows, body=body)["hits"]["hits"]
        if not hits:
            return []
        cosines = np.array([hit["_source"]["vector"] for hit in hits], dtype=np.float32) @ vector
        found = [(int(hit["_id"]), float(cosine)) for hit, cosine in zip(hits, cosines, strict=True)]
        return sorted(found, key=lambda pair: -pair[1])

    def read(self, ids: Sequence[int], fields: Fields) -> list[Row]:
        body = {"ids": [str(each) for each in ids]}
        found = self._client.mget(index=self._rows, body=body, _source=[*_NUMBERS, *fields])
        return [_row(each["_source"]) for each in found["docs"] if each.get("found")]

    def changed(self, since: int, fields: Fields) -> Iterator[Row]:
        condition = [
            {"range": {"born": {"gt": since}}},
            {"range": {"died": {"gt": since, "lt": LIVE}}},
        ]
        body: dict[str, Any] = {
            "size": _PAGE,
            "_source": [*_NUMBERS, *fields],
            "query": {"bool": {"should": condition, "minimum_should_match": 1}},
            "sort": [{"id": "asc"}],
        }
        while True:
            hits = self._client.search(index=self._rows, body=body)["hits"]["hits"]
            yield from (_row(hit["_source"]) for hit in hits)
            if len(hits) < _PAGE:
                return
            body["search_after"] = hits[-1]["sort"]

    def bytes(self) -> int:
        """It is elsewhere."""
        return 0

    def drop(self) -> None:
        self._client.indices.delete(index=f"{self._rows},{self._heads}")

    def close(self) -> None:
        self._client.close()


def _row(source: dict[str, Any]) -> Row:
    vector = np.asarray(source["vector"], dtype=np.float32) if "vector" in source else None
    return Row(
        source["id"], source["document"], source["born"], source["died"], (), source.get("passage", ""),
        source.get("part", ""), vector,
    )  # fmt: skip
