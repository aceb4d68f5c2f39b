"""Keeping the index in step with what was added: `sync` once, `watch` after every change."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from pathspec import GitIgnoreSpec

from instill.catalog import Root
from instill.documents.bucket_addresses import is_in_bucket, place_of
from instill.documents.sources import Source, SourceProblem, find_sources
from instill.errors import DocumentError, UsageError
from instill.index.store import Index
from instill.index.types import DocumentRecord
from instill.ingest.document_references import can_be_followed, has_wildcard
from instill.ingest.run import Ingest
from instill.ingest.types import Attributes, Failure, Governing
from instill.settings import DocumentSettings


def sync_roots(look_up: Callable[[], Sequence[Root]], ingest: Ingest, index: Index, settings: DocumentSettings) -> None:
    """Take in what is new and changed under the roots, then take out what is gone.

    A file under two roots belongs to the narrower one. A file that cannot be read any more keeps its last version.
    A folder that is missing as a whole keeps its documents: an unmounted disk is not a wish to forget. So does a bucket
    that cannot be listed, and a prefix below which nothing is left.

    Args:
        look_up: the roots as they are at the moment of the call. Labels may be changed and roots forgotten while this
            runs: what they say when a document is committed counts, not what they said at the start.
    """
    roots = _narrow_first(look_up())
    if not roots:
        raise UsageError("Nothing is followed yet.", remedy="Add something first: instill add PATH")
    finders: dict[str, str] = {}
    listed: list[Source | SourceProblem] = []
    present: list[Root] = []
    for root in roots:
        if _is_missing_folder(root.path, index):
            remedy = f"To remove them too: instill remove {root.path}"
            ingest.report.failed.append(
                Failure(root.path, "This folder no longer exists; its documents were kept.", remedy)
            )
            continue
        present.append(root)
        if not can_be_followed(root.path):
            continue
        for entry in find_sources([root.path], base=Path("/"), exclude=settings.exclude):
            if isinstance(entry, SourceProblem) and entry.below == "nothing":
                kept = _kept_documents(entry, index)
                if kept is None:
                    continue
                entry = kept
            if entry.source not in finders:
                finders[entry.source] = root.path
                listed.append(entry)
    seen = ingest.add(listed, partial(_governing, look_up, finders))
    unknown = [entry.source for entry in listed if isinstance(entry, SourceProblem) and entry.below == "unknown"]
    ingest.remove(partial(_gone, look_up, present, seen, unknown, index, settings))


def _kept_documents(empty: SourceProblem, index: Index) -> SourceProblem | None:
    """What to say of an address in a bucket at which nothing is: that its documents were kept; None where it has none,
    or is an object that is gone.
    """
    if index.records([empty.source]) or not any(_below(empty.source, index.records())):
        return None
    what = "There is nothing below this address any longer; its documents were kept."
    remedy = f"To remove them too: instill remove {empty.source}"
    return SourceProblem(empty.source, DocumentError(what, where=empty.source, remedy=remedy), "unknown")


def _governing(look_up: Callable[[], Sequence[Root]], finders: Mapping[str, str]) -> Callable[[str], Attributes | None]:
    """What the narrowest root that covers a source says of it now; None when the root that found it is forgotten."""
    roots = look_up()
    by_path = {root.path: root for root in roots}
    narrowest = _Narrowest(roots)

    def governs(source: str) -> Attributes | None:
        finder = by_path.get(finders[source])
        if finder is None:
            return None
        root = narrowest.of(source) or finder
        return Attributes(root.labels or None, root.metadata)

    return governs


class _Narrowest:
    """Finds the narrowest of many roots that covers a source, without asking each of them."""

    def __init__(self, roots: Iterable[Root]) -> None:
        self._by_path: dict[str, Root] = {}
        self._patterns: list[Root] = []
        for root in roots:
            self._by_path[place_of(root.path).rstrip("/")] = root
            if "://" not in root.path and has_wildcard(root.path):
                self._patterns.append(root)

    def of(self, source: str) -> Root | None:
        """The root, or None when none covers the source."""
        ends = [at for at, letter in enumerate(source) if letter == "/"]
        prefixes = [source.rstrip("/"), *(source[:at] for at in ends)]
        found = [self._by_path[prefix] for prefix in prefixes if prefix in self._by_path]
        found += [root for root in self._patterns if covers(root.path, source)]
        return min(found, key=lambda root: (-len(root.path), root.path), default=None)


def unless_said_since(
    look_up: Callable[[], Sequence[Root]], followed: Sequence[str], attributes: Attributes
) -> Governing:
    """What `add` says of its sources: `attributes`, unless somebody said something else of them since this call.

    Args:
        followed: the roots that this `add` has just remembered. When one is forgotten meanwhile, because it was
            removed, what it found is not put in.
    """
    before = {root.path: root for root in look_up()}

    def now() -> Callable[[str], Attributes | None]:
        roots = _narrow_first(look_up())
        newer = [root for root in roots if root.labels and before.get(root.path) != root]
        paths = {root.path for root in roots}
        forgotten = [path for path in followed if path not in paths]
        kept = [path for path in followed if path in paths]

        def governs(source: str) -> Attributes | None:
            if any(covers(path, source) for path in forgotten) and not any(covers(path, source) for path in kept):
                return None
            said = next((root for root in newer if covers(root.path, source)), None)
            if said is None:
                return attributes
            return Attributes(said.labels, {**attributes.metadata, **said.metadata})

        return governs

    return now


def _gone(
    look_up: Callable[[], Sequence[Root]],
    present: Sequence[Root],
    seen: set[str],
    unknown: Sequence[str],
    index: Index,
    settings: DocumentSettings,
) -> list[DocumentRecord]:
    """Documents below roots that are still there and followed, that were not found: then, nor now if they might be.

    Args:
        unknown: places that could not be listed.
    """
    roots = _narrow_first(look_up())
    followed = {root.path for root in roots} & {root.path for root in present}
    everything = index.records()
    alive = [path for path in followed if not _is_missing_folder(path, index)]
    unseen = [
        record
        for record in everything
        if record.source not in seen
        and any(covers(path, record.source) for path in alive)
        and not any(covers(place, record.source) for place in unknown)
    ]
    in_bucket = any(is_in_bucket(record.source) for record in unseen)
    if in_bucket or any(os.path.lexists(record.source) for record in unseen):
        # It came, or came back, after the folders were listed; or it is excluded from now on.
        paths = [root.path for root in roots if can_be_followed(root.path)]
        listed = list(find_sources(paths, base=Path("/"), exclude=settings.exclude))
        now = {entry.source for entry in listed if not (isinstance(entry, SourceProblem) and entry.below == "nothing")}
        unknown = [entry.source for entry in listed if isinstance(entry, SourceProblem) and entry.below == "unknown"]
        unseen = [
            record
            for record in unseen
            if record.source not in now and not any(covers(place, record.source) for place in unknown)
        ]
    return unseen


def comes_back(roots: Iterable[Root], sources: Iterable[str]) -> list[str]:
    """Those of the sources that the next `sync` adds again: they are there, and a root that is followed covers them."""
    followed = [root.path for root in roots]
    return [
        source
        for source in sources
        if any(covers(path, source) for path in followed) and (is_in_bucket(source) or os.path.lexists(source))
    ]


def files_gone(folders: Sequence[str], seen: Collection[str], index: Index) -> list[str]:
    """Sources below folders that are there, whose own files are there no longer. `seen` are those that were found."""
    alive = [path for path in folders if Path(path).is_dir()]
    if not alive:
        return []
    below = (r.source for r in index.records() if any(covers(path, r.source) for path in alive))
    return sorted(source for source in below if source not in seen and not os.path.lexists(source))


def _narrow_first(roots: Iterable[Root]) -> list[Root]:
    return sorted(roots, key=lambda root: (-len(root.path), root.path))


def covers(root: str, source: str) -> bool:
    """Whether a source belongs to a root: the root itself, below its folder, or matching its pattern.

    Example:
        >>> covers("/srv/docs", "/srv/docs/a/b.md"), covers("/srv/docs/**/*.md", "/srv/docs/b.md")
        (True, True)
        >>> covers("/srv/docs", "/srv/docs-old/b.md"), covers("s3://docs/a?region=eu-west-1", "s3://docs/a/b.md")
        (False, True)
    """
    root = place_of(root)
    if source == root or source.startswith(root.rstrip("/") + "/"):
        return True
    if "://" in root or not has_wildcard(root):
        return False
    return GitIgnoreSpec.from_lines([root]).match_file(source.lstrip("/"))


def _is_missing_folder(root: str, index: Index) -> bool:
    """Gone, and its documents lay below it rather than being it."""
    return not can_be_followed(root) and not index.records([root]) and any(_below(root, index.records()))


def _below(root: str, records: Iterable[DocumentRecord]) -> Iterator[bool]:
    return (True for record in records if record.source.startswith(root.rstrip("/") + "/"))
