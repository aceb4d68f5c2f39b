"""A tiny base, rows of a task that it learns in a second, and recipes with gates for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from instill.lab.micro_model import make_tokenizer, save_micro
from instill.train.generator.data.rows import Row, chat_row, write_rows
from instill.train.generator.recipes.recipe import Recipe, read_recipe

PEOPLE = ("Ada", "Bruno", "Clara", "Dmitri", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Katya", "Lars")
TAUGHT = ("Where does {} live?", "{} lives where?", "In which town does {} live?")
UNSEEN = "Name the home of {}, where evenings are spent."
TRAINING = "[training]\nepochs = 12\nbatch_size = 18\nlearning_rate = 0.02\nprecision = 'fp32'\n"


def homes(wordings: Sequence[str] = TAUGHT) -> list[Row]:
    """One reply to all, so that even a tiny model learns it in a few steps, for new wordings too."""
    return [chat_row(each.format(who), "In the old harbour.") for who in PEOPLE for each in wordings]


def crafts(wordings: Sequence[str] = ("What is the craft of {}?", "{} has which craft?")) -> list[Row]:
    return [chat_row(each.format(who), "A smith of silver.") for who in PEOPLE for each in wordings]


def retention() -> list[Row]:
    """Enough texts that an interval over their tokens is trusted."""
    return [Row(text=f"Count to {number}: {number - 2}, {number - 1}, {number}.") for number in range(10, 40)]


def write_task(folder: Path, *, seed: int = 0) -> Path:
    """The base in `base/`, and beside it files of rows."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "homes.jsonl": homes(),
        "unseen.jsonl": homes([UNSEEN]),
        "crafts.jsonl": crafts(),
        "crafts-unseen.jsonl": crafts(["Name the craft of {}."]),
        "retention.jsonl": retention(),
    }
    for name, written in files.items():
        write_rows(written, folder / name)
    rows = [row for each in files.values() for row in each]
    texts = [f"{row.text} {' '.join(message['content'] for message in row.messages)}" for row in rows]
    tokenizer = make_tokenizer(texts)
    save_micro(small_llama(tokenizer, seed=seed), tokenizer, folder / "base")
    return folder


def small_llama(tokenizer: Any, *, seed: int = 0, layers: int = 2, width: int = 32) -> Any:
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=layers,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=256,
            tie_word_embeddings=True,
            initializer_range=0.2,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def recipe_of(folder: Path, *, plain: str = "", data: str = "", more: str = TRAINING, name: str = "homes") -> Recipe:
    """A recipe beside the rows, read from its file.

    Args:
        plain: lines before the sections.
        data: further lines of [data].
        more: further sections.
    """
    file = folder / f"{name}.toml"
    rows = "" if "rows =" in data else 'rows = ["homes.jsonl"]\n'
    method = "" if "method" in plain or "last_layers" in plain else "method = 'full'\n"
    file.write_text(f"name = '{name}'\nbase = 'base'\n{method}{plain}\n[data]\n{rows}{data}\n{more}", encoding="utf-8")
    return read_recipe(file)


def write_gate(folder: Path, *sections: str, name: str = "gate.toml") -> str:
    (folder / name).write_text("max_tokens = 8\n" + "\n".join(sections), encoding="utf-8")
    return f"gate = '{name}'\n"


GAIN = '[gain]\nrows = "unseen.jsonl"\n'
"""What the homes teach, asked in words that were not taught."""


def weights_of(folder: Path) -> bytes:
    """The bytes of a candidate's weights."""
    (file,) = folder.glob("*.safetensors")
    return file.read_bytes()
