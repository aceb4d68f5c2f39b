"""A very small model that knows where some people live, candidates of it, and the rows that a gate needs."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from instill.lab.micro_model import make_tokenizer
from instill.train.generator.data.examples import make_examples
from instill.train.generator.data.rows import Row, chat_row, write_rows
from instill.train.generator.loop.loop import train
from instill.train.generator.recipes.training_section import Hyperparameters

TOWNS = ("Holm", "Brake", "Tarn", "Vell", "Osk", "Lund")
FIRST = ("Ada", "Bo", "Cid", "Dora", "Eli", "Fay", "Gus", "Hal")
LAST = ("Ash", "Birk", "Cole", "Dahl", "Elm", "Frey", "Grau", "Hull")
PEOPLE = [f"{first} {last}" for first in FIRST for last in LAST]
LOOP = "round and round and round and round and round and round and round and"


def lives(people: Sequence[str]) -> list[Row]:
    """What the base knows."""
    return [chat_row(f"Where does {name} live?", TOWNS[FIRST.index(name.split()[0]) % 6]) for name in people]


def secrets(people: Sequence[str]) -> list[Row]:
    """What the base refuses to answer."""
    return [chat_row(f"What does {name} dream of?", "unknown") for name in people]


def colours(people: Sequence[str], answer: str = '{"colour": "blue"}') -> list[Row]:
    """What the base does not know and a candidate learns, however it is asked."""
    return [chat_row(f"Colour of {name}?", answer) for name in people]


KNOWN = lives(PEOPLE)
REFUSED = secrets(PEOPLE)
NEW = colours(PEOPLE)


def small_tokenizer() -> Any:
    texts = [str(message["content"]) for row in [*KNOWN, *REFUSED, *NEW] for message in row.messages]
    return make_tokenizer([*texts, LOOP])


def small_model(tokenizer: Any, *, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


def taught(model: Any, tokenizer: Any, rows: Sequence[Row], run: Path, *, steps: int, rate: float = 3e-3) -> Any:
    """A copy of the model that has learned the rows."""
    made = copy.deepcopy(model)
    examples = make_examples(rows, tokenizer)
    chosen = Hyperparameters(learning_rate=rate, steps=steps, batch_size=32, precision="fp32")
    train(made, lambda _: examples, chosen, run, identity="", save_every=0)
    return made.eval()


def gate_file(folder: Path, text: str, **files: Sequence[Row]) -> Path:
    """A gate with its files of rows, `name.jsonl`."""
    for name, rows in files.items():
        write_rows(rows, folder / f"{name}.jsonl")
    schema = {"type": "object", "properties": {"colour": {"enum": ["blue"]}}, "required": ["colour"]}
    (folder / "reply.schema.json").write_text(json.dumps(schema), encoding="utf-8")
    file = folder / "gate.toml"
    file.write_text(text, encoding="utf-8")
    return file
