"""What a recipe leaves open, filled in for its rows and its model: batch size, epochs, learning rate, micro-batches."""

from __future__ import annotations

import json
from math import ceil
from pathlib import Path
from typing import Any

from instill.train.generator.data.mix import replay_count
from instill.train.generator.recipes.recipe import Recipe

STEPS = 60
"""What a run should have. In 50 steps of 8 rows SmolLM2-135M learnt a format from 80 rows; in 15 of 16 nothing."""

EPOCHS, MOST_EPOCHS = 3, 30
SMALL_BATCH, BATCH = 8, 16

MOST_TOKENS, FEWEST_TOKENS = 8192, 512
_LOGITS = 2**27
"""Numbers: half a gigabyte of float32. The loss of a micro-batch holds one for each token and word of the vocabulary,
several times over. With 8,192 tokens a model of 135 million weights and 49,152 words took 10 GB."""

_WIDTH, _RATE, _POWER = 2000, 5e-4, 0.78
_FULL, _COMPARED = 0.1, 0.1


def settled(recipe: Recipe, rows: int, base: Path) -> Recipe:
    """The recipe with a value for all that it leaves open; what is written in it stays.

    Steps decide what is learnt, not epochs, so few rows are seen more often and in smaller batches. The learning rate
    goes by method and width of the model, see `learning_rate`; the tokens that go through the model at one time by its
    vocabulary, see `micro_tokens`.

    Args:
        rows: that are learnt, without replay.
        base: the model's folder.

    Example:
        >>> from instill.train.generator.recipes.recipe import Data
        >>> recipe = Recipe(name="a", base="micro", data=Data(rows=["rows.jsonl"]))
        >>> chosen = settled(recipe, 80, Path("missing")).training
        >>> chosen.batch_size, chosen.epochs, chosen.learning_rate, chosen.micro_tokens
        (8, 6, 0.0005, 8192)
    """
    chosen = recipe.training
    open_ = {"batch_size", "epochs", "learning_rate", "micro_tokens"} - chosen.model_fields_set
    filled: dict[str, Any] = {}
    seen = rows + (replay_count(rows, recipe.data.replay_share) if recipe.data.replay else 0)
    batch = chosen.batch_size
    if "batch_size" in open_:
        filled["batch_size"] = batch = SMALL_BATCH if EPOCHS * ceil(seen / BATCH) < STEPS else BATCH
    if "epochs" in open_:
        filled["epochs"] = min(MOST_EPOCHS, max(EPOCHS, ceil(STEPS / max(1, ceil(seen / batch)))))
    if "learning_rate" in open_:
        filled["learning_rate"] = learning_rate(recipe.method, width_of(base), recipe.objective)
    if "micro_tokens" in open_:
        filled["micro_tokens"] = micro_tokens(_number_of(base, ("vocab_size",)))
    return recipe.model_copy(update={"training": chosen.model_copy(update=filled)}) if filled else recipe


def learning_rate(method: str, width: int, objective: str = "next_token") -> float:
    """The peak rate for a method and the width of a model, rounded to one digit.

    For an adapter 5e-4 at a width of 2000, less for wider models by the power 0.78; a tenth of it for the weights
    themselves ("LoRA Without Regret", Thinking Machines, 2025, found both over fourteen models), and a tenth for
    preferences and rewards, which compare replies. SmolLM2-135M learnt by it.

    Args:
        method: "lora", "dora" or "full".
        width: numbers in a token's vector; 0: not known.

    Example:
        >>> [learning_rate("lora", width) for width in (576, 2048, 4096)], learning_rate("full", 4096)
        ([0.001, 0.0005, 0.0003], 3e-05)
    """
    rate = _RATE * (_WIDTH / (width or _WIDTH)) ** _POWER
    if method == "full":
        rate *= _FULL
    if objective in ("preference", "reward"):
        rate *= _COMPARED
    return float(f"{min(rate, 1.0):.0e}")


def micro_tokens(vocabulary: int) -> int:
    """Most tokens that go through a model at one time, a power of two, so that the logits fit into half a gigabyte.

    It follows from the model alone, not from the memory that is free: the same recipe makes the same candidate.

    Args:
        vocabulary: words of the tokenizer; 0: not known.

    Example:
        >>> [micro_tokens(words) for words in (0, 2_000, 49_152, 128_256, 1_000_000)]
        [8192, 8192, 2048, 1024, 512]
    """
    fitting = _LOGITS // max(vocabulary, 1)
    return max(FEWEST_TOKENS, min(MOST_TOKENS, 1 << (fitting.bit_length() - 1)))


def width_of(base: Path) -> int:
    """Of the model in a folder; 0 where its settings do not say."""
    return _number_of(base, ("hidden_size", "n_embd", "d_model"))


def _number_of(base: Path, keys: tuple[str, ...]) -> int:
    """The first of the keys that is a positive number in the model's settings; 0 where none is."""
    try:
        config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0  # Opening the model says what is wrong with it.
    for part in (config, config.get("text_config") if isinstance(config, dict) else None):
        for key in keys:
            found = part.get(key) if isinstance(part, dict) else None
            if isinstance(found, int) and found > 0:
                return found
    return 0
