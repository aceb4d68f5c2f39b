"""An encoder around another one, for those that change one thing about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tokenizers import Tokenizer

from instill.models.encoders.protocol import Encoder, Vectors


class Wrapped:
    """All that the encoder within says and does; a subclass overrides what it does in another way."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    @property
    def fingerprint(self) -> str:
        return self._encoder.fingerprint

    @property
    def dimension(self) -> int:
        return self._encoder.dimension

    @property
    def max_tokens(self) -> int:
        return self._encoder.max_tokens

    @property
    def tokenizer(self) -> Tokenizer:
        return self._encoder.tokenizer

    def encode_passages(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """See `Encoder.encode_passages`."""
        return self._encoder.encode_passages(texts, progress=progress)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode_queries`."""
        return self._encoder.encode_queries(texts)
