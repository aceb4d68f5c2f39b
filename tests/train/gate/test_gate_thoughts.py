"""A model that thinks before it replies is judged by what it says: the gate, what it accepts, and what is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from instill.lab.micro_model import make_tokenizer
from instill.train.gate.probes import Probe
from instill.train.gate.rows import as_gate_rows
from instill.train.gate.run import judge
from instill.train.gate.scoring import score
from instill.train.gate.specification import load_gate
from instill.train.generator.data.rows import Row, chat_row
from instill.train.generator.data.turns import one_row_a_turn
from instill.train.generator.export.parity import as_prompts, said_by
from instill.train.generator.loop.replies import replies
from tests.train.gate.gate_models import PEOPLE, colours, gate_file, small_model, taught
from tests.train.generator.templates import OPENING, QWEN3_LIKE

RIGHT = '{"colour": "blue"}'


@pytest.fixture(scope="module", params=["qwen3", "opening"])
def made(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """A model that was trained by a template which puts an empty thought before the reply, and its tokenizer."""
    tokenizer = make_tokenizer(f"{row.prompt} {row.answer}" for row in colours(PEOPLE))
    tokenizer.add_tokens(["<|im_start|>", "<|im_end|>"], special_tokens=True)
    tokenizer.add_tokens(["<think>", "</think>"], special_tokens=request.param == "opening")
    tokenizer.chat_template = OPENING if request.param == "opening" else QWEN3_LIKE
    tokenizer.eos_token = "<|im_end|>"
    rows = one_row_a_turn(colours(PEOPLE[:5]), tokenizer)
    run = tmp_path_factory.mktemp("run")
    return taught(small_model(tokenizer), tokenizer, rows, run, steps=90, rate=1e-2), tokenizer


def test_a_right_reply_after_an_empty_thought_is_right(made: tuple[Any, Any], tmp_path: Path) -> None:
    model, tokenizer = made
    rows = as_gate_rows(colours(PEOPLE[:24]), tokenizer, Path("rows.jsonl"))
    said = Probe(model, tokenizer).replies(rows)
    assert said == [RIGHT] * 24
    # The model does think: it is taken out, and not missing.
    (raw,) = replies(model, tokenizer, [rows.rows[0].prompt], thoughts=True)
    assert raw.endswith(RIGHT)
    assert "</think>" in raw
    assert all(score(each, accepted) == 1 for each, accepted in zip(said, rows.accepted, strict=True))
    own = 'rows = "unseen.jsonl"\n'
    text = f'scoring = "exact"\n[gain]\n{own}[format]\n{own}schema = "reply.schema.json"\n'
    gate = load_gate(gate_file(tmp_path, text, unseen=colours(PEOPLE)))
    verdict = judge(gate, small_model(tokenizer), model, tokenizer)
    assert [each.outcome for each in verdict.conditions] == ["passed", "passed"]


def test_parity_compares_thoughts_too(made: tuple[Any, Any]) -> None:
    model, tokenizer = made
    found = said_by(model, tokenizer, as_prompts([f"Colour of {PEOPLE[0]}?"]))
    assert "</think>" in found.replies[0]


def test_thoughts_in_the_rows_are_not_what_a_reply_is_held_against(made: tuple[Any, Any]) -> None:
    row = chat_row("2 + 2?", "<think>\nTwo and two.\n</think>\n\n4")
    more = Row(row.messages, answers=("<think></think>four", "4"))
    assert as_gate_rows([row, more], made[1], Path("x")).accepted == (("4",), ("4", "four"))
