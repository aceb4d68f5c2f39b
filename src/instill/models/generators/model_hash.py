"""What identifies a model: the hash of its files. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path

from instill.models.encoders.folder_hash import files_hash
from instill.models.generators.gguf.base_folder import origin
from instill.models.generators.model_folder import checked_folder

_SUFFIXES = (".json", ".safetensors", ".jinja", ".model", ".txt")


def model_hash(folder: Path) -> str:
    """16 hexadecimal digits over configuration, vocabulary and weights; for a GGUF file's folder those of the file.

    Raises:
        UsageError: the folder is no model.
    """
    folder = checked_folder(folder)
    of_a_file = origin(folder)
    if of_a_file is not None:
        return of_a_file
    files = [file for file in folder.iterdir() if file.suffix in _SUFFIXES and file.is_file()]
    files += [file for file in (folder / "additional_chat_templates").glob("*.jinja") if file.is_file()]
    return files_hash(folder, sorted(file for file in files if file.name != "manifest.json"))[:16]
