"""What something was made from, and who may see it.

A document has labels; a caller who holds some sees it when one of them is among the document's. What is made from
documents (a study set, a comparison, a threshold, weights) keeps a `Source` of each, and is shown to, and used for, a
caller who may see every one of them, and nobody else. The owner at the command line holds no labels and sees all.

A source is judged by its labels of now, while the document has the content that was read. Where the content has
changed since, the labels of then must be met too, for the old text is what was read; where the document is gone, they
alone decide.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from instill.common.durable_files import write_json

BESIDE = "made_from.json"
"""In a folder: the documents that everything in it was made from."""


class _Record(Protocol):
    """What the index knows of a document."""

    @property
    def doc_id(self) -> str: ...

    @property
    def content_hash(self) -> str: ...

    @property
    def labels(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A document as it was when something was made from it.

    Args:
        version: the hash of its content.
        labels: sorted; () where only the owner sees it.
    """

    doc_id: str
    version: str
    labels: tuple[str, ...] = ()


Present = Callable[[Sequence[str]], Iterable[Source]]
"""The documents with these ids as they are now; those that are gone are left out."""


@dataclass(frozen=True, slots=True)
class MadeFrom:
    """The documents that something was made from, each version once; use `made_from` or `|` to put one together.

    Args:
        known: False where nobody wrote it down; then only the owner sees what was made.

    Example:
        >>> made = MadeFrom((Source("d1", "h1", ("hr", "staff")), Source("d2", "h2", ("hr",))))
        >>> made.label_sets
        (('hr',), ('hr', 'staff'))
        >>> [Caller(labels).sees(made) for labels in (("hr",), ("staff",), (), None)]
        [True, False, False, True]
        >>> MadeFrom.from_json((made | NOTHING).as_json()) == made
        True
    """

    sources: tuple[Source, ...] = ()
    known: bool = True

    @property
    def doc_ids(self) -> frozenset[str]:
        """Of all sources."""
        return frozenset(source.doc_id for source in self.sources)

    @property
    def label_sets(self) -> tuple[tuple[str, ...], ...]:
        """The labels of the documents, each set once."""
        return tuple(sorted({source.labels for source in self.sources}))

    def __or__(self, other: MadeFrom) -> MadeFrom:
        """Made from both."""
        return MadeFrom(tuple(sorted({*self.sources, *other.sources})), self.known and other.known)

    def without(self, doc_ids: Iterable[str]) -> MadeFrom:
        """After everything of these documents was taken out."""
        gone = frozenset(doc_ids)
        return MadeFrom(tuple(source for source in self.sources if source.doc_id not in gone), self.known)

    def shown_to(self, labels: Sequence[str] | None) -> MadeFrom:
        """The same, with those labels only that the caller holds: a document's others are nobody's business."""
        if labels is None:
            return self
        held = set(labels)
        sources = {Source(each.doc_id, each.version, tuple(sorted(held & set(each.labels)))) for each in self.sources}
        return MadeFrom(tuple(sorted(sources)), self.known)

    def as_json(self) -> list[dict[str, Any]] | None:
        """A list of objects with `doc_id`, `version`, `labels`; None where it is not known."""
        if not self.known:
            return None
        return [
            {"doc_id": source.doc_id, "version": source.version, "labels": list(source.labels)}
            for source in self.sources
        ]

    @classmethod
    def from_json(cls, value: Any) -> MadeFrom:
        """What `as_json` gave; `UNKNOWN` for anything else."""
        if not isinstance(value, list):
            return UNKNOWN
        found = [_source(entry) for entry in value]
        sources = {source for source in found if source is not None}
        return cls(tuple(sorted(sources)), known=None not in found)


UNKNOWN = MadeFrom(known=False)
"""Of what was made before this was written down, and of what is damaged."""

NOTHING = MadeFrom()
"""Of what was made from no document: everybody may see it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Args:
        labels: the labels that the caller holds; None is the owner, who sees all, and () sees nothing that was made
            from a document.
        present: how to look up a document; without it the labels of then decide.

    Example:
        >>> now = [Source("d1", "h1", ("hr",)), Source("d2", "h9", ("staff",))]
        >>> staff = Caller(("staff",), lambda doc_ids: [each for each in now if each.doc_id in doc_ids])
        >>> staff.sees(MadeFrom((Source("d1", "h1", ("staff",)),)))  # It was staff's, and is hr's now.
        False
        >>> staff.sees(MadeFrom((Source("d2", "h9", ("hr",)),)))  # It was hr's, and is staff's now.
        True
        >>> staff.sees(MadeFrom((Source("d2", "h2", ("hr",)),)))  # The text of then was hr's.
        False
        >>> staff.sees(MadeFrom((Source("d3", "h3", ("staff",)),)))  # It is gone.
        True
    """

    labels: tuple[str, ...] | None = None
    present: Present | None = None

    def sees(self, made: MadeFrom) -> bool:
        """Whether the caller may see every document that it was made from."""
        if self.labels is None:
            return True
        if not made.known:
            return False
        now = self._now(made)
        return all(self._holds_one(labels) for source in made.sources for labels in _deciding(source, now))

    def hidden_of(self, doc_ids: Collection[str]) -> frozenset[str]:
        """Those of the documents that the caller may not see now; one that is gone is not among them.

        For what the caller was shown before, and may be shown again. All of them, where none can be looked up.

        Example:
            >>> now = [Source("d1", "h1", ("hr",)), Source("d2", "h2", ("staff",))]
            >>> staff = Caller(("staff",), lambda doc_ids: now)
            >>> sorted(staff.hidden_of(["d1", "d2", "d3"])), sorted(OWNER.hidden_of(["d1"]))
            (['d1'], [])
        """
        if self.labels is None or not doc_ids:
            return frozenset()
        if self.present is None:
            return frozenset(doc_ids)
        now = self.present(sorted(doc_ids))
        return frozenset(source.doc_id for source in now if not self._holds_one(source.labels))

    def _now(self, made: MadeFrom) -> Mapping[str, Source]:
        if self.present is None or not made.sources:
            return {}
        return {source.doc_id: source for source in self.present(sorted(made.doc_ids))}

    def _holds_one(self, labels: Iterable[str]) -> bool:
        return not set(self.labels or ()).isdisjoint(labels)


OWNER = Caller()
"""Nobody's labels are asked for."""


def made_from(records: Iterable[_Record]) -> MadeFrom:
    """Made from these documents, as they are now.

    Args:
        records: of the index, `instill.index.types.DocumentRecord`.
    """
    sources = {source_of(record) for record in records}
    return MadeFrom(tuple(sorted(sources)))


def together(parts: Iterable[MadeFrom]) -> MadeFrom:
    """Made from all of these.

    Example:
        >>> together([MadeFrom((Source("d2", "h2"),)), MadeFrom((Source("d1", "h1"),))]).doc_ids == {"d1", "d2"}
        True
        >>> together([]) == NOTHING
        True
    """
    every = list(parts)
    sources = {source for part in every for source in part.sources}
    return MadeFrom(tuple(sorted(sources)), all(part.known for part in every))


def keep_beside(folder: Path, made: MadeFrom) -> None:
    """Write down what everything in a folder was made from; what it was made from before still counts.

    Raises:
        OSError: the folder cannot be written.
    """
    before = kept_beside(folder)
    write_json(folder / BESIDE, (made if before is None else before | made).as_json())


def kept_beside(folder: Path) -> MadeFrom | None:
    """What was written down of a folder; None where nothing was, `UNKNOWN` where it cannot be read.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for source in (Source("d1", "h1"), Source("d2", "h2")):
        ...     keep_beside(folder, MadeFrom((source,)))
        >>> sorted(kept_beside(folder).doc_ids)
        ['d1', 'd2']
    """
    try:
        return MadeFrom.from_json(json.loads((folder / BESIDE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        return UNKNOWN


def source_of(record: _Record) -> Source:
    """The document as it is now."""
    return Source(record.doc_id, record.content_hash, tuple(sorted(set(record.labels))))


def _deciding(source: Source, now: Mapping[str, Source]) -> list[tuple[str, ...]]:
    """The label sets of which the caller must hold one each."""
    present = now.get(source.doc_id)
    if present is None:
        return [source.labels]
    return [present.labels] if present.version == source.version else [present.labels, source.labels]


def _source(entry: Any) -> Source | None:
    if not isinstance(entry, Mapping):
        return None
    doc_id, version, labels = entry.get("doc_id"), entry.get("version"), entry.get("labels")
    if not isinstance(doc_id, str) or not isinstance(version, str) or not isinstance(labels, list):
        return None
    if not all(isinstance(label, str) for label in labels):
        return None
    return Source(doc_id, version, tuple(sorted(set(labels))))
