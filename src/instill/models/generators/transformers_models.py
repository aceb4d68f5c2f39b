"""Models from local folders, with or without a candidate; safetensors only, no code from the folder, no network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from instill.errors import UsageError
from instill.models.generators.candidate_weights import apply_candidate
from instill.models.generators.model_folder import checked_folder
from instill.models.generators.quiet_libraries import quiet_libraries

_SAFE = {"local_files_only": True, "trust_remote_code": False}


def open_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model's folder.

    Raises:
        UsageError: there is none, or it gives no offsets, without which it cannot be said what is supervised.
    """
    from transformers import AutoTokenizer

    folder = checked_folder(folder)
    try:
        with quiet_libraries():
            tokenizer = AutoTokenizer.from_pretrained(str(folder), **_SAFE)
    except Exception as error:  # whatever a damaged folder makes the library raise
        raise _unreadable("tokenizer", folder, error) from error
    if not tokenizer.is_fast:
        raise UsageError("The model's tokenizer gives no offsets.", where=str(folder), remedy="Add its tokenizer.json.")
    return tokenizer


def open_model(
    folder: Path,
    *,
    candidate: Path | None = None,
    scale: float = 1.0,
    trainable: bool = False,
    seed: int = 0,
    dtype: torch.dtype | None = None,
) -> Any:
    """A causal language model, ready to reply.

    Args:
        candidate: folder of a candidate that is applied to it.
        scale: how much of the candidate, 0 (the base) to 1.
        trainable: the candidate's adapter stays apart, so that it can be trained on.
        seed: for weights that the folder lacks (none, in a whole model).
        dtype: of the weights; None: float32, or bfloat16 on a GPU.

    Raises:
        UsageError: the folder is no model that can be loaded.
        WorkspaceError: the candidate is damaged or does not fit.
    """
    from transformers import AutoModelForCausalLM

    folder = checked_folder(folder)
    torch.manual_seed(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if dtype is None:
        dtype = torch.bfloat16 if device == "cuda" else torch.float32
    try:
        with quiet_libraries():
            model = AutoModelForCausalLM.from_pretrained(str(folder), use_safetensors=True, dtype=dtype, **_SAFE)
    except Exception as error:  # whatever a damaged folder makes the library raise
        raise _unreadable("model", folder, error) from error
    if candidate is not None:
        with quiet_libraries():
            model = apply_candidate(model, candidate, scale=scale, trainable=trainable)
    return model.to(device).train(False)


def _unreadable(part: str, folder: Path, error: Exception) -> UsageError:
    return UsageError(
        f"The {part} cannot be loaded: {type(error).__name__}: {str(error)[:200]}",
        where=str(folder),
        remedy="Check that the folder is a complete causal language model.",
    )
