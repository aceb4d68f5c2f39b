"""From settings to an encoder."""

from __future__ import annotations

from pathlib import Path

from instill.encoders.export import cached_export, export
from instill.encoders.minilm import SHA256, find_minilm, verify_minilm
from instill.encoders.onnx_encoder import OnnxEncoder
from instill.encoders.protocol import Encoder
from instill.settings import EncoderSettings


def open_encoder(settings: EncoderSettings) -> Encoder:
    """The encoder that the settings name; exported on first use (a second or two), then opened from the cache."""
    if settings.model == "minilm":
        return _open_minilm(settings)
    return _open_folder(Path(settings.model).expanduser(), settings)


def _open_minilm(settings: EncoderSettings) -> Encoder:
    source = SHA256["model.safetensors"] + SHA256["tokenizer.json"]
    entry = cached_export("minilm", source, settings.precision)
    if entry is None:
        from instill.encoders.sentence_transformers_folder import read_folder

        folder = find_minilm()
        verify_minilm(folder)
        entry = export(read_folder(folder), "minilm", source, settings.precision)
    return OnnxEncoder(*entry, threads=settings.threads)


def _open_folder(path: Path, settings: EncoderSettings) -> Encoder:
    from instill.encoders.sentence_transformers_folder import folder_hash, read_folder

    folder = read_folder(path)
    source = folder_hash(folder)
    entry = cached_export("folder", source, settings.precision)
    if entry is None:
        entry = export(folder, "folder", source, settings.precision)
    return OnnxEncoder(*entry, threads=settings.threads)
