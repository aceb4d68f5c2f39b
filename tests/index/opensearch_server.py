"""A server on loopback that speaks the part of OpenSearch's protocol that the adapter uses, field by field as the
documentation has it; whatever else is asked is an error. It keeps rows in memory and compares every vector.

Create index, delete index, bulk (index, update, delete), index a document, multi-get, search with k-NN query
(efficient filtering of the Lucene engine) and with a bool query, `sort` and `search_after`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

_TYPES = {"long", "keyword", "text", "knn_vector"}


class Refused(Exception):
    """What is asked is not in the part that is spoken."""


class Node:
    """Indices with their mappings and documents. What was written is searched only after a refresh."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.mappings: dict[str, dict[str, Any]] = {}
        self.written: dict[str, dict[str, dict[str, Any]]] = {}
        self.searched: dict[str, dict[str, dict[str, Any]]] = {}

    def create(self, index: str, body: dict[str, Any]) -> dict[str, Any]:
        if index != index.lower() or index in self.mappings:
            raise Refused(f"index {index}")
        mappings = body["mappings"]
        assert mappings["dynamic"] == "strict"
        for name, field in mappings["properties"].items():
            assert field["type"] in _TYPES, name
            if field["type"] == "knn_vector":
                assert body["settings"] == {"index": {"knn": True}}
                method = field["method"]
                assert (method["name"], method["engine"], method["space_type"]) == ("hnsw", "lucene", "cosinesimil")
        self.mappings[index] = mappings["properties"]
        self.written[index], self.searched[index] = {}, {}
        return {"acknowledged": True, "shards_acknowledged": True, "index": index}

    def delete(self, indices: str) -> dict[str, Any]:
        for index in indices.split(","):
            del self.mappings[index], self.written[index], self.searched[index]
        return {"acknowledged": True}

    def put(self, index: str, name: str, source: dict[str, Any]) -> None:
        fields = self.mappings[index]
        if set(source) - set(fields):
            raise Refused(f"strict_dynamic_mapping_exception: {set(source) - set(fields)}")
        for key, value in source.items():
            if fields[key]["type"] == "knn_vector" and len(value) != fields[key]["dimension"]:
                raise Refused("mapper_parsing_exception: dimension")
            if fields[key]["type"] == "long" and not isinstance(value, int):
                raise Refused("mapper_parsing_exception: long")
        self.written[index][name] = json.loads(json.dumps(source))

    def refresh(self, index: str) -> None:
        self.searched[index] = {name: dict(source) for name, source in self.written[index].items()}

    def bulk(self, index: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
        items: list[dict[str, Any]] = []
        rest = iter(lines)
        for line in rest:
            [(action, about)] = line.items()
            name, result = about["_id"], {"_index": index, "_id": about["_id"], "status": 200}
            known = self.written[index].get(name)
            if action == "index":
                self.put(index, name, next(rest))
            elif action == "update":
                change = next(rest)["doc"]
                if known is None:
                    result |= {"status": 404, "error": {"type": "document_missing_exception", "reason": "missing"}}
                else:
                    self.put(index, name, {**known, **change})
            elif action == "delete":
                result |= {"status": 200 if known else 404, "result": "deleted" if known else "not_found"}
                self.written[index].pop(name, None)
            else:
                raise Refused(action)
            items.append({action: result})
        return {"took": 1, "errors": any("error" in next(iter(item.values())) for item in items), "items": items}

    def mget(self, index: str, ids: list[str], fields: list[str] | None) -> dict[str, Any]:
        docs = []
        for name in ids:
            source = self.written[index].get(name)  # real time: without a refresh
            found: dict[str, Any] = {"_index": index, "_id": name, "found": source is not None}
            if source is not None:
                found["_source"] = {key: value for key, value in source.items() if fields is None or key in fields}
            docs.append(found)
        return {"docs": docs}

    def search(self, index: str, body: dict[str, Any]) -> dict[str, Any]:
        if set(body) - {"size", "_source", "query", "sort", "search_after"} or body["size"] > 10_000:
            raise Refused(f"search with {sorted(body)}")
        [(kind, query)] = body["query"].items()
        rows = list(self.searched[index].items())
        hits: list[dict[str, Any]]
        if kind == "knn":
            [(field, asked)] = query.items()
            assert set(asked) == {"vector", "k", "filter"}
            assert len(asked["vector"]) == self.mappings[index][field]["dimension"]
            rows = [(name, source) for name, source in rows if _met(asked["filter"], source)]
            vector = np.array(asked["vector"], np.float32)
            scores = {name: (1 + float(np.array(source[field], np.float32) @ vector)) / 2 for name, source in rows}
            rows = sorted(rows, key=lambda pair: -scores[pair[0]])[: asked["k"]]
            hits = [{"_index": index, "_id": name, "_score": scores[name], "_source": s} for name, s in rows]
        else:
            rows = [(name, source) for name, source in rows if _met(body["query"], source)]
            [(field, way)] = body["sort"][0].items()
            assert way == "asc"
            rows.sort(key=lambda pair: pair[1][field])
            after = body.get("search_after")
            rows = [pair for pair in rows if after is None or pair[1][field] > after[0]]
            hits = [
                {"_index": index, "_id": name, "_score": None, "_source": s, "sort": [s[field]]} for name, s in rows
            ]
        kept = body["_source"]
        hits = [{**hit, "_source": {key: hit["_source"][key] for key in kept if key in hit["_source"]}} for hit in hits]
        return {"took": 1, "timed_out": False, "hits": {"total": {"value": len(rows)}, "hits": hits[: body["size"]]}}


def _met(query: dict[str, Any], source: dict[str, Any]) -> bool:
    [(kind, asked)] = query.items()
    if kind == "bool":
        if set(asked) == {"filter"}:
            return all(_met(each, source) for each in asked["filter"])
        if set(asked) == {"should", "minimum_should_match"}:
            return bool(sum(_met(each, source) for each in asked["should"]) >= asked["minimum_should_match"])
        raise Refused(f"bool with {sorted(asked)}")
    [(field, wanted)] = asked.items()
    value = source[field]
    if kind == "range":
        tests = {
            "gt": value > wanted.get("gt", 0),
            "lt": value < wanted.get("lt", 0),
            "lte": value <= wanted.get("lte", 0),
        }
        return all(tests[name] for name in wanted)
    if kind == "terms":
        return bool(set(value if isinstance(value, list) else [value]) & set(wanted))
    raise Refused(kind)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    node: Node

    def _answer(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        path, asked = parts.path.strip("/").split("/"), {key: each[0] for key, each in parse_qs(parts.query).items()}
        try:
            with self.node.lock:
                status, found = 200, self._do(self.command, path, asked, data)
        except Refused as error:
            status, found = 400, {"error": {"type": "refused", "reason": str(error)}, "status": 400}
        except KeyError as error:
            status, found = 404, {"error": {"type": "index_not_found_exception", "reason": str(error)}, "status": 404}
        body = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _do(self, verb: str, path: list[str], asked: dict[str, str], data: bytes) -> dict[str, Any]:
        node = self.node
        match verb, path:
            case "PUT", [index]:
                return node.create(index, json.loads(data))
            case "DELETE", [indices]:
                return node.delete(indices)
            case (("POST" | "PUT"), [index, "_bulk"]):
                done = node.bulk(index, [json.loads(line) for line in data.decode().splitlines() if line])
                if asked.get("refresh") == "true":
                    node.refresh(index)
                return done
            case "PUT", [index, "_doc", name]:
                node.put(index, name, json.loads(data))
                if asked.get("refresh") == "true":
                    node.refresh(index)
                return {"_index": index, "_id": name, "result": "created"}
            case (("POST" | "GET"), [index, "_mget"]):
                fields = asked["_source"].split(",") if "_source" in asked else None
                return node.mget(index, json.loads(data)["ids"], fields)
            case (("POST" | "GET"), [index, "_search"]):
                return node.search(index, json.loads(data))
        raise Refused(f"{verb} {'/'.join(path)}")

    do_GET = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 - as the library calls them

    def log_message(self, *_: object) -> None:
        """Nothing is said."""


@contextmanager
def running_server() -> Iterator[str]:
    """The address of a node."""
    handler = type("Handler", (_Handler,), {"node": Node()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
