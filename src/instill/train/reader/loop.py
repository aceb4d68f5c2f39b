"""The training loop of the reader: short, deterministic, and able to go on after it was stopped at any moment."""

from __future__ import annotations

import ctypes
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from instill.errors import WorkspaceError
from instill.train.reader.examples import Example, ExampleMaker
from instill.train.reader.model import ReaderModel, length_class, make_batch, trained_tensors
from instill.train.reader.settings import CHECKPOINT, Hyperparameters, Progress

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # parameters of mallopt(3)


def bf16_is_fast() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def keep_freed_memory() -> None:
    """Let the C library keep the memory that each step frees instead of handing it back and faulting it in again.

    Where the library has no such switch nothing happens; it saves about a sixth of the time on Linux.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_TRIM_THRESHOLD, -1)


def train(
    model: ReaderModel,
    maker: ExampleMaker,
    chosen: Hyperparameters,
    run: Path,
    *,
    identity: str,
    save_every: int = 200,
    progress: Callable[[Progress], None] | None = None,
) -> None:
    """Train `model` in place.

    A checkpoint is written to `run` every `save_every` steps; a run that finds one goes on from there and ends with
    the same weights as one that was never stopped.

    Args:
        identity: names data, base and settings; a checkpoint of another identity is refused.

    Raises:
        WorkspaceError: the checkpoint in `run` is damaged or belongs to another run.
    """
    torch.manual_seed(chosen.seed)
    keep_freed_memory()
    bf16 = bf16_is_fast()
    epochs = [_batches(maker.epoch(number, seed=chosen.seed), chosen, number) for number in range(chosen.epochs)]
    steps = sum(len(batches) for batches in epochs)
    optimizer = _optimizer(model, chosen)
    first = _resume(model, optimizer, run / CHECKPOINT, identity)
    started = time.monotonic()
    recent: list[float] = []
    model.train()
    for step, examples in _after(first, epochs):
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * _rate(step, steps, chosen.warmup)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            loss = model.loss(make_batch(examples))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), chosen.clip)
        optimizer.step()
        optimizer.zero_grad()
        recent = [*recent[-99:], float(loss.detach())]
        done = step + 1
        if progress is not None:
            progress(Progress(done, steps, sum(recent) / len(recent), time.monotonic() - started, first))
        if done % save_every == 0 or done == steps:
            _save(model, optimizer, run / CHECKPOINT, done, identity)
    model.eval()


def _batches(examples: Sequence[Example], chosen: Hyperparameters, epoch: int) -> list[list[Example]]:
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


def _rate(step: int, steps: int, warmup: float) -> float:
    """Share of the peak learning rate at a step."""
    rising = max(1, math.ceil(steps * warmup))
    return (step + 1) / rising if step < rising else (steps - step) / max(1, steps - rising)


def _optimizer(model: ReaderModel, chosen: Hyperparameters) -> torch.optim.AdamW:
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


def _save(model: ReaderModel, optimizer: torch.optim.AdamW, path: Path, step: int, identity: str) -> None:
    """Weights and the optimizer's moments in one file, put in place at once."""
    tensors = {}
    for name, parameter in trained_tensors(model).items():
        tensors[f"weight.{name}"] = parameter.detach()
        for key, value in optimizer.state[parameter].items():
            tensors[f"{key}.{name}"] = value
    draft = path.with_suffix(".draft")
    save_file(tensors, draft, {"step": str(step), "identity": identity})
    draft.replace(path)


def _resume(model: ReaderModel, optimizer: torch.optim.AdamW, path: Path, identity: str) -> int:
    """Load the checkpoint, if there is one; the number of steps that are done."""
    if not path.exists():
        return 0
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            if metadata.get("identity") != identity:
                raise WorkspaceError(
                    "The checkpoint belongs to a run with other data or settings.",
                    where=str(path),
                    remedy="Choose another --out folder, or remove the checkpoint to start over.",
                )
            for name, parameter in trained_tensors(model).items():
                parameter.data.copy_(file.get_tensor(f"weight.{name}"))
                optimizer.state[parameter] = {
                    key: file.get_tensor(f"{key}.{name}") for key in ("step", "exp_avg", "exp_avg_sq")
                }
            return int(metadata["step"])
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise WorkspaceError(
            f"The checkpoint cannot be read: {error}.", where=str(path), remedy="Remove it to start over."
        ) from error
