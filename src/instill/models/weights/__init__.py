"""Weights that come with the package: made by us, each with a card beside it that says from what and how."""

from __future__ import annotations

from pathlib import Path

from instill.errors import MissingDependency


def shipped() -> Path:
    """The folder with the shipped encoder, reader, and the word table and tokenizer that they share."""
    return Path(__file__).parent


def micro_folder() -> Path:
    """The transformers folder of the micro model that comes with the package.

    Raises:
        MissingDependency: this build of the package comes without it.
    """
    folder = shipped() / "micro"
    if not (folder / "model.safetensors").is_file():
        raise MissingDependency(
            "This installation comes without the micro model.",
            where=str(folder),
            remedy="Train it: instill lab pretrain --out FOLDER, and use that folder.",
        )
    return folder
