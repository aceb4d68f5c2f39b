"""From the base that a recipe names to the folder of its model."""

from __future__ import annotations

import re
from pathlib import Path

from instill.errors import UsageError
from instill.models.generators.gguf.base_folder import base_of, gguf_of
from instill.models.generators.gguf.known import KNOWN, is_gguf
from instill.models.generators.model_folder import checked_folder
from instill.models.generators.named_model import MICRO, is_micro
from instill.models.weights import micro_folder
from instill.settings.location import expanded
from instill.train.generator.recipes.recipe import HUB, Recipe

# No pickles and no code, whatever else the repository holds.
_WANTED = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.jinja", "*.model", "*.txt"]
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def base_folder(recipe: Recipe) -> Path:
    """The base's folder. Only a base that begins with `hub:` uses the network; what it downloads is kept.

    Raises:
        UsageError: the hub's name is malformed, or the model cannot be downloaded.
    """
    return folder_of(recipe.base, recipe.path("."))


def found_base(base: str) -> str:
    """The base, named so that it is found from any folder: a path becomes absolute, a name stays as it is.

    Raises:
        UsageError: there is no model at this path, or a model of this name was not got yet.
    """
    if base == MICRO or base.startswith(HUB):
        return base
    if is_gguf(base):
        file = gguf_of(base)
        return base if base in KNOWN else str(file.resolve())
    if not expanded(base).exists():
        raise UsageError(
            "There is no model at this path, or of this name.",
            where=base,
            remedy=f"Name a transformers folder, a .gguf file, or one of: {', '.join(sorted((MICRO, *KNOWN)))}.",
        )
    folder = checked_folder(Path(base))
    return MICRO if is_micro(folder) else str(folder)


def folder_of(base: str, beside: Path = Path()) -> Path:
    """The folder of a base that is named as in a recipe.

    Args:
        beside: a relative path begins here.

    Raises:
        UsageError: see `base_folder`.
    """
    if base == MICRO:
        return micro_folder()
    if is_gguf(base):
        return base_of(base, beside).folder
    if not base.startswith(HUB):
        return beside / expanded(base)
    name = base.removeprefix(HUB)
    if not _HUB_NAME.fullmatch(name):
        raise UsageError(
            "This is not the name of a model on a hub.", where=f"base = {base}", remedy="Write hub:OWNER/NAME."
        )
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=_WANTED))
    except Exception as error:  # whatever the network, the hub or a gated model makes the library raise
        raise UsageError(
            f"The model cannot be downloaded: {type(error).__name__}: {str(error).partition(chr(10))[0][:200]}",
            where=f"base = {base}",
            remedy="Check the name and the network, or download it yourself and name its folder.",
        ) from error
