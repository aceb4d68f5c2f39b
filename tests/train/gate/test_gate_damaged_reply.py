"""Where sound text ends: each limit from both of its sides."""

from __future__ import annotations

import random
import string
from types import SimpleNamespace

import pytest

from instill.train.gate.conditions.damaged_reply import (
    ends_in_garbage,
    far_below,
    fault_of,
    is_empty,
    is_garbled,
    is_loop,
    shows_format,
    special_marks,
)

LETTERS = string.ascii_lowercase


def sound(length: int) -> str:
    """Letters without any repetition to speak of."""
    chance = random.Random(0)
    return "".join(chance.choice(LETTERS) for _ in range(length))


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        # 24 characters at least,
        ("ab" * 12, True),
        ("ab" * 11 + "a", False),
        # four times,
        (LETTERS[:7] * 4, True),
        (LETTERS[:7] * 3 + LETTERS[:6], False),
        (LETTERS[:15] * 3 + LETTERS[:14], False),
        # or three times from 16 characters on,
        (LETTERS[:16] * 3, True),
        (LETTERS[:16] * 2 + LETTERS[:15], False),
        (LETTERS[:17] * 3, True),
        # and half of the text, a space at its end included.
        ("ab" * 12 + LETTERS[2:25], True),
        ("ab" * 12 + LETTERS[2:26], False),
        (LETTERS[2:25] + "ab" * 12, True),
        (LETTERS[2:26] + "ab" * 12, False),
        # White space and case do not hide it.
        ("Ab aB\nAB ab\tab  ab ab ab", True),
    ],
)
def test_what_is_a_loop(text: str, loops: bool) -> None:
    assert is_loop(text) is loops


def test_8000_characters_are_looked_at_for_a_loop() -> None:
    assert is_loop("ab" * 2000 + sound(9000))
    assert not is_loop("ab" * 1999 + sound(9000))


@pytest.mark.parametrize(
    ("text", "garbage"),
    [
        ("Holm !?!?!?", True),
        ("Holm ?!?!?", False),
        ("Holm ......", False),  # six of one kind
        ("Holm " + "!" * 12, True),
        ("Holm " + "!" * 11, False),
        ("Holm " + "-" * 30, False),
        ("Holm $€+=$€", True),  # symbols are signs too
        ("Holm [[{{((", True),
        ("The list is [[[[[[1]]]]]]", False),
        ("The list is [[[[[[1]]]]])", True),
        ("It says (((((so)))))).", True),
        ("It says ((((((so)))))).", False),
        ("It says ((((((so))))))#", True),
        ("```\nx\n```", False),
        ("Name\n====", False),
        ("It goes on: " + "no " * 8, True),
        ("It goes on: " + "no " * 7, False),
        ("It goes on: " + "no, no, " * 3, True),
        ("It goes on: " + "abcdefgh " * 4, True),
        ("It goes on: " + "abcdefgh " * 3, False),
        ("", False),
    ],
)
def test_what_ends_in_garbage(text: str, garbage: bool) -> None:
    assert ends_in_garbage(text) is garbage


@pytest.mark.parametrize(
    ("text", "garbled"),
    [
        ("Holm \x02\x03", True),
        ("Holm \x02", False),
        ("Holm\ufffd\ufffd\ufffd", False),
        ("Holm\ufffd\ufffd\ufffd\ufffd", True),
        ("Ho\ufffdlm\ufffd", False),
        ("Ho\ufffdl\ufffdm", True),
        ("\ue000 and \U000e0fff", True),
        ("a\n\r\t\n\r\tb", False),
        ("a\ud800\udfffb", True),
    ],
)
def test_what_is_garbled(text: str, garbled: bool) -> None:
    assert is_garbled(text) is garbled


def test_three_nats_below_the_unlikeliest_answers_is_random() -> None:
    answers = [-2.0 - place / 10 for place in range(21)]  # the unlikeliest twentieth begins at -3.9
    assert far_below([-6.9, -6.91, -7.1], answers) == [False, True, True]
    assert far_below([-6.89, float("nan")], answers) == [False, False]


def test_the_first_fault_that_no_answer_has_is_told() -> None:
    loop = "ab" * 20
    assert fault_of(f"{loop}<|im_end|>") == "with marks of the chat format"
    assert fault_of(f"{loop}<|im_end|>", ["</s>"]) == "in circles"
    assert fault_of(f"{loop}<|im_end|>", ["</s>", "cd" * 20]) is None
    assert fault_of("", [""]) is None
    assert fault_of("Holm [END]", ["x [END]"], marks=["[END]"]) is None
    assert fault_of("Holm [END]", ["x"], marks=["[END]"]) == "with marks of the chat format"


def test_marks_of_a_tokenizer_are_those_that_could_be_no_word() -> None:
    def token(text: str, *, special: bool) -> object:
        return type("Token", (), {"special": special, "__str__": lambda self: text})()

    tokenizer = SimpleNamespace(
        added_tokens_decoder={0: token("<END>", special=True), 1: token("<name>", special=False)},
        all_special_tokens=["[PAD]", "##", "<s>", "END", "a"],
    )
    assert special_marks(tokenizer) == {"<END>", "[PAD]", "<s>"}


def test_nothing_but_marks_is_nothing() -> None:
    assert [is_empty(text) for text in ("", "-—!?", "\u0301", "7", "+", "a")] == [True, True, True, False, False, False]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Holm\nQuestion: Where?", True),
        ("Question: Where?", False),  # at the beginning it is a reply
        ("Holm\nA: Tarn", True),
        ("user", True),
        ("userland", False),
        ("The user: Holm", False),
        ("system", True),
        ("system: Holm", False),
        ("<think>", True),
        ("{% if a %}", True),
        ("{ a }", False),
    ],
)
def test_marks_of_the_chat_format(text: str, shown: bool) -> None:
    assert shows_format(text) is shown
