"""The adapters that come with Instill: what a known model was trained for, by our own recipes."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from instill.models.generators.gguf.known import KNOWN
from instill.models.generators.protocol import Skill
from instill.models.weights import shipped


def skill_files(model: str) -> dict[Skill, Path]:
    """LoRA adapters as GGUF that come with Instill for a model, by what they are for.

    Args:
        model: the setting `generator.gguf`; adapters fit one model, so there are none for a file of the user's own.

    Example:
        >>> skill_files("/models/own.gguf")
        {}
    """
    if model not in KNOWN:
        return {}
    files = {skill: shipped() / "adapters" / model / f"{skill}.gguf" for skill in get_args(Skill)}
    return {skill: file for skill, file in files.items() if file.is_file()}
