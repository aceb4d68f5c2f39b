"""Text to unit vectors: `open_encoder(settings.encoder)` gives an `Encoder` (see `protocol`).

The default is all-MiniLM-L6-v2, exported once to ONNX and run by ONNX Runtime; any sentence-transformers folder can
take its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from instill.models.encoders.protocol import Encoder
    from instill.settings import EncoderSettings

__all__ = ["open_encoder"]


def open_encoder(settings: EncoderSettings, *, off: Sequence[str] = ()) -> Encoder:
    """The encoder that the settings name; exported on first use (a second or two), then opened from the cache.

    Args:
        off: plug-ins that are turned off, as in `plugins.off`.

    Raises:
        MissingDependency: the weights, or a package that the chosen model needs, are not installed.
        UsageError: the folder does not exist or is not a sentence-transformers folder, or the plug-in cannot be used.
        WorkspaceError: files are damaged, altered or in a refused format, or the cache cannot be written.

    Example:
        >>> from instill.settings import EncoderSettings
        >>> encoder = open_encoder(EncoderSettings())
        >>> vectors = encoder.encode_passages(["Water boils at 100 degrees.", "The cat sleeps."])
        >>> vectors.shape
        (2, 384)
        >>> question = encoder.encode_queries(["At what temperature does water boil?"])[0]
        >>> bool(question @ vectors[0] > question @ vectors[1])
        True
    """
    from instill.models.encoders.opening import open_encoder as implementation

    return implementation(settings, off=off)
