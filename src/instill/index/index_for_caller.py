"""An index as one caller sees it: what is read from it is under the caller's labels, whoever forgets to say so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from instill.index.fusion import Fusion
from instill.index.lookup import StoredDocument, StoredPassage
from instill.index.store import Index
from instill.index.types import DocumentRecord, SearchRequest, SearchResult
from instill.index.vocabulary import Vocabulary
from instill.models.encoders.protocol import Vectors

if TYPE_CHECKING:
    import pyarrow as pa

    from instill.index.sql_limits import SqlLimits


class SeenIndex(Index):
    """The same index, of which a caller who holds `labels` sees a part.

    Labels that are given to a method restrict it further: only those of them count that the caller holds.

    Args:
        labels: that the caller holds; () sees nothing.
    """

    def __init__(self, index: Index, labels: Sequence[str]) -> None:
        self.__dict__.update(index.__dict__)  # One table, one memory of scores, whoever looks.
        self._whole = index  # which releases the store when nobody uses it any more
        self.labels = tuple(sorted(set(labels)))

    def _held(self, labels: Sequence[str] | None) -> tuple[str, ...]:
        return self.labels if labels is None else tuple(label for label in self.labels if label in set(labels))

    def records(
        self,
        sources: Sequence[str] | None = None,
        *,
        doc_ids: Sequence[str] | None = None,
        labels: Sequence[str] | None = None,
        where: str = "",
    ) -> list[DocumentRecord]:
        """See `Index.records`."""
        return super().records(sources, doc_ids=doc_ids, labels=self._held(labels), where=where)

    def find_by_hash(self, content_hash: str) -> list[DocumentRecord]:
        """See `Index.find_by_hash`."""
        return [record for record in super().find_by_hash(content_hash) if set(record.labels) & set(self.labels)]

    def count(self, labels: Sequence[str] | None = None) -> tuple[int, int]:
        """See `Index.count`."""
        return super().count(self._held(labels))

    def document_texts(self, doc_ids: Sequence[str], labels: Sequence[str] | None = None) -> dict[str, StoredDocument]:
        """See `Index.document_texts`. `document_text` reads through it."""
        return super().document_texts(doc_ids, self._held(labels))

    def passages_of(self, doc_id: str, labels: Sequence[str] | None = None) -> list[StoredPassage]:
        """See `Index.passages_of`."""
        return super().passages_of(doc_id, self._held(labels))

    def neighbours(
        self, doc_id: str, ordinal: int, before: int = 1, after: int = 1, labels: Sequence[str] | None = None
    ) -> list[StoredPassage]:
        """See `Index.neighbours`."""
        return super().neighbours(doc_id, ordinal, before, after, self._held(labels))

    def require_known_fields(self, where: str, labels: Sequence[str] | None = None) -> None:
        """See `Index.require_known_fields`."""
        super().require_known_fields(where, self._held(labels))

    def search_fused(
        self, request: SearchRequest, query_vector: Vectors | None, fusions: Sequence[Fusion]
    ) -> list[SearchResult]:
        """See `Index.search_fused`."""
        return super().search_fused(replace(request, labels=self._held(request.labels)), query_vector, fusions)

    def vocabulary(self, labels: Sequence[str] | None = None, where: str = "") -> Vocabulary:
        """See `Index.vocabulary`."""
        return super().vocabulary(self._held(labels), where)

    def sql(
        self,
        query: str,
        labels: Sequence[str] | None = None,
        *,
        query_vector: Vectors | None = None,
        limits: SqlLimits | None = None,
        called: Callable[[str], str] | None = None,
    ) -> pa.Table:
        """See `Index.sql`."""
        return super().sql(query, self._held(labels), query_vector=query_vector, limits=limits, called=called)
