"""Keys, and logging in to the pages with one."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from instill.server.access.caller_role import Role
from instill.server.access.default_key_days import DEFAULT_DAYS
from instill.server.access.keys import PREFIX, Key, Keys, NewKey
from instill.server.access.sessions import COOKIE
from instill.server.errors import Refused
from instill.server.service import Owning, Service, service_of

router = APIRouter(prefix="/api", tags=["keys"])


class KeyRequest(BaseModel):
    """A key that is wanted: see `instill keys add`."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=200)
    role: Role = "reader"
    labels: list[str] | None = None
    days: float | None = DEFAULT_DAYS
    origins: list[str] = []
    rate: int = Field(0, ge=0, le=1_000_000)


class Login(BaseModel):
    """The key of who logs in."""

    key: str = Field(max_length=200)


class LoggedIn(BaseModel):
    """Who is logged in; `csrf_token` goes into the header X-CSRF-Token of what a page changes."""

    name: str
    role: Role
    csrf_token: str


@router.get("/keys")
def list_keys(seen: Owning) -> Keys:
    """All keys, without the secrets, which are kept nowhere."""
    return Keys(keys=seen.service.keys.all())


@router.post("/keys", status_code=201)
def add_key(seen: Owning, request: KeyRequest) -> NewKey:
    """Make a key; the first one is an admin's. Its secret is in this answer and nowhere else."""
    seen.service.keys.check_first(request.role)
    return seen.service.keys.add(
        request.name,
        role=request.role,
        labels=request.labels,
        days=request.days,
        origins=request.origins,
        rate=request.rate,
    )


@router.delete("/keys/{key_id}")
def revoke_key(seen: Owning, key_id: str) -> Key:
    """Take a key back; who is logged in with it is logged out. The last admin's key goes only as the last of all."""
    return seen.service.keys.revoke(key_id, keep_admin=True)


@router.post("/login")
def login(request: Request, response: Response, given: Login) -> LoggedIn:
    """Log in to the pages with a key: answers with a cookie."""
    return log_in(service_of(request), request, response, given.key)


@router.post("/logout", status_code=204)
def logout(request: Request, response: Response) -> None:
    """Log out."""
    log_out(service_of(request), request, response)


def log_in(service: Service, request: Request, response: Response, secret: str) -> LoggedIn:
    """Begin a session and set its cookie on `response`.

    Raises:
        Refused: the key is not known, or is a public one.
    """
    who = service.keys.recognise(secret.strip()) if secret.strip().startswith(PREFIX) else None
    if who is None or not who.may("reader"):
        raise Refused(401, "This key is not known, or not any more.", where="key", remedy="Ask the owner for another.")
    session = service.sessions.begin(who.key_id)
    response.set_cookie(
        COOKIE,
        session.secret,
        max_age=int(service.settings.server.session_hours * 3600),
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return LoggedIn(name=who.name, role=who.role, csrf_token=session.csrf)


def log_out(service: Service, request: Request, response: Response) -> None:
    """End the session, and take its cookie away."""
    service.sessions.end(request.cookies.get(COOKIE, ""))
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
