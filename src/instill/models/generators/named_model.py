"""How a local model is named, wherever one is named: in settings, recipes, and on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from instill.errors import MissingDependency
from instill.models.generators.gguf.known import is_gguf
from instill.models.weights import micro_folder
from instill.settings.location import expanded

if TYPE_CHECKING:
    from instill.settings import Settings

MICRO = "micro"
"""The model that comes with Instill. A folder of this name is named "./micro"."""


def setting_of(name: str) -> tuple[Literal["folder", "gguf"], str]:
    """The setting of `[generator]` that makes this model the generator, and its value.

    Args:
        name: "micro", a known model such as "smollm2", a .gguf file, or a transformers folder.

    Example:
        >>> setting_of("smollm2"), setting_of("models/tiny.gguf"), setting_of("models/tiny")
        (('gguf', 'smollm2'), ('gguf', 'models/tiny.gguf'), ('folder', 'models/tiny'))
        >>> setting_of("micro")[1] == str(micro_folder())
        True
    """
    if name == MICRO:
        try:
            return "folder", str(micro_folder())
        except MissingDependency:  # Only what uses the model needs it; opening a workspace does not.
            return "folder", name
    if is_gguf(name) and not expanded(name).is_dir():
        return "gguf", name
    return "folder", name


def with_named_model(settings: Settings) -> Settings:
    """The settings with the model's name in the setting that it belongs to: "micro" becomes a folder, and a .gguf file
    that is named as a folder becomes `generator.gguf`. What names two models is left, to be refused where it is used.

    Example:
        >>> from instill.settings import GeneratorSettings, Settings
        >>> with_named_model(Settings(generator=GeneratorSettings(folder="smollm2"))).generator.gguf
        'smollm2'
    """
    chosen = settings.generator
    if bool(chosen.folder) is bool(chosen.gguf) or (chosen.gguf and chosen.gguf != MICRO):
        return settings
    key, value = setting_of(chosen.folder or chosen.gguf)
    named = chosen.model_copy(update={"folder": "", "gguf": "", key: value})
    return settings if named == chosen else settings.model_copy(update={"generator": named})


def is_micro(folder: Path) -> bool:
    """Whether this is the folder of the model that comes with Instill."""
    try:
        return expanded(folder).resolve() == micro_folder().resolve()
    except MissingDependency:
        return False
