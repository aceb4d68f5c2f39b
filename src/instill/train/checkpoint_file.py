"""Checkpoints: trained weights, the optimizer's moments and the state of the random numbers in one file; a stopped run
goes on from it exactly."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from instill.common.durable_files import in_place_of, is_full
from instill.errors import WorkspaceError
from instill.train.progress import CHECKPOINT
from instill.train.randomness import random_state, restore

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def save_checkpoint(
    path: Path, trained: Mapping[str, nn.Parameter], optimizer: torch.optim.AdamW, *, step: int, identity: str
) -> None:
    """Write a checkpoint; it takes the place of an older one at once, or not at all.

    Args:
        trained: the parameters that change, by name.
        step: number of steps that are done.
        identity: names data, base and settings of the run.

    Raises:
        WorkspaceError: the disk is full, or the folder cannot be written. The older checkpoint is as it was.
    """
    tensors: dict[str, Tensor] = {}
    for name, parameter in trained.items():
        tensors[f"weight.{name}"] = parameter.detach()
        for key, value in optimizer.state[parameter].items():
            tensors[f"{key}.{name}"] = value
    states, others = random_state()
    draft = path.with_suffix(".draft")
    try:
        with in_place_of(path, draft):
            save_file(tensors | states, draft, {"step": str(step), "identity": identity, "random": others})
    except (SafetensorError, OSError) as error:
        what = "The disk is full" if is_full(error) else f"The checkpoint cannot be written: {error}"
        raise WorkspaceError(
            f"{what}; the run has stopped at step {step}.",
            where=str(path),
            remedy="Free some space and run the command again: it goes on from the last checkpoint, if there is one.",
        ) from error


def begun_at(path: Path) -> int:
    """How many steps a checkpoint holds; 0 where there is none, or none that can be read."""
    if not path.is_file():
        return 0
    try:
        with safe_open(path, "pt") as file:
            return int((file.metadata() or {}).get("step", 0))
    except (SafetensorError, OSError, ValueError):
        return 0


def resume(path: Path, trained: Mapping[str, nn.Parameter], optimizer: torch.optim.AdamW, *, identity: str) -> int:
    """Load the checkpoint, if there is one, and go on with the random numbers where it stopped.

    One that an earlier version wrote has no state of the random numbers; they then begin at the seed again.

    Returns:
        The number of steps that are done.

    Raises:
        WorkspaceError: it cannot be read or has another identity.
    """
    if not path.exists():
        return 0
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            if metadata.get("identity") != identity:
                raise WorkspaceError(
                    "The checkpoint belongs to a run with other data or settings.",
                    where=str(path),
                    remedy="Choose another folder, or remove the checkpoint to start over.",
                )
            for name, parameter in trained.items():
                parameter.data.copy_(file.get_tensor(f"weight.{name}"))
                optimizer.state[parameter] = {key: file.get_tensor(f"{key}.{name}") for key in _MOMENTS}
            if "random" in metadata:
                restore(file.keys(), file.get_tensor, metadata["random"])
            return int(metadata["step"])
    except (SafetensorError, OSError, RuntimeError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise WorkspaceError(
            f"The checkpoint cannot be read: {error}.", where=str(path), remedy="Remove it to start over."
        ) from error


def load_weights(path: Path, trained: Mapping[str, nn.Parameter]) -> None:
    """Begin from the weights of another run's checkpoint.

    Raises:
        WorkspaceError: there is none, it cannot be read, or its tensors have other names or shapes.
    """
    try:
        with safe_open(path, "pt") as file:
            for name, parameter in trained.items():
                found = file.get_tensor(f"weight.{name}")
                if found.shape != parameter.shape:
                    raise ValueError(f"{name} has the shape {tuple(found.shape)}, not {tuple(parameter.shape)}")
                parameter.data.copy_(found)
    except (SafetensorError, OSError, RuntimeError, ValueError, KeyError) as error:
        raise WorkspaceError(
            f"Its weights cannot be taken over: {error}.",
            where=str(path),
            remedy=f"Give the folder of a finished run of the same kind, with its {CHECKPOINT}.",
        ) from error
