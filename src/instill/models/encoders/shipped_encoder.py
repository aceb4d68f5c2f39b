"""The encoder that comes with the package: its files are in `instill.models.weights`, beside those of the reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from instill.errors import UsageError, WorkspaceError
from instill.models.encoders.export import TOKENIZER_FILE
from instill.models.encoders.onnx_encoder import OnnxEncoder
from instill.models.weights import shipped

MODEL_FILE, MANIFEST_FILE = "encoder.onnx", "encoder.json"


class ShippedEncoder(OnnxEncoder):
    """An encoder whose word table is a file of its own, shared with the reader.

    Args:
        folder: holds `encoder.onnx`, `encoder.json`, `words.bin` and `tokenizer.json`.
        threads: 0 for one a core.

    Raises:
        UsageError: there is no encoder in the folder.
        WorkspaceError: a file cannot be used.
    """

    model_file = MODEL_FILE
    remedy = "Install Instill again."

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        super().__init__(folder, _manifest(folder), threads=threads)


def open_shipped(*, threads: int = 0) -> ShippedEncoder:
    """The shipped encoder. Raises like `ShippedEncoder`."""
    return ShippedEncoder(shipped(), threads=threads)


def _manifest(folder: Path) -> dict[str, Any]:
    file = folder / MANIFEST_FILE
    if not file.is_file() or not (folder / TOKENIZER_FILE).is_file():
        raise UsageError(
            "This package has no encoder of its own.", where=str(folder), remedy='Set encoder.model to "minilm".'
        )
    try:
        manifest: dict[str, Any] = json.loads(file.read_text("utf-8"))
        _ = str(manifest["fingerprint"]), int(manifest["dimension"]), int(manifest["max_tokens"])
        _ = str(manifest["query_prompt"]), str(manifest["passage_prompt"]), int(manifest["batch_tokens"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WorkspaceError(
            "The encoder's manifest is damaged.", where=str(file), remedy=ShippedEncoder.remedy
        ) from error
    return manifest
