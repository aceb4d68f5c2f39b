"""Keeping the index in step with what was added: `sync` once, `watch` after every change."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pathspec import GitIgnoreSpec

from instill.catalog import Root
from instill.documents.sources import find_sources
from instill.errors import UsageError
from instill.index.store import Index
from instill.index.types import DocumentRecord
from instill.ingest import Attributes, Failure, Ingest
from instill.references import can_be_followed
from instill.settings import DocumentSettings

_PATTERN_LETTERS = "*?["


def sync_roots(roots: Sequence[Root], ingest: Ingest, index: Index, settings: DocumentSettings) -> None:
    """Take in what is new and changed under the roots, then take out what is gone.

    A file under two roots belongs to the narrower one. A file that cannot be read any more keeps its last version.
    A folder that is missing as a whole keeps its documents: an unmounted disk is not a wish to forget.
    """
    if not roots:
        raise UsageError("Nothing is followed yet.", remedy="Add something first: instill add PATH")
    seen: set[str] = set()
    present: list[Root] = []
    for root in sorted(roots, key=lambda root: (-len(root.path), root.path)):
        if _is_missing_folder(root.path, index):
            remedy = f"If they should go too: instill remove {root.path}"
            ingest.report.failed.append(Failure(root.path, "This folder is gone; its documents were kept.", remedy))
            continue
        present.append(root)
        if not can_be_followed(root.path):
            continue
        found = find_sources([root.path], base=Path("/"), exclude=settings.exclude)
        fresh = [entry for entry in found if entry.source not in seen]
        seen |= ingest.add(fresh, Attributes(root.labels or None, root.metadata))
    gone = [
        record
        for record in index.records()
        if record.source not in seen and any(covers(root.path, record.source) for root in present)
    ]
    ingest.remove(gone)


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


def covers(root: str, source: str) -> bool:
    """Whether a source belongs to a root: the root itself, below its folder, or matching its pattern.

    Example:
        >>> covers("/srv/docs", "/srv/docs/a/b.md"), covers("/srv/docs/**/*.md", "/srv/docs/b.md")
        (True, True)
        >>> covers("/srv/docs", "/srv/docs-old/b.md")
        False
    """
    if source == root or source.startswith(root.rstrip("/") + "/"):
        return True
    if "://" in root or not any(letter in root for letter in _PATTERN_LETTERS):
        return False
    return GitIgnoreSpec.from_lines([root]).match_file(source.lstrip("/"))


def _existing_place(root: str) -> str | None:
    """The file or folder to watch for a root; for a pattern the folder before its first wildcard."""
    if "://" in root:
        return None
    path = Path(root)
    while any(letter in str(path) for letter in _PATTERN_LETTERS) and not path.exists():
        path = path.parent
    return str(path) if path.exists() else None


def _is_missing_folder(root: str, index: Index) -> bool:
    """Gone, and its documents lay below it rather than being it."""
    return not can_be_followed(root) and not index.records([root]) and any(_below(root, index.records()))


def _below(root: str, records: Iterable[DocumentRecord]) -> Iterator[bool]:
    return (True for record in records if record.source.startswith(root.rstrip("/") + "/"))
