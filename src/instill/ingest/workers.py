"""Who reads, cuts and encodes documents: this process (`LocalWorkers`), or others (`instill.ingest.ray_workers`).

A run asks for a document to be read, or for a batch to be encoded, and takes the result when it needs it. Between the
two, others may work; in this process a document is read when it is taken, and a batch is encoded beside the reading.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from instill.documents.buckets import BucketObject, fetch
from instill.documents.document import Parsed, Passage
from instill.documents.loaded_bytes import Content, Loaded
from instill.documents.plugged import Formats
from instill.documents.reader_process import ReaderPool
from instill.ingest.passages import passages_of, vectors_of
from instill.models.encoders.estimated import DocumentVectors
from instill.models.encoders.protocol import Encoder, Vectors
from instill.models.encoders.wrapped import Wrapped
from instill.settings import DocumentSettings

_FETCHES = 8
_FETCHED_AHEAD = 8 << 20  # bytes; a larger object is fetched when it is its turn

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Reading:
    """A source's bytes, and what is known of them; as for `instill.documents.reading.read`.

    Args:
        object: instead of the bytes, an object in a bucket, which is fetched by who reads it.
        unless: the content hash with which it need not be read.
    """

    data: bytes
    name: str
    content_type: str = ""
    object: BucketObject | None = None
    unless: str = ""


@dataclass(frozen=True, slots=True)
class Cut:
    """A document that was read and cut into passages.

    Args:
        fetched: what is known of the object's bytes; None where the reading came with its bytes.
    """

    kind: str
    parsed: Parsed
    passages: Sequence[Passage]
    fetched: Content | None = None


class Pending(Protocol[T_co]):
    """Work that was asked for."""

    def result(self) -> T_co:
        """What came of it; waits until it is done, and raises what the work raised."""
        ...


class Workers(Protocol):
    """Who does the work of a run.

    Attributes:
        documents_ahead: how many further documents may be asked for before the first is taken; 0: one at a time.
        batches_ahead: the same for batches.
    """

    @property
    def documents_ahead(self) -> int: ...

    @property
    def batches_ahead(self) -> int: ...

    def read(self, reading: Reading) -> Pending[Cut]:
        """Read and cut a document. Its result may raise `DocumentError`."""
        ...

    def encode(self, batch: Sequence[Sequence[str]]) -> Pending[list[DocumentVectors]]:
        """The vectors of the texts of each document of a batch, in its order."""
        ...

    def close(self) -> None:
        """End what was started for this run."""
        ...


@dataclass(frozen=True, slots=True)
class Later(Generic[T_co]):
    """Work that this process does when its result is taken."""

    do: Callable[[], T_co]

    def result(self) -> T_co:
        return self.do()


class LocalWorkers:
    """The work is done in this process; what may hang or crash a reader, in a process of its own (`ReaderPool`).

    Several objects of a bucket are fetched at the same time, while others are read. A batch is encoded in a thread
    while the documents of the next one are read: reading uses one core, and the encoder all of them.

    Args:
        open_encoder: called only when there is something to cut.
    """

    batches_ahead = 1

    def __init__(self, settings: DocumentSettings, open_encoder: Callable[[], Encoder], formats: Formats) -> None:
        self._settings = settings
        self._open_encoder = open_encoder
        self._readers = ReaderPool(settings, formats=formats)
        self._fetchers: ThreadPoolExecutor | None = None
        self._encoding = ThreadPoolExecutor(1, thread_name_prefix="instill-batch")  # starts with the first batch
        self._closed = threading.Event()

    @property
    def documents_ahead(self) -> int:
        return _FETCHES if self._fetchers is not None else 0

    def read(self, reading: Reading) -> Later[Cut]:
        load = self._begun(reading.object) if reading.object is not None else None
        return Later(lambda: read_and_cut(reading, self._readers, self._open_encoder, self._settings, load=load))

    def _begun(self, wanted: BucketObject) -> Callable[[], Loaded] | None:
        if wanted.size > _FETCHED_AHEAD:
            return None
        if self._fetchers is None:
            self._fetchers = ThreadPoolExecutor(_FETCHES, thread_name_prefix="instill-fetch")
        return self._fetchers.submit(fetch, wanted, self._settings).result

    def encode(self, batch: Sequence[Sequence[str]]) -> Pending[list[DocumentVectors]]:
        return self._encoding.submit(self._encoded, batch)

    def _encoded(self, batch: Sequence[Sequence[str]]) -> list[DocumentVectors]:
        if not batch:
            return []
        encoder = _UntilClosed(self._open_encoder(), self._closed)
        return vectors_of(encoder, batch, estimated_from=self._settings.estimated_from)

    def close(self) -> None:
        self._closed.set()
        self._encoding.shutdown(cancel_futures=True)
        if self._fetchers is not None:
            self._fetchers.shutdown(cancel_futures=True)
        self._readers.close()


class _UntilClosed(Wrapped):
    """An encoder that stops in the middle of its texts when the run has ended: after Ctrl-C nobody waits for them."""

    def __init__(self, encoder: Encoder, closed: threading.Event) -> None:
        super().__init__(encoder)
        self._closed = closed

    def encode_passages(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        def go_on(count: int) -> None:
            if self._closed.is_set():
                raise CancelledError
            if progress is not None:
                progress(count)

        go_on(0)
        return super().encode_passages(texts, progress=go_on)


def read_and_cut(
    reading: Reading,
    readers: ReaderPool,
    open_encoder: Callable[[], Encoder],
    settings: DocumentSettings,
    *,
    load: Callable[[], Loaded] | None = None,
) -> Cut:
    """Read a source and cut it by the encoder's tokens; an object is fetched first, or taken from `load`.

    Raises:
        DocumentError: it cannot be fetched, read or cut.
        InstillError: the object storage cannot be used.
    """
    data, fetched = reading.data, None
    if reading.object is not None:
        loaded = fetch(reading.object, settings) if load is None else load()
        data, fetched = loaded.data, Content.of(loaded)
        if fetched.content_hash == reading.unless:
            return Cut("", Parsed(""), (), fetched)
    kind, parsed = readers.read(data, name=reading.name, content_type=reading.content_type)
    return Cut(kind, parsed, passages_of(parsed, kind, open_encoder(), settings), fetched)
