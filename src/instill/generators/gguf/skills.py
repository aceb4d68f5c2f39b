"""The adapters that come with Instill: what a known model was trained for, by our own recipes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from instill.generators.gguf.known import KNOWN
from instill.generators.protocol import Skill
from instill.weights import shipped

SKILLS: tuple[Skill, ...] = get_args(Skill)

_FOLDERS: Mapping[str, str] = {model.sha256[:16]: name for name, model in KNOWN.items()}


def skill_file(skill: Skill, identity: str) -> Path | None:
    """The LoRA for `skill` as GGUF; None where none comes with Instill for this model.

    Args:
        identity: hash of the model, see `GgufGenerator`; adapters fit one model only.

    Example:
        >>> skill_file("ground", "0000000000000000")
    """
    folder = _FOLDERS.get(identity)
    file = shipped() / "adapters" / folder / f"{skill}.gguf" if folder else None
    return file if file is not None and file.is_file() else None
