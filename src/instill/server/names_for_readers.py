"""What documents and folders are called for who does not own the machine: names, never where they lie on it.

Citations, lists, jobs and errors all name files. So that no route forgets it, every answer in JSON, and every event, is
gone through on its way out (`NamesForReaders`). Words of documents stay as they are: citations point into them. What is
no JSON (pages, logs) and what a caller can compute with (SQL) is told with `Names` where it is made.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from instill.common.place_in_words import short_name
from instill.ingest.document_references import has_wildcard
from instill.server.access.caller_role import Who

_WORDS = frozenset(
    {
        "answer", "cited_text", "content", "correction", "delta", "evidence", "headings", "input", "labels", "note",
        "page", "query", "question", "quote", "searched", "short", "standalone_question", "text", "title", "uri", "url",
        "words",
    }
)  # fmt: skip
"""Keys of what stands in documents, of what people wrote, and of addresses of this server."""

_MESSAGES = frozenset({"detail", "message", "notices", "problems", "remedy", "said", "what", "where"})
_PATH = re.compile(r"(?<![\w./:-])/(?:[^\s/:'\"<>,()]+/)+[^\s/:'\"<>,()]*[^\s/:'\"<>,().;]")
_OURS = re.compile(r"/(?:api|v1|docs|mcp)\b")
_WHOLE = re.compile(r"(?:/(?:[^/\n]+/)+|[A-Za-z]:[\\/])[^\n]*")


class Names:
    """The names.

    Args:
        folder: of the workspace.
        roots: the paths that it follows.
        others: further folders of this machine that may be named, such as a model's.

    Example:
        >>> names = Names(Path("/srv/kb"), ["/srv/handbook", "/home/ann/tea.md", "https://example.org/a"])
        >>> names.of("/srv/handbook/travel/hotels.md"), names.of("/home/ann/tea.md"), names.of("/old/place/rain.md")
        ('handbook/travel/hotels.md', 'tea.md', 'rain.md')
        >>> names.of("/srv/kb/.instill/uploads/all/notes/tea.md"), names.of("stdin:tea.md"), names.of("https://a.b/c")
        ('notes/tea.md', 'stdin:tea.md', 'https://a.b/c')
        >>> names.in_text("The file is gone: /srv/handbook/a.md (in /srv/kb).")
        'The file is gone: handbook/a.md (in kb).'
    """

    def __init__(self, folder: Path, roots: Iterable[str], others: Iterable[str] = ()) -> None:
        known = {_plain(path): PurePath(path).name for each in others if (path := str(each))}
        known |= {_plain(path): PurePath(path).name for path in (*map(_followed, roots), str(folder))}
        known = {path: name for path, name in known.items() if name and _is_absolute(path)}
        uploads = rf"{re.escape(_plain(str(folder)))}/\.instill/uploads/[^/\s]+/"
        folders = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
        self._known = known
        self._uploads = re.compile(uploads)
        self._folders = re.compile(rf"(?<![\w.-])(?:{folders})(?![\w-]|\.\w)")

    def of(self, source: str) -> str:
        """The name of a document, or of another file, by its place. Addresses and names stay."""
        if not _is_absolute(source):
            return source
        name = self.in_page(source)
        return short_name(name.replace("\\", "/")) if _is_absolute(name) else name

    def in_text(self, text: str) -> str:
        """A message with names in the place of paths."""
        if "/" not in text and "\\" not in text:
            return text
        known = self.in_page(text)
        return _PATH.sub(lambda match: match[0] if _OURS.match(match[0]) else short_name(match[0]), known)

    def in_data(self, value: Any, key: str = "") -> Any:
        """Plain data, with names in the place of paths, but for words of documents."""
        if isinstance(value, str):
            return value if key in _WORDS else self._in_value(value, key)
        if isinstance(value, Mapping):
            return {self.in_page(name): self.in_data(each, name) for name, each in value.items()}
        return type(value)(self.in_data(each, key) for each in value) if isinstance(value, (list, tuple)) else value

    def _in_value(self, value: str, key: str) -> str:
        if _WHOLE.fullmatch(value) and not _OURS.match(value) and (key == "where" or key not in _MESSAGES):
            return self.of(value)
        return self.in_text(value) if key in _MESSAGES else self.in_page(value)

    def in_page(self, markup: str) -> str:
        """Markup, or a value, with the names of folders that are known; other paths stay."""
        if "/" not in markup and "\\" not in markup:
            return markup
        return self._folders.sub(lambda match: self._known[match[0]], self._uploads.sub("", markup))


def _plain(path: str) -> str:
    return path.rstrip("/\\")


def _is_absolute(path: str) -> bool:
    return path.startswith("/") or re.match(r"[A-Za-z]:[\\/]", path) is not None


def _followed(root: str) -> str:
    """The folder or file that a followed path is, or in which a pattern looks; "" of an address."""
    if "://" in root:
        return ""
    path = PurePath(root)
    return str(next(each for each in (path, *path.parents) if not has_wildcard(str(each))))


THIS_PROGRAM = (sys.prefix, str(Path(__file__).parents[2]))
"""Folders that tracebacks name."""


class NamesForReaders:
    """Puts names in the place of paths, in all JSON that goes to anybody but the owner.

    Args:
        names: makes the names, as they are now.
    """

    def __init__(self, app: ASGIApp, *, names: Callable[[], Names]) -> None:
        self._app, self._names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        who = scope.get("state", {}).get("who") if scope["type"] == "http" else None
        if not isinstance(who, Who) or who.may("admin"):
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _Sending(send, self._names))


class _Sending:
    """Sends an answer on; JSON is kept until it is whole, and events until their line is."""

    def __init__(self, send: Send, names: Callable[[], Names]) -> None:
        self._send, self._make = send, names
        self._start: Message | None = None
        self._names: Names | None = None
        self._kept = b""
        self._by_line = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kind = Headers(raw=message["headers"]).get("content-type", "").partition(";")[0].strip()
            self._by_line = kind in ("text/event-stream", "application/x-ndjson", "application/jsonl")
            if self._by_line or kind == "application/json":
                self._names = await anyio.to_thread.run_sync(self._make)
            if kind == "application/json":
                self._start = message
                return
        elif message["type"] == "http.response.body" and self._names is not None:
            message = {**message, "body": self._told(message.get("body", b""), message.get("more_body", False))}
            if self._start is not None:
                if message.get("more_body"):
                    return
                MutableHeaders(scope=self._start)["content-length"] = str(len(message["body"]))
                await self._send(self._start)
        await self._send(message)

    def _told(self, body: bytes, more: bool) -> bytes:
        """What can be sent by now of what came so far."""
        self._kept += body
        if more and not self._by_line:
            return b""
        whole, self._kept = (self._kept, b"") if not more else _lines(self._kept)
        if not self._by_line:
            return self._in_json(whole)
        return b"".join(self._in_line(line) for line in whole.splitlines(keepends=True))

    def _in_line(self, line: bytes) -> bytes:
        start = b"data: " if line.startswith(b"data: ") else b""
        content = line[len(start) :].rstrip(b"\r\n")
        return start + self._in_json(content) + line[len(start) + len(content) :]

    def _in_json(self, body: bytes) -> bytes:
        assert self._names is not None
        if b"/" not in body and b"\\" not in body:
            return body
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            return body
        told = self._names.in_data(found)
        if told == found:
            return body
        return json.dumps(told, ensure_ascii=body.isascii(), separators=(",", ":")).encode()


def _lines(content: bytes) -> tuple[bytes, bytes]:
    """The lines that are whole, and the rest."""
    whole, end, rest = content.rpartition(b"\n")
    return whole + end, rest
