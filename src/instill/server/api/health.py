"""Whether the server is there, and whether it is ready."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from instill.server.service import service_of

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """ "ok", or what is missing."""

    status: str


@router.get("/healthz")
def alive() -> Health:
    """The process answers."""
    return Health(status="ok")


@router.get("/readyz")
def ready(request: Request, response: Response) -> Health:
    """The index, the encoder and the reader are open; status 503 until then."""
    if service_of(request).is_warm.is_set():
        return Health(status="ok")
    response.status_code = 503
    return Health(status="opening the workspace")
