"""An answer is made of whole pieces: code with what introduces it, lists, rows, short sections."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.answer.found.pieces import LONGEST_PIECE, LONGEST_STEPS, Piece, open_window, pieces_at
from instill.answer.found.sentences import split_sentences
from instill.answer.said.piece_text import shown
from instill.index.types import Hit

GUIDE = """\
---
owner: Ada
---

# Keep

Keep stores parcels.

## Removing it

Stop the service first, then use the following command:

```sh
keepctl remove --all
keepctl purge
```

Nothing is left behind.

## Settings

These can be changed:

- `size`: how many parcels fit
  - at most 90
- `colour`: of the door
1. Open the lid
2. Press the bell

Plain words between.

    indented --code
    second line

| Plan | Price |
| --- | --- |
| Small | 10 |
| Large | 25 |

Item: Chair; Size: M; Price: 12
Item: Table; Size: L; Price: 80
"""


def hit_of(text: str, start: int = 0, end: int | None = None) -> Hit:
    end = len(text) if end is None else end
    return Hit("d", 0, start, end, text[start:end], "", None, None, "a.md", "markdown", "Keep", (), {}, 1.0, 1.0, 1.0)


def piece_with(words: str, *, sections: bool = False, steps: bool = False, advice: bool = False) -> Piece:
    window = open_window(hit_of(GUIDE), GUIDE, 0)
    assert window is not None
    return pieces_at(window, GUIDE.index(words), sections=sections, steps=steps, advice=advice)[0]


@pytest.mark.parametrize("words", ["these methods", "check"])
def test_a_list_in_a_quotation_comes_with_the_line_that_introduces_it(words: str) -> None:
    text = "# Numbers\n\n> Too large.\n>\n> You can use these methods:\n>\n> - wrap\n> - check\n>\n> No more.\n"
    window = open_window(hit_of(text), text, 0)
    assert window is not None
    [piece] = pieces_at(window, text.index(words), sections=False)
    assert (piece.kind, piece.text) == ("list", "You can use these methods:\n>\n> - wrap\n> - check")


@pytest.mark.parametrize("caption", ["<span>Filename: Cargo.toml</span>", "**`src/app.py`**", "In `main.rs`:"])
def test_between_code_and_its_introduction_may_stand_the_name_of_its_file(caption: str) -> None:
    code, other = "```toml\na = 3\n```", "```\nb\n```"
    text = f"# A\n\nThese are the defaults:\n\n{caption}\n\n{code}\n\nMore.\n\n{caption}\n\n{other}\n"
    window = open_window(hit_of(text), text, 0)
    assert window is not None
    [piece] = pieces_at(window, text.index("a = 3"), sections=False)
    assert piece.text == f"These are the defaults:\n\n{caption}\n\n{code}"
    [alone] = pieces_at(window, text.index("b\n```"), sections=False)
    assert alone.text == f"{caption}\n\n{other}"


def test_code_comes_with_the_line_that_introduces_it() -> None:
    expected = "Stop the service first, then use the following command:\n```\nkeepctl remove --all\nkeepctl purge\n```"
    assert shown(piece_with("keepctl purge")) == expected
    assert shown(piece_with("Stop the service")) == expected
    assert piece_with("keepctl purge").headings == "Keep > Removing it"


def test_a_list_is_whole_and_keeps_its_numbers_and_depth() -> None:
    assert shown(piece_with("of the door")).splitlines() == [
        "These can be changed:",
        "- size: how many parcels fit",
        "  - at most 90",
        "- colour: of the door",
        "1. Open the lid",
        "2. Press the bell",
    ]


def test_indented_lines_are_code_with_their_paragraph() -> None:
    assert shown(piece_with("second line")) == "Plain words between.\n```\nindented --code\nsecond line\n```"


def test_a_row_has_the_names_of_its_columns_and_two_spans() -> None:
    piece = piece_with("| Large")
    assert (piece.kind, shown(piece)) == ("row", "Plan: Large, Price: 25")
    assert [GUIDE[start:end] for start, end in piece.spans] == ["| Plan | Price |", "| Large | 25 |"]


def test_a_record_is_one_line() -> None:
    piece = piece_with("Table; Size")
    assert (piece.kind, piece.text) == ("record", "Item: Table; Size: L; Price: 80")


def test_a_short_section_is_a_piece_without_its_heading() -> None:
    window = open_window(hit_of(GUIDE), GUIDE, 0)
    assert window is not None
    sections = [p for p in pieces_at(window, GUIDE.index("Nothing is left"), sections=True) if p.kind == "section"]
    assert [section.headings for section in sections] == ["Keep > Removing it"]
    assert shown(sections[0]).endswith("```\nNothing is left behind.")


def test_steps_are_taken_along_and_never_end_with_an_open_line() -> None:
    text = "# A\n\nDo it so.\n\nFirst:\n\n```\none\n```\n\nThen:\n\n```\ntwo\n```\n\nDone.\n"
    window = open_window(hit_of(text), text, 0)
    assert window is not None
    piece = pieces_at(window, text.index("Do it"), sections=False, steps=True)[0]
    assert "one" in piece.text
    assert not piece.text.rstrip().endswith(":")


@pytest.mark.parametrize("opening", ["{{< highlight bash >}}", "{% highlight sh %}", "~~~"])
def test_code_of_page_templates_is_code(opening: str) -> None:
    closing = {"{{<": "{{< / highlight >}}", "{% ": "{% endhighlight %}", "~~~": "~~~"}[opening[:3]]
    text = f"# A\n\nRun this:\n\n{opening}\nmake all\n{closing}\n\nEnd.\n"
    window = open_window(hit_of(text), text, 0)
    assert window is not None
    assert shown(pieces_at(window, text.index("make all"), sections=False)[0]) == "Run this:\n```\nmake all\n```"


def test_a_changed_document_has_no_window() -> None:
    assert open_window(hit_of("one two"), "one three", 0) is None
    assert open_window(hit_of("one two"), None, 0) is None


_line = st.sampled_from(
    ["", "# Head", "## Sub", "Some words here.", "Ends open:", "- item one", "  - deeper", "1. step", "```", "    code",
     "| a | b |", "| --- | --- |", "| 1 | 2 |", "K: v; L: w", "Key: value", "***", "日本語の文です。", "x" * 700]
)  # fmt: skip


@given(st.lists(_line, min_size=1, max_size=40), st.data())
def test_every_piece_is_text_of_its_document_and_holds_the_place(lines: list[str], data: st.DataObject) -> None:
    text = "\n".join(lines) + "\nEnd."
    window = open_window(hit_of(text), text, 0)
    assert window is not None
    place = data.draw(st.integers(0, len(text) - 1))
    for piece in pieces_at(window, place, sections=data.draw(st.booleans()), steps=data.draw(st.booleans())):
        assert all(0 <= start < end <= len(text) for start, end in piece.spans)
        assert list(piece.spans) == sorted(piece.spans)
        assert piece.text == "\n".join(text[start:end] for start, end in piece.spans)
        assert piece.size <= 2 * LONGEST_PIECE
        shown(piece)


@pytest.mark.parametrize(
    ("above", "led"),
    [
        ("We cannot send parcels to any of these towns, for want of roads.", True),
        ("The following towns are far.", True),
        ("Towns:", True),
        ("In these days you will...", True),
        ("We are closed in May. There are 3 towns that we send no parcels to.", True),
        ("There are 5 towns that we send no parcels to.", False),
        ("A parcel takes 2 days.", False),
        ("There are 2 towns far away. Parcels are sent everywhere.", False),
        ("Parcels are sent everywhere.", False),
    ],
)
def test_a_paragraph_that_points_on_belongs_to_its_list(above: str, led: bool) -> None:
    text = f"# Towns\n\n{above}\n\n- Lund\n- Ystad\n"
    window = open_window(hit_of(text), text, 0)
    assert window is not None
    [piece] = pieces_at(window, text.index("Ystad"), sections=False)
    assert piece.text == (f"{above}\n\n" if led else "") + "- Lund\n- Ystad"


def test_a_long_list_comes_with_the_line_that_announces_it() -> None:
    item = "- " + "Fill out the form of the people team. " * 12
    text = "# Start\n\nThere are 5 tasks.\n\n" + "\n".join([item.strip()] * 5) + "\n"
    window = open_window(hit_of(text), text, 0)
    assert window is not None
    assert LONGEST_PIECE < len(text) < LONGEST_STEPS
    [piece] = pieces_at(window, text.index("5 tasks"), sections=False)
    assert piece.text == text[text.index("There") :].strip()
    longer = text.replace("5 tasks", "10 tasks") + "\n".join([item.strip()] * 5) + "\n"
    window = open_window(hit_of(longer), longer, 0)
    assert window is not None
    [piece] = pieces_at(window, longer.index("10 tasks"), sections=False)
    assert piece.text.count("- Fill out") == 3
    assert piece.size <= LONGEST_PIECE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Sauna\n\nYes! The sauna is open. It closes at ten.\n", "Yes! The sauna is open. It closes at ten."),
        ("# Sauna\n\n**Is it hot?** Yes! It is.\n", "Is it hot? Yes! It is."),
        ("# Sauna\n\nYes![^1] It is.\n\n[^1]: At ten.\n", "Yes! It is."),
        ("# Sauna\n\nYes! [The page](https://example.com) says so.\n", "Yes! The page says so."),
        ("# Sauna\n\nNo. Towels are not given out.\n", "No. Towels are not given out."),
    ],
)
def test_the_word_that_answers_stays_in_front_of_its_sentence(text: str, expected: str) -> None:
    hit = Hit("d", 0, 0, len(text), text, "", None, None, "a.md", "text", "A", (), {}, 1.0, 1.0, 1.0)
    window = open_window(hit, text, 0)
    assert window is not None
    [piece] = pieces_at(window, text.rindex("T") if "Towels" in text else text.index("Yes"), sections=False)
    assert shown(piece) == expected


def test_a_warning_and_a_bold_line_are_no_list() -> None:
    text = (
        "Convert the data first.\n\n**IMPORTANT:** without this data is lost.\n\n**Version 2**\n\nBack it up.\n\n"
        "**Version 1**\n\nBuy a new one.\n\n**Speed.** We go fast.\n\n**Trust.** We trust.\n"
    )
    items = [text[unit.start : unit.end] for unit in split_sentences(text) if unit.kind == "item"]
    assert items == ["**Speed.**", "**Trust.**"]
