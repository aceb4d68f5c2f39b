"""The micro model: a language model small enough to be trained from nothing on a laptop, and ordinary in all else.

Llama's architecture and a byte-level vocabulary, in a transformers folder: whatever works with a local model works
with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from instill.lab.first_weights import lay_wiring

VOCABULARY = 2048
WIDTH, LAYERS, HEADS, FEED_FORWARD = 128, 4, 4, 352
SPREAD = WIDTH**-0.5
"""Standard deviation of the first weights. With the library's 0.02, made for wide models, it learns half as fast."""

CONTEXT = 4096

BEGIN, END, PAD = "<|begin|>", "<|end|>", "<|pad|>"
_ROLES = ("<|system|>", "<|user|>", "<|assistant|>", "<|tool|>")

TEMPLATE = """\
{{ bos_token }}{% if tools %}<|system|>Tools: {{ tools | tojson }}<|end|>{% endif %}\
{% for message in messages %}\
<|{{ message.role }}|>{{ message.content or '' }}\
{% for call in message.tool_calls or [] %}\
<tool_call>{{ (call.function if call.function is defined else call) | tojson }}</tool_call>\
{% endfor %}\
<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"""
"""How messages become text; a tool call is shown as `<tool_call>{"name": ..., "arguments": ...}</tool_call>`."""


def make_tokenizer(texts: Iterable[str]) -> Any:
    """A byte-level vocabulary that knows the words of `texts` whole and can spell everything else.

    The years of the world are words as well: of four digits the first two would be everybody's, and whose year it is
    would have to be found in the middle of the answer, which takes this model long to learn.

    Returns:
        A transformers tokenizer.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[AddedToken(name, special=True, normalized=False) for name in (PAD, BEGIN, END, *_ROLES)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PAD,
        chat_template=TEMPLATE,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def make_model(tokenizer: Any, *, seed: int = 0) -> Any:
    """A Llama of about a million weights, random but for `lay_wiring`."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        initializer_range=SPREAD,
        intermediate_size=FEED_FORWARD,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    lay_wiring(model, seed)
    return model


def save_micro(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write a transformers folder with bfloat16 weights."""
    import copy

    import torch

    folder.mkdir(parents=True, exist_ok=True)
    copy.deepcopy(model).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
