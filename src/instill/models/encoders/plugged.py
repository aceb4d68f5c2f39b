"""Encoders of installed packages: `encoder.model = "plugin:NAME"`; their vectors are checked before they are stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast

import numpy as np
from tokenizers import Tokenizer

from instill.common.articles import type_of
from instill.errors import InstillError, UsageError
from instill.models.encoders.protocol import Encoder, Vectors
from instill.models.encoders.wrapped import Wrapped
from instill.plugins import Group
from instill.settings import EncoderSettings

PREFIX = "plugin:"
_NEAR_1 = 1e-3
_NEEDED = ("fingerprint", "dimension", "max_tokens", "tokenizer", "encode_passages", "encode_queries")


class OpensEncoder(Protocol):
    """What a package declares in the group "instill.encoders"."""

    def __call__(self, settings: EncoderSettings) -> Encoder:
        """An encoder, ready to encode.

        Args:
            settings: those of the workspace; `precision` and `threads` are wishes.
        """
        ...


def _checked(found: object) -> OpensEncoder:
    if not callable(found):
        raise TypeError(f"it is {type_of(found)}, not a function that opens an encoder")
    return cast("OpensEncoder", found)


ENCODERS: Group[OpensEncoder] = Group(
    "encoders", check=_checked, built_in=lambda: ["instill", "minilm"], about="text to vectors"
)


def open_plugged(name: str, settings: EncoderSettings, off: Sequence[str] = ()) -> Encoder:
    """The encoder of a plug-in.

    Raises:
        UsageError: there is no such plug-in, or it cannot be opened.
    """
    where = f'encoder.model = "{PREFIX}{name}"'
    opener = ENCODERS.one(name, off=off, where=where)
    try:
        found = opener(settings)
    except InstillError:
        raise
    except Exception as error:
        raise UsageError(
            f"The plug-in {name!r} cannot open its encoder ({type(error).__name__}: {error}).",
            where=where,
            remedy="See what its package says about its settings.",
        ) from error
    try:
        return Plugged(name, found)
    except TypeError as error:
        raise UsageError(
            f"The plug-in {name!r} opened something that is no encoder: {error}.",
            where=where,
            remedy="Tell its authors; `instill.testing.EncoderTests` shows what is missing.",
        ) from error


class Plugged(Wrapped):
    """An encoder of a plug-in, held to the protocol.

    Args:
        plugin: the name; it is part of the fingerprint, so that no plug-in can pass for another encoder.
        encoder: what the plug-in opened.

    Raises:
        TypeError: it is no encoder.
    """

    def __init__(self, plugin: str, encoder: Encoder) -> None:
        super().__init__(encoder)
        self._plugin = plugin
        lacking = [f"`{each}`" for each in _NEEDED if not hasattr(encoder, each)]
        if lacking:
            raise TypeError(f"{type_of(encoder)} has no {', '.join(lacking)}")
        if not isinstance(encoder.fingerprint, str) or not encoder.fingerprint.strip():
            raise TypeError("its fingerprint is no text")
        for noun in ("dimension", "max_tokens"):
            if not isinstance(getattr(encoder, noun), int) or not 1 <= getattr(encoder, noun) <= 1_000_000:
                raise TypeError(f"its {noun} is not a count")
        if not isinstance(encoder.tokenizer, Tokenizer):
            raise TypeError("its tokenizer is not a tokenizers.Tokenizer")

    @property
    def fingerprint(self) -> str:
        return f"{PREFIX}{self._plugin}:{' '.join(self._encoder.fingerprint.split())[:200]}"

    def encode_passages(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """See `Encoder.encode_passages`."""
        return self._checked(lambda: self._encoder.encode_passages(texts, progress=progress), len(texts))

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode_queries`."""
        return self._checked(lambda: self._encoder.encode_queries(texts), len(texts))

    def _checked(self, encode: Callable[[], Vectors], count: int) -> Vectors:
        try:
            found = np.asarray(encode())
        except InstillError:
            raise
        except Exception as error:
            raise self._wrong(f"failed ({type(error).__name__}: {error})") from error
        if found.shape != (count, self.dimension) or found.dtype != np.float32:
            wanted = f"float32 {(count, self.dimension)}"
            raise self._wrong(f"gave vectors of {found.dtype} {found.shape} where {wanted} is due")
        if count and not np.all(np.abs(np.linalg.norm(found, axis=1) - 1) <= _NEAR_1):
            raise self._wrong("gave a vector that is not of length 1")
        return found

    def _wrong(self, what: str) -> UsageError:
        return UsageError(
            f"The plug-in {self._plugin!r} {what}.",
            where=f'encoder.model = "{PREFIX}{self._plugin}"',
            remedy="Tell the authors of its package (instill plugins names it), or choose another encoder.",
        )
