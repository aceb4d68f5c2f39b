"""From an index to an `Answerer` for one caller."""

from __future__ import annotations

from collections.abc import Sequence

from instill.answer.answerer import Answerer, Speller
from instill.answer.found.follow_up_passages import SearchWithin
from instill.answer.passage_candidates import Search
from instill.answer.reading.reader import Reader
from instill.documents.document import Page
from instill.index.lookup import StoredDocument
from instill.index.store import Index
from instill.models.encoders.protocol import Encoder
from instill.models.generators.protocol import Generator
from instill.settings import Settings


def answerer_for(
    index: Index,
    *,
    search: Search,
    search_within: SearchWithin | None = None,
    labels: tuple[str, ...] | None,
    encoder: Encoder,
    generator: Generator | None,
    reader: Reader | None,
    settings: Settings,
    speller: Speller | None = None,
    threshold: float | None = None,
) -> Answerer:
    """An answerer that sees what `labels` may see.

    Args:
        search: the index's search, restricted in the same way.
        speller: looks for misspelt words in what the caller sees.
        search_within: the same in some documents only, for follow-ups.
        threshold: below this confidence the answer is a refusal; None: what the settings say.
    """
    documents: dict[str, StoredDocument | None] = {}

    def document(doc_id: str) -> StoredDocument | None:
        if doc_id not in documents:
            documents[doc_id] = index.document_text(doc_id, labels=labels)
        return documents[doc_id]

    def document_text(doc_id: str) -> str | None:
        stored = document(doc_id)
        return None if stored is None else stored.text

    def document_pages(doc_id: str) -> Sequence[Page]:
        stored = document(doc_id)
        return () if stored is None else stored.pages

    return Answerer(
        search=search,
        search_within=search_within,
        document_text=document_text,
        document_pages=document_pages,
        passage_vectors=index.vectors_of,
        encoder=encoder,
        generator=generator,
        reader=reader,
        speller=speller,
        settings=settings.answer if threshold is None else settings.answer.model_copy(update={"threshold": threshold}),
        generator_settings=settings.generator,
    )
