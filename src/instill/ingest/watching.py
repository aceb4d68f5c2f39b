"""Waiting for changes in the folders that were added: `instill watch`."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from pathspec import GitIgnoreSpec

from instill.errors import UsageError
from instill.ingest.document_references import has_wildcard
from instill.settings import DocumentSettings


def changes(roots: Iterable[str], settings: DocumentSettings, stop: threading.Event | None = None) -> Iterator[None]:
    """One None at the start, when watching has begun, and one after each burst of changes under the roots.

    Raises:
        UsageError: none of the roots is a file or folder that exists.
    """
    from watchfiles import Change, watch

    places = sorted({place for place in map(_existing_place, roots) if place is not None})
    if not places:
        raise UsageError("There is nothing to watch.", remedy="Add a folder first: instill add PATH")
    ignored = GitIgnoreSpec.from_lines(settings.exclude)

    def is_of_interest(_: Change, path: str) -> bool:
        return not ignored.match_file(path.lstrip("/"))

    started = False
    # A time-out without changes tells that the watcher is listening; from then on nothing is missed.
    for change in watch(
        *places, watch_filter=is_of_interest, stop_event=stop, rust_timeout=300, yield_on_timeout=True, debounce=800
    ):
        if change or not started:
            started = True
            yield None


def _existing_place(root: str) -> str | None:
    """The file or folder to watch for a root; for a pattern the folder before its first wildcard."""
    if "://" in root:
        return None
    path = Path(root)
    while has_wildcard(str(path)) and not path.exists():
        path = path.parent
    return str(path) if path.exists() else None
