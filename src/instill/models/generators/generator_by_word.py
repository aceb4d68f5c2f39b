"""One word for a generator, as one says it at the command line, as settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from instill.errors import UsageError
from instill.models.generators.gguf import known
from instill.models.generators.named_model import MICRO, setting_of
from instill.settings.location import expanded

if TYPE_CHECKING:
    from instill.settings import GeneratorSettings

NONE = "none"
PLUGIN = "plugin:"


def settings_for(word: str) -> dict[str, object]:
    """Values of settings that make `word` the generator, and nothing else.

    Args:
        word: "micro", a known model ("smollm2"), a .gguf file, a transformers folder, "plugin:NAME", or "none".

    Raises:
        UsageError: it is none of these.

    Example:
        >>> settings_for("smollm2")["generator.gguf"]
        'smollm2'
        >>> settings_for("none")["generator.gguf"]
        ''
    """
    chosen: dict[str, object] = {"generator.base_url": "", "generator.folder": "", "generator.gguf": ""}
    chosen["generator.plugin"] = ""
    if word.startswith(PLUGIN):
        return {**chosen, "generator.plugin": word.removeprefix(PLUGIN)}
    if word == NONE:
        return chosen
    key, value = setting_of(word)
    if key == "gguf" or word == MICRO or expanded(word).is_dir():
        return {**chosen, f"generator.{key}": value}
    raise UsageError(
        f"This is no generator: {word[:200]}",
        where="--generator",
        remedy=f"Name one of {', '.join(sorted((MICRO, *known.KNOWN)))}, a .gguf file, a transformers folder, "
        f"{PLUGIN}NAME, or {NONE}.",
    )


def local_base(settings: GeneratorSettings) -> str:
    """The transformers folder of the local model that is set, which training works on; "" where none is set.

    A GGUF file is unpacked for it, once.

    Raises:
        UsageError: the file that is set cannot be used.
        MissingDependency: a GGUF file is set and what unpacks it is not installed.

    Example:
        >>> from instill.settings import GeneratorSettings
        >>> local_base(GeneratorSettings(folder="/models/m")), local_base(GeneratorSettings())
        ('/models/m', '')
    """
    if not settings.gguf:
        return settings.folder
    from instill.models.generators.gguf.base_folder import base_of

    return str(base_of(settings.gguf).folder)
