"""From an index to an `Answerer` for one caller, and from its answer to the log."""

from __future__ import annotations

from collections.abc import Sequence

from instill.answer.answerer import Answerer, Search, Speller
from instill.answer.asked.spelling import ASKED, MENDED
from instill.answer.found.followed import SearchWithin
from instill.answer.reading.reader import Reader
from instill.answer.types import Answer, Candidate, Citation, citations_of
from instill.catalog import Catalog
from instill.common.derived import made_from
from instill.documents.document import Page
from instill.encoders.protocol import Encoder
from instill.generators.protocol import Generator
from instill.index.lookup import StoredDocument
from instill.index.store import Index
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


def log_answer(
    catalog: Catalog, question: str, answer: Answer, labels: tuple[str, ...] | None, index: Index
) -> int | None:
    """Keep one exchange in the log of questions, with the labels that it was asked under; its number there.

    Args:
        index: the whole one, for the versions and labels of the documents that the answer shows.
    """
    shown = sorted(_shown_by(answer))
    return catalog.log_usage(
        question=question,
        standalone_question=answer.trace.standalone_question,
        abstained=answer.abstained,
        confidence=answer.confidence,
        citations=[
            {"doc_id": citation.doc_id, "start": citation.start, "end": citation.end} for citation in answer.citations
        ],
        milliseconds=answer.timings["total"],
        labels=labels,
        answer={
            "text": answer.text,
            "short": answer.short,
            "method": answer.trace.method,
            "generator": answer.trace.generator,
        },
        made_from=made_from(index.records(doc_ids=shown)).as_json() if shown else [],
    )


def _shown_by(answer: Answer) -> set[str]:
    """The documents whose words may stand in the answer: cited, nearest, and what a generator had read."""
    places: list[Citation | Candidate] = [*answer.citations, *citations_of(answer.nearest)]
    if answer.trace.method == "generator":
        places += answer.trace.context
    if any(MENDED in notice for notice in answer.notices) or ASKED in answer.text:
        places += answer.trace.candidates  # A word of theirs may stand in the place of a misspelt one.
    return {each.doc_id for each in places}
