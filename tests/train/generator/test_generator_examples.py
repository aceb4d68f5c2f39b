"""What is supervised: exactly what the assistant says, whatever the chat template, and the mark that ends it."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.errors import UsageError
from instill.lab.micro_model import TEMPLATE, make_tokenizer
from instill.models.generators.chat_text import ChatMessage, chat_text
from instill.train.generator.data.examples import make_example, make_examples, prompt_ids, render
from instill.train.generator.data.rows import Row, chat_row

END = "<|end|>"
THOUGHTFUL = """\
{% for message in messages %}<|{{ message.role }}|>\
{% if message.role == 'assistant' and not loop.last and '</think>' in message.content %}\
{{ message.content.split('</think>')[-1] }}{% else %}{{ message.content }}{% endif %}\
<|end|>
{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"""
"""Thoughts of all turns but the last are left out, and a line's end stands after each turn."""

# Words of the chat format itself would end a turn for any reader.
SAID = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<>|"), min_size=1, max_size=30)
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
CALLING: ChatMessage = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"type": "function", "function": {"name": "look_up", "arguments": {"town": "Oslo"}}}],
}


@cache
def tokenizer(template: str = TEMPLATE) -> Any:
    made = make_tokenizer(["Where does Ada live? In Oslo, by the sea.", "user: assistant: system: tool:"])
    made.chat_template = template or None
    return made


def turns(*said: str) -> tuple[ChatMessage, ...]:
    """User and assistant in turn."""
    return tuple({"role": ("user", "assistant")[number % 2], "content": text} for number, text in enumerate(said))


def taught(row: Row, template: str = TEMPLATE) -> str:
    """The supervised tokens as text."""
    example = make_example(row, tokenizer(template))
    return str(tokenizer(template).decode(example.ids[example.supervised], skip_special_tokens=False))


@settings(deadline=None)
@given(st.lists(SAID, min_size=2, max_size=6).filter(lambda said: len(said) % 2 == 0), st.booleans())
def test_exactly_the_assistants_turns_and_their_ends_are_supervised(said: list[str], system: bool) -> None:
    opening: tuple[ChatMessage, ...] = ({"role": "system", "content": "Be brief."},) if system else ()
    row = Row((*opening, *turns(*said)))
    assert taught(row) == "".join(f"{text}{END}" for text in said[1::2])
    rendered = render(row, tokenizer())
    assert "".join(rendered.text[start:end] for start, end in rendered.spans) == taught(row)


@settings(deadline=None)
@given(st.lists(SAID, min_size=2, max_size=6).filter(lambda said: len(said) % 2 == 0))
def test_without_a_template_turns_stand_in_plain_words(said: list[str]) -> None:
    row = Row(turns(*said))
    rendered = render(row, tokenizer(""))
    assert rendered.text == chat_text(tokenizer(""), row.messages)
    assert [rendered.text[start:end] for start, end in rendered.spans] == [f" {text}{END}" for text in said[1::2]]


@settings(deadline=None)
@given(st.lists(SAID, min_size=2, max_size=4).filter(lambda said: len(said) % 2 == 0))
def test_the_prompt_is_what_stands_before_the_last_reply(said: list[str]) -> None:
    row = Row(turns(*said))
    example, prompt = make_example(row, tokenizer()), prompt_ids(row.prompt, tokenizer())
    np.testing.assert_array_equal(example.ids[: len(prompt)], prompt)
    assert example.supervised[len(prompt) :].all()


@settings(deadline=None)
@given(SAID)
def test_a_plain_text_is_supervised_whole_but_for_its_first_token(text: str) -> None:
    example = make_example(Row(text=text), tokenizer())
    assert example.targets == example.length - 1
    assert tokenizer().decode(example.ids) == f"<|begin|>{text}{END}"


def test_of_a_text_with_spans_only_they_are_supervised() -> None:
    row = Row(text="Where does Ada live? In Oslo, by the sea.", spans=((23, 28), (36, 40)))
    example = make_example(row, tokenizer())
    assert tokenizer().decode(example.ids[example.supervised]) == " Oslo sea"
    assert tokenizer().decode(example.ids) == f"<|begin|>{row.text}{END}"


def test_templates_that_drop_earlier_thoughts_teach_the_last_turn_only() -> None:
    row = Row(turns("a?", "<think>hm</think>b", "c?", "<think>oh</think>d"))
    assert taught(row, THOUGHTFUL) == f"<think>oh</think>d{END}"
    # Without thoughts every turn is read as it was said; the line's end after it is not taught.
    assert taught(Row(turns("a?", "b", "c?", "d")), THOUGHTFUL) == f"b{END}d{END}"


def test_a_template_that_changes_the_prompt_is_refused() -> None:
    template = "{{ messages | length }}" + TEMPLATE
    with pytest.raises(UsageError, match="shows the prompt differently"):
        make_example(chat_row("a", "b"), tokenizer(template))


def test_tools_are_shown_and_calls_are_taught() -> None:
    row = Row(
        (
            {"role": "user", "content": "Where?"},
            CALLING,
            {"role": "tool", "content": "Oslo"},
            *turns("x", "In Oslo.")[1:],
        ),
        tools=(TOOL,),
    )
    call = '<tool_call>{"name": "look_up", "arguments": {"town": "Oslo"}}</tool_call>'
    assert taught(row) == f"{call}{END}In Oslo.{END}"
    assert '"name": "look_up"' in render(row, tokenizer()).text.split("<|user|>")[0]
    np.testing.assert_array_equal(
        make_example(row, tokenizer()).ids[: len(prompt_ids(row.prompt, tokenizer(), tools=row.tools))],
        prompt_ids(row.prompt, tokenizer(), tools=row.tools),
    )


@pytest.mark.parametrize("row", [Row(turns("a", "b"), tools=(TOOL,)), Row((*turns("a"), CALLING))])
def test_a_model_without_a_template_cannot_be_taught_tools(row: Row) -> None:
    with pytest.raises(UsageError, match="no chat template"):
        make_example(row, tokenizer(""))


DISORDERED = {
    "nothing said": (),
    "assistant first": ({"role": "assistant", "content": "x"},),
    "a call that is no list": (*turns("a"), {**CALLING, "tool_calls": 7}),
}


@pytest.mark.parametrize("kind", DISORDERED)
def test_what_a_template_cannot_show_is_a_mistake_of_the_rows(kind: str) -> None:
    with pytest.raises(UsageError, match="refuses these messages") as caught:
        make_examples([chat_row("a", "b"), Row(DISORDERED[kind], place="rows.jsonl:2")], tokenizer())
    assert caught.value.where == "rows.jsonl:2"


def test_a_template_that_refuses_says_why() -> None:
    template = "{{ raise_exception('Only one turn is allowed') }}"
    with pytest.raises(UsageError, match="Only one turn is allowed"):
        make_example(chat_row("a", "b"), tokenizer(template))


def test_examples_are_numbered_and_cut() -> None:
    rows = [chat_row("a", "b"), chat_row("a" * 50, "b")]
    first, second = make_examples(rows, tokenizer(), longest=20)
    assert (first.number, second.number, second.length) == (0, 1, 20)
    assert first.targets == 2
    assert second.targets == 0
