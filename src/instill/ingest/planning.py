"""What has to be done with a source: it is new, has changed, has moved, has other labels, or is as it was."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from instill.documents.buckets import ETAG, BucketObject
from instill.documents.document import Document
from instill.documents.limits_before_parsing import check_size
from instill.documents.loaded_bytes import Content
from instill.documents.sources import Source
from instill.errors import DocumentError
from instill.index.store import Index
from instill.index.types import DocumentRecord, Keep
from instill.ingest.passages import Prepared, computed
from instill.ingest.types import Attributes
from instill.ingest.workers import Cut, Reading
from instill.settings import DocumentSettings

_MANY_LOOKUPS = 20
_HASH_SHOWN = 16


class ForgottenDocument(DocumentError):
    """A document that was forgotten for good: it stays out, and that is no failure.

    Args:
        allowed_by: what `instill forget --allow` takes to let it in again.
    """

    def __init__(self, source: str, allowed_by: str) -> None:
        super().__init__("This document was forgotten, so that it is not added.", where=source)
        self.allowed_by = allowed_by


def natural_id(source: str, attempt: int = 0) -> str:
    """The id that a source gets when it is first added, 16 hexadecimal digits.

    Deterministic, so that two processes that add one file at the same moment agree. `attempt` counts up while the
    id belongs to a document that has since moved elsewhere.
    """
    return hashlib.sha256(f"{source}\n{attempt}".encode()).hexdigest()[:16]


class Lookup:
    """Which document holds a hash or an id: asked of the index one by one, or for many questions read once."""

    def __init__(self, index: Index, *, expected: int) -> None:
        self._index = index
        self._all = index.records() if expected > _MANY_LOOKUPS else None
        self._by_hash: dict[str, list[DocumentRecord]] = {}
        self._holders: dict[str, str] = {}
        for record in self._all or ():
            self._by_hash.setdefault(record.content_hash, []).append(record)
            self._holders[record.doc_id] = record.source

    def with_hash(self, content_hash: str) -> list[DocumentRecord]:
        """Documents with exactly this content."""
        if self._all is None:
            return self._index.find_by_hash(content_hash)
        return list(self._by_hash.get(content_hash, ()))

    def holder(self, doc_id: str) -> str | None:
        """The source of the document with this id."""
        if self._all is None:
            found = self._index.records(doc_ids=[doc_id])
            return found[0].source if found else None
        return self._holders.get(doc_id)

    def took(self, record: DocumentRecord) -> None:
        """The document is about to move: another file with its content must not take it too."""
        if record in self._by_hash.get(record.content_hash, ()):
            self._by_hash[record.content_hash].remove(record)


@dataclass(frozen=True, slots=True)
class Begun:
    """A source that has to be read: what `Planner.finish` makes a document from, once it is.

    Args:
        labels, doc_id: that the document will have.
        content: what was loaded; None for an object in a bucket, which is fetched by who reads it.
    """

    entry: Source
    attributes: Attributes
    known: DocumentRecord | None
    reading: Reading
    labels: tuple[str, ...]
    doc_id: str
    content: Content | None


@dataclass(frozen=True, slots=True)
class Planned:
    """What was decided for a source, and from what: the record `known` and the `attributes`.

    With neither `prepared` nor `keep` nothing has to be done.
    """

    entry: Source
    attributes: Attributes
    known: DocumentRecord | None
    prepared: Prepared | None = None
    keep: Keep | None = None
    notices: tuple[str, ...] = ()

    @property
    def passages(self) -> int:
        if self.prepared is not None:
            return len(self.prepared.passages)
        return self.known.passage_count if self.known else 0


class Planner:
    """Decides what has to be done with one source after the other.

    Args:
        identity: what passages must be made with; see `passage_identity`.
        moves: whether a file with the content of a document whose own file is gone is that document, moved.
        forgotten: whether a source with this content is to stay out.
    """

    def __init__(
        self,
        lookup: Lookup,
        settings: DocumentSettings,
        identity: str,
        *,
        moves: bool,
        forgotten: Callable[[str, str], bool] = lambda _source, _hash: False,
    ) -> None:
        self._forgotten = forgotten
        self._lookup = lookup
        self._settings = settings
        self._identity = identity
        self._moves = moves

    def begin(self, source: Source, record: DocumentRecord | None, attributes: Attributes) -> Planned | Begun:
        """Load the source; it has to be read where its content, its metadata or what shapes passages has changed.

        An object in a bucket is not loaded: it has to be read unless the listing shows that nothing has changed.

        Args:
            record: what the index knows under this source.

        Raises:
            ForgottenDocument: it is to stay out.
            DocumentError: it cannot be loaded.
        """
        if source.object is not None:
            return self._begin_object(source, source.object, record, attributes)
        loaded = source.load(self._settings)
        content = Content.of(loaded)
        self._refuse_forgotten(source.source, content.content_hash)
        if record is None:
            record = self._moved_from(source, content.content_hash)
        if record is not None and self._is_same(record, content.content_hash, attributes):
            return Planned(source, attributes, record, keep=_kept(record, source, attributes))
        reading = Reading(loaded.data, source.name, loaded.content_type)
        return self._begun(source, record, attributes, reading, content)

    def _begin_object(
        self, source: Source, listed: BucketObject, record: DocumentRecord | None, attributes: Attributes
    ) -> Planned | Begun:
        self._refuse_forgotten(source.source, "")
        settled = record is not None and self._is_settled(record, attributes)
        if record is not None and settled and _is_as_listed(record, listed):
            return Planned(source, attributes, record, keep=_kept(record, source, attributes))
        check_size(listed.size, self._settings)
        unless = record.content_hash if record is not None and settled else ""
        reading = Reading(b"", source.name, object=listed, unless=unless)
        return self._begun(source, record, attributes, reading, None)

    def _begun(
        self,
        source: Source,
        record: DocumentRecord | None,
        attributes: Attributes,
        reading: Reading,
        content: Content | None,
    ) -> Begun:
        labels = attributes.labels if attributes.labels is not None else (record.labels if record else ())
        doc_id = record.doc_id if record else self._new_id(source.source)
        return Begun(source, attributes, record, reading, tuple(sorted(set(labels))), doc_id, content)

    def finish(self, begun: Begun, found: Cut) -> Planned:
        """The document of what was read; or nothing to do, where what was fetched is as the index knows it.

        Raises:
            ForgottenDocument: it is to stay out.
        """
        source, parsed, known = begun.entry.source, found.parsed, begun.known
        content = begun.content
        if content is None:
            assert found.fetched is not None
            content = found.fetched
            self._refuse_forgotten(source, content.content_hash)
            if known is not None and self._is_same(known, content.content_hash, begun.attributes):
                return Planned(begun.entry, begun.attributes, known, keep=_kept(known, begun.entry, begun.attributes))
        document = Document(
            doc_id=begun.doc_id,
            source=source,
            kind=found.kind,
            title=parsed.title or stem_of(source),
            content_hash=content.content_hash,
            size=content.size,
            modified=content.modified,
            parsed=replace(parsed, metadata={**parsed.metadata, **content.fields, **begun.attributes.metadata}),
            labels=begun.labels,
        )
        change: Literal["added", "changed"] = "added" if known is None else "changed"
        prepared = Prepared(document, found.passages, change)
        return Planned(begun.entry, begun.attributes, known, prepared, notices=tuple(parsed.notices))

    def _refuse_forgotten(self, source: str, content_hash: str) -> None:
        if self._forgotten(source, content_hash):
            by_source = not content_hash or self._forgotten(source, "")
            raise ForgottenDocument(source, source if by_source else content_hash[:_HASH_SHOWN])

    def _is_same(self, record: DocumentRecord, content_hash: str, attributes: Attributes) -> bool:
        return record.content_hash == content_hash and self._is_settled(record, attributes)

    def _is_settled(self, record: DocumentRecord, attributes: Attributes) -> bool:
        metadata_kept = all(record.metadata.get(key) == value for key, value in attributes.metadata.items())
        return computed(record.passage_identity) == self._identity and metadata_kept

    def _moved_from(self, source: Source, content_hash: str) -> DocumentRecord | None:
        """The document with this content whose file is no longer where it was."""
        if source.path is None or not self._moves:
            return None
        for record in self._lookup.with_hash(content_hash):
            if Path(record.source).is_absolute() and not Path(record.source).exists():
                self._lookup.took(record)
                return record
        return None

    def _new_id(self, source: str) -> str:
        attempt = 0
        while True:
            doc_id = natural_id(source, attempt)
            if self._lookup.holder(doc_id) in (None, source):
                return doc_id
            attempt += 1


def _kept(record: DocumentRecord, source: Source, attributes: Attributes) -> Keep | None:
    """What changes of a document whose content is known: at most its place and its labels; None when nothing does."""
    title_was_name = record.title == stem_of(record.source)
    labels = record.labels if attributes.labels is None else tuple(sorted(set(attributes.labels)))
    if record.source == source.source:
        return None if labels == record.labels else Keep(record, record.source, record.title, labels)
    return Keep(record, source.source, stem_of(source.source) if title_was_name else record.title, labels)


def _is_as_listed(record: DocumentRecord, listed: BucketObject) -> bool:
    """Whether a listing shows that the object is the document. A mended index asks by an empty hash for a reading."""
    return bool(listed.etag and record.content_hash) and record.metadata.get(ETAG) == listed.etag


def stem_of(source: str) -> str:
    """The name without folder and ending: "/srv/a/report.pdf" -> "report"."""
    return Path(source.rstrip("/").rsplit("/", 1)[-1]).stem
