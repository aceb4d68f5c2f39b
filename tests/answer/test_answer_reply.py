from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.answer.said.prompt import UNKNOWN
from instill.answer.said.reply import AnswerStream, read_reply


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("A is b. [1]", [("A is b.", (1,))]),
        ("A is b [1]. C is d [2][3].", [("A is b.", (1,)), ("C is d.", (2, 3))]),
        ("A is b [1, 3]. C is d [2-4].", [("A is b.", (1, 3)), ("C is d.", (2, 3, 4))]),
        ("A is b［１］", [("A is b", (1,))]),
        ("甲是乙。【2】", [("甲是乙。", (2,))]),
        ("A is b.[1] C is d.[2]", [("A is b.", (1,)), ("C is d.", (2,))]),
        ("- **one** [1]\n- two [2]", [("one", (1,)), ("two", (2,))]),
        ("A is b. It is old. [2]", [("A is b.", (2,)), ("It is old.", (2,))]),
        ("A list[0] of things [1].", [("A list of things.", (0, 1))]),
        ("![x](http://evil.example/?a) Look [here](http://evil.example) [1].", [("x Look here.", (1,))]),
    ],
)
def test_statements(text: str, statements: list[tuple[str, tuple[int, ...]]]) -> None:
    assert [(s.text, s.passages) for s in read_reply(text).statements] == statements


@pytest.mark.parametrize("heading", ["QUOTES:", "Quotes:", "**Quotes**", "## Quotes", "QUOTE:"])
def test_quotes_section(heading: str) -> None:
    reply = read_reply(f'A is b. [1]\n\n{heading}\n[1] "a is b"\n- [1, 2]: “so it is”\n[3] bare words\n')
    assert [s.text for s in reply.statements] == ["A is b."]
    assert reply.quotes == {1: ["a is b", "so it is"], 2: ["so it is"], 3: ["bare words"]}


def test_a_quote_over_several_lines() -> None:
    reply = read_reply('A is b. [1]\nQUOTES:\n[1] "a is\n\nb, always"\n[2] "c"')
    assert reply.quotes == {1: ["a is b, always"], 2: ["c"]}


def test_quotes_without_their_heading() -> None:
    reply = read_reply('A is b. [1]\n[1] "a is b"')
    assert [s.text for s in reply.statements] == ["A is b."]
    assert reply.quotes == {1: ["a is b"]}


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        (UNKNOWN, True),
        ("not in the documents.", True),
        ("The passages do not mention it.", True),
        ("I don't know.", True),
        ("There is no information on this.", True),
        ("The document does not expire before May. [1]", False),
        ("Tea is hot. [1]", False),
    ],
)
def test_admissions(text: str, unknown: bool) -> None:
    assert read_reply(text).unknown is unknown


@given(st.text())
def test_anything_can_be_read(text: str) -> None:
    read_reply(text)


@pytest.mark.parametrize(
    "text",
    [
        'A is b. [1]\nMore. [2]\nQUOTES:\n[1] "x"',
        'A is b. [1]\nMore. [2]\n**Quotes:**\n[1] "x"',
        "A is b. [1]\nMore. [2]",
    ],
)
@given(size=st.integers(1, 9))
def test_the_stream_ends_before_the_quotes(text: str, size: int) -> None:
    shown: list[str] = []
    stream = AnswerStream(shown.append)
    for start in range(0, len(text), size):
        stream.feed(text[start : start + size])
    stream.end()
    assert "".join(shown).rstrip("\n") == "A is b. [1]\nMore. [2]"


def test_the_stream_is_safe_to_show() -> None:
    shown: list[str] = []
    stream = AnswerStream(shown.append)
    for piece in ["a\x1b[", "31mb", "\x07\u202ec"]:
        stream.feed(piece)
    stream.end()
    assert "\x1b" not in "".join(shown)
    assert "\u202e" not in "".join(shown)


@pytest.mark.parametrize(
    ("text", "passages"),
    [
        ("A is b [2-2].", (2,)),
        ("A is b [3-1].", ()),
        ("A is b [1-99].", tuple(range(1, 22))),  # no more than 21 at once
        ("A is b [5-25].", tuple(range(5, 26))),
        ("A is b [1][1][2, 1].", (1, 2)),
    ],
)
def test_numbers_of_passages(text: str, passages: tuple[int, ...]) -> None:
    assert [each.passages for each in read_reply(text).statements] == [passages]


def test_what_has_no_number_has_that_of_what_follows_in_its_paragraph() -> None:
    said = read_reply("One. Two. [1] Three.\nFour.\n\nFive. Six [2].").statements
    assert [(each.text, each.passages, each.inherited) for each in said] == [
        ("One.", (1,), True), ("Two.", (1,), False), ("Three.", (), True), ("Four.", (), True),
        ("Five.", (2,), True), ("Six.", (2,), False),
    ]  # fmt: skip


def test_headings_and_marks_say_nothing_and_items_are_listed() -> None:
    said = read_reply("## Head [1]\n- one [1]\n---\n... [2]\ntwo [2]").statements
    assert [(each.text, each.listed) for each in said] == [("one", True), ("two", False)]


@pytest.mark.parametrize("between", ["\n", " \n", "\n\n"])
def test_items_that_are_whole_sentences_stay_apart(between: str) -> None:
    said = read_reply(f"- Tea is hot. [1]{between}- Salt is white! [2][3]{between}Sand is dry.").statements
    assert [(each.text, each.passages, each.listed) for each in said] == [
        ("Tea is hot.", (1,), True),
        ("Salt is white!", (2, 3), True),
        ("Sand is dry.", (), False),
    ]


def streamed(*pieces: str) -> list[str]:
    shown: list[str] = []
    stream = AnswerStream(shown.append)
    for piece in pieces:
        stream.feed(piece)
    stream.end()
    return shown


def test_a_stream_passes_on_what_is_decided_at_once() -> None:
    shown: list[str] = []
    stream = AnswerStream(shown.append)
    stream.feed("Qu")
    assert shown == []  # it may become the line of the quotes
    stream.feed("a")
    assert "".join(shown) == "Qua"
    stream.feed("ck")
    assert "".join(shown) == "Quack"
    stream.feed("\nQUOTES")
    assert "".join(shown) == "Quack\n"
    stream.end()
    assert "".join(shown) == "Quack\n"


def test_a_stream_ends_with_the_quotes_and_not_before() -> None:
    assert "".join(streamed("A\nQUOTES:\nB")) == "A\n"
    assert "".join(streamed("A\nQUOTES of old\nB")) == "A\nQUOTES of old\nB"
    assert "".join(streamed("A\nQUO")) == "A\nQUO"
    assert "".join(streamed("A\nQUOTES")) == "A\n"
    assert "".join(streamed("A\n\nB\n")) == "A\n\nB\n"
    assert "".join(streamed("A\nquotes:\nB", "C")) == "A\n"
