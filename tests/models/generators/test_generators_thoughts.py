from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.lab.micro_model import make_tokenizer
from instill.models.generators.thoughts import TAGS, ReplyTokens, ThoughtFilter, opens_thought, without_thoughts


def shown(pieces: list[str]) -> str:
    seen = ThoughtFilter()
    return "".join([*(seen.feed(piece) for piece in pieces), seen.end()])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>a</think>b", "b"),
        ("<think>a</think>\n\nb <think>c</think>d", "b d"),
        ("no thoughts", "no thoughts"),
        ("1 < 2 and <thin ice", "1 < 2 and <thin ice"),
        ("<think>never closed", ""),
        ("said<think>x", "said"),
        ("<", "<"),
        ("", ""),
    ],
)
@given(cuts=st.lists(st.integers(0, 30), max_size=6))
def test_the_same_however_it_is_cut(text: str, expected: str, cuts: list[int]) -> None:
    places = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    pieces = [text[start:end] for start, end in pairwise(places)]
    assert shown(pieces) == expected


@given(st.lists(st.text(alphabet="ab<>/think ", max_size=8), max_size=8))
def test_text_without_a_tag_comes_through(pieces: list[str]) -> None:
    text = "".join(pieces)
    if not any(tag in text for tag in TAGS):
        assert shown(pieces) == text.lstrip()


WORDS = st.text(alphabet="ab 4.\n{}", max_size=12)


@pytest.mark.parametrize("opening", TAGS)
@given(thought=WORDS, reply=WORDS, cuts=st.lists(st.integers(0, 40), max_size=6))
def test_thoughts_of_every_family_are_taken_out(opening: str, thought: str, reply: str, cuts: list[int]) -> None:
    """An empty thought too, as templates write it before each reply; also where the prompt has opened it."""
    text = f"{opening}{thought}{TAGS[opening]}{reply}"
    places = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    assert shown([text[start:end] for start, end in pairwise(places)]) == reply.lstrip()
    assert without_thoughts(text) == reply.lstrip()
    begun = text.removeprefix(opening)
    assert without_thoughts(begun, inside=True) == without_thoughts(begun) == reply.lstrip()
    seen = ThoughtFilter(inside=True)
    pieces = [text[start:end] for start, end in pairwise(places)]
    assert "".join([*(seen.feed(piece) for piece in pieces), seen.end()]) == reply.lstrip()
    assert without_thoughts(begun.partition(TAGS[opening])[0], inside=True) == ""
    assert opens_thought(f"<|assistant|>{opening}\n")
    assert not opens_thought(f"<|assistant|>{text}x")


@pytest.mark.parametrize("special", [False, True])
def test_tags_that_are_tokens_of_the_vocabulary(special: bool) -> None:
    """Left out with the other special tokens, they would leave the thought in the reply."""
    made = make_tokenizer(["The answer is 4."])
    made.add_tokens(["<think>", "</think>"], special_tokens=special)
    ids = made("<|assistant|><think>hm, 5?</think>\n\nThe answer is 4.<|end|><|pad|>")["input_ids"]
    text = ReplyTokens(made).decode(ids)
    assert text == "<think>hm, 5?</think>\n\nThe answer is 4."
    assert without_thoughts(text) == "The answer is 4."


def test_a_reply_of_closing_tags_only_is_read_to_its_end() -> None:
    assert without_thoughts("</think>" * 5000 + "4") == "4"
