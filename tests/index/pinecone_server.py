"""A server on loopback that speaks the part of Pinecone's API (2026-07) that the adapter uses; all else is an error.

As in the client's source (pinecone 10.2.0) and the service's documentation:

- `POST /indexes`, `GET` and `DELETE /indexes/{name}`: `models/indexes/requests.py`, `models/indexes/index.py`;
- `POST /namespaces/{namespace}/documents/{upsert,update,delete,fetch,search}`: `models/documents/requests.py`, the
  answers `_internal/adapters/documents_adapter.py`, filters "Metadata filter expressions";
- `x-pinecone-request-lsn` of a write and `x-pinecone-max-indexed-lsn` of a search: `models/response_info.py`, "Check
  data freshness";
- limits: "Operation limits" (1,000 documents, 2 MB, 40 kB of metadata, 1,000 ids, 10,000 found, 4 MB of result).

What is written is seen a moment later, by a fetch and by a search at different times. The service has a host name for
each index; here it is a path.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.index.loopback import Answer, Asked, Refused, serving
from tests.index.service_faults import Faults

KEY = "pcsk-of-the-tests"
_VERSION = "2026-07"
_MOST, _MOST_FOUND, _MOST_METADATA, _MOST_ASKED, _MOST_ANSWERED = 1000, 10_000, 40_960, 2_097_152, 4_194_304

Row = dict[str, Any]


@dataclass
class Namespace:
    """Its log, and what of it was taken into what fetches and what searches see."""

    log: list[tuple[float, str, Row]] = field(default_factory=list)
    fetched: dict[str, Row] = field(default_factory=dict)
    searched: dict[str, Row] = field(default_factory=dict)
    fetched_to: int = 0
    searched_to: int = 0

    def write(self, kind: str, rows: list[Row]) -> int:
        now = time.monotonic()
        self.log += [(now, kind, row) for row in rows]
        return len(self.log)

    def follow(self, fetch_lag: float, search_lag: float) -> None:
        now = time.monotonic()
        self.fetched_to = self._taken(self.fetched, self.fetched_to, now - fetch_lag)
        self.searched_to = self._taken(self.searched, self.searched_to, now - search_lag)

    def _taken(self, rows: dict[str, Row], at: int, until: float) -> int:
        while at < len(self.log) and self.log[at][0] <= until:
            _, kind, row = self.log[at]
            name = row["_id"]
            if kind == "upsert":
                rows[name] = row
            elif kind == "update" and name in rows:
                rows[name] = {**rows[name], **row}
            elif kind == "delete":
                rows.pop(name, None)
            at += 1
        return at


class Service:
    """The indexes of one project.

    Args:
        fetch_lag, search_lag: seconds after which a write is seen.
        headers: whether the places in the log are told.
    """

    def __init__(self, *, fetch_lag: float = 0.0, search_lag: float = 0.0, headers: bool = True) -> None:
        self.lock = threading.RLock()
        self.fetch_lag, self.search_lag, self.headers = fetch_lag, search_lag, headers
        self.address = ""
        self.indexes: dict[str, dict[str, Any]] = {}
        self.namespaces: dict[tuple[str, str], Namespace] = {}
        self.faults = Faults()

    def answers(self, address: str) -> Any:
        self.address = address
        return self.answer

    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("api-key") != KEY:
            raise Refused(f"Invalid API Key: {asked.headers.get('api-key')}", 401)
        if asked.headers.get("x-pinecone-api-version") != _VERSION:
            raise Refused("x-pinecone-api-version")
        if len(asked.body) > _MOST_ASKED:
            raise Refused("the request is larger than 2 MB", 413)
        with self.lock, self.faults.around(f"{asked.verb} {asked.path[-1]}"):
            return self.served(asked)

    def served(self, asked: Asked) -> Answer:
        match asked.verb, asked.path:
            case "POST", ("indexes",):
                return Answer(self.create(asked.json()), 201)
            case "GET", ("indexes", name):
                return Answer(self.described(name))
            case "DELETE", ("indexes", name):
                self.described(name)
                self.remove(name)
                return Answer(status=202)
            case "POST", ("at", name, "namespaces", namespace, "documents", verb):
                return self.documents(name, namespace, verb, asked.json())
        raise Refused(f"{asked.verb} /{'/'.join(asked.path)} is not spoken", 404)

    # -- indexes -----------------------------------------------------------------------------------------------

    def create(self, body: Row) -> Row:
        _only(body, {"name", "schema", "deployment"})
        name = body["name"]
        if not 0 < len(name) <= 45 or set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789-"):
            raise Refused(f"name {name!r}")
        if name in self.indexes:
            raise Refused(f"index {name} exists", 409)
        _only(body["deployment"], {"deployment_type", "cloud", "region"}, all_of=True)
        _only(body["schema"], {"fields"}, all_of=True)
        for each in body["schema"]["fields"].values():
            _only(each, {"type", "dimension", "metric"}, all_of=True)
            if each["type"] != "dense_vector" or each["metric"] != "cosine" or not 0 < each["dimension"] <= 20_000:
                raise Refused(f"field {each}")
        self.indexes[name] = body
        return {**self._model(name), "host": None, "status": {"ready": False, "state": "Initializing"}}

    def described(self, name: str) -> Row:
        if name not in self.indexes:
            raise Refused(f"Resource {name} not found", 404)
        return self._model(name)

    def remove(self, name: str) -> None:
        with self.lock:
            del self.indexes[name]
            self.namespaces = {key: each for key, each in self.namespaces.items() if key[0] != name}

    def _model(self, name: str) -> Row:
        return {
            **self.indexes[name],
            "host": f"{self.address}/at/{name}",
            "status": {"ready": True, "state": "Ready"},
            "deletion_protection": "disabled",
            "tags": None,
        }

    def dimension_of(self, name: str) -> int:
        return int(self.indexes[name]["schema"]["fields"]["vector"]["dimension"])

    # -- documents ---------------------------------------------------------------------------------------------

    def documents(self, name: str, namespace: str, verb: str, body: Row) -> Answer:
        self.described(name)
        if verb != "upsert" and (name, namespace) not in self.namespaces:
            raise Refused(f"Namespace {namespace} not found", 404)
        space = self.namespaces.setdefault((name, namespace), Namespace())
        space.follow(self.fetch_lag, self.search_lag)
        match verb:
            case "upsert" | "update" | "delete":
                rows = self._written(verb, body, self.dimension_of(name))
                place = space.write(verb, rows)
                told = {"x-pinecone-request-lsn": str(place)} if self.headers else {}
                return Answer({"upserted_count": len(rows)} if verb == "upsert" else {}, 200, told)
            case "fetch":
                return Answer(_fit(self._fetch(space, namespace, body)))
            case "search":
                told = {"x-pinecone-max-indexed-lsn": str(space.searched_to)} if self.headers else {}
                return Answer(_fit(self._search(space, namespace, body, self.dimension_of(name))), 200, told)
        raise Refused(verb, 404)

    def _written(self, verb: str, body: Row, dimension: int) -> list[Row]:
        if verb == "delete":
            _only(body, {"ids"}, all_of=True)
            _some(body["ids"])
            return [{"_id": _id(each)} for each in body["ids"]]
        _only(body, {"documents"}, all_of=True)
        _some(body["documents"])
        for row in body["documents"]:
            _id(row.get("_id"))
            if verb == "upsert" or "vector" in row:
                _vector(row.get("vector"), dimension)
            metadata = {key: value for key, value in row.items() if key not in ("_id", "vector")}
            for key, value in metadata.items():
                if not key or key[0] in "_$" or not _is_metadata(value):
                    raise Refused(f"field {key!r} of document {row['_id']}: {value!r}")
            if sum(len(key) + len(json.dumps(value)) for key, value in metadata.items()) > 2 * _MOST_METADATA or (
                sum(len(key) + _size(value) for key, value in metadata.items()) > _MOST_METADATA
            ):
                raise Refused(f"the metadata of document {row['_id']} has more than 40 kB")
        return [{key: float(v) if _is_number(v) else v for key, v in row.items()} for row in body["documents"]]

    def _fetch(self, space: Namespace, namespace: str, body: Row) -> Row:
        _only(body, {"ids", "filter", "include_fields", "pagination_token", "limit"})
        if ("ids" in body) == ("filter" in body) or ("pagination_token" in body and "filter" not in body):
            raise Refused("exactly one of ids and filter")
        answer: Row = {"namespace": namespace, "usage": {"read_units": 1}}
        if "ids" in body:
            _some(body["ids"])
            found = [name for name in map(_id, body["ids"]) if name in space.fetched]
        else:
            limit = body.get("limit", 100)
            if not isinstance(limit, int) or not 1 <= limit <= 10_000:
                raise Refused("limit")
            after = body.get("pagination_token", "")
            every = sorted(name for name, row in space.fetched.items() if _met(body["filter"], row))
            rest = [name for name in every if name > after]
            found = rest[:limit]
            if len(rest) > limit:
                answer["pagination"] = {"next": found[-1]}
        wanted = body.get("include_fields") or ["*"]
        answer["documents"] = {name: _shown(space.fetched[name], wanted) for name in found}
        return answer

    def _search(self, space: Namespace, namespace: str, body: Row, dimension: int) -> Row:
        _only(body, {"score_by", "top_k", "include_fields", "filter"})
        [clause] = body["score_by"]
        _only(clause, {"type", "field", "values"}, all_of=True)
        if (clause["type"], clause["field"]) != ("dense_vector", "vector"):
            raise Refused(f"score_by {clause['type']}")
        query = _vector(clause["values"], dimension)
        if not isinstance(body["top_k"], int) or not 1 <= body["top_k"] <= _MOST_FOUND:
            raise Refused("top_k")
        rows = [row for row in space.searched.values() if "filter" not in body or _met(body["filter"], row)]
        matrix = np.array([row["vector"] for row in rows], np.float32).reshape(len(rows), dimension)
        scores = matrix @ query / (np.linalg.norm(matrix, axis=1) * np.linalg.norm(query) + 1e-30)
        order = np.argsort(-scores, kind="stable")[: body["top_k"]].tolist()
        wanted = body.get("include_fields") or []
        matches = [{**_shown(rows[at], wanted), "_score": float(scores[at])} for at in order]
        return {"matches": matches, "namespace": namespace, "usage": {"read_units": 1}}


def _only(body: Mapping[str, Any], known: set[str], *, all_of: bool = False) -> None:
    if not isinstance(body, Mapping) or set(body) - known or (all_of and set(body) != known):
        raise Refused(f"fields {sorted(body)}, known {sorted(known)}")


def _some(values: Any) -> None:
    if not isinstance(values, list) or not 1 <= len(values) <= _MOST:
        raise Refused("1 to 1,000 of them")


def _id(value: Any) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 512 or not value.isascii():
        raise Refused(f"_id {value!r}")
    return value


def _vector(values: Any, dimension: int) -> Any:
    if not isinstance(values, list) or len(values) != dimension or not all(map(_is_number, values)):
        raise Refused(f"Vector dimension {len(values or ())} does not match the dimension of the index {dimension}")
    found = np.array(values, np.float32)
    if not found.any() or not np.isfinite(found).all():
        raise Refused("Dense vectors must contain at least one non-zero value")
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_metadata(value: Any) -> bool:
    return _is_number(value) or isinstance(value, str | bool) or (
        isinstance(value, list) and all(isinstance(each, str) for each in value)
    )  # fmt: skip


def _size(value: Any) -> int:
    return sum(map(_size, value)) if isinstance(value, list) else len(value) if isinstance(value, str) else 8


def _met(asked: Any, row: Row) -> bool:
    """Whether a row meets a filter."""
    if not isinstance(asked, dict) or len(asked) != 1:
        raise Refused(f"filter {asked}")
    [(name, wanted)] = asked.items()
    if name in ("$and", "$or"):
        _some(wanted)
        met = [_met(each, row) for each in wanted]
        return all(met) if name == "$and" else any(met)
    if name.startswith("$") or name in ("_id", "vector") or not isinstance(wanted, dict) or len(wanted) != 1:
        raise Refused(f"filter {asked}")
    [(test, given)] = wanted.items()
    if test == "$in":
        if not isinstance(given, list) or not 1 <= len(given) <= 10_000:
            raise Refused("$in")
    elif test not in ("$eq", "$gt", "$gte", "$lt", "$lte") or not (_is_number(given) or isinstance(given, str)):
        raise Refused(f"filter {asked}")
    value = row.get(name)
    if value is None:
        return False
    values = value if isinstance(value, list) else [value]
    match test:
        case "$in":
            return bool(set(values) & set(given))
        case "$eq":
            return given in values
        case "$gt":
            return bool(value > given)
        case "$gte":
            return bool(value >= given)
        case "$lt":
            return bool(value < given)
    return bool(value <= given)


def _shown(row: Row, fields: list[str]) -> Row:
    return {key: value for key, value in row.items() if key == "_id" or "*" in fields or key in fields}


def _fit(answer: Row) -> Row:
    if len(json.dumps(answer)) > _MOST_ANSWERED:
        raise Refused("the result is larger than 4 MB")
    return answer


def _told(error: Refused) -> Row:
    codes = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 409: "ALREADY_EXISTS"}
    return {"error": {"code": codes.get(error.status, "UNKNOWN"), "message": str(error)}, "status": error.status}


@contextmanager
def running_service(service: Service) -> Iterator[str]:
    """The address of the service."""
    with serving(service.answers, _told) as address:
        yield address
