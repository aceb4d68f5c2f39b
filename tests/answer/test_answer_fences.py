"""A part of a document is taken apart as it is in the whole: code that began before the part is code."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from instill.answer.found.fences import block_around, code_blocks
from instill.answer.found.pieces import open_window, pieces_at
from instill.answer.found.sentences import split_sentences
from instill.answer.said.piece_text import shown
from instill.index.types import Hit

PROSE = [f"The mill of Alba has wheel {number}, and it is turned by the water of the river." for number in range(40)]
CODE = [f"wheel.turn({number})" for number in range(120)]
DOCUMENT = "\n\n".join(
    [*PROSE[:20], "```\n" + "\n".join(CODE) + "\n```", *PROSE[20:], "~~~ python\nmill.stop()\n~~~", "The end of it."]
)

lines = st.sampled_from(["a b c", "```", "``` rust", "~~~", "", "x = 1;", "> ```", "    ```", "{{< highlight go >}}",
                         "{{< /highlight >}}"])  # fmt: skip


def hit_of(document: str, start: int, end: int) -> Hit:
    return Hit("d", 0, start, end, document[start:end], "", None, None, "a.md", "text", "A", (), {}, 1.0, 1.0, 1.0)


@given(parts=st.lists(lines, max_size=14), at=st.integers(0, 200))
def test_from_wherever_it_begins_code_is_what_it_is_in_the_whole(parts: list[str], at: int) -> None:
    """What is code and what is prose behind a line does not depend on where one begins to read."""
    document = "\n".join(parts)
    start = document.rfind("\n", 0, min(at, len(document))) + 1
    block = block_around(document, start)
    part = split_sentences(document[start:], inside=block.fence if block else "")
    code = {start + place for unit in part if unit.kind == "code" for place in range(unit.start, unit.end)}
    fenced = {place for each in code_blocks(document) for place in range(each.start, each.end)}
    for unit in split_sentences(document):
        if unit.kind == "code" and unit.start >= start and unit.start in fenced:
            assert unit.start in code
        if unit.kind in ("heading", "row") and unit.start >= start:
            assert unit.start not in code


def test_a_window_that_begins_in_code_quotes_a_paragraph_and_no_code() -> None:
    for place in (DOCUMENT.index(PROSE[25]), DOCUMENT.index(PROSE[38])):
        window = open_window(hit_of(DOCUMENT, place, place + len(PROSE[25])), DOCUMENT, 0)
        assert window is not None
        [piece] = pieces_at(window, place, sections=False)
        assert piece.text == DOCUMENT[place : DOCUMENT.index("\n\n", place)]
        assert "```" not in shown(piece)


def test_what_is_never_closed_reaches_to_the_end() -> None:
    assert [(each.start, each.end) for each in code_blocks("a\n```\nb\nc")] == [(2, 9)]
    assert code_blocks("a `b` c") == ()
