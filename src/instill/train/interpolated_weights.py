"""Trained weights, and what lies between two sets of them: `(1 - alpha) * base + alpha * trained`, weight by weight.

Averaging keeps much of what fine-tuning gains and most of what the base could do elsewhere (Wortsman et al., "Robust
fine-tuning of zero-shot models", CVPR 2022). Imports no PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from instill.errors import WorkspaceError
from instill.models.encoders.transformer_weights import Floats
from instill.train.progress import CHECKPOINT


def trained_weights(run: Path) -> dict[str, Floats]:
    """The weights of the checkpoint in `run`, by their names in the transformer.

    Raises:
        WorkspaceError: there is no checkpoint, or it is damaged.
    """
    try:
        tensors = load_file(run / CHECKPOINT)
    except (OSError, SafetensorError) as error:
        raise WorkspaceError(f"The checkpoint cannot be read: {error}.", where=str(run / CHECKPOINT)) from error
    return {
        name.removeprefix("weight."): np.asarray(value, np.float32)
        for name, value in tensors.items()
        if name.startswith("weight.")
    }


def averaged(base: Mapping[str, Floats], trained: Mapping[str, Floats], alpha: float) -> dict[str, Floats]:
    """All tensors of the base, those that were trained moved by `alpha` towards what they became.

    Raises:
        ValueError: a trained tensor is not one of the base's, or has another shape.

    Example:
        >>> base = {"a": np.zeros(2, np.float32), "b": np.ones(1, np.float32)}
        >>> averaged(base, {"a": np.array([1.0, 2.0], np.float32)}, 0.5)["a"].tolist()
        [0.5, 1.0]
    """
    for name, value in trained.items():
        if name not in base or base[name].shape != value.shape:
            raise ValueError(f"the base has no tensor {name} of shape {value.shape}")
    moved = {name: (1 - alpha) * base[name] + alpha * value for name, value in trained.items()}
    return {**base, **{name: np.asarray(value, np.float32) for name, value in moved.items()}}
