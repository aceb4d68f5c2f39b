"""Messages to text: `open_generator(settings.generator)` gives a `Generator` (see `protocol`) or None.

Any OpenAI-compatible endpoint (`endpoint_generator`), a GGUF file (`gguf`), a local transformers folder (`local`), or
what a package brings (`plugged`). `transformers_models` opens such a folder for whoever needs the model itself, as
training does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from instill.models.generators.protocol import AdapterOf, Generator, WritesAnswers
    from instill.settings import GeneratorSettings

__all__ = ["is_lora_file", "open_generator"]


def open_generator(
    settings: GeneratorSettings,
    *,
    adapter: AdapterOf | Path | None = None,
    writes_answers: WritesAnswers | None = None,
    off: Sequence[str] = (),
) -> Generator | None:
    """The generator that the settings name; None when they name none. Nothing is loaded or called yet.

    Args:
        adapter: what is used with a local model: a candidate's folder, or how to find it once the base is known.
        writes_answers: whether the adapter answers from passages, where a skill that comes with Instill could; None: it
            does.
        off: plug-ins that are turned off, as in `plugins.off`.

    Raises:
        UsageError: several generators are set, an address without a model, or a folder, file or plug-in that cannot be
            used.
        MissingDependency: what a local model needs is not installed.

    Example:
        >>> from instill.settings import GeneratorSettings
        >>> open_generator(GeneratorSettings()) is None
        True
        >>> open_generator(GeneratorSettings(base_url="http://localhost:11434/v1", model="qwen3")).name
        'qwen3 at http://localhost:11434/v1'
    """
    from instill.models.generators.opening import open_generator as implementation

    return implementation(settings, adapter=adapter, writes_answers=writes_answers, off=off)


def is_lora_file(adapter: str) -> bool:
    """Whether `generator.adapter` names a LoRA file and no candidate.

    Example:
        >>> is_lora_file("tickets.gguf"), is_lora_file("champion")
        (True, False)
    """
    return adapter.lower().endswith(".gguf")
