"""What a run will cost in time and memory, from two steps that are measured, and what to change if it does not fit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from instill.train.generator.beforehand.memory import PeakMemory, free_memory
from instill.train.generator.beforehand.savings import Saving, savings
from instill.train.generator.data.examples import Example
from instill.train.generator.loop.attention import AttentionInFloat32
from instill.train.generator.loop.batches import Batch, steps_of
from instill.train.generator.loop.loop import (
    Epochs,
    Lower,
    Network,
    Objective,
    batches_of,
    next_token,
    total_steps,
    uses_bf16,
)
from instill.train.generator.recipes.training_section import Hyperparameters

_MOMENTS = 2  # numbers that AdamW keeps for each that is trained


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes on the device, at the fullest moment of a step.

    Args:
        parameters: the model; it is there already.
        gradients: of what is trained.
        moments: AdamW's two for each of them.
        activations: everything else, measured on the largest step.
    """

    parameters: int
    gradients: int
    moments: int
    activations: int

    @property
    def peak(self) -> int:
        return self.parameters + self.needed

    @property
    def needed(self) -> int:
        """Beside the model."""
        return self.gradients + self.moments + self.activations


@dataclass(frozen=True, slots=True)
class Estimate:
    """Time and memory of a run in one process.

    Args:
        device: "cpu" or "cuda".
        precision: "bf16" or "fp32", as the run would choose.
        steps: of the whole run.
        step_seconds: of a step of middle length; None where nothing was measured because it does not fit.
        seconds: of the whole run, without reading the model and measuring the result.
        memory: what it takes.
        free: bytes that can still be taken, the model being loaded.
        savings: changes that make it smaller, the mildest first; empty when it fits.
    """

    device: str
    precision: str
    steps: int
    step_seconds: float | None
    seconds: float | None
    memory: Memory
    free: int
    savings: tuple[Saving, ...]

    @property
    def fits(self) -> bool:
        return self.memory.needed <= self.free

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        memory = {**asdict(self.memory), "peak": self.memory.peak, "needed": self.memory.needed}
        return {**asdict(self), "memory": memory, "fits": self.fits}


def estimate(
    model: Any,
    epochs: Epochs,
    chosen: Hyperparameters,
    *,
    objective: Objective = next_token,
    lower: Lower | None = None,
    last_layers: int = 0,
    free: int | None = None,
) -> Estimate:
    """Measure two steps of the run, forward and backward; no weight changes.

    The first is the one with most tokens, which also warms up; the second has as many as the middle one, and gives
    the time. With `lower` it is done once more, as later epochs do it.

    Args:
        model: prepared for its method, on the device that trains.
        epochs: the run's own.
        lower: the run's own.
        last_layers: as in the method; 0: all.
        free: bytes that may be taken; None: what is free.
    """
    device = next(model.parameters()).device
    available = free_memory(device) if free is None else free
    trained = [each for each in model.parameters() if each.requires_grad]
    gradients = _bytes(trained)
    fixed = gradients * (1 + _MOMENTS)
    bf16 = uses_bf16(chosen.precision)
    examples = epochs(0)
    largest, middle = _steps(examples, chosen)
    first = later = None
    activations = 0
    if fixed <= available:
        network = Network(model, objective, lower)
        with _Trial(model, device, bf16) as trial, PeakMemory(device) as peak, suppress(torch.OutOfMemoryError):
            trial.seconds(network, largest, chosen)
            first = trial.seconds(network, middle, chosen)
            later = first if lower is None else trial.seconds(network, middle, chosen)
        # Where memory ran out, more is needed than there is.
        activations = max(0, peak.bytes - gradients, available - fixed + 1 if later is None else 0)
    memory = Memory(_bytes(model.parameters()), gradients, gradients * _MOMENTS, activations)
    steps = total_steps(epochs, chosen)
    step_seconds = seconds = None
    if first is not None and later is not None:
        # Steps differ in length: the middle one stands for the mean one.
        share = _mean_length(examples, chosen) / max(1, sum(each.length for each in middle))
        step_seconds = later * share + _optimizer_seconds(trained)
        in_first = min(steps, len(steps_of(len(examples), chosen.batch_size, seed=chosen.seed, epoch=0)))
        seconds = steps * step_seconds + in_first * (first - later) * share
    widest = max((batch.ids.numel() for batch in batches_of(largest, chosen)), default=0)
    longest = max(chosen.pack_width if chosen.packing else 0, max(each.length for each in examples))
    lighter = savings(
        model,
        chosen,
        fixed=fixed,
        activations=activations,
        free=available,
        widest=widest,
        longest=longest,
        last_layers=last_layers,
        bf16=bf16,
    )
    return Estimate(
        device.type,
        "bf16" if bf16 else "fp32",
        steps,
        step_seconds,
        seconds,
        memory,
        available,
        () if memory.needed <= available else tuple(lighter),
    )


class _Trial:
    """Runs steps as the loop does, and leaves the model as it was."""

    def __init__(self, model: Any, device: torch.device, bf16: bool) -> None:
        self._model, self._device, self._bf16 = model, device, bf16
        self._attention = AttentionInFloat32(model) if bf16 and device.type == "cpu" else nullcontext()

    def __enter__(self) -> _Trial:
        self._training, self._random = self._model.training, torch.random.get_rng_state()
        self._model.train()
        return self

    def __exit__(self, *_: object) -> None:
        self._model.zero_grad(set_to_none=True)
        self._model.train(self._training)
        torch.random.set_rng_state(self._random)

    def seconds(self, network: Network, examples: Sequence[Example], chosen: Hyperparameters) -> float:
        self._wait()
        started = time.perf_counter()
        targets = max(1, sum(example.targets for example in examples))
        for batch in batches_of(examples, chosen):
            self._run(network, batch.to(self._device), targets)
        self._wait()
        spent = time.perf_counter() - started
        self._model.zero_grad(set_to_none=True)
        return spent

    def _run(self, network: Network, batch: Batch, targets: int) -> None:
        with self._attention, torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._bf16):
            part = network(batch)
        (part / targets).backward()

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


def _steps(examples: Sequence[Example], chosen: Hyperparameters) -> tuple[list[Example], list[Example]]:
    """The step of the first epoch with most tokens, and the middle one."""
    places = steps_of(len(examples), chosen.batch_size, seed=chosen.seed, epoch=0)
    steps = [[examples[place] for place in step] for step in places]
    ordered = sorted(steps, key=lambda step: sum(each.length for each in step))
    return ordered[-1], ordered[len(ordered) // 2]


def _mean_length(examples: Sequence[Example], chosen: Hyperparameters) -> float:
    return sum(each.length for each in examples) / -(-len(examples) // chosen.batch_size)


def _optimizer_seconds(trained: Sequence[nn.Parameter]) -> float:
    """Of AdamW on all that is trained, from a copy of the largest tensor of it."""
    largest = max(trained, key=lambda each: each.numel())
    copy = nn.Parameter(torch.zeros_like(largest))
    copy.grad = torch.zeros_like(copy)
    optimizer = torch.optim.AdamW([copy], fused=True)
    optimizer.step()
    started = time.perf_counter()
    optimizer.step()
    if copy.device.type == "cuda":
        torch.cuda.synchronize(copy.device)
    spent = time.perf_counter() - started
    return float(spent * sum(each.numel() for each in trained) / copy.numel())


def _bytes(parameters: Any) -> int:
    return sum(each.numel() * each.element_size() for each in parameters)
