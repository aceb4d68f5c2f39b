"""Layouts of chat templates in the wild, as Ollama writes them."""

from __future__ import annotations

from typing import Any

import pytest

from instill.train.generator.export.ollama import find_layout, go_template, modelfile

CHATML = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\nBe kind.<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
INSTRUCTIONS = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% elif m.role == 'assistant' %}{{ m.content }}</s>{% else %}{{ raise_exception('no system') }}{% endif %}"
    "{% endfor %}"
)


def tokenizer_with(template: str | None) -> Any:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"<s>": 0, "</s>": 1}, unk_token="<s>"))
    return PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<s>", eos_token="</s>", chat_template=template)


def test_chatml_with_a_usual_system_message() -> None:
    layout = find_layout(tokenizer_with(CHATML))
    assert layout is not None
    assert layout.usual == "Be kind."
    assert layout.system == ("<|im_start|>system\n", "<|im_end|>\n")
    assert layout.asked == ("<|im_start|>user\n", "<|im_end|>\n")
    assert layout.reply == ("<|im_start|>assistant\n", "<|im_end|>\n")
    text = modelfile("./model", tokenizer_with(CHATML), None, None)
    assert 'SYSTEM """Be kind."""\nPARAMETER stop "</s>"\nPARAMETER stop "<|im_end|>"\n' in text


def test_a_model_without_a_template() -> None:
    layout = find_layout(tokenizer_with(None))
    assert layout is not None
    assert (layout.asked, layout.reply) == (("user: ", "\n\n"), ("assistant:", "</s>\n\n"))


def test_a_model_that_takes_no_system_message() -> None:
    layout = find_layout(tokenizer_with(INSTRUCTIONS))
    assert layout is not None
    assert (layout.place, layout.asked, layout.reply) == ("nowhere", ("[INST] ", " [/INST]"), ("", "</s>"))
    text = modelfile("./model", tokenizer_with(INSTRUCTIONS), None, None)
    assert "# The model takes no system message; one that is set is left out.\n" in text
    assert ".System" not in text


@pytest.mark.parametrize("template", ["{{ messages | length }}", "{{ messages[0].content | upper }}"])
def test_a_template_that_is_more_than_pieces_is_left_out(template: str) -> None:
    assert find_layout(tokenizer_with(template)) is None
    text = modelfile("./model", tokenizer_with(template), None, None)
    assert text == (
        "FROM ./model\n# The chat template has no counterpart here; Ollama takes what it finds with the weights.\n"
        'PARAMETER stop "</s>"\nPARAMETER temperature 0\n'
    )


def test_braces_and_quotes() -> None:
    layout = find_layout(tokenizer_with(CHATML.replace("Be kind.", "Say {'a': 1}.")))
    assert layout is not None
    odd = type(layout)(("{{", ""), ("", ""), ("", ""))
    assert (go_template(odd) or "").startswith('{{ if .System }}{{ "{{" }}{{ .System }}')
    assert go_template(type(layout)(('"""', ""), ("", ""), ("", ""))) is None
