"""The one way in: who asks is found out here, before any route, and nobody else gets further.

A page of another web site must not act through a browser that is logged in here, or that runs on the machine itself:
requests that say where they come from have to come from here, and those that come with a cookie and change something
have to bring the session's token. While there is no key, only names of this machine are answered to, so that a name on
the net that suddenly means this machine (DNS rebinding) leads nowhere.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlsplit

import anyio
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from instill.errors import InstillError
from instill.server.access.caller_role import OWNER, Who
from instill.server.access.keys import PREFIX, KeyStore
from instill.server.access.origins import READABLE, check_public, elsewhere, is_preflight, preflight, readable
from instill.server.access.rate_limits import RateLimits
from instill.server.access.sessions import COOKIE, SessionStore
from instill.server.errors import APIS, Refused, of_bug, response, wants_page
from instill.server.page_words import from_a_page

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/login", "/api/login", "/widget.js", "/favicon.ico"})
OPEN_FOLDERS = ("/static/",)
"""What needs no key: nothing of the workspace is in it."""

CSRF_HEADER, CSRF_FIELD = "x-csrf-token", "csrf_token"
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Admission:
    """Lets requests through with `who` in their state, or answers 401, 403 or 429.

    Args:
        loopback: the server is reached from this machine only, so that no key is needed while there is none.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: Callable[[], KeyStore],
        sessions: Callable[[], SessionStore],
        rates: RateLimits,
        loopback: bool,
    ) -> None:
        self._app, self._keys, self._sessions = app, keys, sessions
        self._rates, self._loopback = rates, loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        answer: Response
        try:
            headers = Headers(scope=scope)
            if is_preflight(scope["method"], headers):
                allowed = await anyio.to_thread.run_sync(self._preflight, scope, headers)
                await Response(status_code=204, headers=allowed)(scope, receive, send)
                return
            who = await anyio.to_thread.run_sync(self._admitted, scope, headers)
        except Refused as error:
            to_login = error.status == 401 and _is_page(scope, headers)
            page = from_a_page(headers, cookie=COOKIE in headers.get("cookie", ""))
            answer = _to_login(scope) if to_login else response(error, scope["path"], page=page)
            await answer(scope, receive, send)
            return
        except Exception as error:
            told = error if isinstance(error, InstillError) else of_bug(error)
            await response(told, scope["path"])(scope, receive, send)
            return
        scope.setdefault("state", {})["who"] = who
        await self._app(scope, receive, send)

    def _preflight(self, scope: Scope, headers: Headers) -> dict[str, str]:
        try:  # A site that may ask is not counted: its page could not read that it is too much, and asks next anyway.
            return preflight(scope["path"], headers, self._keys().origins())
        except Refused:
            self._rates.count_address(address_of(scope))
            raise

    def _admitted(self, scope: Scope, headers: Headers) -> Who | None:
        if scope["path"] in ("/healthz", "/readyz"):
            return None
        who = self._who(headers, address_of(scope))
        if who is not None:
            scope.setdefault("state", {})[READABLE] = readable(who, scope["path"], headers)
        return self._checked(who, scope, headers)

    def _checked(self, who: Who | None, scope: Scope, headers: Headers) -> Who | None:
        path, reading = scope["path"], scope["method"] in _READING
        self._rates.count(who, address_of(scope))
        if who is None or who.way != "key":
            _check_origin(headers, reading=reading)
        if who is None:
            if path in OPEN_PATHS or path.startswith(OPEN_FOLDERS):
                return None
            raise _no_key()
        if who.way == "open":
            _check_host(headers)
        if who.role == "public":
            check_public(who, path, headers, OPEN_PATHS)
        if who.way == "cookie" and not reading and path != "/api/login" and not _may_bring_a_form(path, headers):
            check_token(who, headers.get(CSRF_HEADER, ""))
        return who

    def _who(self, headers: Headers, address: str) -> Who | None:
        keys = self._keys()
        if self._loopback and not keys.any():
            return OWNER
        given = headers.get("x-api-key", "")
        kind, _, secret = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            given = secret.strip()
        if given or kind:
            who = keys.recognise(given) if given.startswith(PREFIX) else None
            if who is None:
                self._rates.count_bad_key(address)
                raise _no_key("This key is not known, or not any more.")
            return who
        cookie = _cookie(headers)
        return self._sessions().recognise(cookie) if cookie else None


def check_token(who: Who, given: str) -> None:
    """Refuse what a page of another site could have sent with this person's cookie.

    Raises:
        Refused: the session's token is not there.
    """
    import hmac

    if who.way == "cookie" and not hmac.compare_digest(given.encode(), who.csrf.encode()):
        raise Refused(
            403,
            "The request does not carry this login's token.",
            where=CSRF_HEADER,
            remedy="Send what GET /api/me gives as csrf_token in this header.",
        )


def _may_bring_a_form(path: str, headers: Headers) -> bool:
    """A plain form of a page has its token among its fields; the route that takes it looks (`check_token`)."""
    return not path.startswith(APIS) and headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


def _check_origin(headers: Headers, *, reading: bool) -> None:
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
    if reading and origin is None:
        return
    host = headers.get("host", "")
    if origin is not None:
        if urlsplit(origin).netloc.lower() == host.lower() and host:
            return
    elif site in ("none", "same-origin"):
        return
    raise elsewhere(origin or "")


def address_of(scope: Scope) -> str:
    """The address that asks; of IPv6 the network, because whoever has one address there has 2^64 of them."""
    address: str = (scope.get("client") or ("", 0))[0]
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address


def _check_host(headers: Headers) -> None:
    host = headers.get("host", "")
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        inside = name == "localhost" or name.endswith(".localhost") or ipaddress.ip_address(name).is_loopback
    except ValueError:
        inside = False
    if not inside:
        raise Refused(
            403,
            "Without keys only names of this machine are answered to.",
            where=host[:200],
            remedy="Make a key: instill keys add NAME --role admin",
        )


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _is_page(scope: Scope, headers: Headers) -> bool:
    return wants_page(scope["method"], scope["path"], headers.get("accept", ""))


def _to_login(scope: Scope) -> Response:
    wanted = scope["path"] + ("?" + scope["query_string"].decode("latin-1") if scope["query_string"] else "")
    return RedirectResponse(f"/login?next={quote(wanted, safe='/')}", 303)


def _no_key(what: str = "A key is needed.") -> Refused:
    return Refused(
        401,
        what,
        where="Authorization",
        remedy="Send: Authorization: Bearer instill_... (instill keys add NAME makes one).",
        headers={"www-authenticate": 'Bearer realm="instill"'},
    )
