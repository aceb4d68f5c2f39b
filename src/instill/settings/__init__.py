"""What a user sets, in `instill.toml` and by `INSTILL_*` variables, and where a workspace is (`location`)."""

from __future__ import annotations

from instill.settings.settings import (
    SETTINGS_FILE,
    AnswerSettings,
    CompareSettings,
    DocumentSettings,
    EncoderSettings,
    GeneratorSettings,
    LogSettings,
    MemorySettings,
    PluginSettings,
    PriceSettings,
    PrivacySettings,
    SearchSettings,
    ServerSettings,
    Settings,
    SqlSettings,
    StoreSettings,
    default_toml,
    load_settings,
    set_in_file,
    with_values,
)

__all__ = [
    "SETTINGS_FILE",
    "AnswerSettings",
    "CompareSettings",
    "DocumentSettings",
    "EncoderSettings",
    "GeneratorSettings",
    "LogSettings",
    "MemorySettings",
    "PluginSettings",
    "PriceSettings",
    "PrivacySettings",
    "SearchSettings",
    "ServerSettings",
    "Settings",
    "SqlSettings",
    "StoreSettings",
    "default_toml",
    "load_settings",
    "set_in_file",
    "with_values",
]
