"""From a checkpoint to a reader that runs: int8 ONNX, word table, tokenizer, manifest and card."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx

from instill.answer.reading.reader import MANIFEST_FILE, MODEL_FILE, TOKENIZER_FILE
from instill.models.encoders.reader_graph import build_reader, heads_from
from instill.models.encoders.sentence_transformers_folder import read_json
from instill.models.encoders.transformer_weights import Floats, read_tensors, transformer_from
from instill.models.encoders.word_table import WORDS_FILE, WordTable
from instill.train.interpolated_weights import averaged, trained_weights
from instill.train.reader.card import card

CARD_FILE = "READER.md"


def export_reader(
    run: Path, base: Path, out: Path, about: Mapping[str, Any], *, start: Path | None = None, average: float = 1.0
) -> None:
    """Write the reader of the checkpoint in `run` to `out`.

    Args:
        base: the folder that the run began from; its word and position tables were not trained.
        about: what the manifest says besides the fingerprint (plain data).
        start: folder of the run that this one began from.
        average: share of this run's weights beside those of `start`, 0 to 1.

    Raises:
        WorkspaceError: a checkpoint is missing or damaged.
    """
    weights = trained_weights(run)
    if start is not None:
        weights = averaged(trained_weights(start), weights, average)
    tensors: dict[str, Floats] = dict(read_tensors(base))
    tensors.update({name.removeprefix("trunk."): value for name, value in weights.items()})
    transformer = transformer_from(tensors, read_json(base / "config.json"), where=run)
    out.mkdir(parents=True, exist_ok=True)
    table = WordTable.of(transformer.words)
    table.save(out)
    onnx.save_model(build_reader(transformer, heads_from(weights), precision="int8", table=table), out / MODEL_FILE)
    shutil.copyfile(base / "tokenizer.json", out / TOKENIZER_FILE)
    digest = hashlib.sha256()
    for name in (MODEL_FILE, WORDS_FILE, TOKENIZER_FILE):
        digest.update((out / name).read_bytes())
    manifest = {"fingerprint": f"reader-{digest.hexdigest()[:24]}", **about}
    _write_manifest(out, manifest)


def add_metrics(reader: Path, metrics: Mapping[str, Any]) -> None:
    """Write into manifest and card of a finished reader how well it reads."""
    manifest = json.loads((reader / MANIFEST_FILE).read_text(encoding="utf-8"))
    _write_manifest(reader, {**manifest, "metrics": metrics})


def _write_manifest(out: Path, manifest: Mapping[str, Any]) -> None:
    (out / MANIFEST_FILE).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (out / CARD_FILE).write_text(card(manifest), encoding="utf-8")
