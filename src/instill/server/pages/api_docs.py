"""`/docs`: every route of the API in the words of its description (OpenAPI), without a script from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from instill.server.pages.rendering import page
from instill.server.service import Reading

router = APIRouter()

_REFERENCE = "#/components/schemas/"
_NAMED_AT_MOST = 12


@dataclass(frozen=True, slots=True)
class Part:
    """A parameter, or a field of a body.

    Args:
        where: "path", "query", "header" or "body".
        kind: its type in a few words, as "text or none".
    """

    name: str
    where: str
    kind: str
    required: bool
    about: str


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a route; `answers` are the types that it answers with."""

    method: str
    path: str
    title: str
    about: str
    parts: Sequence[Part]
    answers: Sequence[str]


@router.get("/docs", response_class=HTMLResponse)
def api_docs(seen: Reading, request: Request) -> HTMLResponse:
    """The API, route by route."""
    return page(seen, "api_docs.html", "/docs", groups=groups(request.app.openapi()))


def groups(described: Mapping[str, Any]) -> dict[str, list[Operation]]:
    """The operations of an OpenAPI description by their tag, in its order.

    Example:
        >>> tea = {"tags": ["tea"], "summary": "Make", "responses": {"204": {"description": ""}}}
        >>> [each.path for each in groups({"paths": {"/tea": {"post": tea}}})["tea"]]
        ['/tea']
    """
    schemas = described.get("components", {}).get("schemas", {})
    found: dict[str, list[Operation]] = {}
    for path, methods in described["paths"].items():
        for method, told in methods.items():
            operation = Operation(
                method.upper(),
                path,
                told.get("summary", ""),
                told.get("description", ""),
                [*_parameters(told, schemas), *_fields(told, schemas)],
                list(dict.fromkeys(_answers(told, schemas))),
            )
            found.setdefault((told.get("tags") or ["other"])[0], []).append(operation)
    return found


def _parameters(told: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[Part]:
    for each in told.get("parameters", ()):
        schema = each.get("schema", {})
        about = each.get("description") or schema.get("description", "")
        yield Part(each["name"], each["in"], kind_of(schema, schemas), each.get("required", False), about)


def _fields(told: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[Part]:
    for content in told.get("requestBody", {}).get("content", {}).values():
        schema = _resolved(content.get("schema", {}), schemas)
        needed = schema.get("required", ())
        for name, field in schema.get("properties", {}).items():
            about = field.get("description", "")
            yield Part(name, "body", kind_of(field, schemas), name in needed, about)


def _answers(told: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    for status, answer in told["responses"].items():
        if status.isdecimal():
            for kind, content in answer.get("content", {}).items():
                yield kind_of(content["schema"], schemas) if content.get("schema") else kind


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = schemas.get(schema.get("$ref", "").removeprefix(_REFERENCE), schema)
    return found


def kind_of(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """A JSON schema in a few words.

    Example:
        >>> kind_of({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]}, {})
        'list of text or none'
        >>> kind_of({"enum": ["auto", "clusters"], "type": "string"}, {}), kind_of({}, {})
        ('"auto" or "clusters"', 'anything')
    """
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REFERENCE)
        inner = schemas.get(name, {})
        return kind_of(inner, schemas) if "enum" in inner else name
    if "const" in schema:
        return f'"{schema["const"]}"'
    if "enum" in schema:
        shown = [f'"{each}"' for each in schema["enum"][:_NAMED_AT_MOST]]
        return " or ".join(shown + ["..."] * (len(schema["enum"]) > _NAMED_AT_MOST))
    several = schema.get("anyOf") or schema.get("oneOf")
    if several:
        return " or ".join(dict.fromkeys(kind_of(each, schemas) for each in several))
    kind = str(schema.get("type", ""))
    if kind == "array":
        return "list of " + kind_of(schema.get("items", {}), schemas)
    if kind == "string" and (schema.get("format") == "binary" or "contentMediaType" in schema):
        return "file"
    return _KINDS.get(kind, "anything")


_KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "object",
    "null": "none",
}
