"""What a workspace holds: documents, conversations, tables, figures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from instill.errors import UsageError
from instill.index.types import DocumentRecord
from instill.workspace.arguments import Labels, count_of, paths_of, text_of, utf8, whole_of
from instill.workspace.parts import Parts

if TYPE_CHECKING:
    import pyarrow as pa

    from instill.index.lookup import StoredDocument
    from instill.workspace.status import Status


class Looking(Parts):
    """What is read as it is kept."""

    def conversations(self, *, limit: int = 20, after: int = 0, labels: Labels = None) -> list[dict[str, Any]]:
        """The newest conversations that the caller may see.

        Each has `conversation_id`, `started`, `turns` (a number) and `first_question`.

        Args:
            limit: at most so many.
            after: how many of the newest to leave out.
        """
        seen = self.seen_by(labels).caller()
        return self.catalog.conversations(count_of(limit, "limit"), seen, after=max(0, whole_of(after, "after")))

    def sql(self, query: str, *, labels: Labels = None, near: str = "") -> pa.Table:
        """Read-only SQL over the views `documents` and `passages`.

        `near` adds a column `similarity` (cosine to this text) to `passages`.
        """
        return self._sql(query, labels=labels, near=near)

    def _sql(
        self, query: str, *, labels: Labels = None, near: str = "", called: Callable[[str], str] | None = None
    ) -> pa.Table:
        """See `sql`.

        Args:
            called: gives what stands in the column `source` in the place of a source; None: the source.
        """
        from instill.index.sql_limits import SqlLimits

        text_of(query, "query", what="The query is empty.", remedy='Try: instill sql "select count(*) from documents"')
        seen = self.seen_by(labels)
        if utf8(near, "near"):
            seen.check_encoder()
        vector = self.encoder.encode_queries([near])[0] if near else None
        limits = SqlLimits(**self.settings.sql.model_dump())
        return seen.index.sql(query, query_vector=vector, limits=limits, called=called)

    def show(self, reference: str | os.PathLike[str], *, labels: Labels = None) -> StoredDocument:
        """One document with its canonical text, by id, the start of an id, or source path.

        Raises:
            UsageError: the reference names no document, or several.
        """
        from instill.ingest.document_references import resolve

        index = self.seen_by(labels).index
        [named] = paths_of(reference, "reference")[:1]
        [record] = resolve(index, named, many=False)
        stored = index.document_text(record.doc_id)
        if stored is None:
            raise UsageError("The document has just been removed.", where=named)
        return stored

    def stored_documents(self) -> Iterator[StoredDocument]:
        """All documents with their text, by source; without those that are removed meanwhile."""
        yield from self.index.stored_documents([record.doc_id for record in self.documents()])

    def documents(self, *, where: str = "", labels: Labels = None) -> list[DocumentRecord]:
        """All documents that the caller may see, by source."""
        index = self.seen_by(labels).index
        if utf8(where, "where"):
            index.require_known_fields(where)
        records = index.records(where=where)
        return sorted(records, key=lambda record: record.source)

    def status(self, *, labels: Labels = None) -> Status:
        """What is in the workspace, as far as the caller may see it."""
        from instill.workspace.status import status_of

        seen = self.seen_by(labels)
        return status_of(
            self.path,
            seen.settings,
            self.catalog,
            seen.index,
            seen.threshold,
            writable=self.writable,
            learned=seen._adapted.sentences,
            labels=seen.labels,
        )
