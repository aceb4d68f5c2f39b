from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.answer.found.sentences import LONGEST, Sentence, split_sentences


def pieces(text: str) -> list[str]:
    return [text[unit.start : unit.end] for unit in split_sentences(text)]


def kinds(text: str) -> list[tuple[str, str]]:
    return [(unit.kind, text[unit.start : unit.end]) for unit in split_sentences(text)]


STRUCTURED = st.lists(
    st.sampled_from(
        ["# Head", "Title\n=====", "- item one", "* item. Two.", "1. first", "   - nested:", "| a | b |", "|---|---|",
         "```py", "x = {1}",
         "```", "", "   ", "Prose. More prose! And e.g. this?", "ends with:", "**Bold.** lead",
         "中文句子。第二句！", "\t\ttabs\there", "\u200b\u200b", "a" * 700, "word " * 200, ">>> f(x)", "---",
         "\x1b[31m", "é\u0301", "> Said. And", "> - quoted", "> > ```", ">"]
    ),
    max_size=12,
).map("\n".join)  # fmt: skip


@given(st.one_of(STRUCTURED, st.text(max_size=300)))
def test_units_are_in_order_apart_and_cover_everything(text: str) -> None:
    units = split_sentences(text)
    place = 0
    for unit in units:
        assert text[place : unit.start].replace(">", "").strip() == ""
        assert place <= unit.start < unit.end <= len(text)
        assert text[unit.start : unit.end] == text[unit.start : unit.end].strip()
        place = unit.end
    assert text[place:].replace(">", "").strip() == ""


QUOTED = """Note:

> ##### Overflow
>
> Use one of these
> methods:
>
> - wrap, as with
>   `wrapping_add`
> - check
>
> ```
> x = 1
> ```
> > Said. Again
> > and again.
"""


def test_lists_and_code_in_a_quotation_are_what_they_are_elsewhere() -> None:
    assert kinds(QUOTED) == [
        ("prose", "Note:"),
        ("heading", "##### Overflow"),
        ("prose", "Use one of these\n> methods:"),
        ("item", "- wrap, as with\n>   `wrapping_add`"),
        ("item", "- check"),
        ("mark", "```"),
        ("code", "x = 1"),
        ("mark", "```"),
        ("prose", "Said."),
        ("prose", "Again\n> > and again."),
    ]
    units = split_sentences(QUOTED)
    assert [unit.intro for unit in units if unit.kind == "item"] == [2, 2]


@pytest.mark.parametrize("text", [">>> x = 1", "> 90 days: refund", ">x"])
def test_what_is_no_quotation_keeps_its_sign(text: str) -> None:
    assert pieces(text) == [text]


@pytest.mark.parametrize("text", ["a\n```", "e\u0301\n```\nx = 1\n```"])
def test_a_fence_below_a_short_word_is_a_fence(text: str) -> None:
    assert [kind for kind, _ in kinds(text)][:2] == ["prose", "mark"]


@given(STRUCTURED)
def test_links_point_at_earlier_units(text: str) -> None:
    units = split_sentences(text)
    for position, unit in enumerate(units):
        assert unit.intro is None or unit.intro < position
        assert unit.section is None or (unit.section < position and units[unit.section].kind == "heading")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Dr. Smith met Mr. J. Doe. They spoke.", ["Dr. Smith met Mr. J. Doe.", "They spoke."]),
        ("It costs 3.50 euros, i.e. 4.10 dollars. Fine.", ["It costs 3.50 euros, i.e. 4.10 dollars.", "Fine."]),
        ("See Fig. 3 and No. 5 of Sec. 2. Done.", ["See Fig. 3 and No. 5 of Sec. 2.", "Done."]),
        ("The U.S. Army came. It left.", ["The U.S. Army came.", "It left."]),
        ("He lives in the U.S. She does not.", ["He lives in the U.S.", "She does not."]),
        ("Milk, eggs, etc. The rest is here.", ["Milk, eggs, etc.", "The rest is here."]),
        ('"Really?" he asked. "Yes." She left.', ['"Really?" he asked.', '"Yes."', "She left."]),
        ("Wait... what? No.", ["Wait... what?", "No."]),
        ("In 1990. The next year.", ["In 1990.", "The next year."]),
        ("Version 2.0.1 of instill.toml is out. Get it at example.com.", None),
        ("Am 3. Oktober kam er. Z.B. Herr Dr. Maier.", ["Am 3. Oktober kam er.", "Z.B. Herr Dr. Maier."]),
        ("Il pleut. Où est M. Dupont ? Ici.", ["Il pleut.", "Où est M. Dupont ?", "Ici."]),
        ("¿Dónde está? Aquí. ¡Bien!", ["¿Dónde está?", "Aquí.", "¡Bien!"]),
        ("这是第一句。这是“第二句。”好！", ["这是第一句。", "这是“第二句。”", "好！"]),
        ("यह एक है। दूसरा वाक्य।", ["यह एक है।", "दूसरा वाक्य।"]),
        ("هل هذا سؤال؟ نعم.", ["هل هذا سؤال؟", "نعم."]),
        ("It is known.[1] Others disagree.[2][3] Yes.", ["It is known.[1]", "Others disagree.[2][3]", "Yes."]),
        ("**Bold end.** Next one.", ["**Bold end.**", "Next one."]),
        ("Yahoo! is a name. Right.", ["Yahoo! is a name.", "Right."]),
    ],
)
def test_prose(text: str, expected: list[str] | None) -> None:
    wanted = expected or ["Version 2.0.1 of instill.toml is out.", "Get it at example.com."]
    assert pieces(text) == wanted


def test_hard_wrapped_prose_is_one_sentence() -> None:
    text = (
        "The quick brown fox jumps over the lazy dog and\ngoes on running through the wide green field until\n"
        "night falls. Then it sleeps."
    )
    assert pieces(text) == [text[: text.index(" Then")], "Then it sleeps."]


def test_a_short_line_before_a_new_beginning_ends_a_unit() -> None:
    text = (
        "Contact\nOur office is in the long street behind the station, second floor.\nCall us at any time of the day."
    )
    assert pieces(text)[0] == "Contact"


def test_structure_is_told_apart() -> None:
    text = "# Head\n\nIntro:\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```sh\nrm -r x\n```\nTitle\n-----\n"
    assert kinds(text) == [
        ("heading", "# Head"), ("prose", "Intro:"), ("item", "- one"), ("item", "- two"), ("row", "| a | b |"),
        ("mark", "|---|---|"), ("row", "| 1 | 2 |"), ("mark", "```sh"), ("code", "rm -r x"), ("mark", "```"),
        ("heading", "Title"), ("mark", "-----"),
    ]  # fmt: skip


def introduction(text: str, unit: Sentence) -> str | None:
    if unit.intro is None:
        return None
    intro = split_sentences(text)[unit.intro]
    return text[intro.start : intro.end]


def test_a_list_knows_the_line_that_introduces_it() -> None:
    text = "We need:\n\n1. flour\n2. water:\n   - cold\n   - clean\n3. salt\n\nNothing else.\n\n- stray"
    units = split_sentences(text)
    found = {text[u.start : u.end]: (introduction(text, u), u.group) for u in units if u.kind == "item"}
    assert found["1. flour"][0] == found["3. salt"][0] == "We need:"
    assert found["- cold"][0] == found["- clean"][0] == "2. water:"
    assert found["- stray"][0] is None
    assert found["1. flour"][1] == found["3. salt"][1] != found["- cold"][1]


def test_a_row_knows_the_head_of_its_table() -> None:
    text = "| Bread | Price |\n|---|---|\n| Rye | 5 |\n\nText.\n\n| Other | Table |\n|---|---|\n| x | y |"
    rows = [unit for unit in split_sentences(text) if unit.kind == "row"]
    assert [introduction(text, row) for row in rows] == [None, "| Bread | Price |", None, "| Other | Table |"]


def test_bold_beginnings_in_a_row_are_a_list() -> None:
    text = "## Why\n\n**We are many.** More text.\n\n**We are far apart.** Even more.\n\nPlain."
    assert [k for k, _ in kinds(text)] == ["heading", "item", "prose", "item", "prose", "prose"]


def test_endless_text_is_cut() -> None:
    assert all(len(piece) <= LONGEST for piece in pieces("word " * 1000 + "x" * 3000))


@pytest.mark.parametrize(("length", "lengths"), [(599, [599]), (600, [600]), (601, [600, 1]), (1300, [600, 600, 100])])
def test_a_unit_has_at_most_600_characters(length: int, lengths: list[int]) -> None:
    assert LONGEST == 600
    assert [len(piece) for piece in pieces("x" * length)] == lengths


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        # At the last space or tab that leaves a piece of 200 or more, else wherever it must.
        ("x" * 500 + " " + "y" * 300, [500, 300]),
        ("x" * 500 + "\t" + "y" * 300, [500, 300]),
        ("x" * 200 + " " + "y" * 599, [200, 599]),
        ("x" * 199 + " " + "y" * 500, [600, 100]),
        # A pause or the end of a line is a better place than a space.
        ("x" * 299 + "; " + "y" * 100 + " " + "z" * 300, [300, 401]),
        ("x" * 300 + "\n" + "y" * 100 + " " + "z" * 300, [300, 401]),
        ("x" * 198 + "; " + "y" * 100 + " " + "z" * 400, [300, 400]),
        ("x" * 199 + "; " + "y" * 100 + " " + "z" * 400, [200, 501]),
    ],
)
def test_a_long_unit_is_cut_at_a_pause_or_a_space(text: str, lengths: list[int]) -> None:
    assert [len(piece) for piece in pieces(text)] == lengths


def test_what_is_not_too_long_stays_whole() -> None:
    text = "word " * 119 + "words"
    assert len(text) == LONGEST
    assert pieces(text) == [text]
    assert [len(piece) for piece in pieces(text + "s")] == [594, 6]


def test_lists_and_tables_are_numbered_and_nothing_else_is() -> None:
    text = (
        "# Head\n\nProse.\n\n- one\n- two\n  - inner\n- three\n\nMore.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- last\n"
    )
    units = split_sentences(text)
    assert [(unit.kind, unit.group, unit.section) for unit in units] == [
        ("heading", 0, None), ("prose", 0, 0), ("item", 1, 0), ("item", 1, 0), ("item", 2, 0), ("item", 1, 0),
        ("prose", 0, 0), ("row", 3, 0), ("mark", 0, 0), ("row", 3, 0), ("item", 4, 0),
    ]  # fmt: skip
    assert [unit.intro for unit in units] == [None, None, None, None, None, None, None, None, None, 7, None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # An underline is at least three marks and six tenths of its title, of one kind.
        ("Title\n===", ["heading", "mark"]),
        ("Title\n==", ["prose", "mark"]),
        ("Ten letter\n------", ["heading", "mark"]),
        ("Ten letter\n-----", ["prose", "mark"]),
        ("Title\n==-==", ["prose", "mark"]),
        ("x" * 199 + "\n" + "=" * 199, ["heading", "mark"]),
        ("x" * 200 + "\n" + "=" * 200, ["prose", "mark"]),
        # A row has two bars, the first at its beginning or with spaces around; or a tab.
        ("|a|", ["row"]),
        ("a | b | c", ["row"]),
        ("a|b|c", ["prose"]),
        ("a | b", ["prose"]),
        ("a\tb", ["row"]),
        ("####### seven", ["prose"]),
        ("###### six", ["heading"]),
        # Code without a fence is indented, after an empty line.
        ("    x = 1", ["code"]),
        ("  x = 1", ["code"]),
        (" x = 1", ["prose"]),
        ("Text\n    x = 1", ["prose"]),
        ("Text\n\n    x = 1\n    y = 2", ["prose", "code"]),
        ("```\n```", ["mark", "mark"]),
        ("```\nx", ["mark", "code"]),
        ("~~~\nx\n\ny\n~~~\nz", ["mark", "code", "mark", "prose"]),
    ],
)
def test_kinds_of_lines(text: str, expected: list[str]) -> None:
    assert [unit.kind for unit in split_sentences(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The answer is no. They left.", ["The answer is no.", "They left."]),
        ("The answer is no. Five left.", ["The answer is no. Five left."]),
        ("It is by J. Smith now.", ["It is by J. Smith now."]),
        ("We saw Mr. They left.", ["We saw Mr. They left."]),
        ("Acme Inc. The firm.", ["Acme Inc.", "The firm."]),
        ("Acme Inc. Shares fell.", ["Acme Inc. Shares fell."]),
        ("He won 3. Then he left.", ["He won 3.", "Then he left."]),
        ("Am 3. Oktober. Dann nicht.", ["Am 3. Oktober.", "Dann nicht."]),
        ("Well... He left.", ["Well...", "He left."]),
        ("Is it? he asked. No.", ["Is it? he asked.", "No."]),
        ("Name: Ann\nTown: Holm", ["Name: Ann", "Town: Holm"]),
        ("We sell:\nbread and wine", ["We sell:", "bread and wine"]),
    ],
)
def test_where_a_sentence_ends(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


def test_the_later_sentences_of_an_item_belong_to_its_list() -> None:
    text = "- " + "One is here. " * 60 + "\n- two\n\nProse."
    units = split_sentences(text)
    assert [(unit.kind, unit.group) for unit in units] == [
        ("item", 1), *[("prose", 1)] * 59, ("item", 1), ("prose", 0)
    ]  # fmt: skip


def test_indented_lines_are_one_piece_of_code() -> None:
    text = "    x = 1\n    y = 2\n z\n\nProse."
    assert kinds(text) == [("code", "x = 1\n    y = 2"), ("prose", "z"), ("prose", "Prose.")]


def test_a_line_of_less_than_six_tenths_of_the_widest_is_short() -> None:
    assert pieces("Abcde\nBcdefghijk") == ["Abcde", "Bcdefghijk"]
    assert pieces("Abcdef\nBcdefghijk") == ["Abcdef\nBcdefghijk"]
    assert pieces("Abcd,\nBcdefghijk") == ["Abcd,\nBcdefghijk"]
    assert pieces("Abcde\nbcdefghijk") == ["Abcde\nbcdefghijk"]
    assert pieces("Abcde\n7 cdefghij") == ["Abcde", "7 cdefghij"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Options\n~~~~~~~\n\nThe port is 80.\n\nMore\n~~~~\n\nThe end.",
            [("heading", "Options"), ("prose", "The port is 80."), ("heading", "More"), ("prose", "The end.")],
        ),
        ("~~~~~~~\nOptions\n~~~~~~~\n\nIt is 80.", [("heading", "Options"), ("prose", "It is 80.")]),
        ("~~~~~~~~~\n\nThe port is 80.\n\nIt is open.", [("prose", "The port is 80."), ("prose", "It is open.")]),
        ("Run this:\n~~~~\nask x\n~~~~\nDone.", [("prose", "Run this:"), ("code", "ask x"), ("prose", "Done.")]),
        ("````\na b\n````\nDone.", [("code", "a b"), ("prose", "Done.")]),
        (
            "Run:\n\n  systemctl start dump@v.service\n  systemctl enable --now x\n\nDone.",
            [
                ("prose", "Run:"),
                ("code", "systemctl start dump@v.service\n  systemctl enable --now x"),
                ("prose", "Done."),
            ],
        ),
        (
            "Note:\n  see /usr/share/doc for more\n  and ask us",
            [("prose", "Note:"), ("prose", "see /usr/share/doc for more\n  and ask us")],
        ),
    ],
)
def test_what_is_code_and_what_is_not(text: str, expected: list[tuple[str, str]]) -> None:
    found = [(unit.kind, text[unit.start : unit.end]) for unit in split_sentences(text) if unit.kind != "mark"]
    assert found == expected


def test_a_passage_that_begins_inside_of_code_knows_it() -> None:
    text = 'let s = "Hi";\n```\n\nThe type of `s` is `&str`.\n\n#### Slices\n\n```rust,ignore\nlet t = 2;\n```\nDone.'
    assert kinds(text) == [
        ("code", 'let s = "Hi";'),
        ("mark", "```"),
        ("prose", "The type of `s` is `&str`."),
        ("heading", "#### Slices"),
        ("mark", "```rust,ignore"),
        ("code", "let t = 2;"),
        ("mark", "```"),
        ("prose", "Done."),
    ]
    plain = "Say:\n```\na\n```\nThen:\n```sh\nb\n```"
    assert [kind for kind, _ in kinds(plain)] == ["prose", "mark", "code", "mark", "prose", "mark", "code", "mark"]


def test_a_link_is_not_cut_in_two() -> None:
    link = f"[A stand for a laptop](https://example.com/shop?{'x' * 700})"
    text = f"- {link} - Recommended."
    assert pieces(text) == [f"- {link}", "- Recommended."]
    endless = f"- [A stand](https://example.com/{'x' * 3000})"
    assert max(len(piece) for piece in pieces(endless)) == LONGEST
