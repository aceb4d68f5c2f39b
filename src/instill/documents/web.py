"""Fetches one http(s) address with limits on time, size and redirects, and without being led into a private network.

Every hop is looked up once, judged (`allowed_addresses`), and connected to by the very numbers that were
judged: a name that means something else a moment later changes nothing.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import SplitResult, urljoin, urlsplit

from instill.documents.allowed_addresses import Allowed, Kind, kind_of, parsed, worst, written_plainly
from instill.documents.limits_before_parsing import check_size
from instill.documents.loaded_bytes import Loaded
from instill.errors import DocumentError
from instill.settings import DocumentSettings

if TYPE_CHECKING:
    import httpx

_AGENT = "instill (document reader)"
_ACCEPT = "text/markdown, text/html;q=0.9, application/pdf;q=0.9, text/plain;q=0.8, */*;q=0.5"
_REDIRECTS = (301, 302, 303, 307, 308)
_ADDRESSES = 4  # of one host, tried one after the other
_PORTS = {"http": 80, "https": 443}


class Network(Protocol):
    """How names are looked up and connections are made; tests have one that never leaves the machine."""

    def look_up(self, host: str, port: int) -> Sequence[str]:
        """All addresses of a host, as numbers. Raises OSError when there are none."""
        ...

    def transport(self) -> httpx.BaseTransport | None:
        """What carries the requests; None: httpx's own."""
        ...


class SystemNetwork:
    """The resolver and the connections of this machine."""

    def look_up(self, host: str, port: int) -> Sequence[str]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def transport(self) -> httpx.BaseTransport | None:
        return None


def fetch(address: str, settings: DocumentSettings, network: Network | None = None) -> Loaded:
    """The bytes at an address, following redirects.

    The whole fetch ends within `url_timeout_s`, however slowly a server sends. Only http and https are spoken, before
    and after redirects. A private address is fetched where the user named it himself, and after redirects only at the
    same address and port, as long as no public server stood between; `url_allow` names others. Link-local addresses,
    where clouds keep their keys, are fetched only when `url_allow` names them by number.

    Raises:
        DocumentError: not reachable, an error status, too slow, too large, too many redirects, or a refused address.
        UsageError: `url_allow` has an entry that is no host, address or network.
    """
    allowed = Allowed(settings.url_allow)
    results: queue.Queue[Loaded | Exception] = queue.Queue()
    deadline = time.monotonic() + settings.url_timeout_s
    work = _Fetch(settings, deadline, _shown(urlsplit(address)), allowed, network or SystemNetwork())
    # A thread of its own, because a read timeout starts anew with each byte that arrives.
    threading.Thread(target=lambda: results.put(work.run(address)), daemon=True).start()
    try:
        result = results.get(timeout=settings.url_timeout_s + 0.5)
    except queue.Empty:
        work.stopped.set()
        result = work.too_slow()
    if isinstance(result, Exception):
        raise result
    return result


def _shown(parts: SplitResult) -> str:
    """The address without user name, password, query and fragment: these may hold secrets."""
    host = parts.hostname or ""
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:  # no number, or none that a port can have; the fetch says that the address is not valid
        port = ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


@dataclass(frozen=True)
class _Fetch:
    settings: DocumentSettings
    deadline: float
    shown: str
    allowed: Allowed
    network: Network
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self, address: str) -> Loaded | Exception:
        import httpx

        try:
            return self._follow(address)
        except DocumentError as error:
            return error
        except httpx.TimeoutException:
            return self.too_slow()
        except httpx.HTTPError as error:
            reason = str(error).replace(address, self.shown) or type(error).__name__
            return self._error(f"The server could not be reached: {reason}.", "Check the address and the network.")
        except (httpx.InvalidURL, ValueError):
            return self._error("The address, or one it redirects to, is not valid.", "Check how it is written.")
        except Exception as error:  # a mistake of ours must not look like a slow server
            return error

    def _follow(self, address: str) -> Loaded:
        import httpx

        current = address
        open_ports: frozenset[tuple[str, int]] | None = None  # what the user's own address opens; None: not known yet
        for _ in range(self.settings.url_max_redirects + 1):
            parts = urlsplit(current)
            self._check_scheme(parts)
            host, port = written_plainly(parts.hostname or ""), parts.port or _PORTS[parts.scheme]
            addresses = self._looked_up(host, port, through_proxy=bool(_proxy(parts)))
            self._check(host, port, addresses, open_ports)
            if open_ports is None:
                open_ports = _opened(addresses, port, parts.scheme)
            if any(kind_of(each) == Kind.PUBLIC for each in addresses):
                open_ports = frozenset()  # a public server may not lead back in
            with self._transport(parts) as transport:
                named = httpx.URL(parts._replace(fragment="").geturl())
                response = self._sent(transport, named, addresses, pin=not _proxy(parts))
                try:
                    target = response.headers.get("location", "")
                    if response.status_code not in _REDIRECTS or not target:
                        return self._body(response)
                finally:
                    response.close()
            current = urljoin(current, target)
        raise self._error(
            f"It redirects more than {self.settings.url_max_redirects} times.",
            "Open it in a browser and add its last address.",
        )

    def _check_scheme(self, parts: SplitResult) -> None:
        if parts.scheme not in _PORTS:
            raise self._error(
                f"It redirects to {parts.scheme or 'an unknown'} scheme.", "Only http and https are fetched."
            )
        if parts.username or parts.password:
            raise self._error("It redirects to an address with a password in it.", "Add the page's real address.")

    def _looked_up(self, host: str, port: int, *, through_proxy: bool) -> Sequence[str]:
        """The addresses that are judged and then connected to. What only a proxy knows has none."""
        if parsed(host) is not None:
            return [host]
        try:
            found = self.network.look_up(host, port)
        except (OSError, UnicodeError) as error:
            if through_proxy and host.rpartition(".")[2] != "localhost":
                return []
            raise self._error(f"The host {host} is not known.", "Check the address and the network.") from error
        return found[:_ADDRESSES]

    def _check(
        self, host: str, port: int, addresses: Sequence[str], open_ports: frozenset[tuple[str, int]] | None
    ) -> None:
        closed = [each for each in addresses if kind_of(each) != Kind.PUBLIC and not self.allowed.opens(host, each)]
        if not closed:
            return
        kind = worst(closed)
        if kind == Kind.NEVER:
            raise self._error(f"{host} is not an address that a page can come from.", "Write the server's own address.")
        if kind == Kind.LINK_LOCAL:
            raise self._error(
                f"{host} is a link-local or metadata address, where machines keep their keys.",
                "If it has to be fetched, name the address in url_allow under [documents].",
            )
        first = open_ports is None and self.settings.url_private
        named = first or all((str(parsed(each)), port) in (open_ports or ()) for each in closed)
        if named and len(closed) == len(addresses):
            return
        how = "It redirects to" if open_ports is not None else "Some addresses are public and some are not:"
        alone = open_ports is None and len(closed) == len(addresses)
        itself = "add that address itself, or " if self.settings.url_private and not alone else ""
        raise self._error(
            f"{host} is inside a private network." if alone else f"{how} {host}, which is inside a private network.",
            f"If you trust it, {itself}have {host} named in url_allow under [documents] in instill.toml.",
        )

    def _transport(self, parts: SplitResult) -> httpx.BaseTransport:
        """What carries one hop. Not a client, which would judge redirects itself and remember cookies."""
        import httpx

        # Reading the machine's certificates takes longer than a page; plain http needs none.
        verify = httpx.create_ssl_context() if parts.scheme == "https" else False
        proxy = _proxy(parts)
        if proxy:
            return httpx.HTTPTransport(verify=verify, proxy=proxy)
        return self.network.transport() or httpx.HTTPTransport(verify=verify)

    def _sent(
        self, transport: httpx.BaseTransport, named: httpx.URL, addresses: Sequence[str], *, pin: bool
    ) -> httpx.Response:
        """The response of the first address that can be reached; the host's name goes into header and certificate."""
        import httpx

        headers = {
            "Host": named.netloc.decode("ascii").rpartition("@")[2],
            "User-Agent": _AGENT,
            "Accept": _ACCEPT,
            "Accept-Encoding": "gzip, deflate",
        }
        tried = list(addresses) if pin else [named.host]
        for left_over, each in reversed(list(enumerate(reversed(tried)))):
            seconds = max(0.05, self.deadline - time.monotonic())
            timeout = httpx.Timeout(seconds, connect=seconds / (left_over + 1))
            extensions: dict[str, Any] = {"timeout": timeout.as_dict()}
            if pin:
                extensions["sni_hostname"] = named.raw_host.decode("ascii")
            url = named.copy_with(host=each) if pin else named
            request = httpx.Request("GET", url, headers=headers, extensions=extensions)
            try:
                return transport.handle_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if left_over == 0:
                    raise
        raise AssertionError("there is always a last address")

    def _body(self, response: httpx.Response) -> Loaded:
        status = response.status_code
        if status != 200:
            raise self._error(f"The server answered {status} {response.reason_phrase}.", _status_remedy(status))
        limit = int(self.settings.max_file_mb * 1024**2)
        length = response.headers.get("content-length", "")
        if length.isdigit():
            self._within(lambda: check_size(max(1, int(length)), self.settings))
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > limit:
                break
            if self.stopped.is_set() or time.monotonic() > self.deadline:
                raise self.too_slow()
        self._within(lambda: check_size(len(body), self.settings))
        return Loaded(bytes(body), response.headers.get("content-type", ""), _modified(response))

    def _within(self, check: Callable[[], None]) -> None:
        try:
            check()
        except DocumentError as error:
            raise self._error(error.what, error.command) from error

    def too_slow(self) -> DocumentError:
        seconds = f"{self.settings.url_timeout_s:g} s"
        return self._error(
            f"The server took more than {seconds}.", "Raise url_timeout_s under [documents], or try later."
        )

    def _error(self, what: str, remedy: str) -> DocumentError:
        return DocumentError(what, where=self.shown, remedy=remedy)


def _status_remedy(status: int) -> str:
    if status in (401, 403, 407):
        return "It asks for a login: download it with your browser and add the file."
    if status in (404, 410):
        return "Check the address, or remove it from the index."
    return "Try again later." if status >= 500 or status == 429 else "Open it in a browser to see why."


def _proxy(parts: SplitResult) -> str:
    """The proxy that the environment names for this address, or ""."""
    proxies = urllib.request.getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all") or ""
    if not found or urllib.request.proxy_bypass(parts.hostname or ""):
        return ""
    return found if "://" in found else f"http://{found}"


def _opened(addresses: Sequence[str], port: int, scheme: str) -> frozenset[tuple[str, int]]:
    """What the address that the user named opens to its redirects: itself, and https where it was plain http."""
    ports = {port, 443} if (scheme, port) == ("http", 80) else {port}
    return frozenset((str(parsed(each)), each_port) for each in addresses for each_port in ports)


def _modified(response: httpx.Response) -> str:
    try:
        found = parsedate_to_datetime(response.headers["last-modified"])
        return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (KeyError, ValueError, TypeError, OverflowError):
        return ""
