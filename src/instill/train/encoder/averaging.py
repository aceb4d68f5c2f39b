"""Encoders between the base and the trained one. Imports no PyTorch."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from instill.errors import UsageError
from instill.models.encoders.bert_graph import build_encoder
from instill.models.encoders.export import BATCH_TOKENS, MODEL_FILE, TOKENIZER_FILE
from instill.models.encoders.onnx_encoder import OnnxEncoder
from instill.models.encoders.pooling_head import read_head
from instill.models.encoders.sentence_transformers_folder import SentenceFolder
from instill.models.encoders.transformer_weights import (
    Floats,
    TransformerWeights,
    UnsupportedArchitecture,
    checkpoint_files,
    read_tensors,
    transformer_from,
)
from instill.train.encoder.settings import Share
from instill.train.interpolated_weights import averaged

_LAYER = re.compile(r"\blayers?\.(\d+)\.")


class Candidates:
    """The encoders that a run may end with.

    Args:
        folder: what the run began from.
        trained: the weights that it ended with.
        place: a folder for their graphs.
    """

    def __init__(self, folder: SentenceFolder, trained: Mapping[str, Floats], place: Path) -> None:
        self._folder = folder
        self._trained = trained
        self._place = place
        self._base = read_tensors(folder.transformer)

    def weights(self, share: Share) -> TransformerWeights:
        """The transformer at `share`; an alpha of 0 is the base."""
        tensors = self._tensors(share)
        return transformer_from(tensors, self._folder.config, where=self._folder.path)

    def encoder(self, share: Share, *, threads: int = 0) -> OnnxEncoder:
        """The encoder at `share` as it would run: int8, by ONNX Runtime."""
        import onnx

        weights = self.weights(share)
        model = build_encoder(weights, read_head(self._folder), precision="int8")
        folder = self._place / f"{share.layers} {share.alpha:g}"
        folder.mkdir(parents=True, exist_ok=True)
        onnx.save_model(model, folder / MODEL_FILE)
        shutil.copyfile(self._folder.tokenizer, folder / TOKENIZER_FILE)
        digest = hashlib.sha256((folder / MODEL_FILE).read_bytes()).hexdigest()[:24]
        manifest: dict[str, Any] = {
            "fingerprint": f"candidate-int8-{digest}",
            "dimension": model.graph.output[0].type.tensor_type.shape.dim[1].dim_value,
            "max_tokens": min(self._folder.max_tokens, len(weights.positions)),
            "query_prompt": self._folder.query_prompt,
            "passage_prompt": self._folder.passage_prompt,
            "batch_tokens": BATCH_TOKENS["int8"],
        }
        return OnnxEncoder(folder, manifest, threads=threads)

    def save(self, share: Share, out: Path) -> None:
        """Write the encoder at `share` as a sentence-transformers folder; `out` appears when it is whole."""
        draft = out.with_name(f".{out.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        _copy_layout(self._folder, draft)
        tensors = self._tensors(share)
        transformer = draft / self._folder.transformer.relative_to(self._folder.path)
        save_file(_as_stored(self._folder, tensors), transformer / "model.safetensors", {"format": "pt"})
        shutil.rmtree(out, ignore_errors=True)
        draft.rename(out)

    def _tensors(self, share: Share) -> dict[str, Floats]:
        return averaged(self._base, last_layers(self._trained, share.layers), share.alpha)


def last_layers(tensors: Mapping[str, Floats], layers: int) -> dict[str, Floats]:
    """The tensors of the last `layers` layers, and those of none; 0 for all.

    Example:
        >>> list(last_layers({"encoder.layer.0.w": np.ones(1), "encoder.layer.1.w": np.ones(1)}, 1))
        ['encoder.layer.1.w']
    """
    numbers = {name: int(found.group(1)) for name in tensors if (found := _LAYER.search(name))}
    first = max(numbers.values(), default=0) + 1 - layers if layers else 0
    return {name: value for name, value in tensors.items() if numbers.get(name, first) >= first}


def must_be_trainable(folder: SentenceFolder) -> None:
    """Refuse what the graph builder does not know.

    Raises:
        UsageError: an encoder of a kind that cannot be trained here.
    """
    try:
        read_head(folder)
        transformer_from(read_tensors(folder.transformer), folder.config, where=folder.path)
    except UnsupportedArchitecture as reason:
        raise UsageError(
            f"An encoder with {reason} cannot be trained here.",
            where=str(folder.path),
            remedy="Choose an encoder of the BERT family.",
        ) from reason


def _as_stored(folder: SentenceFolder, tensors: Mapping[str, Floats]) -> dict[str, Any]:
    """Every tensor of the base's files under its own name and in its own type, floating ones with the new values."""
    stored: dict[str, Any] = {}
    for path in checkpoint_files(folder.transformer):
        with safe_open(path, framework="numpy") as stream:
            for name in stream.keys():  # noqa: SIM118 - not a mapping.
                value = stream.get_tensor(name)
                found = next((tensors[part] for part in _endings(name) if part in tensors), None)
                stored[name] = value if found is None else np.ascontiguousarray(found.astype(value.dtype))
    return stored


def _endings(name: str) -> list[str]:
    """The name, and the name without what stands before its first dot."""
    return [name, name.partition(".")[2]]


def _copy_layout(folder: SentenceFolder, out: Path) -> None:
    """Everything but the transformer's weights."""
    places = {folder.path, folder.transformer, *(place for _, place in folder.modules)}
    for place in places:
        target = out / place.relative_to(folder.path)
        target.mkdir(parents=True, exist_ok=True)
        for file in place.iterdir() if place.is_dir() else ():
            weights = file.name.startswith("model") and ".safetensors" in file.name and place == folder.transformer
            if file.suffix in (".json", ".txt", ".safetensors") and file.is_file() and not weights:
                shutil.copyfile(file, target / file.name)
