"""Encoders that only the sentence-transformers library can run: architectures, poolings or modules of another kind.

Needs the extra `train` (torch). It is slower, and it makes `search` import torch, so it is used only when the graph
cannot be built here. The library runs no code from the folder (`trust_remote_code` stays off) and reads safetensors
only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from instill.common.extras import how_to_install
from instill.errors import MissingDependency, WorkspaceError
from instill.models.encoders.onnx_encoder import well_formed
from instill.models.encoders.protocol import Vectors
from instill.models.encoders.sentence_transformers_folder import SentenceFolder

_BLOCK = 256


class LibraryEncoder:
    """An encoder run by sentence-transformers, in float32.

    Args:
        folder: the model's folder.
        source_hash: sha256 over its files.
        reason: why it is not run by ONNX Runtime, for the error when the library is missing.
        threads: 0 for the library's own choice.

    Raises:
        MissingDependency: sentence-transformers is not installed.
        WorkspaceError: the library cannot load the folder.
    """

    def __init__(self, folder: SentenceFolder, source_hash: str, *, reason: str, threads: int = 0) -> None:
        try:
            import torch
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise MissingDependency(
                f"This encoder has {reason}, which needs torch and sentence-transformers.",
                where=str(folder.path),
                remedy=how_to_install("train"),
            ) from error
        if threads:
            torch.set_num_threads(threads)
        try:
            self._model: Any = SentenceTransformer(
                str(folder.path),
                device="cpu",
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
        except Exception as error:  # The library passes on whatever its parts raise.
            raise WorkspaceError(
                f"sentence-transformers cannot load the encoder: {error}.",
                where=str(folder.path),
                remedy="Choose another sentence-transformers folder.",
            ) from error
        self._folder = folder
        self._model.max_seq_length = self.max_tokens
        identity = f"{source_hash} {folder.max_tokens} {folder.query_prompt!r} {folder.passage_prompt!r}"
        self._fingerprint = f"library-fp32-{hashlib.sha256(identity.encode()).hexdigest()[:24]}"
        self._tokenizer = Tokenizer.from_file(str(folder.tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def dimension(self) -> int:
        return len(self.encode_queries(["a"])[0])

    @property
    def max_tokens(self) -> int:
        return self._folder.max_tokens

    @property
    def tokenizer(self) -> Tokenizer:
        """For counting: neither truncates nor pads."""
        return self._tokenizer

    def encode_passages(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """See `Encoder.encode_passages`."""
        return self._encode(texts, self._folder.passage_prompt, progress)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode_queries`."""
        return self._encode(texts, self._folder.query_prompt, None)

    def _encode(self, texts: Sequence[str], prompt: str, progress: Callable[[int], None] | None) -> Vectors:
        parts = []
        for start in range(0, len(texts), _BLOCK):
            block = [well_formed(text) for text in texts[start : start + _BLOCK]]
            parts.append(self._model.encode(block, prompt=prompt, normalize_embeddings=True, show_progress_bar=False))
            if progress is not None:
                progress(len(block))
        if not parts:
            return np.empty((0, self.dimension), np.float32)
        return np.concatenate(parts).astype(np.float32)
