"""A language model in a GGUF file, made here, whose replies are known: each token is followed by one other token.

Its embeddings are the rows of a unit matrix and its layer adds nothing, so what it says next depends on the last token
alone, and the output matrix is a list of successors. llama.cpp runs it like any other model.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
LETTERS = [*string.ascii_letters, *string.digits, *".,:;!?'()[]<>|_-\"/"]
NEWLINE, SPACE = "\u010a", "\u0120"
"""As byte-level vocabularies write them."""

TOKENS = [*SPECIAL, NEWLINE, SPACE, *LETTERS, "th"]
WIDTH, HEADS, INNER = 128, 2, 32


def token(text: str) -> int:
    return TOKENS.index({"\n": NEWLINE, " ": SPACE}.get(text, text))


def successors(reply: str, after: str = "\n", end: str = "<|im_end|>") -> dict[int, int]:
    """What makes the model say `reply`, whose characters differ from one another, after `after`."""
    chain = [token(after), *(token(each) for each in reply), token(end)]
    assert len(set(chain)) == len(chain)
    return dict(pairwise(chain))


def write_tiny(
    file: Path,
    reply: str = "Paris.",
    *,
    template: str | None = CHATML,
    context: int = 256,
    values: Mapping[str, Any] | None = None,
    without: Sequence[str] = (),
    follows: Mapping[int, int] | None = None,
    seed: int | None = None,
) -> Path:
    """A model that replies `reply`.

    Args:
        values: metadata besides, or instead of the usual.
        without: tensors and keys that are left out.
        follows: token -> token, instead of what `reply` says.
        seed: random weights instead, with one head of keys for two of queries; nobody knows what it replies.
    """
    import gguf

    writer = gguf.GGUFWriter(file, "llama")
    writer.add_name("tiny")
    writer.add_block_count(1)
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS if seed is None else 1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(TOKENS)
    writer.add_token_types([3 if each in SPECIAL else 1 for each in TOKENS])
    writer.add_token_merges(["t h"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    if template is not None:
        writer.add_chat_template(template)
    for key, value in (values or {}).items():
        _add(writer, key, value)
    tensors = _tensors(successors(reply) if follows is None else follows)
    for name, array in (tensors if seed is None else _random(tensors, seed)).items():
        if name not in without:
            writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def write_lora(file: Path, changes: Mapping[int, tuple[int, int]], *, weight: str = "output.weight") -> Path:
    """An adapter of that model. `changes`: token -> what followed it, and what follows instead."""
    import gguf

    down, up = np.zeros((len(changes), WIDTH), np.float32), np.zeros((len(TOKENS), len(changes)), np.float32)
    for row, (now, (before, after)) in enumerate(changes.items()):
        down[row, now] = 1
        up[before, row], up[after, row] = -10, 10
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(len(changes)))
    writer.add_tensor(f"{weight}.lora_a", down)
    writer.add_tensor(f"{weight}.lora_b", up)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def _add(writer: Any, key: str, value: Any) -> None:
    writer.kv_data[0].pop(key, None)
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    else:
        writer.add_array(key, value)


def _random(shaped: Mapping[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    numbers, made = np.random.default_rng(seed), {}
    for name, array in shaped.items():
        rows = WIDTH // HEADS if ".attn_k." in name or ".attn_v." in name else array.shape[0]
        if array.ndim == 1:
            made[name] = (1 + 0.1 * numbers.standard_normal(rows)).astype(np.float32)
        else:
            made[name] = (0.15 * numbers.standard_normal((rows, array.shape[1]))).astype(np.float32)
    return made


def _tensors(follows: Mapping[int, int]) -> dict[str, np.ndarray]:
    table = np.zeros((len(TOKENS), WIDTH), np.float32)
    table[np.arange(len(TOKENS)), np.arange(len(TOKENS))] = 1
    output = np.zeros((len(TOKENS), WIDTH), np.float32)
    for now, after in follows.items():
        output[after, now] = 10
    square, ones = np.zeros((WIDTH, WIDTH), np.float32), np.ones(WIDTH, np.float32)
    return {
        "token_embd.weight": table,
        "blk.0.attn_norm.weight": ones,
        "blk.0.attn_q.weight": square,
        "blk.0.attn_k.weight": square,
        "blk.0.attn_v.weight": square,
        "blk.0.attn_output.weight": square,
        "blk.0.ffn_norm.weight": ones,
        "blk.0.ffn_gate.weight": np.zeros((INNER, WIDTH), np.float32),
        "blk.0.ffn_up.weight": np.zeros((INNER, WIDTH), np.float32),
        "blk.0.ffn_down.weight": np.zeros((WIDTH, INNER), np.float32),
        "output_norm.weight": ones,
        "output.weight": output,
    }
