"""Which generator the settings name."""

from __future__ import annotations

from pathlib import Path

from instill.errors import UsageError
from instill.generators.protocol import Generator
from instill.settings import GeneratorSettings


def open_generator(settings: GeneratorSettings) -> Generator | None:
    """See `instill.generators.open_generator`."""
    if settings.base_url and settings.folder:
        raise UsageError(
            "Both an endpoint and a local folder are set as the generator.",
            where="generator.base_url, generator.folder",
            remedy="Keep one of them in instill.toml.",
        )
    if settings.base_url:
        from instill.generators.endpoint import EndpointGenerator

        return EndpointGenerator(
            settings.base_url, settings.model, api_key=settings.api_key, timeout_s=settings.timeout_s
        )
    if settings.folder:
        from instill.generators.local import LocalGenerator

        return LocalGenerator(Path(settings.folder).expanduser(), timeout_s=settings.timeout_s)
    return None
