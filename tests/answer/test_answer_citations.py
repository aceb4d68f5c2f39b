from __future__ import annotations

from dataclasses import replace

import pytest

from instill.answer.citations import Citer, holds
from instill.documents.document import Page
from instill.index.types import Hit

TEXT = "Page one says rye. Page two says wheat."
HIT = Hit("d1", 0, 0, len(TEXT), TEXT, "Bread > Flour", 1, 2, "b.pdf", "pdf", "Bread", (), {}, 1.0, 1.0, 1.0)
PAGES = (Page(1, 0, 19), Page(2, 19, len(TEXT)))


def test_a_citation_carries_its_place() -> None:
    citation = Citer(lambda _: TEXT, lambda _: PAGES).cite(HIT, 19, 39)
    assert citation is not None
    assert (citation.text, citation.page, citation.headings) == ("Page two says wheat.", 2, "Bread > Flour")
    assert (citation.doc_id, citation.source, citation.title) == ("d1", "b.pdf", "Bread")
    assert holds(citation, TEXT)


def test_without_pages_the_first_page_of_the_passage_counts() -> None:
    citation = Citer(lambda _: TEXT).cite(HIT, 19, 39)
    assert citation is not None
    assert citation.page == 1


@pytest.mark.parametrize("text", [None, "", TEXT[1:], TEXT.replace("wheat", "WHEAT")])
def test_a_span_that_the_document_does_not_hold_is_dropped_and_counted(text: str | None) -> None:
    citer = Citer(lambda _: text)
    assert citer.cite(HIT, 19, 39) is None
    assert citer.failed == 1


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (5, 5), (6, 5), (0, len(TEXT) + 1), (18, 19)])
def test_a_span_outside_the_passage_or_of_nothing_is_dropped(start: int, end: int) -> None:
    citer = Citer(lambda _: TEXT)
    assert citer.cite(HIT, start, end) is None
    assert citer.failed == 1


def test_offsets_are_the_documents() -> None:
    hit = replace(HIT, start=19, end=39, text=TEXT[19:39])
    citation = Citer(lambda _: TEXT, lambda _: PAGES).cite(hit, 24, 28)
    assert citation is not None
    assert (citation.text, citation.page) == (TEXT[24:28], 2)


def test_a_changed_citation_does_not_hold() -> None:
    citation = Citer(lambda _: TEXT).cite(HIT, 0, 18)
    assert citation is not None
    assert not holds(replace(citation, start=1), TEXT)
    assert not holds(citation, None)


def test_a_document_is_read_once() -> None:
    asked: list[str] = []

    def text_of(doc_id: str) -> str:
        asked.append(doc_id)
        return TEXT

    citer = Citer(text_of)
    citer.cite(HIT, 0, 18)
    citer.cite(HIT, 19, 39)
    assert asked == ["d1"]
