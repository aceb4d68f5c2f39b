"""What runs of trl's trainers share: their checkpoints, and leaving no trace of them in the model and the process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from instill.train.generator.loop.loop import uses_bf16
from instill.train.generator.recipes.training_section import Hyperparameters

MOST_AT_ONCE = 16
"""Items that go through the model together; the cores are busy by then."""


def last_checkpoint(folder: Path) -> Path | None:
    """The newest that was finished; others are removed. Its state is what trl writes last."""
    found = sorted(folder.glob("checkpoint-*"), key=step_of)
    while found and not _is_whole(found[-1]):
        shutil.rmtree(found.pop(), ignore_errors=True)
    return found[-1] if found else None


def _is_whole(checkpoint: Path) -> bool:
    try:
        return bool(json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return False


def step_of(checkpoint: Path) -> int:
    """The number of steps that were done when it was written."""
    number = checkpoint.name.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def at_once(count: int, tokens: int, most_tokens: int) -> int:
    """How many of a step's items go through the model together: as many as fit, and a divisor of their number, so that
    the step learns from all of them alike.

    Args:
        count: items of a step.
        tokens: of the longest item.
        most_tokens: the recipe's `micro_tokens`; one item may have more.

    Example:
        >>> at_once(24, 300, 2048), at_once(24, 20, 2048), at_once(7, 400, 2048), at_once(8, 5000, 2048)
        (6, 12, 1, 1)
    """
    fitting = min(MOST_AT_ONCE, count, most_tokens // max(1, tokens))
    return max(size for size in range(1, max(1, fitting) + 1) if count % size == 0)


def shared_settings(folder: Path, chosen: Hyperparameters, *, on_cpu: bool, save_every: int) -> dict[str, Any]:
    """What trl's trainers are told alike: the recipe's rates, a log of every step, and the last checkpoint."""
    return {
        "output_dir": str(folder),
        "learning_rate": chosen.learning_rate,
        "warmup_steps": chosen.warmup,
        "weight_decay": chosen.weight_decay,
        "max_grad_norm": chosen.clip,
        "seed": chosen.seed,
        "bf16": uses_bf16(chosen.precision),
        "use_cpu": on_cpu,
        "gradient_checkpointing": not on_cpu,
        "report_to": "none",
        "disable_tqdm": True,
        "logging_strategy": "steps",
        "logging_steps": 1,
        "save_strategy": "steps",
        "save_steps": save_every,
        "save_total_limit": 1,
    }


@contextmanager
def no_bars(datasets: Any) -> Iterator[None]:
    """Inside, the library shows no progress of its own."""
    hidden = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if not hidden:
            datasets.enable_progress_bars()


@contextmanager
def left_as_found(model: Any) -> Iterator[None]:
    """Afterwards, what trl added to the model, and what it set for all training in this process, is gone."""
    from accelerate.state import AcceleratorState, GradientState

    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    try:
        yield
    finally:
        inner.__dict__.pop("forward", None)
        if "ref" in getattr(model, "peft_config", {}):
            model.delete_adapter("ref")
        # Its precision would be the next run's too.
        AcceleratorState._reset_state(reset_partial_state=True)
        GradientState._reset_state()
