"""The check that every folder passes before a language model is loaded from it."""

from __future__ import annotations

from pathlib import Path

from instill.common.untrusted_files import odd_file, outside_shard
from instill.errors import UsageError
from instill.settings.location import expanded


def checked_folder(folder: Path) -> Path:
    """The folder, if it looks like a model that may be loaded.

    Raises:
        UsageError: it has no configuration or no safetensors weights; something in it is no file, leads out of it, or
            is too large; its index names weights elsewhere; or it holds an adapter, which names another model.
    """
    folder = expanded(folder).resolve()
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
    problem = odd_file(folder) or outside_shard(folder)
    if problem:
        raise UsageError(
            f"The model's folder is refused: {problem}.",
            where=str(folder),
            remedy="Copy the model's files into one folder, or download it again.",
        )
    if (folder / "adapter_config.json").exists():
        # The library would follow it: to the model that it names, wherever that is.
        raise UsageError(
            "The folder holds an adapter beside the model.",
            where=str(folder),
            remedy="Remove adapter_config.json, or name the folder of the whole model.",
        )
    return folder
