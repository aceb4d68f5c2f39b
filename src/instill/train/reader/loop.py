"""The training loop of the reader: short, deterministic, and able to go on after it was stopped at any moment."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from instill.common.freed_memory import keep_freed_memory
from instill.train.checkpoint_file import load_weights, resume, save_checkpoint
from instill.train.machine import bf16_is_fast, hand_back_most
from instill.train.progress import CHECKPOINT, TrainingStep
from instill.train.randomness import seed_all
from instill.train.reader.examples import Example, ExampleMaker
from instill.train.reader.model import ReaderModel, length_class, make_batch, trained_tensors
from instill.train.reader.settings import ReaderHyperparameters
from instill.train.schedule import rate
from instill.train.when_to_save import READER_EVERY, is_due


def train(
    model: ReaderModel,
    maker: ExampleMaker,
    chosen: ReaderHyperparameters,
    run: Path,
    *,
    identity: str,
    start_from: Path | None = None,
    save_every: int = READER_EVERY,
    progress: Callable[[TrainingStep], None] | None = None,
) -> None:
    """Train `model` in place.

    A checkpoint is written to `run` every `save_every` steps; a run that finds one goes on from there and ends with
    the same weights as one that was never stopped.

    Args:
        identity: names data, base and settings; a checkpoint of another identity is refused.
        start_from: folder of another run; its weights are what training begins with.

    Raises:
        WorkspaceError: the checkpoint in `run` is damaged or belongs to another run; that of `start_from` does not fit.
    """
    seed_all(chosen.seed)
    keep_freed_memory()
    bf16 = bf16_is_fast()
    epochs = [_batches(maker.epoch(number, seed=chosen.seed), chosen, number) for number in range(chosen.epochs)]
    steps = sum(len(batches) for batches in epochs)
    optimizer = _optimizer(model, chosen)
    trained = trained_tensors(model)
    if start_from is not None:
        load_weights(start_from / CHECKPOINT, trained)
    first = resume(run / CHECKPOINT, trained, optimizer, identity=identity)
    started = time.monotonic()
    recent: list[float] = []
    model.train()
    for step, examples in _after(first, epochs):
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * rate(step, steps, chosen.warmup)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            loss = model.loss(make_batch(examples))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), chosen.clip)
        optimizer.step()
        hand_back_most()
        optimizer.zero_grad()
        recent = [*recent[-99:], float(loss.detach())]
        done = step + 1
        if progress is not None:
            progress(TrainingStep(done, steps, sum(recent) / len(recent), time.monotonic() - started, first))
        if is_due(done, steps, save_every):
            save_checkpoint(run / CHECKPOINT, trained, optimizer, step=done, identity=identity)
    model.eval()


def _batches(examples: Sequence[Example], chosen: ReaderHyperparameters, epoch: int) -> list[list[Example]]:
    """Batches of one length class in random order; what is left over of a class joins the next longer one.

    There are few classes, so that the matrix kernels, which are prepared for each shape, are prepared once.
    """
    rng = random.Random(f"{chosen.seed} order {epoch}")  # noqa: S311  Not for security.
    order = list(range(len(examples)))
    rng.shuffle(order)
    classes: dict[int, list[Example]] = {}
    for place in order:
        classes.setdefault(length_class(len(examples[place].ids)), []).append(examples[place])
    batches: list[list[Example]] = []
    left: list[Example] = []
    for length in sorted(classes):
        found, size = left + classes[length], max(1, chosen.batch_tokens // length)
        whole = len(found) // size * size
        batches.extend(found[start : start + size] for start in range(0, whole, size))
        left = found[whole:]
    if left:
        batches.append(left)
    rng.shuffle(batches)
    return batches


def _after(first: int, epochs: Sequence[Sequence[list[Example]]]) -> Iterator[tuple[int, list[Example]]]:
    step = 0
    for batches in epochs:
        for batch in batches:
            if step >= first:
                yield step, batch
            step += 1


def _optimizer(model: ReaderModel, chosen: ReaderHyperparameters) -> torch.optim.AdamW:
    groups: dict[tuple[float, float], list[Any]] = {}
    for name, parameter in trained_tensors(model).items():
        peak = chosen.learning_rate * (1.0 if name.startswith("trunk.") else chosen.head_rate)
        decay = chosen.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((peak, decay), []).append(parameter)
    return torch.optim.AdamW(
        [{"params": found, "peak": peak, "lr": 0.0, "weight_decay": decay} for (peak, decay), found in groups.items()],
        betas=(0.9, 0.98),
        fused=True,
    )
