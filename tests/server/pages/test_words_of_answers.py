"""How an answer's passages and figures read on a page."""

from __future__ import annotations

from instill.common.place_in_words import headings_below
from instill.server.pages.rendering import belief, plain


def test_a_refusals_confidence_is_seen_to_lie_below_the_threshold() -> None:
    assert [belief(value, True) for value in (0.4987, 0.49999, 0.0)] == ["0.498", "0.499", "0.000"]
    assert belief(0.4987, False) == "0.50"


def test_a_passage_reads_without_targets_of_links() -> None:
    assert plain("- [A **stand**](https://example.com/x?ref=1) for `a*b`") == "A stand for a*b"


def test_headings_leave_out_the_title_and_keep_the_last() -> None:
    assert headings_below("Leave", "Leave > Parental leave > If you fall ill") == "Parental leave > If you fall ill"
    assert headings_below("Leave", "Leave") == ""
    assert headings_below("", "Leave > Illness") == "Leave > Illness"
    assert headings_below("Leave", "Parental leave > While away > If you fall ill", 30) == "… > If you fall ill"
    assert headings_below("A", "x" * 80, 60) == "x" * 80
