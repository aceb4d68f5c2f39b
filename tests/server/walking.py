"""Every route of an application, found in its own table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route


@dataclass(frozen=True)
class Walked:
    """One route; `takes` is the role that its dependency asks for, "" where it asks for none."""

    method: str
    path: str
    takes: Any


def routes_of(app: FastAPI) -> list[Walked]:
    """All routes; a kind of route that is not known here is an error, so that none is left out."""
    return sorted(set(_walked(app.routes)), key=lambda each: (each.path, each.method))


def _walked(routes: Any) -> Iterator[Walked]:
    for route in routes:
        if isinstance(route, APIRoute):
            roles = [getattr(each.call, "takes", "") for each in route.dependant.dependencies]
            for method in route.methods or ():
                yield Walked(method, route.path, next((role for role in roles if role), ""))
        elif isinstance(route, Mount):
            yield Walked("GET", f"{route.path}/", "")
        elif isinstance(route, Route):
            takes = getattr(route.endpoint, "takes", "")
            for method in route.methods or ("GET", "POST", "DELETE"):
                if method != "HEAD":
                    yield Walked(method, route.path, takes)
        elif hasattr(route, "original_router"):
            yield from _walked(route.original_router.routes)
        else:
            raise AssertionError(f"a route of another kind: {route}")
