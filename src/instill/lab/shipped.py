"""The micro model that comes with the package."""

from __future__ import annotations

from pathlib import Path

from instill.errors import MissingDependency
from instill.weights import shipped


def micro_folder() -> Path:
    """Its transformers folder.

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
