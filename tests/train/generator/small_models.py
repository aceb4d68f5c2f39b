"""Small language models with random weights, of several architectures, and examples for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
)

from instill.train.generator.data.examples import Example

WORDS = 64
_SMALL = {
    "vocab_size": WORDS,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
ARCHITECTURES: dict[str, tuple[Any, dict[str, Any]]] = {
    "llama": (LlamaConfig, {}),
    "mistral": (MistralConfig, {"sliding_window": 8}),
    "qwen2": (Qwen2Config, {}),
    "qwen3": (Qwen3Config, {}),
    "gemma2": (Gemma2Config, {"sliding_window": 8}),
    "gemma3": (Gemma3TextConfig, {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"] * 2}),
}


def small_model(name: str = "llama", *, seed: int = 0) -> Any:
    """About 40,000 random weights."""
    config, own = ARCHITECTURES[name]
    torch.manual_seed(seed)
    return AutoModelForCausalLM.from_config(config(**{**_SMALL, **own}))


def random_examples(count: int, *, seed: int = 0, longest: int = 40) -> list[Example]:
    """Examples of 3 to `longest` tokens, about half of them supervised."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        length = int(rng.integers(3, longest + 1))
        supervised = rng.random(length) < 0.5
        supervised[0], supervised[-1] = False, True
        found.append(Example(rng.integers(3, WORDS, length).astype(np.int32), supervised, number))
    return found
