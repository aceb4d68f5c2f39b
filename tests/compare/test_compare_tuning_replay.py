"""Replay by the base itself: which replies become rows, and what a row teaches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.compare.tuned.replay import general_prompts, loops, replay_rows
from instill.errors import GeneratorError
from instill.models.generators.protocol import Message
from instill.train.generator.data.rows import read_rows


class Says:
    """Says what it is told to, by prompt; fails where it has nothing."""

    name = "says"

    def __init__(self, replies: dict[str, str]) -> None:
        self._replies = replies
        self.asked: list[str] = []

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        (message,) = messages
        assert (message["role"], temperature) == ("user", 0.0)
        self.asked.append(message["content"])
        if message["content"] not in self._replies:
            raise GeneratorError("The generator's reply is empty.", where=self.name)
        yield from self._replies[message["content"]]


class Counts(Says):
    """Tells how many tokens it wrote: one a character."""

    last_usage: tuple[int, int] | None = None

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        said = "".join(super().stream(messages, max_tokens=max_tokens, temperature=temperature))[:max_tokens]
        self.last_usage = (9, len(said))
        yield said


def test_replies_become_rows_and_useless_ones_do_not(tmp_path: Path) -> None:
    says = Says({"2 + 2?": " 4\n", "Hi": "Hello.", "Loop": "I am here. " * 9, "Blank": " \n "})
    rows = replay_rows(says, ["2 + 2?", "Blank", "Loop", "Nothing", "Hi"], max_tokens=20)
    assert says.asked == ["2 + 2?", "Blank", "Loop", "Nothing", "Hi"]
    assert [row["messages"] for row in rows] == [
        [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}],
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}],
    ]
    file = tmp_path / "replay.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [(row.answer, row.task) for row in read_rows(file)] == [("4", "replay"), ("Hello.", "replay")]


def test_a_reply_that_was_cut_teaches_no_end() -> None:
    counts = Counts({"short": "four", "long": "four and more"})
    assert [row["messages"][1]["content"] for row in replay_rows(counts, ["long", "short"], max_tokens=5)] == ["four"]
    assert len(replay_rows(counts, ["long", "short"], max_tokens=14)) == 2


def test_a_generator_that_is_broken_is_asked_three_times() -> None:
    says = Says({"Hi": "Hello."})
    with pytest.raises(GeneratorError, match="empty"):
        replay_rows(says, ["Hi", "a", "b", "c", "Hi"])
    assert says.asked == ["Hi", "a", "b", "c"]
    assert len(replay_rows(says, ["a", "b", "Hi", "a", "b"])) == 1


def test_loops_are_found_wherever_they_begin() -> None:
    looping = ("No. " * 9, "So it is. Yes it is so, " * 5, "Well then: " + "a b c d e f g h " * 3, "x" * 9, "好" * 6)
    assert all(loops(text) for text in looping)
    plain = (
        "",
        "No, no, no.",
        "Row, row, row your boat, gently down the stream.",
        "1,000,000,000",
        "| a | b |\n| --- | --- |\n| 1 | 2 |\n| 1 | 3 |",
        "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday",
    )
    assert not any(loops(text) for text in plain)


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=6), min_size=1, max_size=30), st.text(max_size=40))
def test_what_is_said_often_enough_is_always_a_loop(words: list[str], before: str) -> None:
    assert loops(f"{before}. {' '.join([*words] * max(3, -(-9 // len(words)) + 1))}")


@given(st.permutations([f"word{chr(97 + number)}" for number in range(20)]))
def test_different_words_are_no_loop(words: list[str]) -> None:
    assert not loops(" ".join(words))


def test_the_prompts_are_short_and_of_many_kinds() -> None:
    prompts = general_prompts()
    assert len(prompts) == len(set(prompts)) == 60
    assert all(prompt.strip() == prompt and len(prompt) < 130 and not loops(prompt) for prompt in prompts)
