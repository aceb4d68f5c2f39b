"""From a trained encoder to the one that comes with the package: int8 ONNX that shares its words with the reader."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from instill.errors import UsageError
from instill.models.encoders.bert_graph import build_encoder
from instill.models.encoders.export import TOKENIZER_FILE
from instill.models.encoders.pooling_head import read_head
from instill.models.encoders.sentence_transformers_folder import read_folder
from instill.models.encoders.shipped_encoder import MANIFEST_FILE, MODEL_FILE
from instill.models.encoders.transformer_weights import read_transformer
from instill.models.encoders.word_table import WORDS_FILE, WordTable
from instill.train.encoder.card import card

CARD_FILE = "ENCODER.md"


def ship_encoder(trained: Path, out: Path, about: Mapping[str, Any], *, words: Path | None = None) -> str:
    """Write model, words, tokenizer, manifest and card of the sentence-transformers folder `trained` to `out`.

    Args:
        about: what the manifest says besides (plain data).
        words: the `words.bin` of the reader, which must hold the same table.

    Returns:
        The fingerprint.

    Raises:
        UsageError: the word table is not the reader's: it was trained, or comes from another base.
    """
    folder = read_folder(trained)
    weights = read_transformer(folder.transformer, folder.config)
    head = read_head(folder)
    table = WordTable.of(weights.words)
    out.mkdir(parents=True, exist_ok=True)
    table.save(out)
    if words is not None and (out / WORDS_FILE).read_bytes() != words.read_bytes():
        raise UsageError("The word table is another than the reader's.", where=str(words))
    model = build_encoder(weights, head, precision="int8", words=table.rows)
    onnx.save_model(model, out / MODEL_FILE)
    shutil.copyfile(folder.tokenizer, out / TOKENIZER_FILE)
    digest = hashlib.sha256()
    for name in (MODEL_FILE, WORDS_FILE, TOKENIZER_FILE):
        digest.update((out / name).read_bytes())
    manifest = {
        "fingerprint": f"instill-int8-{digest.hexdigest()[:24]}",
        "dimension": model.graph.output[0].type.tensor_type.shape.dim[1].dim_value,
        "max_tokens": int(min(folder.max_tokens, np.shape(weights.positions)[0])),
        "query_prompt": folder.query_prompt,
        "passage_prompt": folder.passage_prompt,
        "precision": "int8",
        "batch_tokens": 1,
        **about,
    }
    (out / MANIFEST_FILE).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (out / CARD_FILE).write_text(card(manifest), encoding="utf-8")
    return str(manifest["fingerprint"])
