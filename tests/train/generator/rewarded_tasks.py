"""A tiny base that says the wrong thing more often than the right one, so that drawing replies finds both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from instill.lab.micro_model import save_micro
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.train.generator.data.examples import make_examples
from instill.train.generator.data.rows import Row
from instill.train.generator.loop.loop import train
from instill.train.generator.recipes.training_section import Hyperparameters
from tests.train.pipeline.small_recipes import TAUGHT, UNSEEN, homes, write_task

WRONG = "A smith of silver."
REWARDED = (
    "[training]\nsteps = {steps}\nbatch_size = 6\nlearning_rate = 0.02\nprecision = 'fp32'\n[reward]\nmax_tokens = 8\n"
)


def write_torn_base(folder: Path) -> Path:
    """As `write_task`, with a base that gives the right reply to one question in three."""
    write_task(folder)
    tokenizer, model = open_tokenizer(folder / "base"), open_model(folder / "base", trainable=True)
    right = homes((*TAUGHT, UNSEEN))
    wrong = [saying(row, WRONG) for row in right]
    examples = make_examples([*right, *wrong, *wrong], tokenizer)
    chosen = Hyperparameters(epochs=3, batch_size=16, learning_rate=0.02, precision="fp32", packing=False)
    train(model, lambda _: examples, chosen, folder / "torn", identity="torn", save_every=0)
    save_micro(model, tokenizer, folder / "base")
    return folder


def saying(row: Row, reply: str) -> Row:
    """The row with another reply."""
    return replace(row, messages=(*row.prompt, {"role": "assistant", "content": reply}))
