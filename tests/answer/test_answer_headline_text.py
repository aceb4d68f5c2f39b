"""A headline reads like the answer under it: no marks of Markdown, no targets of links, no line that only announces."""

from __future__ import annotations

import numpy as np
import pytest

from instill.answer.asked.kind_of_answer import read_question
from instill.answer.found.chosen_piece import Chosen
from instill.answer.found.pieces import open_window, pieces_at
from instill.answer.harmless_text import plain_part
from instill.answer.reading.findings import Findings
from instill.answer.reading.reader import Reading
from instill.answer.said.short_answer import short_answer
from tests.answer.test_answer_pieces import hit_of

TEXT = (
    "- Take a **minimum of 30 days** off, see [the policy](off.md#minimum) and `a*b*c` or *x*, <b>bold</b> "
    "**[see](x.md)** \\*"
)


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        ("minimum of 30 days** off", "minimum of 30 days off"),
        ("**minimum of 30 days", "minimum of 30 days"),
        ("30 days", "30 days"),
        ("[the policy](off.md#minimum)", "the policy"),
        ("policy](off.md#minimum)", "policy"),
        ("the policy](off.md#minimum", ""),
        ("off.md#minimum", ""),
        ("`a*b*c` or *x", "a*b*c or x"),
        ("bold</b> **[see", "bold see"),
        ("see](x.md)** \\*", "see *"),
    ],
)
def test_a_part_is_shown_as_the_whole_shows_it(part: str, shown: str) -> None:
    start = TEXT.index(part)
    assert plain_part(TEXT, start, start + len(part)) == shown


def headline(text: str, words: str, question: str) -> str:
    """The headline of the piece around `words`, where the reader marks them with all its belief."""
    hit = hit_of(text)
    window = open_window(hit, text, 0)
    assert window is not None
    piece = pieces_at(window, text.index(words), sections=False)[0]
    start = piece.text.index(words)
    end = start + len(words)
    reading = Reading(start, end, 9.0, 9.0, 9.0, np.ones(1, np.float32), np.array([[start, end]]))
    return short_answer(read_question(question), [Chosen(piece, 1.0, reading)], Findings((hit,), (reading,)))


def test_emphasis_is_left_out_of_the_headline() -> None:
    text = "We encourage all teammates to take a **minimum of 30 days** total paid time off in a calendar year.\n"
    question = "How many days of leave do I get?"
    assert headline(text, "minimum of 30 days** total", question) == "minimum of 30 days total"


def test_a_target_of_a_link_is_no_headline() -> None:
    text = "Bands are looked at twice a year. If one is low, [we adjust it](index.md#how-bands-are-changed) at once.\n"
    assert headline(text, "index.md#how-bands-are-changed", "Which section describes bands?") == ""
    assert headline(text, "we adjust it", "Which section describes bands?") == "we adjust it"


def test_a_line_that_announces_a_list_is_no_headline() -> None:
    text = "There are 2 tasks within 48 hours of signing.\n\n- Fill out the form of the people team.\n- Send a photo.\n"
    assert headline(text, "There are 2 tasks within 48 hours of signing", "What must I do after signing?") == ""
    assert headline(text, "48 hours", "How many hours are there after signing?") == "within 48 hours"
