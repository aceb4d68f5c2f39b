"""Carries one request to an endpoint and its reply back, and lets through only what a reply may be.

The client above it reads whole error bodies, waits for the end of lines without end, unpacks what is packed, keeps
cookies and goes where it is sent. None of that is met from here on: headers are left behind but for the media type,
nothing packed is taken, redirects stay at the origin, and sizes and time are counted where the bytes come in.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx

from instill.models.generators.socket_deadline import Clock, DeadlineBackend

_ERROR_BYTES = 16 * 1024
_ERROR_S = 5.0
_REDIRECTS = 3
_KEEPS_THE_REQUEST = (307, 308)
"""Redirects after which the same request is sent again; the older ones would turn it into one without a prompt."""

_BLANK_LINES = (b"\n\n", b"\r\r", b"\r\n\r\n")


class RefusedReply(httpx.TransportError):
    """The server sends what no reply is. The message is a sentence for people; `remedy` says what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Limits:
    """Most bytes of a reply and of one event in it.

    Example:
        >>> Limits.for_tokens(600).event
        150272
    """

    reply: int
    event: int

    @classmethod
    def for_tokens(cls, tokens: int) -> Limits:
        """Room for a reply of so many tokens, each an event of its own, or all of them in one."""
        return cls(reply=2**23 + 2**12 * tokens, event=2**17 + 32 * tokens)


class BoundedTransport(httpx.BaseTransport):
    """A transport for requests to one origin.

    Args:
        address: any address at the origin; with it goes the proxy that the environment names for it.
        clock: ends everything; for this request alone, since an error shortens it.
        connect_s: longest time for the connection.
    """

    def __init__(self, address: str, *, clock: Clock, connect_s: float, limits: Limits) -> None:
        self._origin = _origin(address)
        self._clock = clock
        self._limits = limits
        self._pool = _pool(address, DeadlineBackend(clock, connect_s))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The reply, with its body still to be read.

        Raises:
            RefusedReply: it leads to another origin, or is packed.
            httpx.TransportError: there is none.
        """
        address, body = str(request.url), request.read()
        for _ in range(_REDIRECTS + 1):
            if _origin(address) != self._origin:
                raise RefusedReply(
                    f"The generator's address leads to another one, {_shown(address)}, which is not followed.",
                    "If you trust it, set generator.base_url to it.",
                )
            reply = self._send(request, address, body)
            headers = {name.lower(): value for name, value in reply.headers}
            target = headers.get(b"location", b"").decode("latin-1").strip()
            if not 300 <= reply.status < 400 or not target:
                return self._passed(reply, headers)
            reply.close()
            try:
                address = urljoin(address, target)
                same = _origin(address) == self._origin
            except ValueError:
                raise RefusedReply("The generator's address leads nowhere.", "Correct generator.base_url.") from None
            if same and reply.status not in _KEEPS_THE_REQUEST:
                raise RefusedReply(
                    f"The generator's address leads to {_shown(address)}, but not for questions (HTTP {reply.status}).",
                    "Correct generator.base_url.",
                )
        raise RefusedReply("The generator's address leads in circles.", "Correct generator.base_url.")

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()

    def _send(self, request: httpx.Request, address: str, body: bytes) -> httpcore.Response:
        packed = (b"accept-encoding", b"cookie")
        headers = [(name, value) for name, value in request.headers.raw if name.lower() not in packed]
        with _as_httpx():
            return self._pool.handle_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(str(httpx.URL(address))),
                    headers=[*headers, (b"Accept-Encoding", b"identity")],
                    content=body,
                    extensions={"timeout": request.extensions.get("timeout", {})},
                )
            )

    def _passed(self, reply: httpcore.Response, headers: dict[bytes, bytes]) -> httpx.Response:
        stream: httpx.SyncByteStream
        packed = headers.get(b"content-encoding", b"identity").strip().lower() not in (b"", b"identity")
        if reply.status >= 300:
            self._clock.shorten(_ERROR_S)
            stream = _ErrorBody(reply, read=not packed)
        elif packed:
            reply.close()
            raise RefusedReply("The generator's reply is compressed.", "Switch compression off in the server.")
        else:
            stream = _Body(reply, self._limits)
        # Of the media type only its name: a character set can name an unpacker too.
        media = headers.get(b"content-type", b"").partition(b";")[0].strip()
        return httpx.Response(reply.status, headers=[(b"content-type", media)], stream=stream)


class _Body(httpx.SyncByteStream):
    """The body of a reply, up to its limits."""

    def __init__(self, reply: httpcore.Response, limits: Limits) -> None:
        self._reply = reply
        self._limits = limits

    def __iter__(self) -> Iterator[bytes]:
        total, event = 0, EventLength()
        with _as_httpx():
            for chunk in _chunks(self._reply):
                total += len(chunk)
                if event.after(chunk) > self._limits.event or total > self._limits.reply:
                    raise RefusedReply(
                        "The generator's reply is far longer than was asked for.", "Try another model or server."
                    )
                yield chunk

    def close(self) -> None:
        self._reply.close()


class _ErrorBody(httpx.SyncByteStream):
    """The beginning of what a server says about an error: its status is known, so nothing here may fail."""

    def __init__(self, reply: httpcore.Response, *, read: bool) -> None:
        self._reply = reply
        self._left = _ERROR_BYTES if read else 0

    def __iter__(self) -> Iterator[bytes]:
        if not self._left:
            return
        try:
            for chunk in _chunks(self._reply):
                yield chunk[: self._left]
                self._left -= len(chunk)
                if self._left <= 0:
                    return
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
            return

    def close(self) -> None:
        self._reply.close()


class EventLength:
    """Counts the bytes since the last blank line, which ends an event, however they are cut into chunks.

    Example:
        >>> length = EventLength()
        >>> [length.after(chunk) for chunk in (b"data: 1", b"\\n", b"\\ndata", b": 2")]
        [7, 8, 4, 7]
    """

    def __init__(self) -> None:
        self._count = 0
        self._tail = b""

    def after(self, chunk: bytes) -> int:
        """How many they are with this chunk."""
        seen = self._tail + chunk
        end = max(position + len(line) if (position := seen.rfind(line)) >= 0 else -1 for line in _BLANK_LINES)
        self._count = len(seen) - end if end >= 0 else self._count + len(chunk)
        self._tail = seen[-3:]
        return self._count


def _chunks(reply: httpcore.Response) -> Iterable[bytes]:
    assert isinstance(reply.stream, Iterable)
    return reply.stream


@contextmanager
def _as_httpx() -> Iterator[None]:
    """The errors of the layer below as those that the client knows."""
    try:
        yield
    except httpcore.TimeoutException as error:
        raise httpx.ReadTimeout(str(error)) from error
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError, httpcore.UnsupportedProtocol) as error:
        raise httpx.NetworkError(str(error)) from error


def _origin(address: str) -> tuple[str, str, int]:
    """Scheme, host and port. Raises ValueError where they cannot be made out."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return parts.scheme, "", 0
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _shown(address: str) -> str:
    """Where an address leads, without what may be secret in it, for people."""
    scheme, host, port = _origin(address)
    shown = f"{scheme}://{host}:{port}" if host else f"{scheme}:"
    return "".join(character for character in shown if character.isprintable())[:100]


def _pool(address: str, backend: httpcore.NetworkBackend) -> httpcore.ConnectionPool:
    parts = urlsplit(address)
    context = httpx.create_ssl_context() if parts.scheme == "https" else None
    proxy = urllib.request.getproxies().get(parts.scheme, "")
    if not proxy or urllib.request.proxy_bypass(parts.hostname or ""):
        return httpcore.ConnectionPool(ssl_context=context, network_backend=backend)
    found = httpx.Proxy(proxy if "://" in proxy else f"http://{proxy}")
    if found.url.scheme not in ("http", "https"):
        raise RefusedReply(f"A {found.url.scheme} proxy is not supported.", "Set an http proxy, or NO_PROXY.")
    return httpcore.HTTPProxy(str(found.url), proxy_auth=found.raw_auth, ssl_context=context, network_backend=backend)
