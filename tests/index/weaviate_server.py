"""A server on loopback that speaks the part of Weaviate's interfaces that the adapter uses; all else is an error.

As in the client's source (weaviate-client 4.24.1) and the server's documentation:

- REST: `GET /v1/meta` (`connect/v4.py`), `POST`, `GET` and `DELETE /v1/schema/...`
  (`collections/collections/executor.py`, `collections/classes/config.py`),
  `GET /v1/nodes/{collection}?output=verbose` (`cluster/base.py`);
- gRPC: `Search` with `near_vector` or with filters and a sort (`collections/grpc/query.py`, `proto/v1/search_get`),
  `BatchObjects` (`collections/batch/grpc_batch.py`, `proto/v1/batch`), `BatchDelete` (`proto/v1/batch_delete`), with
  the client's own messages; filters as `collections/filters.py` writes them.

An object that is written again is replaced. With `index_lag` vectors are found a moment after they are written, as with
ASYNC_INDEXING; the length of the queue is told by the nodes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import numpy as np

from tests.index.loopback import Answer, Asked, Cut, Refused, serving
from tests.index.service_faults import Faults

KEY = "weaviate-key-of-the-tests"
_MOST_FOUND, _MOST_MESSAGE = 10_000, 10_485_760
_TYPES = {"int", "text", "text[]"}


@dataclass
class Object:
    """One version of an object."""

    name: str
    values: dict[str, Any]
    vector: Any
    written: float


@dataclass
class Class:
    """A collection with its schema."""

    schema: dict[str, Any]
    objects: dict[str, Object] = field(default_factory=dict)

    @property
    def properties(self) -> dict[str, dict[str, Any]]:
        return {each["name"]: each for each in self.schema["properties"]}


class Node:
    """A cluster of one node.

    Args:
        index_lag: seconds after which a vector is in the index.
    """

    def __init__(self, *, index_lag: float = 0.0) -> None:
        self.lock = threading.RLock()
        self.index_lag = index_lag
        self.faults = Faults()
        self.classes: dict[str, Class] = {}

    # -- REST --------------------------------------------------------------------------------------------------

    def answers(self, _address: str) -> Any:
        return self.answer

    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            raise Refused(f"unauthorized: invalid api key {asked.headers.get('authorization')}", 401)
        with self.lock, self.faults.around(f"{asked.verb} {asked.path[1]}"):
            match asked.verb, asked.path:
                case "GET", ("v1", "meta"):
                    return Answer({"hostname": "http://[::]:8080", "version": "1.34.0", "modules": {}})
                case "POST", ("v1", "schema"):
                    return Answer(self.create(asked.json()))
                case "GET", ("v1", "schema", name):
                    return Answer(self.of(name).schema)
                case "DELETE", ("v1", "schema", name):
                    self.classes.pop(name, None)
                    return Answer({})
                case "GET", ("v1", "nodes", name) if dict(asked.query) == {"output": "verbose"}:
                    return Answer({"nodes": [self.node(name)]})
        raise Refused(f"{asked.verb} /{'/'.join(asked.path)} is not spoken", 404)

    def create(self, schema: dict[str, Any]) -> dict[str, Any]:
        name = schema["class"]
        if not name[:1].isupper() or not name.isascii() or not name.replace("_", "").isalnum():
            raise Refused(f"'{name}' is not a valid class name", 422)
        if name in self.classes:
            raise Refused(f"class name {name} already exists", 422)
        if set(schema) - {"class", "description", "properties", "vectorConfig"}:
            raise Refused(f"schema {sorted(schema)}", 422)
        for each in schema["properties"]:
            known = {"name", "dataType", "indexFilterable", "indexSearchable", "indexRangeFilters", "tokenization"}
            if set(each) - known - {"skip_vectorization", "vectorize_property_name"}:  # which the server does not read
                raise Refused(f"property {each}", 422)
            [kind] = each["dataType"]
            if kind not in _TYPES or (kind != "int" and "indexRangeFilters" in each) or each["name"] in ("id", "_id"):
                raise Refused(f"property {each}", 422)
        for each in schema["vectorConfig"].values():
            if each["vectorizer"] != {"none": {}} or each["vectorIndexType"] != "hnsw":
                raise Refused(f"vectors {each}", 422)
        self.classes[name] = Class({**schema, **_rest(schema)})
        return self.classes[name].schema

    def of(self, name: str) -> Class:
        if name not in self.classes:
            raise Refused(f"class {name} not found", 404)
        return self.classes[name]

    def node(self, name: str) -> dict[str, Any]:
        own = self.of(name)
        queue = sum(each.written > time.monotonic() - self.index_lag for each in own.objects.values())
        shard = {
            "class": name, "name": "a1", "objectCount": len(own.objects), "vectorIndexingStatus": "READY",
            "vectorQueueLength": queue, "compressed": False, "loaded": True,
        }  # fmt: skip
        return {
            "name": "node1", "gitHash": "0", "version": "1.34.0", "status": "HEALTHY", "shards": [shard],
            "stats": {"objectCount": len(own.objects), "shardCount": 1},
        }  # fmt: skip

    # -- gRPC --------------------------------------------------------------------------------------------------

    def batch(self, request: Any, reply: Any) -> Any:
        _only(request, "objects", "consistency_level")
        _all(request)
        if request.ByteSize() > _MOST_MESSAGE:
            raise Refused("the message is too large", 413)
        for at, each in enumerate(request.objects):
            try:
                self.put(each)
            except Refused as error:
                reply.errors.add(index=at, error=str(error))
        return reply

    def put(self, made: Any) -> None:
        _only(made, "uuid", "properties", "collection", "vectors")
        own = self.grpc_class(made.collection)
        _only(made.properties, "non_ref_properties", "text_array_properties", "empty_list_props")
        values: dict[str, Any] = dict(made.properties.non_ref_properties.items())
        values |= {each.prop_name: list(each.values) for each in made.properties.text_array_properties}
        values |= {name: [] for name in made.properties.empty_list_props}
        for name, value in values.items():
            kind = own.properties[name]["dataType"] if name in own.properties else None
            if kind == ["int"] and value == int(value) and abs(value) < 2**53:
                values[name] = int(value)
            elif not (kind == ["text"] and isinstance(value, str)) and not (kind == ["text[]"] and _texts(value)):
                raise Refused(f"property {name}: {value!r}")
        [vector] = made.vectors
        _only(vector, "name", "vector_bytes", "type")
        if vector.name not in own.schema["vectorConfig"]:
            raise Refused(f"vector {vector.name} is not configured")
        floats = np.frombuffer(vector.vector_bytes, "<f4")
        for other in own.objects.values():
            if len(other.vector) != len(floats):
                raise Refused(f"new node has a vector with length {len(floats)}. Existing nodes: {len(other.vector)}")
            break
        name = str(UUID(made.uuid))
        own.objects[name] = Object(name, values, floats, time.monotonic())

    def delete(self, request: Any, reply: Any) -> Any:
        _only(request, "collection", "filters", "consistency_level")
        _all(request)
        own = self.grpc_class(request.collection)
        names = [each.name for each in own.objects.values() if _met(request.filters, each, own)]
        for name in names:
            del own.objects[name]
        reply.matches = reply.successful = len(names)
        return reply

    def search(self, request: Any, reply: Any) -> Any:
        allowed = ("collection", "consistency_level", "properties", "metadata", "limit", "filters")
        _only(request, *allowed, "near_vector", "sort_by", "uses_123_api", "uses_125_api", "uses_127_api")
        _only(request.metadata, "uuid", "vectors", "distance")
        _only(request.properties, "non_ref_properties")
        own = self.grpc_class(request.collection)
        if not 1 <= request.limit <= _MOST_FOUND:
            raise Refused("query maximum results exceeded")
        found = [each for each in own.objects.values() if _met(request.filters, each, own)]
        distances: dict[str, float] = {}
        if request.HasField("near_vector"):
            if request.sort_by:
                raise Refused("a sort has no place here")
            until = time.monotonic() - self.index_lag
            found, distances = _near(request.near_vector, [each for each in found if each.written <= until])
        elif request.sort_by:
            [sort] = request.sort_by
            [path] = sort.path
            if not sort.ascending:
                raise Refused("sort")
            found.sort(key=lambda each: each.values[path])
        for each in found[: request.limit]:
            result = reply.results.add()
            result.metadata.id = each.name
            if request.metadata.distance:
                result.metadata.distance_present, result.metadata.distance = True, distances[each.name]
            for name in request.metadata.vectors:
                result.metadata.vectors.add(name=name, vector_bytes=each.vector.tobytes(), type=1)
            for name in request.properties.non_ref_properties:
                _say(result.properties.non_ref_props.fields[name], each.values.get(name), own, name)
        if reply.ByteSize() > _MOST_MESSAGE:
            raise Refused("the message is too large", 413)
        return reply

    def grpc_class(self, name: str) -> Class:
        if name not in self.classes:
            raise Refused(f"could not find class {name} in schema")
        return self.classes[name]


def _rest(schema: dict[str, Any]) -> dict[str, Any]:
    """What the server adds to a schema, as far as the client reads it."""
    vectors = {
        name: {
            **each,
            "vectorIndexConfig": {
                "skip": False, "cleanupIntervalSeconds": 300, "maxConnections": 32, "efConstruction": 128, "ef": -1,
                "dynamicEfMin": 100, "dynamicEfMax": 500, "dynamicEfFactor": 8, "vectorCacheMaxObjects": 10**12,
                "flatSearchCutoff": 40_000, "distance": "cosine", **each.get("vectorIndexConfig", {}),
            },
        }
        for name, each in schema["vectorConfig"].items()
    }  # fmt: skip
    usual = {"indexFilterable": True, "indexSearchable": False, "indexRangeFilters": False}
    return {
        "properties": [{**usual, **each} for each in schema["properties"]],
        "vectorConfig": vectors,
        "invertedIndexConfig": {
            "bm25": {"b": 0.75, "k1": 1.2}, "cleanupIntervalSeconds": 60,
            "stopwords": {"preset": "en", "additions": None, "removals": None},
        },
        "multiTenancyConfig": {"enabled": False},
        "replicationConfig": {"factor": 1, "asyncEnabled": False},
        "shardingConfig": {
            "virtualPerPhysical": 128, "desiredCount": 1, "actualCount": 1, "desiredVirtualCount": 128,
            "actualVirtualCount": 128, "key": "_id", "strategy": "hash", "function": "murmur3",
        },
    }  # fmt: skip


def _only(message: Any, *known: str) -> None:
    if unknown := {each.name for each, _ in message.ListFields()} - set(known):
        raise Refused(f"{type(message).__name__} with {sorted(unknown)}")


def _all(request: Any) -> None:
    if request.consistency_level != 3:
        raise Refused("a write that not all replicas have")


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _near(asked: Any, found: list[Object]) -> tuple[list[Object], dict[str, float]]:
    _only(asked, "targets", "vectors")
    if list(asked.targets.target_vectors) != ["default"] or len(asked.vectors) != 1:
        raise Refused("targets")
    query = np.frombuffer(asked.vectors[0].vector_bytes, "<f4")
    if not found:
        return [], {}
    matrix = np.stack([each.vector for each in found])
    if matrix.shape[1] != len(query):
        raise Refused(f"vector lengths don't match: {matrix.shape[1]} vs {len(query)}")
    cosines = matrix @ query / (np.linalg.norm(matrix, axis=1) * np.linalg.norm(query))
    order = np.argsort(-cosines, kind="stable").tolist()
    return [found[at] for at in order], {found[at].name: 1.0 - float(cosines[at]) for at in order}


def _met(asked: Any, found: Object, own: Class) -> bool:
    """Whether an object meets a filter; operators as in `proto/v1/base.proto`."""
    operator = asked.Operator.Name(asked.operator).removeprefix("OPERATOR_")
    if operator in ("AND", "OR"):
        _only(asked, "operator", "filters")
        met = [_met(each, found, own) for each in asked.filters]
        return all(met) if operator == "AND" else any(met)
    [given] = [(each.name, value) for each, value in asked.ListFields() if each.name not in ("operator", "target")]
    _only(asked.target, "property")
    name = asked.target.property
    value: Any = found.name
    if name != "_id":
        if name not in own.properties or own.properties[name].get("indexFilterable") is not True:
            raise Refused(f"property {name} has no index for filters")
        value = found.values.get(name)
    wanted = given[1]
    match operator, given[0]:
        case "EQUAL", "value_text":
            return bool(value == wanted)
        case "CONTAINS_ANY", ("value_text_array" | "value_int_array"):
            return bool(set(value if isinstance(value, list) else [value]) & set(wanted.values))
        case "LESS_THAN", "value_int":
            return bool(value < wanted)
        case "LESS_THAN_EQUAL", "value_int":
            return bool(value <= wanted)
        case "GREATER_THAN", "value_int":
            return bool(value > wanted)
    raise Refused(f"filter {operator} with {given[0]}")


def _say(into: Any, value: Any, own: Class, name: str) -> None:
    if name not in own.properties:
        raise Refused(f"no such prop with name '{name}'")
    if value is None or value == []:
        into.null_value = 0
    elif isinstance(value, int):
        into.int_value = value
    elif isinstance(value, list):
        into.list_value.text_values.values.extend(value)
    else:
        into.text_value = value


def _servicer(node: Node) -> Any:
    import grpc
    from weaviate.proto.v1 import batch_delete_pb2, batch_pb2, search_get_pb2, weaviate_pb2_grpc

    codes = {
        401: grpc.StatusCode.UNAUTHENTICATED, 429: grpc.StatusCode.RESOURCE_EXHAUSTED,
        413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    }  # fmt: skip

    def served(name: str, do: Any, reply: Any) -> Any:
        def serve(_self: Any, request: Any, context: Any) -> Any:
            try:
                if ("authorization", f"Bearer {KEY}") not in {
                    (key, value) for key, value in context.invocation_metadata()
                }:
                    raise Refused("unauthorized", 401)
                with node.lock, node.faults.around(name):
                    return do(request, reply())
            except Cut:
                context.abort(grpc.StatusCode.UNAVAILABLE, "connection reset by peer")
            except Refused as error:
                context.abort(codes.get(error.status, grpc.StatusCode.UNKNOWN), str(error))

        return serve

    methods = {
        "Search": served("Search", node.search, search_get_pb2.SearchReply),
        "BatchObjects": served("BatchObjects", node.batch, batch_pb2.BatchObjectsReply),
        "BatchDelete": served("BatchDelete", node.delete, batch_delete_pb2.BatchDeleteReply),
    }
    return type("Servicer", (weaviate_pb2_grpc.WeaviateServicer,), methods)()


def _told(error: Refused) -> Any:
    return {"error": [{"message": str(error)}]}


@contextmanager
def running_node(node: Node) -> Iterator[str]:
    """The address of both interfaces, as in `store.url`."""
    import grpc
    from weaviate.proto.v1 import weaviate_pb2_grpc

    server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", _MOST_MESSAGE)])
    weaviate_pb2_grpc.add_WeaviateServicer_to_server(_servicer(node), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with serving(node.answers, _told) as address:
            yield f"http://127.0.0.1:{urlsplit(address).port}?grpc=127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
