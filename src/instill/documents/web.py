"""Fetches one http(s) address with limits on time, size and redirects, and without being led into a private network."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

from instill.documents.guard import check_size
from instill.documents.loaded import Loaded
from instill.errors import DocumentError
from instill.settings import DocumentSettings

if TYPE_CHECKING:
    import httpx

_AGENT = "instill (document reader)"
_ACCEPT = "text/markdown, text/html;q=0.9, application/pdf;q=0.9, text/plain;q=0.8, */*;q=0.5"
_REDIRECTS = (301, 302, 303, 307, 308)


def fetch(address: str, settings: DocumentSettings) -> Loaded:
    """The bytes at an address, following redirects.

    The whole fetch ends within `url_timeout_s`, however slowly a server sends. Only http and https are spoken, before
    and after redirects. Unless the user named a private host himself, a redirect to a private, loopback or link-local
    address is refused; the addresses that were checked are the ones connected to.

    Raises:
        DocumentError: not reachable, an error status, too slow, too large, too many redirects, or a refused redirect.
    """
    results: queue.Queue[Loaded | DocumentError] = queue.Queue()
    work = _Fetch(settings, time.monotonic() + settings.url_timeout_s, _shown(urlsplit(address)))
    # A thread of its own, because a read timeout starts anew with each byte that arrives.
    threading.Thread(target=lambda: results.put(work.run(address)), daemon=True).start()
    try:
        result = results.get(timeout=settings.url_timeout_s + 0.5)
    except queue.Empty:
        work.stopped.set()
        result = work.too_slow()
    if isinstance(result, DocumentError):
        raise result
    return result


def _shown(parts: SplitResult) -> str:
    """The address without user name, password, query and fragment: these may hold secrets."""
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


@dataclass(frozen=True)
class _Fetch:
    settings: DocumentSettings
    deadline: float
    shown: str
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self, address: str) -> Loaded | DocumentError:
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

    def _follow(self, address: str) -> Loaded:
        import httpx

        named = urlsplit(address)
        private_allowed = _is_private_host(named.hostname or "")
        with httpx.Client(follow_redirects=False, trust_env=True) as client:
            current = address
            for _ in range(self.settings.url_max_redirects + 1):
                parts = urlsplit(current)
                request = self._request(client, parts, private_allowed=private_allowed)
                response = client.send(request, stream=True)
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

    def _request(self, client: httpx.Client, parts: SplitResult, *, private_allowed: bool) -> httpx.Request:
        """A request to the very address that was checked; the host's name goes into header and certificate check."""
        import httpx

        if parts.scheme not in ("http", "https"):
            raise self._error(
                f"It redirects to {parts.scheme or 'an unknown'} scheme.", "Only http and https are fetched."
            )
        if parts.username or parts.password:
            raise self._error("It redirects to an address with a password in it.", "Add the page's real address.")
        host, extensions = parts.hostname or "", {}
        if not _through_proxy(parts):
            connect_to = self._checked(host, parts.port, private_allowed=private_allowed)
            extensions["sni_hostname"] = host
        else:
            self._refuse_private_literal(host, private_allowed=private_allowed)
            connect_to = host
        left = max(0.05, self.deadline - time.monotonic())
        url = httpx.URL(parts._replace(fragment="").geturl()).copy_with(host=connect_to)
        headers = {
            "Host": parts.netloc.rpartition("@")[2],
            "User-Agent": _AGENT,
            "Accept": _ACCEPT,
            "Accept-Encoding": "gzip, deflate",
        }
        return client.build_request("GET", url, headers=headers, extensions=extensions, timeout=httpx.Timeout(left))

    def _checked(self, host: str, port: int | None, *, private_allowed: bool) -> str:
        try:
            found = socket.getaddrinfo(host, port or 443, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise self._error(f"The host {host} is not known.", "Check the address and the network.") from error
        addresses = [str(entry[4][0]) for entry in found]
        if not private_allowed and any(_is_private(address) for address in addresses):
            raise self._private(host)
        return addresses[0]

    def _refuse_private_literal(self, host: str, *, private_allowed: bool) -> None:
        if not private_allowed and (_is_private(host) or host == "localhost"):
            raise self._private(host)

    def _private(self, host: str) -> DocumentError:
        return self._error(
            f"A public address led to {host}, which is inside a private network.",
            "Add that address itself if you trust it.",
        )

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
            raise self._error(error.what, error.remedy) from error

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


def _through_proxy(parts: SplitResult) -> bool:
    return parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(parts.hostname or "")


def _is_private(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return not (mapped or found).is_global or found.is_multicast


def _is_private_host(host: str) -> bool:
    """Whether the user named a private host: by number, or by a name that means one."""
    if _is_private(host):
        return True
    try:
        return any(_is_private(str(entry[4][0])) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        return False


def _modified(response: httpx.Response) -> str:
    try:
        found = parsedate_to_datetime(response.headers["last-modified"])
        return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (KeyError, ValueError, TypeError, OverflowError):
        return ""
