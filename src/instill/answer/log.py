"""An answer in the log of questions, with the labels that it was asked under."""

from __future__ import annotations

from instill.answer.types import Answer, Candidate, Citation, citations_of
from instill.answer.uses_of_answer import read_documents, uses_of
from instill.catalog import Catalog
from instill.common.kept_answers import ASKED, MENDED
from instill.common.made_from import made_from
from instill.index.store import Index


def log_answer(
    catalog: Catalog,
    question: str,
    answer: Answer,
    labels: tuple[str, ...] | None,
    index: Index,
    *,
    uses: bool,
    key_id: str = "",
) -> int | None:
    """Keep one exchange in the log of questions, with the labels that it was asked under; its number there.

    Args:
        index: the whole one, for the versions and labels of the documents that the answer shows.
        key_id: of the key that asked; "" without one.
        uses: keep in the ledger which spans served the answer.
    """
    cited = sorted({each.doc_id for each in answer.citations}) if uses else []
    stored = index.document_texts(cited) if cited else {}
    documents = read_documents(cited, [stored.get(doc_id) for doc_id in cited])
    shown = sorted(_shown_by(answer))
    return catalog.log_question(
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
            **({"unread": answer.trace.unread} if answer.trace.unread else {}),
        },
        made_from=made_from(index.records(doc_ids=shown)).as_json() if shown else [],
        uses=uses_of(answer, documents),
        key_id=key_id,
    )


def _shown_by(answer: Answer) -> set[str]:
    """The documents whose words may stand in the answer: cited, nearest, and what a generator had read."""
    places: list[Citation | Candidate] = [*answer.citations, *citations_of(answer.nearest)]
    if answer.trace.method == "generator":
        places += answer.trace.context
    if any(MENDED in notice for notice in answer.notices) or ASKED in answer.text:
        places += answer.trace.candidates  # A word of theirs may stand in the place of a misspelt one.
    return {each.doc_id for each in places}
