"""The check that every folder passes before a language model is loaded from it."""

from __future__ import annotations

from pathlib import Path

from instill.errors import UsageError


def checked_folder(folder: Path) -> Path:
    """The folder, if it looks like a model that may be loaded.

    Raises:
        UsageError: it has no configuration or no safetensors weights.
    """
    folder = folder.expanduser().resolve()
    if not (folder / "config.json").is_file():
        raise UsageError(
            "The folder is not a transformers model: it has no config.json.",
            where=str(folder),
            remedy="Name the folder that holds config.json.",
        )
    if not any(folder.glob("*.safetensors")):
        raise UsageError(
            "The model has no safetensors weights; pickled weights are not loaded.",
            where=str(folder),
            remedy="Convert it, e.g. with save_pretrained(folder) where you trust it.",
        )
    return folder
