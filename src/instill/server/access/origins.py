"""Web sites that may use a public key: how a browser names them, and what lets their pages ask (CORS)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from urllib.parse import urlsplit

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from instill.errors import InstillError, UsageError
from instill.server.access.caller_role import Who
from instill.server.errors import Refused

PUBLIC_PATHS = frozenset({"/api/ask"})
"""What a public key opens, and all that pages of other web sites may ask for."""

READABLE = "readable"
"""In a request's state: the headers that let a page read the answer, once it is known who asks."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(text: str) -> str:
    """A web site as a browser names it in the header `Origin`: scheme, host and port, without the scheme's own port.

    Raises:
        UsageError: it is none.

    Example:
        >>> origin_of("HTTPS://Example.ORG:443/"), origin_of("http://localhost:8080"), origin_of("https://b\u00fccher.example")
        ('https://example.org', 'http://localhost:8080', 'https://xn--bcher-kva.example')
    """
    try:
        parts = urlsplit(text.strip())
        host = (parts.hostname or "").rstrip(".")
        if ":" not in host:
            host = host.encode("idna").decode("ascii")
        port = parts.port
        plain = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
        right = parts.scheme in _DEFAULT_PORTS and plain and _is_host(host)
    except ValueError:  # UnicodeError is one.
        right = False
    if not right:
        raise UsageError(
            "This is no web site.",
            where=text[:200],
            remedy="Write scheme and host, each site by itself: https://example.org, https://www.example.org",
        )
    name = f"[{host}]" if ":" in host else host
    shown = "" if port is None or port == _DEFAULT_PORTS[parts.scheme] else f":{port}"
    return f"{parts.scheme}://{name}{shown}"


def _is_host(host: str) -> bool:
    return bool(host) and all(letter.isalnum() or letter in "-._:" for letter in host)


def is_preflight(method: str, headers: Headers) -> bool:
    """Whether a browser asks first if a page of another web site may send a request."""
    return method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def preflight(path: str, headers: Headers, origins: Collection[str]) -> dict[str, str]:
    """The headers that allow it.

    Args:
        origins: of all public keys: the request that asks first does not say which key it will bring.

    Raises:
        Refused: it is another route, another method, or another web site.
    """
    origin = headers.get("origin", "")
    if path not in PUBLIC_PATHS or headers.get("access-control-request-method") != "POST" or origin not in origins:
        raise elsewhere(origin)
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "authorization, content-type, x-api-key",
        "access-control-max-age": "600",
        "vary": "Origin",
    }


def readable(who: Who, path: str, headers: Headers) -> dict[str, str]:
    """The headers that let the page read the answer: for a public key, on its own web sites, where it may ask."""
    origin = headers.get("origin", "")
    if who.role != "public" or path not in PUBLIC_PATHS or origin not in who.origins:
        return {}
    return _readable(origin)


class Readable:
    """Lets pages of other web sites read what is answered, whatever part of the server answers.

    Where the key is known, it says which site reads (`readable`, in the request's state). Where a request is refused
    before that (a key that is not known any more, too many tries, a body that is too large), the refusal tells nothing
    but itself: the pages of every public key's sites read it, so that they can say what is wrong.

    Args:
        origins: of all public keys.
    """

    def __init__(self, app: ASGIApp, *, origins: Callable[[], Collection[str]]) -> None:
        self._app, self._origins = app, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = Headers(scope=scope).get("origin", "") if scope["type"] == "http" else ""
        if not origin or scope["path"] not in PUBLIC_PATHS:
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = state.get(READABLE)
                if more is None and message["status"] >= 400:
                    more = _readable(origin) if await anyio.to_thread.run_sync(self._is_known, origin) else {}
                MutableHeaders(scope=message).update(more or {})
            await send(message)

        await self._app(scope, receive, sending)

    def _is_known(self, origin: str) -> bool:
        try:
            return origin in self._origins()
        except InstillError:  # The catalog cannot be read: that is what the answer is about.
            return False


def _readable(origin: str) -> dict[str, str]:
    return {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": "Retry-After",
        "vary": "Origin",
    }


def check_public(who: Who, path: str, headers: Headers, also: Collection[str]) -> None:
    """Refuse what a public key is not for.

    Args:
        also: paths that take no key at all.

    Raises:
        Refused: it asks for something else, or comes from a web site that the key does not name.
    """
    if path not in PUBLIC_PATHS and path not in also:
        raise Refused(403, "A public key asks, and nothing else.", remedy="Use a reader's key.")
    origin = headers.get("origin", "")
    if origin not in who.origins:
        raise Refused(
            403,
            "This key is for pages of other web sites.",
            where=origin[:200] or "Origin",
            remedy="Make one for this site: instill keys add NAME --role public --label public --origin https://...",
        )


def elsewhere(origin: str) -> Refused:
    """For what a page of a web site asks that is not allowed."""
    return Refused(
        403,
        "The request comes from a page of another web site.",
        where=origin[:200],
        remedy="A program sends a key: Authorization: Bearer instill_...",
    )
