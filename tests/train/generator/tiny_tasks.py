"""A tiny model, its tokenizer, and rows of a task that nothing is wrong with."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from instill.lab.micro_model import make_tokenizer
from instill.models.generators.chat_text import ChatMessage
from instill.train.generator.data.rows import Row, chat_row, write_rows

CITIES = ("Oslo", "Bergen", "Turku", "Malmo", "Aarhus", "Tartu", "Riga", "Gdansk", "Kiel", "Visby", "Umea", "Narvik")
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "nights": {"type": "integer"}},
    "required": ["city", "nights"],
}
PLAIN = "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"  # noqa: E501


def booking(city: str, nights: int) -> Row:
    answer = json.dumps({"city": city, "nights": nights})
    return chat_row(f"A room in {city} for {nights} nights, please.", answer, system="Reply with JSON: city, nights.")


def bookings() -> list[Row]:
    return placed([booking(city, number) for number, city in enumerate(CITIES, start=2)])


def held_out_bookings() -> list[Row]:
    return placed([booking("Oslo", 20), booking("Riga", 21)], "gate.jsonl")


def placed(rows: list[Row], file: str = "a.jsonl") -> list[Row]:
    """The rows with places in a file."""
    return [
        Row(row.messages, row.text, row.tools, row.teacher, row.rejected, row.task, f"{file}:{number}")
        for number, row in enumerate(rows, start=1)
    ]


def turns(*said: tuple[str, str]) -> Row:
    """A conversation of (role, content)."""
    messages: tuple[ChatMessage, ...] = tuple({"role": role, "content": content} for role, content in said)
    return Row(messages)


def tokenizer() -> Any:
    """A new one at each call, so that a test may change it."""
    from copy import deepcopy

    return deepcopy(_tokenizer())


@cache
def _tokenizer() -> Any:
    return make_tokenizer([f"{message['content']}" for row in bookings() for message in row.messages])


def tiny_model(made: Any, *, layers: int = 4, context: int = 256) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(made),
        hidden_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=32,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        bos_token_id=made.bos_token_id,
        eos_token_id=made.eos_token_id,
        pad_token_id=made.pad_token_id,
    )
    return LlamaForCausalLM(config)


def write_recipe(folder: Path, text: str) -> Path:
    """A recipe beside the rows, held-out rows, schema and base that it may name."""
    write_rows(bookings(), folder / "a.jsonl")
    write_rows([chat_row(f"Say {city}.", f"{city}!") for city in CITIES], folder / "general.jsonl")
    write_rows(held_out_bookings(), folder / "gate.jsonl")
    (folder / "reply.schema.json").write_text(json.dumps(SCHEMA))
    (folder / "gate.toml").write_text("")
    (folder / "base").mkdir(exist_ok=True)
    file = folder / "recipe.toml"
    file.write_text(text, encoding="utf-8")
    return file
