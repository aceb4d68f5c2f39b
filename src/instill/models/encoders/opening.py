"""From settings to an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from instill.common.shared_while_used import SharedWhileUsed, files_of
from instill.errors import UsageError
from instill.models.encoders.export import cached_export, export
from instill.models.encoders.minilm import SHA256, find_minilm, verify_minilm
from instill.models.encoders.onnx_encoder import OnnxEncoder
from instill.models.encoders.plugged import PREFIX, open_plugged
from instill.models.encoders.protocol import Encoder
from instill.settings import EncoderSettings
from instill.settings.location import expanded

_OPEN: SharedWhileUsed[OnnxEncoder] = SharedWhileUsed()


def open_encoder(settings: EncoderSettings, *, off: Sequence[str] = ()) -> Encoder:
    """The encoder that the settings name; see `instill.models.encoders.open_encoder`."""
    if settings.model == "minilm":
        return _open_minilm(settings)
    if settings.model == "instill":
        return _open_shipped(settings)
    if settings.model.startswith(PREFIX):
        return open_plugged(settings.model.removeprefix(PREFIX), settings, off)
    return _open_folder(expanded(settings.model).absolute(), settings)


def _open_minilm(settings: EncoderSettings) -> Encoder:
    source = " ".join(SHA256.values())
    entry = cached_export("minilm", source, settings.precision)
    if entry is None:
        from instill.models.encoders.sentence_transformers_folder import read_folder

        folder = find_minilm()
        verify_minilm(folder)
        entry = export(read_folder(folder), "minilm", source, settings.precision)
    return _opened(*entry, settings.threads)


def _open_shipped(settings: EncoderSettings) -> Encoder:
    from instill.models.encoders.shipped_encoder import open_shipped
    from instill.models.weights import shipped

    if settings.precision != "int8":
        raise UsageError(
            "The shipped encoder is there in int8 only.",
            where=f"encoder.precision = {settings.precision!r}",
            remedy='Set encoder.precision to "int8", or encoder.model to "minilm".',
        )
    key = ("shipped", files_of(shipped()), settings.threads)
    return _OPEN.get(key, lambda: open_shipped(threads=settings.threads))


def _open_folder(path: Path, settings: EncoderSettings) -> Encoder:
    from instill.models.encoders.folder_hash import folder_hash
    from instill.models.encoders.sentence_transformers_folder import read_folder
    from instill.models.encoders.transformer_weights import UnsupportedArchitecture

    folder = read_folder(path)
    source = folder_hash(folder)
    entry = cached_export("folder", source, settings.precision)
    if entry is None:
        try:
            entry = export(folder, "folder", source, settings.precision)
        except UnsupportedArchitecture as reason:
            from instill.models.encoders.library_encoder import LibraryEncoder

            return LibraryEncoder(folder, source, reason=str(reason), threads=settings.threads)
    return _opened(*entry, settings.threads)


def _opened(folder: Path, manifest: dict[str, Any], threads: int) -> OnnxEncoder:
    key = (folder, files_of(folder), threads)
    return _OPEN.get(key, lambda: OnnxEncoder(folder, manifest, threads=threads))
