"""What went wrong, as one form of JSON: `{"error": {"kind", "what", "where", "remedy"}}`, as `--json` prints it."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from instill.common.value_mistakes import mistake
from instill.errors import (
    DocumentError,
    GeneratorError,
    IndexRebuilt,
    InstillError,
    MissingDependency,
    UsageError,
    WorkspaceError,
)
from instill.ingest.document_references import SeveralMeant
from instill.server.page_words import from_a_page, in_page_words

log = logging.getLogger("instill.server")

_STATUS: tuple[tuple[type[InstillError], int], ...] = (
    (MissingDependency, 501),
    (GeneratorError, 502),
    (WorkspaceError, 503),
    (DocumentError, 422),
    (UsageError, 400),
)


_AGAIN = {"retry-after": "1"}
"""The next request reads the new index."""


class Problem(BaseModel):
    """What happened, where, and what to do next; `choices`: the names of the documents that may be meant."""

    kind: str
    what: str
    where: str
    remedy: str
    choices: list[str] = []


class Failed(BaseModel):
    """The answer to a request that went wrong."""

    error: Problem


class Refused(UsageError):
    """A request that is refused with a status of its own; for programs its kind is that of its parent.

    Args:
        status: of HTTP, 400 to 499, or 503.
        headers: that go with it.
    """

    def __init__(
        self, status: int, what: str, *, where: str = "", remedy: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.status = status
        self.headers = headers or {}


def unknown(what: str, where: str, remedy: str = "") -> Refused:
    """Something that is not there, or not for this caller; in the same words."""
    return Refused(404, what, where=where, remedy=remedy)


def as_json(error: InstillError) -> dict[str, Any]:
    """The error's parts under "error".

    Example:
        >>> as_json(Refused(404, "No document has this name or id.", where="x"))["error"]["kind"]
        'UsageError'
    """
    kind = next(each.__name__ for each in type(error).__mro__ if each.__module__ == InstillError.__module__)
    return {"error": {**error.as_dict(), "kind": kind}}


def as_page_json(error: InstillError, called: Callable[[str], str] = str) -> dict[str, Any]:
    """The same for a page: the remedy names what one does there, and documents that may be meant are a list.

    Args:
        called: the name of a document by its source.

    Example:
        >>> as_page_json(Refused(404, "There is no such job.", remedy="List them: GET /api/memory"))["error"]["remedy"]
        'List them on the page Memory'
    """
    told: dict[str, Any] = in_page_words(as_json(error))
    if isinstance(error, SeveralMeant):
        more = [f"and {error.more:,} more"] if error.more else []
        told["error"] |= {"what": f"{error.what.partition(':')[0]}:", "choices": [*map(called, error.choices), *more]}
    return told


def status_of(error: InstillError) -> int:
    """The status of HTTP that tells the same."""
    if isinstance(error, Refused):
        return error.status
    if isinstance(error, Bug):
        return 500
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 400)


def response(
    error: InstillError, path: str = "", *, page: bool = False, called: Callable[[str], str] = str
) -> Response:
    """The error as an answer to a request for `path`: clients of other services read it in a form that they know.

    Args:
        page: the request comes from a page of ours, which tells it to a person.
        called: as in `as_page_json`.
    """
    from instill.server.doors.api_errors import PREFIX, failed

    headers = error.headers if isinstance(error, Refused) else _AGAIN if isinstance(error, IndexRebuilt) else {}
    told = failed(error) if path.startswith(PREFIX) else as_page_json(error, called) if page else as_json(error)
    return JSONResponse(told, status_of(error), headers=headers)


def of_bug(error: BaseException) -> InstillError:
    """What is told of a mistake of ours: a number, under which the log has its traceback."""
    number = uuid.uuid4().hex[:8]
    log.error("bug %s: %s", number, type(error).__name__, exc_info=error)
    return Bug("The server made a mistake.", where=f"bug {number}", remedy="Its log has more under this number.")


class Mistakes:
    """Answers what no part of the application has caught, inside what gives every answer its headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            if started or scope["type"] != "http":
                raise
            await response(of_bug(error), scope["path"])(scope, receive, send)


class Bug(InstillError):
    """A mistake of ours: nobody's request is wrong."""


_TOLD = {
    400: (
        "The request's body cannot be read.",
        "Send JSON, or a form, as /docs describes it.",
    ),
    404: ("There is nothing at this address.", ""),
    405: ("This address does not take that method.", ""),
}
"""Of errors that the framework raises: what is said, and what to do."""


def is_of_a_page(request: Request) -> bool:
    """Whether a script of our pages sends the request."""
    who = request.scope.get("state", {}).get("who")
    return from_a_page(request.headers, cookie=getattr(who, "way", "") == "cookie")


PageOf = Callable[[Request, InstillError, int], Response]


def install(app: FastAPI, page: PageOf | None = None) -> None:
    """Have every error of the application told in this form; to browsers that look at a page, by `page`."""

    def told(request: Request, error: InstillError) -> Response:
        if page is not None and wants_page(request.method, request.url.path, request.headers.get("accept", "")):
            answer = page(request, error, status_of(error))
            answer.headers.update(error.headers if isinstance(error, Refused) else {})
            return answer
        names = app.state.service.names() if isinstance(error, SeveralMeant) else None
        return response(error, request.url.path, page=is_of_a_page(request), called=names.of if names else str)

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, InstillError)
        return told(request, error)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return told(request, explained(error.errors()))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        what, remedy = _TOLD.get(error.status_code, ("The request cannot be used.", "See /docs."))
        return told(request, Refused(error.status_code, what, remedy=remedy, headers=dict(error.headers or {})))

    async def bug(request: Request, error: Exception) -> Response:
        return told(request, of_bug(error))

    app.add_exception_handler(InstillError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, bug)


APIS = ("/api/", "/v1/", "/mcp", "/metrics", "/openapi.json")
"""For programs and for pages' scripts; all else is pages."""


def wants_page(method: str, path: str, accept: str) -> bool:
    """Whether a person looks at what is answered.

    Example:
        >>> wants_page("GET", "/documents", "text/html,*/*"), wants_page("GET", "/api/me", "text/html")
        (True, False)
    """
    return method == "GET" and "text/html" in accept and not path.startswith((*APIS, "/static/"))


def documented(app: FastAPI) -> None:
    """Name this form in the description of every route (OpenAPI), whatever the route answers otherwise."""
    describe = app.openapi

    def with_errors() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = describe()
            schemas = described.setdefault("components", {}).setdefault("schemas", {})
            reference = "#/components/schemas/{model}"
            form = Failed.model_json_schema(ref_template=reference)
            schemas.update(form.pop("$defs", {}) | {"Failed": form})
            told = {"application/json": {"schema": {"$ref": reference.format(model="Failed")}}}
            for operations in described.get("paths", {}).values():
                for operation in operations.values():
                    operation["responses"].pop("422", None)
                    for status, what in (("4XX", "The request is refused."), ("5XX", "It could not be done.")):
                        operation["responses"][status] = {"description": what, "content": told}
            app.openapi_schema = described
        return app.openapi_schema

    app.openapi = with_errors  # type: ignore[method-assign]


def explained(errors: Any) -> Refused:
    """What is wrong with a request, by the first thing that is; values of the request are not repeated."""
    first = errors[0]
    where = ".".join(str(part) for part in first.get("loc", ()))
    return Refused(
        422, "The request cannot be used.", where=where[:200], remedy=f"This value {mistake(first)[:300]}; see /docs."
    )


def event(name: str, data: Any) -> bytes:
    """One server-sent event; `data` as JSON on one line.

    Example:
        >>> event("piece", {"text": "a"})
        b'event: piece\\ndata: {"text": "a"}\\n\\n'
    """
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
