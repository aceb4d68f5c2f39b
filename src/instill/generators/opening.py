"""Which generator the settings name."""

from __future__ import annotations

from pathlib import Path

from instill.errors import UsageError
from instill.generators.protocol import AdapterOf, Generator
from instill.settings import GeneratorSettings


def open_generator(settings: GeneratorSettings, *, adapter: AdapterOf | Path | None = None) -> Generator | None:
    """See `instill.generators.open_generator`."""
    if settings.base_url and settings.folder:
        raise UsageError(
            "Both an endpoint and a local folder are set as the generator.",
            where="generator.base_url, generator.folder",
            remedy="Keep one of them in instill.toml.",
        )
    if settings.adapter not in ("champion", "none") and not settings.folder:
        raise UsageError(
            "A candidate needs the local model that it was made for.",
            where="generator.adapter",
            remedy="Set generator.folder to that model's folder.",
        )
    if settings.base_url:
        from instill.generators.endpoint import EndpointGenerator

        return EndpointGenerator(
            settings.base_url, settings.model, api_key=settings.api_key, timeout_s=settings.timeout_s
        )
    if settings.folder:
        from instill.generators.local import LocalGenerator

        return LocalGenerator(Path(settings.folder).expanduser(), adapter=adapter, timeout_s=settings.timeout_s)
    return None
