# ruff: noqa: E501  Templates are lines.
"""The Modelfile of each family of models lays a conversation out as the model's own template does."""

from __future__ import annotations

import re
from typing import Any

import pytest

from instill.models.generators.chat_text import chat_text
from instill.train.generator.export.ollama import find_layout, go_template, modelfile

FAMILIES = {
    "chatml": (
        "",
        "<|im_end|>",
        "{% for m in messages %}{% if loop.first and m.role != 'system' %}"
        "{{ '<|im_start|>system\nYou are kind.<|im_end|>\n' }}{% endif %}"
        "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>' + '\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    ),
    "chatml, its start the beginning of texts": (
        "<|im_start|>",
        "<|im_end|>",
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    ),
    "llama 3": (
        "<|begin_of_text|>",
        "<|eot_id|>",
        "{% for m in messages %}{% set text = '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content | trim "
        "+ '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set text = bos_token + text %}{% endif %}{{ text }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
    ),
    "llama 3.2": (
        "<|begin_of_text|>",
        "<|eot_id|>",
        "{{ bos_token }}{% if messages[0].role == 'system' %}{% set said = messages[0].content | trim %}"
        "{% set messages = messages[1:] %}{% else %}{% set said = '' %}{% endif %}"
        "{{ '<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\n\n' }}"
        "{{ said + '<|eot_id|>' }}"
        "{% for m in messages %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' }}"
        "{{ m.content | trim + '<|eot_id|>' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
    ),
    "gemma 2": (
        "<bos>",
        "<eos>",
        "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
        "{% for m in messages %}{% set role = 'model' if m.role == 'assistant' else m.role %}"
        "{{ '<start_of_turn>' + role + '\n' + m.content | trim + '<end_of_turn>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}",
    ),
    "gemma 3": (
        "<bos>",
        "<eos>",
        "{{ bos_token }}{% set ahead = '' %}{% if messages[0].role == 'system' %}"
        "{% set ahead = messages[0].content + '\n\n' %}{% set messages = messages[1:] %}{% endif %}"
        "{% for m in messages %}{% set role = 'model' if m.role == 'assistant' else m.role %}"
        "{{ '<start_of_turn>' + role + '\n' + (ahead if loop.first else '') + m.content | trim + '<end_of_turn>\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}",
    ),
    "mistral 0.1": (
        "<s>",
        "</s>",
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}"
        "{% elif m.role == 'assistant' %}{{ m.content + eos_token }}"
        "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}",
    ),
    "mistral 0.3": (
        "<s>",
        "</s>",
        "{{ bos_token }}{% set ahead = '' %}{% if messages[0].role == 'system' %}"
        "{% set ahead = messages[0].content + '\n\n' %}{% set messages = messages[1:] %}{% endif %}"
        "{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' + (ahead if loop.last else '') + m.content + '[/INST]' }}"
        "{% else %}{{ ' ' + m.content + eos_token }}{% endif %}{% endfor %}",
    ),
    "mistral 7": (
        "<s>",
        "</s>",
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '[INST]' + m.content + '[/INST]' }}"
        "{% elif m.role == 'system' %}{{ '[SYSTEM_PROMPT]' + m.content + '[/SYSTEM_PROMPT]' }}"
        "{% else %}{{ m.content + eos_token }}{% endif %}{% endfor %}",
    ),
    "qwen 3": (
        "",
        "<|im_end|>",
        "{% set ns = namespace(last=0) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}"
        "{% endif %}{% endfor %}{% for m in messages %}{% if m.role == 'assistant' and loop.index0 > ns.last %}"
        "{{ '<|im_start|>assistant\n<think>\n\n</think>\n\n' + m.content + '<|im_end|>\n' }}"
        "{% else %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
        "{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
        "{% endif %}",
    ),
    "phi 3": (
        "<s>",
        "<|endoftext|>",
        "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}",
    ),
    "phi 4": (
        "<|endoftext|>",
        "<|im_end|>",
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '<|im_sep|>' + m.content + '<|im_end|>' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant<|im_sep|>' }}{% endif %}",
    ),
}
NO_SYSTEM = {"gemma 2", "mistral 0.1"}
TURNS = (["Is tea green?"], ["Is tea green?", "And {{black}}?"], ["a", "b", "c"])


def tokenizer_of(family: str) -> Any:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    begin, end, template = FAMILIES[family]
    words = Tokenizer(models.WordLevel({"?": 0, "<|pad|>": 1}, unk_token="?"))
    return PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token=begin or None, eos_token=end, chat_template=template, pad_token="<|pad|>"
    )


def go(template: str, values: dict[str, Any]) -> str:
    """A Go template of what Modelfiles here are made of: fields, if, else if, range, eq, and, len, slice, quotes."""
    parts = re.split(r"\{\{ (.*?) \}\}", template)

    def value(expression: str, scope: dict[str, Any]) -> Any:
        if found := re.fullmatch(r"and (\S+) \((.+)\)", expression):
            return value(found[1], scope) and value(found[2], scope)
        if found := re.fullmatch(r"eq \(len \(slice \$\.Messages \$i\)\) 1", expression):
            return len(values["Messages"][scope["$i"] :]) == 1
        if found := re.fullmatch(r"eq (\S+) (.+)", expression):
            return value(found[1], scope) == value(found[2], scope)
        if expression.startswith('"'):
            return expression[1:-1]
        if expression.isdigit():
            return int(expression)
        if expression == "$i":
            return scope["$i"]
        if expression.startswith("$m."):
            return scope["$m"][expression[3:]]
        return values.get(expression.removeprefix("$").removeprefix("."), "")

    def until_end(place: int) -> tuple[list[int], int]:
        """Places of the branches that belong to the one at `place`, and of its end."""
        depth, branches = 0, [place]
        for at in range(place + 2, len(parts), 2):
            if re.match(r"(?:if|range) ", parts[at]):
                depth += 1
            elif parts[at].startswith("else") and not depth:
                branches.append(at)
            elif parts[at] == "end":
                if not depth:
                    return branches, at
                depth -= 1
        raise AssertionError("no end")

    def run(first: int, last: int, scope: dict[str, Any]) -> str:
        """Parts `first` (a text) up to `last` (an action, not run)."""
        said, at = "", first
        while at < last:
            said += parts[at]
            at += 1
            if at >= last:
                break
            action = parts[at]
            if action.startswith(("if ", "range ")):
                branches, end = until_end(at)
                if action.startswith("range "):
                    for number, message in enumerate(values["Messages"]):
                        said += run(at + 1, end, {"$i": number, "$m": message})
                else:
                    for branch, stop in zip(branches, [*branches[1:], end], strict=True):
                        if value(re.sub(r"^(?:else )?if ", "", parts[branch]), scope):
                            said += run(branch + 1, stop, scope)
                            break
                at = end
            else:
                said += str(value(action, scope))
            at += 1
        return said

    return run(0, len(parts), {})


def ollama(template: str, system: str, questions: list[str], replies: list[str]) -> str:
    """As Ollama fills a template in: over all messages where it names them, else for each question with its reply; the
    last up to where the reply stands."""
    if ".Messages" in template:
        rows = [{"Role": "system", "Content": system}] if system else []
        for number, question in enumerate(questions):
            rows += [{"Role": "user", "Content": question}]
            rows += [{"Role": "assistant", "Content": each} for each in replies[number : number + 1]]
        return go(template, {"System": system, "Messages": rows, "Response": ""})
    said = ""
    for number, question in enumerate(questions):
        values = {"System": "" if number else system, "Prompt": question}
        if number < len(replies):
            said += go(template, {**values, "Response": replies[number]})
        else:
            said += go(template.partition("{{ .Response }}")[0], values)
    return said


@pytest.mark.parametrize("system", ["", "Be brief."])
@pytest.mark.parametrize("family", list(FAMILIES))
def test_ollama_shows_what_the_template_shows(family: str, system: str) -> None:
    if system and family in NO_SYSTEM:
        return
    tokenizer = tokenizer_of(family)
    layout = find_layout(tokenizer)
    assert layout is not None
    assert layout.place != "nowhere" or family in NO_SYSTEM
    template = go_template(layout)
    assert template is not None
    for questions in TURNS:
        replies = ["Yes."] * (len(questions) - 1)
        rows: list[dict[str, str]] = [{"role": "system", "content": system}] if system else []
        for number, question in enumerate(questions):
            rows += [{"role": "user", "content": question}]
            rows += [{"role": "assistant", "content": each} for each in replies[number : number + 1]]
        wanted = chat_text(tokenizer, rows, reply_follows=True)
        said = ollama(template, system or layout.usual, questions, replies)
        # The program that runs the model sets the beginning of a text itself.
        begin = FAMILIES[family][0]
        sets = begin if wanted.startswith(begin) and wanted.count(begin) == 1 else ""
        assert sets + said == wanted


@pytest.mark.parametrize(
    ("family", "stop"),
    [
        ("chatml", "<|im_end|>"),
        ("chatml, its start the beginning of texts", "<|im_end|>"),
        ("llama 3.2", "<|eot_id|>"),
        ("gemma 3", "<end_of_turn>"),
        ("mistral 0.3", "</s>"),
        ("qwen 3", "<|im_end|>"),
        ("phi 3", "<|end|>"),
    ],
)
def test_a_reply_ends_where_the_family_ends_it(family: str, stop: str) -> None:
    text = modelfile("./model", tokenizer_of(family), None, None)
    assert f'PARAMETER stop "{stop}"\n' in text
    assert "no counterpart" not in text


def test_a_template_that_trims_or_counts_has_no_counterpart() -> None:
    tokenizer = tokenizer_of("chatml")
    tokenizer.chat_template = "{% for m in messages %}{{ loop.index }}: {{ m.content }}\n{% endfor %}"
    assert find_layout(tokenizer) is None
