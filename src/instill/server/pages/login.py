"""Logging in and out, and the icon."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from instill.server.access.admission import check_token
from instill.server.api.keys import log_in, log_out
from instill.server.errors import Refused
from instill.server.pages.rendering import HERE, rendered
from instill.server.service import Reading, service_of

router = APIRouter()


@router.get("/login", response_class=HTMLResponse)
def ask_for_key(next: str = "/") -> HTMLResponse:
    """Where people show their key."""
    return _page(next)


@router.post("/login", response_class=HTMLResponse)
def login(
    request: Request, key: Annotated[str, Form(max_length=200)] = "", next: Annotated[str, Form()] = "/"
) -> Response:
    """Begin a session with a key, and go where it was wanted."""
    answer = RedirectResponse(inside(next), 303)
    try:
        log_in(service_of(request), request, answer, key)
    except Refused as error:
        return _page(next, error.what, error.status)
    return answer


@router.post("/logout")
def logout(seen: Reading, request: Request, csrf_token: Annotated[str, Form()] = "") -> Response:
    """End the session."""
    check_token(seen.who, csrf_token)
    answer = RedirectResponse("/login", 303)
    log_out(seen.service, request, answer)
    return answer


@router.get("/favicon.ico")
def icon() -> FileResponse:
    """The icon."""
    return FileResponse(HERE / "static" / "icon.svg", media_type="image/svg+xml")


def inside(address: str) -> str:
    """An address of ours; whatever leads elsewhere is the first page.

    Example:
        >>> inside("/documents?words=a"), inside("//evil.example"), inside("/\\\\evil.example"), inside("javascript:x")
        ('/documents?words=a', '/', '/', '/')
    """
    right = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if right else "/"


def _page(wanted: str, what: str = "", status: int = 200) -> HTMLResponse:
    return HTMLResponse(
        rendered("login.html", who=None, active="", folder="", wanted=inside(wanted), what=what), status
    )
