"""Typed settings: `instill.toml` in the workspace, overridden by `INSTILL_*` variables; unknown keys are refused.

A variable names section and key with two underscores between them: `INSTILL_GENERATOR__MODEL=qwen3`.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from instill.errors import UsageError

SETTINGS_FILE = "instill.toml"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DocumentSettings(_Section):
    """What is read, and how much of it."""

    max_file_mb: float = Field(200, gt=0, description="Larger files are refused, with a reason.")
    max_text_mb: float = Field(50, gt=0, description="Largest canonical text of one document.")
    ocr: Literal["auto", "always", "never"] = Field("auto", description="auto: pages without a text layer, and images.")
    passage_tokens: int = Field(200, ge=32, le=8192, description="Most tokens of a passage, by the encoder's count.")
    exclude: list[str] = Field(
        default=[".git/", ".instill/", "node_modules/", "__pycache__/", ".venv/", ".DS_Store"],
        description="gitignore patterns that folders are walked without.",
    )
    url_timeout_s: float = Field(30, gt=0)
    url_max_redirects: int = Field(5, ge=0)


class EncoderSettings(_Section):
    """Which encoder makes the vectors."""

    model: str = Field("minilm", description='"minilm", or the path of a sentence-transformers folder.')
    precision: Literal["int8", "fp32"] = "int8"
    threads: int = Field(0, ge=0, description="0: one per core.")


class SearchSettings(_Section):
    """How candidates are ranked."""

    fusion: Literal["zscore", "rrf"] = "zscore"
    vector_weight: float = Field(0.6, ge=0, le=1, description="The vector leg's share in the z-score sum.")
    pool: int = Field(100, ge=10, description="Candidates taken from each leg.")


class AnswerSettings(_Section):
    """How answers are put together."""

    passages: int = Field(8, ge=1, description="Passages read for an answer.")
    sentences: int = Field(4, ge=1, description="Most sentences of an extractive answer.")
    threshold: float = Field(0.5, ge=0, le=1, description="Below this confidence the answer is a refusal.")


class GeneratorSettings(_Section):
    """An OpenAI-compatible endpoint, or a local transformers folder; neither by default."""

    base_url: str = Field("", description='E.g. "http://localhost:11434/v1". Empty: no endpoint.')
    model: str = Field("", description="The endpoint's model name.")
    api_key: SecretStr = Field(SecretStr(""), description="Better set as INSTILL_GENERATOR__API_KEY.")
    folder: str = Field("", description="A local transformers folder (safetensors only).")
    timeout_s: float = Field(60, gt=0, description="Longest wait for the next piece of the reply.")
    max_tokens: int = Field(600, ge=16)
    temperature: float = Field(0.0, ge=0, le=2)


class Settings(BaseSettings):
    """Everything that can be set. Frozen; open another workspace to use other settings.

    Example:
        >>> Settings().search.fusion
        'zscore'
    """

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="INSTILL_", env_nested_delimiter="__", case_sensitive=False
    )

    documents: DocumentSettings = DocumentSettings()
    encoder: EncoderSettings = EncoderSettings()
    search: SearchSettings = SearchSettings()
    answer: AnswerSettings = AnswerSettings()
    generator: GeneratorSettings = GeneratorSettings()
