"""Which generator the settings name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from instill.errors import UsageError
from instill.models.generators import is_lora_file
from instill.models.generators.protocol import AdapterOf, Generator, WritesAnswers
from instill.settings import GeneratorSettings
from instill.settings.location import expanded


def open_generator(
    settings: GeneratorSettings,
    *,
    adapter: AdapterOf | Path | None = None,
    writes_answers: WritesAnswers | None = None,
    off: Sequence[str] = (),
) -> Generator | None:
    """See `instill.models.generators.open_generator`."""
    named = [name for name in ("plugin", "base_url", "folder", "gguf") if getattr(settings, name)]
    if settings.plugin and settings.base_url:
        named.remove("base_url")  # the plug-in's address
    if len(named) > 1:
        raise UsageError(
            f"{len(named)} generators are set.",
            where=", ".join(f"generator.{name}" for name in named),
            remedy="Keep one of them in instill.toml.",
        )
    if settings.adapter not in ("champion", "none") and not settings.folder and not settings.gguf:
        raise UsageError(
            "A candidate needs the local model that it was made for.",
            where="generator.adapter",
            remedy="Set generator.folder to that model's folder, or generator.gguf to its file.",
        )
    if is_lora_file(settings.adapter) and not settings.gguf:
        raise UsageError(
            "A LoRA as .gguf file is used with a model in a GGUF file.",
            where="generator.adapter",
            remedy="Set generator.gguf to that model, or generator.adapter to a candidate.",
        )
    if settings.plugin:
        from instill.models.generators.plugged import open_plugged

        return open_plugged(settings.plugin, settings, off)
    if settings.base_url:
        from instill.models.generators.endpoint_generator import EndpointGenerator

        return EndpointGenerator(
            settings.base_url, settings.model, api_key=settings.api_key, timeout_s=settings.timeout_s
        )
    if settings.folder:
        from instill.models.generators.local import LocalGenerator

        return LocalGenerator(expanded(settings.folder), adapter=adapter, timeout_s=settings.timeout_s)
    if settings.gguf:
        from instill.models.generators.gguf.generator import GgufGenerator
        from instill.models.generators.gguf.known import KNOWN, gguf_file
        from instill.models.generators.gguf.skills import skill_files

        if is_lora_file(settings.adapter):
            adapter = expanded(settings.adapter).absolute()
        return GgufGenerator(
            gguf_file(settings.gguf),
            name=settings.gguf if settings.gguf in KNOWN else "",
            identity=KNOWN[settings.gguf].sha256[:16] if settings.gguf in KNOWN else "",
            adapter=adapter,
            writes_answers=writes_answers,
            skills=skill_files(settings.gguf),
            context=settings.context,
            threads=settings.threads,
            timeout_s=settings.timeout_s,
        )
    return None
