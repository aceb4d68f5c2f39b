"""What the rooms above need of a store: `Store`, and `View`, one version of it.

`instill.index.store.Index` has the rest, the same for every store: who may write, which generation is live, how both
legs become one ranking, spelling, SQL. The Lance store is `instill.index.lance`; others are in `instill.index.stores`,
where also `Collection` is: the little that a plain vector database has to do, which `collection_store.py` makes a
`Store` of.

Every method that takes `labels` treats None as the unrestricted caller and `()` as a caller who sees nothing. What a
caller does not see has no part in anything that is returned, in counts and in scores. `where` is a filter as a person
writes it (see `instill.index.filters`); it was parsed before, so it is valid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

from instill.index.types import DocumentRecord, IndexedDocument, Keep
from instill.models.encoders.protocol import Vectors

if TYPE_CHECKING:
    import pyarrow as pa

    from instill.index.lookup import StoredDocument, StoredPassage

Result = TypeVar("Result")

Scored = dict[int, float]
"""Scores by row; a row is a passage in one version of a store. Of two rows the older has the smaller number."""

Keys = dict[int, str]
"""The key of a passage, "doc_id:ordinal", by row."""

Who = Literal["store", "instill"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Who does what. What the store cannot do Instill does above it.

    Args:
        transactions: that a commit is there whole or not at all, and that a reader sees one version.
        keywords: the keyword leg.
        filters: conditions of `--where`.
        labels: leaving out before ranking what a caller may not see.
        sharing: who may have it open at a time: "processes" of this machine, "machines" that share the workspace's
            folder, machines "anywhere", or one "process".
        tried: whether this implementation has been run against the real service.
        note: what else a user should know, a sentence; "" for nothing.
        left: what `rewrite` cannot take out of removed rows, a sentence for receipts; "" where nothing is left.
    """

    transactions: Who = "store"
    keywords: Who = "store"
    filters: Who = "store"
    labels: Who = "store"
    sharing: Literal["process", "processes", "machines", "anywhere"] = "processes"
    tried: bool = True
    note: str = ""
    left: str = ""


@dataclass(frozen=True, slots=True)
class Stats:
    """Sizes. `unindexed` rows are searched one by one until upkeep; `bytes` is the whole generation on disk, as far as
    the store tells."""

    rows: int
    unindexed: int
    versions: int
    bytes: int
    vector_index: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """Among which passages is searched.

    Args:
        labels: those that the caller holds.
        where: a filter, or "".
        documents, titles: only passages of documents with one of these ids or titles; both empty: of all.
    """

    labels: tuple[str, ...] | None = None
    where: str = ""
    documents: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()


class HasKey(Protocol):
    """What names a passage: a `Hit`, or a `PassageKey`."""

    @property
    def doc_id(self) -> str: ...
    @property
    def ordinal(self) -> int: ...


class PassageKey(NamedTuple):
    """The name of a passage."""

    doc_id: str
    ordinal: int


class View(Protocol):
    """One version of a store. What is read through it belongs together, whatever is committed meanwhile."""

    @property
    def version(self) -> int:
        """Grows with every commit, anybody's."""
        ...

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        ...

    # -- documents ---------------------------------------------------------------------------------------------

    def records(
        self,
        sources: Sequence[str] | None,
        doc_ids: Sequence[str] | None,
        labels: Sequence[str] | None,
        where: str,
    ) -> list[DocumentRecord]:
        """Documents with one of `sources` and one of `doc_ids` (None: any), sorted by source.

        A record shows only those labels that the caller holds. A filter on pages or headings is met by a document
        with a passage that meets it.
        """
        ...

    def find_by_hash(self, content_hash: str) -> list[DocumentRecord]:
        """Documents with exactly these bytes, sorted by source."""
        ...

    def count(self, labels: Sequence[str] | None) -> tuple[int, int]:
        """How many documents and passages there are."""
        ...

    def document_texts(self, doc_ids: Sequence[str], labels: Sequence[str] | None) -> dict[str, StoredDocument]:
        """Documents by id with their canonical text and structure; without those that the caller may not see."""
        ...

    def passages_of(
        self, doc_id: str, labels: Sequence[str] | None, *, first: int = 0, last: int | None = None
    ) -> list[StoredPassage]:
        """Passages `first` to `last` (inclusive; None: to the end), in order."""
        ...

    def metadata_keys(self, labels: Sequence[str] | None) -> list[str]:
        """The metadata keys of the documents that the caller may see, sorted."""
        ...

    def has_key(self, key: str, labels: Sequence[str] | None) -> bool:
        """Whether a document that the caller may see has this metadata key with a value."""
        ...

    # -- searching ---------------------------------------------------------------------------------------------

    def nearest(self, vector: Vectors, wanted: Wanted, pool: int) -> tuple[Scored, Keys]:
        """The vector leg: the cosine of the `pool` nearest passages, and their keys.

        Args:
            vector: float32 `(dimension,)`, of length 1.
        """
        ...

    def matching(self, query: str, wanted: Wanted, pool: int) -> tuple[Scored, Scored | None]:
        """The keyword leg: BM25 of the `pool` best passages that hold a term, and of all that hold one.

        The second is None where that is not known. Scores are counted over what the caller sees.

        Args:
            query: any characters; all of them are plain text.
        """
        ...

    def cosines(self, vector: Vectors, rows: set[int]) -> Scored:
        """The score that rows lack which only the keyword leg brought."""
        ...

    def keyword_scores(self, query: str, labels: tuple[str, ...] | None, rows: Keys) -> Scored:
        """The score that rows lack which only the vector leg brought; 0 where no term matches."""
        ...

    def fields(self, rows: Sequence[int], labels: Sequence[str] | None) -> dict[int, dict[str, Any]]:
        """What a `Hit` shows of each row, but for its scores."""
        ...

    def vectors_of(self, passages: Sequence[HasKey]) -> Vectors:
        """float32 `(len(passages), dimension)`; a row of zeros where a passage is not there."""
        ...

    # -- reading all -------------------------------------------------------------------------------------------

    def texts(self, labels: Sequence[str] | None, where: str, most: int) -> list[str]:
        """What the keyword leg searches of each passage; of evenly spread ones, where all have over `most` words."""
        ...

    def batches(
        self, table: Literal["documents", "passages"], columns: Sequence[str], labels: Sequence[str] | None
    ) -> Iterator[pa.RecordBatch]:
        """All that the caller may see, with columns of `instill.index.schema`; for SQL and for copies.

        `metadata` is JSON as text. Of documents, `document` and `structure` can be asked for.
        """
        ...


class Store(Protocol):
    """One generation of an index. `Index` sees to it that only one process at a time calls what changes it."""

    @property
    def capabilities(self) -> Capabilities: ...

    def reading(self, read: Callable[[View], Result]) -> Result:
        """`read` the newest version; once more if that was cleaned away meanwhile.

        Raises:
            WorkspaceError: the store cannot be read.
        """
        ...

    def newest(self) -> View:
        """The newest version, for a caller that holds the write lock."""
        ...

    def put(self, documents: Sequence[IndexedDocument], kept: Sequence[Keep]) -> None:
        """In one commit put in whole documents, replacing those with the same id, and the new names and labels of
        `kept` ones.

        A document that is known stays as old as it is. Of two with one id the last one counts.

        Raises:
            WorkspaceError: it cannot be written; nothing was changed.
        """
        ...

    def remove(self, doc_ids: Sequence[str]) -> int:
        """In one commit take documents out; how many were there."""
        ...

    def needs_upkeep(self) -> bool:
        """Whether so much was changed that searching has become slower than it need be."""
        ...

    def upkeep(
        self,
        alone: Callable[[], AbstractContextManager[None]],
        *,
        progress: Callable[[str], None] | None = None,
        force: bool = False,
    ) -> None:
        """Make searching fast again and delete what nobody reads any more.

        May be killed at any moment. `alone` keeps other writers out.
        """
        ...

    def rewrite(self) -> None:
        """Leave nothing of what was removed, as far as the store allows; called with the write lock held."""
        ...

    def damage(self) -> list[str]:
        """What is wrong with what is stored, a sentence each."""
        ...

    def stats(self) -> Stats:
        """Sizes, for `status` and `doctor`."""
        ...

    def drop(self) -> None:
        """Delete all of it."""
        ...

    def close(self) -> None:
        """Release what is open."""
        ...


class Lock(Protocol):
    """Keeps other writers out; it may be taken again by the thread that holds it."""

    def acquire(self) -> object:
        """Wait for it.

        Raises:
            WorkspaceError, filelock.Timeout: another one keeps it too long.
        """
        ...

    def release(self) -> object:
        """Let the next one write."""
        ...


@runtime_checkable
class HasLock(Protocol):
    """A store whose writers take turns by a lock of its own, because they share no folder."""

    @property
    def lock(self) -> Lock: ...


@runtime_checkable
class BuildsGraphApart(Protocol):
    """A store that can do its upkeep without the graph of the vectors, which takes longest: for vectors that are soon
    replaced, and are compared one by one meanwhile."""

    def upkeep_but_graph(
        self, alone: Callable[[], AbstractContextManager[None]], *, progress: Callable[[str], None] | None = None
    ) -> None:
        """As `Store.upkeep`, without the graph."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a generation is kept.

    Args:
        folder: in the workspace, for what the store keeps on this machine; the generation's own.
        name: the generation's, for what it keeps elsewhere: letters and digits.
        dimension: length of the vectors.
        url: of a server, or ""; without a password.
        key: the password or key for it, or "".
        read_only: nothing may be written.
        cache_gb: what a copy of it on this machine may take.
    """

    folder: Path
    name: str
    dimension: int
    url: str = ""
    key: str = ""
    read_only: bool = False
    cache_gb: float = 0.0
