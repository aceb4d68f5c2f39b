"""Documents: the list, one of them, and what is shown of it beside an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from instill.index.lookup import StoredDocument
from instill.server.api.documents import fits, found
from instill.server.errors import Refused, unknown
from instill.server.pages.headlines import sentence_of
from instill.server.pages.job_lists import jobs_of
from instill.server.pages.marked_text import around, window
from instill.server.pages.pdf_pictures import Pictures, has_pictures, pages_of
from instill.server.pages.rendering import page, rendered
from instill.server.service import Reading, Seen
from instill.workspace.asked_questions import Question

router = APIRouter(prefix="/documents")

_A_PAGE = 100
_AROUND = 20_000
_PICTURES = 4
"""Pages of one citation that are shown beside its answer."""
_DELETED = "The document that this citation points to was deleted, or your key does not see it."
_ASK_AGAIN = "Ask the question again: the answer then stands on the documents that are there."
_REMOVED_SHOWN = 50
_QUESTIONS_LOOKED_AT, _QUESTIONS_SHOWN = 500, 8
Place = Annotated[int, Query(ge=0, le=2**40)]
Words = Annotated[str, Query(max_length=1000)]
"""Of a cited span: only the sentence that holds these words is marked."""

_pictures = Pictures()


@router.get("", response_class=HTMLResponse)
def list_documents(
    seen: Reading, words: str = Query("", max_length=200), after: int = Query(0, ge=0, le=10**9)
) -> HTMLResponse:
    """The documents that the caller may see, and where one adds some."""
    records = seen.workspace.documents()
    fitting = [each for each in records if fits(seen, each, words)]
    shown = fitting[after : after + _A_PAGE]
    jobs = jobs_of(seen, "add", "add url", "sync", "refine")
    return page(
        seen, "documents.html", "/documents", records=shown, count=len(fitting), all=len(records), words=words,
        after=after, next=after + _A_PAGE if after + _A_PAGE < len(fitting) else None, jobs=jobs,
        labels=sorted({label for each in records for label in each.labels}), shown_removed=_REMOVED_SHOWN,
        removed=seen.service.opened.whole.removed(labels=seen.labels) if seen.who.may("editor") else [],
    )  # fmt: skip


@router.get("/{doc_id}", response_class=HTMLResponse)
def show(
    seen: Reading, doc_id: str, start: Place = 0, end: Place = 0, words: Words = "", first: int | None = None
) -> HTMLResponse:
    """One document: its text with its passages, its pages, and what it answered."""
    stored = _stored(seen, doc_id, is_cited=end > start)
    passages = seen.workspace.index.passages_of(stored.record.doc_id)
    start, end = sentence_of(words, stored.text, start, end)
    begin = first if first is not None else around(len(stored.text), start)
    shown = window(stored, _marks(start, end), passages, start=max(0, begin))
    asked, asked_all = _asked(seen, stored.record.doc_id)
    return page(
        seen, "document.html", "/documents", record=stored.record, window=shown, passages=len(passages),
        pictures=pages_of(stored) if has_pictures(stored.record, seen.workspace.settings.documents) else [],
        asked=asked, asked_all=asked_all,
    )  # fmt: skip


@router.get("/{doc_id}/source", response_class=HTMLResponse)
def source(seen: Reading, doc_id: str, start: Place = 0, end: Place = 0, words: Words = "") -> HTMLResponse:
    """What is shown beside an answer: the words where they stand."""
    stored = _stored(seen, doc_id, is_cited=True)
    start, end = sentence_of(words, stored.text, start, end)
    begin = around(len(stored.text), start, _AROUND)
    pictured = has_pictures(stored.record, seen.workspace.settings.documents)
    pages = pages_of(stored, start, end) if pictured else []
    shown = window(stored, _marks(start, end), start=begin, most=_AROUND)
    values = {
        "names": seen.names,
        "record": stored.record,
        "window": shown,
        "pictures": pages[:_PICTURES],
        "more_pictures": len(pages[_PICTURES:]),
        "start": start,
        "end": end,
    }
    return HTMLResponse(rendered("source_pane.html", who=seen.who, **values))


@router.get("/{doc_id}/pages/{number}", response_class=Response)
def picture(seen: Reading, doc_id: str, number: int, start: Place = 0, end: Place = 0) -> Response:
    """A page of a PDF as a picture, with the words `[start, end)` of the document's text marked."""
    stored = _stored(seen, doc_id)
    found = next((each for each in stored.pages if each.number == number), None)
    if found is None:
        raise unknown("The document has no such page.", str(number))
    png = _pictures.of(stored, found, start, end, seen.workspace.settings.documents)
    return Response(png, media_type="image/png", headers={"cache-control": "private, max-age=300"})


def _stored(seen: Seen, reference: str, *, is_cited: bool = False) -> StoredDocument:
    try:
        record = found(seen, reference)
    except Refused as error:
        raise unknown(_DELETED, "", _ASK_AGAIN) if is_cited else error from error
    stored = seen.workspace.index.document_text(record.doc_id)
    if stored is None:
        raise unknown("No document has this name or id.", reference[:80])
    return stored


def _marks(start: int, end: int) -> Sequence[tuple[int, int]]:
    return [(start, end)] if end > start else []


def _asked(seen: Seen, doc_id: str) -> tuple[list[tuple[Question, int]], int]:
    """The newest questions that the document answered, each once in whatever case, and how often it was asked; and how
    many there are in all."""
    questions: list[Question] = seen.feedback.newest("answered", limit=_QUESTIONS_LOOKED_AT)
    cited = [each for each in questions if any(place["doc_id"] == doc_id for place in each.citations)]
    often = Counter(map(_alike, cited))
    newest = {_alike(each): each for each in reversed(cited)}
    shown = sorted(newest.values(), key=lambda each: each.question_id, reverse=True)[:_QUESTIONS_SHOWN]
    return [(each, often[_alike(each)]) for each in shown], len(newest)


def _alike(question: Question) -> str:
    return " ".join(question.question.lower().split())
