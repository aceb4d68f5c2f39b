from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.answer.prompt import UNKNOWN
from instill.answer.reply import AnswerStream, read_reply


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
