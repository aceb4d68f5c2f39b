"""What was measured on a base, kept in a folder: the next candidate of the same base does not measure it again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from instill.common.durable_files import in_place_of, write_json

MOST_BYTES = 1 << 30
"""Hidden states larger than this are computed again each time."""


class Kept:
    """Results of one model by name. A file that is damaged counts as missing.

    Args:
        folder: made when something is kept.
        model: the model's hash; see `instill.models.generators.model_hash`.
    """

    def __init__(self, folder: Path, model: str) -> None:
        self._folder = folder
        self._model = model

    def values(self, name: str, count: int) -> list[Any] | None:
        """`count` values, one a row, or None."""
        try:
            found = json.loads(self._file(name, "json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, list) and len(found) == count else None

    def keep_values(self, name: str, values: list[Any]) -> None:
        """Keep what `values` gives."""
        write_json(self._file(name, "json"), values)

    def tensors(self, name: str, count: int) -> list[Tensor] | None:
        """`count` tensors, one a batch, or None."""
        try:
            found = load_file(self._file(name, "safetensors"))
        except (OSError, SafetensorError):
            return None
        return [found[str(number)] for number in range(count)] if len(found) == count else None

    def keep_tensors(self, name: str, tensors: list[Tensor]) -> None:
        """Keep what `tensors` gives, where it is not too large."""
        if sum(each.numel() * each.element_size() for each in tensors) > MOST_BYTES:
            return
        file = self._file(name, "safetensors")
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        with in_place_of(file, draft):
            save_file({str(number): each.contiguous() for number, each in enumerate(tensors)}, draft)

    def _file(self, name: str, suffix: str) -> Path:
        return self._folder / f"{self._model}-{name}.{suffix}"
