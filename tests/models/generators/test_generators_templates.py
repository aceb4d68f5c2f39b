"""Chat templates that raise, loop, do not parse, or take all memory."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from instill.errors import UsageError
from instill.lab.micro_model import TEMPLATE
from instill.models.generators.chat_text import chat_text
from instill.models.generators.templates import Renderer, TemplateRefusal

TALK: list[dict[str, Any]] = [
    {"role": "system", "content": "rules"},
    {"role": "user", "content": "Hi <b> \u00fc\U0001f600"},
    {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]},
]
SPECIAL: dict[str, Any] = {"bos_token": "<s>", "eos_token": "</s>"}


def tokenizer(template: Any) -> Any:
    words = Tokenizer(WordLevel({"<s>": 0, "</s>": 1, "<unk>": 2}, unk_token="<unk>"))
    return PreTrainedTokenizerFast(tokenizer_object=words, chat_template=template, unk_token="<unk>", **SPECIAL)


TEMPLATES = [
    TEMPLATE,
    "{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m.content }}{{ eos_token }}{% endfor %}",
    "{% for m in messages %}{{ m | tojson }}{% endfor %}{% if tools %}{{ tools | tojson(indent=2) }}{% endif %}",
    "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{{ m['role'] }}{% endfor %}"
    "{% if add_generation_prompt %}assistant{% endif %}",
    {"default": "{{ messages | length }}", "tool_use": "tools {{ tools | length }}"},
]


@pytest.mark.parametrize("number", range(len(TEMPLATES)))
@pytest.mark.parametrize("tools", [[], [{"type": "function", "function": {"name": "f", "parameters": {}}}]])
@pytest.mark.parametrize("reply_follows", [True, False])
def test_the_text_is_the_librarys(number: int, tools: list[Any], reply_follows: bool) -> None:
    made = tokenizer(TEMPLATES[number])
    expected = made.apply_chat_template(
        TALK, tokenize=False, add_generation_prompt=reply_follows, **({"tools": tools} if tools else {})
    )
    assert chat_text(made, TALK, tools=tools, reply_follows=reply_follows) == expected


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    found = Renderer(render_s=1.0)
    yield found
    found.stop()


def request(template: str) -> str:
    return json.dumps({"template": template, "messages": TALK, "tools": [], "special": SPECIAL, "reply_follows": True})


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ raise_exception('no system role') }}", "no system role"),
        ("{{ messages[7].content }}", "object"),
        ("{{ 1 / 0 }}", "division"),
        ("{{ 'a' + 1 }}", "str"),
        ("{% for m in messages %}{{ m }}", "end of template"),
        ("{{ messages | nothing }}", "nothing"),
        ("{% include '/etc/passwd' %}", "loader"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ range(1000000) | list }}", "range"),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "did not end"),
        ("{{ 10 ** (10 ** 8) % 7 }}", "did not end"),
        ("{{ 'x' * 9999999999 }}", "memory"),
        ("{{ '%9999999999d' % 1 }}", "memory"),
        (
            "{% set ns = namespace(a='xx') %}{% for i in range(40) %}{% set ns.a = ns.a + ns.a %}{% endfor %}",
            "memory|did not end",
        ),
        ("{{ 'x' * 9000000 }}", "characters"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "calls itself"),
        ("{{ " + "(" * 20000 + ")" * 20000 + " }}", "."),
    ],
)
def test_a_template_that_gives_no_text_is_refused(renderer: Renderer, template: str, said: str) -> None:
    renderer.render(request("ready"))
    started = time.monotonic()
    with pytest.raises(TemplateRefusal, match=said) as caught:
        renderer.render(request(template))
    assert time.monotonic() - started < 5
    assert isinstance(caught.value, UsageError)
    assert caught.value.remedy
    assert renderer.render(request("{{ messages | length }}")) == "3"  # and the next one is rendered again


@given(st.text(st.sampled_from("{}%# abmessages|'()0123456789.*+~-\n"), max_size=40))
@settings(max_examples=100, deadline=None)
def test_whatever_is_written_gives_a_text_or_a_refusal(renderer: Renderer, template: str) -> None:
    with suppress(TemplateRefusal):
        assert isinstance(renderer.render(request(template)), str)


def test_a_forked_process_has_a_renderer_of_its_own(renderer: Renderer) -> None:
    renderer.render(request("parent"))
    child = os.fork()
    if child == 0:
        try:
            right = renderer.render(request("child")) == "child"
            renderer.stop()
            os._exit(0 if right else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert renderer.render(request("parent again")) == "parent again"


def test_no_messages_are_refused() -> None:
    with pytest.raises(TemplateRefusal, match="there are none"):
        chat_text(tokenizer("{{ messages }}"), [])
