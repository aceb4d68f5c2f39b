from __future__ import annotations

from dataclasses import replace

import pytest

from instill.answer.citations import Citer, candidate, holds
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


@pytest.mark.parametrize(
    ("kind", "line"), [("markdown", 2), ("code", 2), ("csv", None), ("html", None), ("json", None)]
)
def test_a_line_is_told_only_where_it_is_the_files(kind: str, line: int | None) -> None:
    text = "One.\nTwo."
    hit = Hit("d1", 0, 0, len(text), text, "", None, None, "a", kind, "A", (), {}, 1.0, 1.0, 1.0)
    citation = Citer(lambda _: text).cite(hit, 5, 9)
    assert citation is not None
    assert citation.line == line


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


def test_a_span_may_lie_in_the_head_of_the_passages_table() -> None:
    text = "| A | B |\n| 1 | 2 |\n| 3 | 4 |"
    hit = replace(HIT, start=20, end=29, text="| 3 | 4 |", table_head="| A | B |", table_head_start=0)
    citer = Citer(lambda _: text)
    whole, part, row = citer.cite(hit, 0, 9), citer.cite(hit, 2, 3), citer.cite(hit, 20, 29)
    assert [each.text if each else None for each in (whole, part, row)] == ["| A | B |", "A", "| 3 | 4 |"]
    assert citer.failed == 0
    # Neither beyond the head nor from it into what is between.
    assert citer.cite(hit, 0, 10) is citer.cite(hit, 8, 8) is citer.cite(hit, 10, 19) is citer.cite(hit, 19, 29) is None
    assert citer.failed == 4
    later = replace(hit, table_head="| 1 | 2 |", table_head_start=10)
    assert [bool(citer.cite(later, start, end)) for start, end in ((10, 19), (9, 19), (10, 20))] == [True, False, False]


def test_the_page_is_that_of_the_beginning_of_the_span() -> None:
    def pages(_: str) -> tuple[Page, ...]:
        asked.append(1)
        return PAGES

    asked: list[int] = []
    citer = Citer(lambda _: TEXT, pages)
    found = [citer.cite(HIT, start, start + 2) for start in (0, 17, 19, 37)]
    assert [each.page for each in found if each] == [1, 1, 2, 2]
    assert len(asked) == 1
    # A passage on one page, or on none, needs no look at the pages.
    for hit, page in ((replace(HIT, last_page=1), 1), (replace(HIT, page=None, last_page=None), None)):
        cited = Citer(lambda _: TEXT, pages).cite(hit, 19, 39)
        assert cited is not None
        assert cited.page == page
    assert len(asked) == 1
    outside = Citer(lambda _: TEXT, lambda _: (Page(2, 0, 5),)).cite(HIT, 5, 9)
    assert outside is not None
    assert outside.page == 1


def test_the_trace_shows_a_hit_as_it_is() -> None:
    hit = replace(HIT, ordinal=3, score=0.5, keyword_score=2.0, vector_score=0.25)
    shown = candidate(hit)
    assert (shown.doc_id, shown.source, shown.ordinal, shown.start, shown.end) == ("d1", "b.pdf", 3, 0, len(TEXT))
    assert (shown.text, shown.title, shown.headings, shown.page) == (TEXT, "Bread", "Bread > Flour", 1)
    assert (shown.score, shown.keyword_score, shown.vector_score) == (0.5, 2.0, 0.25)


def test_a_citation_of_nothing_holds_nowhere() -> None:
    citation = Citer(lambda _: TEXT).cite(HIT, 0, 18)
    assert citation is not None
    assert not holds(replace(citation, start=3, end=3, text=""), TEXT)
    assert not holds(replace(citation, end=17), TEXT)
