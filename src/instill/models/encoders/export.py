"""From a sentence-transformers folder to an entry of the cache: the ONNX graph, the tokenizer, and what they are."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instill.common.extras import needed
from instill.errors import WorkspaceError
from instill.models.encoders.cache import make_entry, open_entry

if TYPE_CHECKING:
    from instill.models.encoders.sentence_transformers_folder import SentenceFolder

EXPORTER = 2
"""Raise this whenever exported vectors change; it is part of names and fingerprints."""

BATCH_TOKENS = {"fp32": 256, "int8": 1}
"""Tokens of a batch (one text at least). float32 gains from filling up short texts; int8 needs one text a run."""

MODEL_FILE, TOKENIZER_FILE = "model.onnx", "tokenizer.json"


def entry_name(name: str, source_hash: str, precision: str) -> str:
    """The cache entry's name: readable first, then decided by source, exporter and precision."""
    digest = hashlib.sha256(f"{source_hash} {EXPORTER} {precision}".encode()).hexdigest()[:24]
    return f"{name}-{precision}-{digest}"


def cached_export(name: str, source_hash: str, precision: str) -> tuple[Path, dict[str, Any]] | None:
    """The entry's folder and manifest, or None when this encoder has not been exported yet."""
    return open_entry(entry_name(name, source_hash, precision))


def export(folder: SentenceFolder, name: str, source_hash: str, precision: str) -> tuple[Path, dict[str, Any]]:
    """Build the graph from the folder's weights and put it into the cache (a second or two; without torch).

    Raises:
        UnsupportedArchitecture: the graph cannot be built here.
        WorkspaceError: the folder is damaged or the cache cannot be written.
    """
    onnx = needed("onnx", "An encoder other than Instill's own has to be exported first.")
    from instill.models.encoders.bert_graph import build_encoder
    from instill.models.encoders.pooling_head import read_head
    from instill.models.encoders.transformer_weights import read_transformer

    head = read_head(folder)
    weights = read_transformer(folder.transformer, folder.config)
    try:
        model = build_encoder(weights, head, precision=precision)
    except ValueError as error:
        raise WorkspaceError(
            f"The parts of the encoder do not fit together: {error}.",
            where=str(folder.path),
            remedy="Download the folder again.",
        ) from error
    dimension = model.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    max_tokens = min(folder.max_tokens, len(weights.positions))
    prompts = (folder.query_prompt, folder.passage_prompt)
    identity = f"{source_hash} {EXPORTER} {precision} {'+'.join(head.poolings)} {max_tokens} {prompts!r}"

    def write(draft: Path) -> dict[str, Any]:
        onnx.save_model(model, draft / MODEL_FILE)
        shutil.copyfile(folder.tokenizer, draft / TOKENIZER_FILE)
        return {
            "fingerprint": f"{name}-{precision}-{hashlib.sha256(identity.encode()).hexdigest()[:24]}",
            "dimension": dimension,
            "max_tokens": max_tokens,
            "query_prompt": folder.query_prompt,
            "passage_prompt": folder.passage_prompt,
            "precision": precision,
            "batch_tokens": BATCH_TOKENS[precision],
            "source_hash": source_hash,
        }

    return make_entry(entry_name(name, source_hash, precision), write)
