"""The training loop of a language model: short, deterministic, and able to go on after it was stopped at any moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from instill.common.freed_memory import keep_freed_memory
from instill.train.checkpoint_file import resume, save_checkpoint
from instill.train.generator.data.examples import Example
from instill.train.generator.loop.attention import AttentionInFloat32
from instill.train.generator.loop.batches import Batch, packed, padded, steps_of
from instill.train.generator.loop.layers import decoder
from instill.train.generator.loop.loss import next_token_loss
from instill.train.generator.recipes.training_section import Hyperparameters
from instill.train.machine import bf16_is_fast, hand_back_most
from instill.train.progress import CHECKPOINT, TrainingStep
from instill.train.randomness import seed_all
from instill.train.schedule import rate
from instill.train.when_to_save import GENERATOR_EVERY, Saving

Objective = Callable[[Any, Tensor, Batch], Tensor]
"""Model, hidden states `(targets, width)` before the targets, batch -> the sum of the targets' losses."""

Epochs = Callable[[int], Sequence[Example]]
"""Number of an epoch, from 0 -> its examples. The same number must always give the same ones."""


class Lower(Protocol):
    """Gives what comes out of the frozen layers; see `frozen_cache`."""

    def upper(self, model: Any, batch: Batch) -> Tensor:
        """Last hidden states `(rows, tokens, width)`, computed from the frozen layers' output."""
        ...


def next_token(model: Any, hidden: Tensor, batch: Batch) -> Tensor:
    """The objective of ordinary fine-tuning."""
    return next_token_loss(model, hidden, batch.targets)


class Network(nn.Module):
    """Model and objective as one module, so that what wraps it for many processes sees the whole computation."""

    def __init__(self, model: Any, objective: Objective, lower: Lower | None = None) -> None:
        super().__init__()
        self.model = model
        self._objective = objective
        self._lower = lower

    def forward(self, batch: Batch) -> Tensor:
        """Sum of the losses of the batch's targets."""
        if self._lower is not None:
            hidden = self._lower.upper(self.model, batch)
        else:
            hidden = decoder(self.model)(
                input_ids=batch.ids, position_ids=batch.positions, use_cache=False
            ).last_hidden_state
        return self._objective(self.model, hidden.flatten(0, 1)[batch.places], batch)


def train(
    model: Any,
    epochs: Epochs,
    chosen: Hyperparameters,
    run: Path,
    *,
    identity: str,
    objective: Objective = next_token,
    lower: Lower | None = None,
    save_every: int = GENERATOR_EVERY,
    progress: Callable[[TrainingStep], None] | None = None,
) -> dict[str, Tensor] | None:
    """Train those parameters of `model` that require gradients, in place.

    A checkpoint is written to `run` every `save_every` steps and every minute; a run that finds one goes on from there
    and, on a CPU, ends with the same weights, bit for bit, as one that was never stopped.

    Args:
        identity: names rows, base and settings; a checkpoint of another identity is refused.
        lower: where the output of frozen layers comes from, when they are not to be computed.
        save_every: steps between checkpoints; 0: none is written.

    With several processes, the work is spread over them and the first one writes the checkpoints. Where the weights
    are spread too (FSDP), no checkpoints are written.

    Returns:
        None; of many processes, the first gets the model's tensors put together by name, and the others an empty
        mapping, for each holds only its part of the model.

    Raises:
        WorkspaceError: the checkpoint in `run` is damaged or belongs to another run.
    """
    seed_all(chosen.seed)
    keep_freed_memory()
    accelerator = Accelerator()
    bf16 = uses_bf16(chosen.precision)
    attention = AttentionInFloat32(model) if bf16 and accelerator.device.type == "cpu" else nullcontext()
    optimizer = _optimizer(model, chosen)
    network, optimizer = accelerator.prepare(Network(model, objective, lower), optimizer)
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    alone = accelerator.num_processes == 1
    saves = save_every > 0 and not any(isinstance(each, DTensor) for each in trained.values())
    first = resume(run / CHECKPOINT, trained, optimizer.optimizer, identity=identity) if saves else 0
    steps = total_steps(epochs, chosen)
    started = time.monotonic()
    recent: list[float] = []
    saving = Saving(steps, save_every)
    network.train()
    for step, examples in _from_step(first, steps, epochs, chosen):
        for group in optimizer.param_groups:
            group["lr"] = chosen.learning_rate * rate(step, steps, chosen.warmup)
        targets = max(1, sum(example.targets for example in examples))
        loss = 0.0
        for batch, share in _dealt(batches_of(examples, chosen), accelerator):
            with attention, torch.autocast(accelerator.device.type, dtype=torch.bfloat16, enabled=bf16):
                part = network(batch.to(accelerator.device))
            # Processes' gradients are averaged, and a step is the mean over all of its targets.
            accelerator.backward(part * (share * accelerator.num_processes / targets))
            loss += share * float(part.detach())
        accelerator.clip_grad_norm_(network.parameters(), chosen.clip)
        optimizer.step()
        hand_back_most()
        optimizer.zero_grad()
        done = step + 1
        recent = [*recent[-49:], _over_processes(loss, accelerator) / targets]
        if progress is not None and accelerator.is_main_process:
            progress(TrainingStep(done, steps, sum(recent) / len(recent), time.monotonic() - started, first))
        if saves and accelerator.is_main_process and saving.is_due(done):
            with saving:
                save_checkpoint(run / CHECKPOINT, trained, optimizer.optimizer, step=done, identity=identity)
    network.eval()
    return None if alone else _put_together(network, accelerator)


def _put_together(network: nn.Module, accelerator: Accelerator) -> dict[str, Tensor]:
    state = accelerator.get_state_dict(network)
    return {name.removeprefix("model."): value for name, value in state.items()} if accelerator.is_main_process else {}


def total_steps(epochs: Epochs, chosen: Hyperparameters) -> int:
    """How many steps a run has."""
    if chosen.steps:
        return chosen.steps
    return sum(-(-len(epochs(number)) // chosen.batch_size) for number in range(chosen.epochs))


def uses_bf16(precision: str) -> bool:
    """Whether matrices are multiplied in bfloat16."""
    if precision == "auto":
        return torch.cuda.is_bf16_supported() if torch.cuda.is_available() else bf16_is_fast()
    return precision == "bf16"


def _from_step(first: int, steps: int, epochs: Epochs, chosen: Hyperparameters) -> Iterator[tuple[int, list[Example]]]:
    step = epoch = 0
    while step < steps:
        examples = epochs(epoch)
        for rows in steps_of(len(examples), chosen.batch_size, seed=chosen.seed, epoch=epoch):
            if first <= step < steps:
                yield step, [examples[row] for row in rows]
            step += 1
        epoch += 1


def batches_of(examples: Sequence[Example], chosen: Hyperparameters) -> Iterator[Batch]:
    if chosen.packing:
        return packed(examples, chosen.micro_tokens, chosen.pack_width)
    return padded(examples, chosen.micro_tokens)


def _dealt(batches: Iterator[Batch], accelerator: Accelerator) -> Iterator[tuple[Batch, float]]:
    """This process's batches. All processes have the same number of turns: who lacks one repeats with no weight."""
    if accelerator.num_processes == 1:
        yield from ((batch, 1.0) for batch in batches)
        return
    found, count, rank = list(batches), accelerator.num_processes, accelerator.process_index
    for turn in range(0, len(found), count):
        place = turn + rank
        yield found[min(place, len(found) - 1)], float(place < len(found))


def _over_processes(value: float, accelerator: Accelerator) -> float:
    if accelerator.num_processes == 1:
        return value
    summed = accelerator.reduce(torch.tensor(value, device=accelerator.device), reduction="sum")
    return float(summed)


def _optimizer(model: nn.Module, chosen: Hyperparameters) -> torch.optim.AdamW:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [each for each in trained if each.ndim > 1], "weight_decay": chosen.weight_decay},
        {"params": [each for each in trained if each.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=0.0, betas=(0.9, 0.98), fused=True)
