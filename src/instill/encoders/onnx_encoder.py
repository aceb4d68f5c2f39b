"""The encoder that ONNX Runtime runs: one thread a batch, as many batches at once as there are threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from instill.encoders.batches import Batch, batches_of_equal_length
from instill.encoders.export import MODEL_FILE, TOKENIZER_FILE
from instill.encoders.protocol import Vectors
from instill.errors import WorkspaceError

_BLOCK = 4096  # Texts tokenised at once: bounds memory, and lets progress be shown.


class OnnxEncoder:
    """An exported encoder; made by `instill.encoders.open_encoder`.

    A text's vector does not depend on the texts beside it: batches hold texts of one length, without padding, and
    int8 scales are taken per token. Across batches of another size only the order of float32 sums can differ.

    Args:
        folder: a cache entry with the model and its tokenizer.
        manifest: the entry's manifest.
        threads: 0 for one a core.

    Raises:
        WorkspaceError: ONNX Runtime or tokenizers refuse the files.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any], *, threads: int = 0) -> None:
        self._folder = folder
        self._manifest = manifest
        self._threads = threads or available_cores()
        self._tokens = self._load_tokenizer()
        self._tokens.enable_truncation(self.max_tokens)

    @property
    def fingerprint(self) -> str:
        return str(self._manifest["fingerprint"])

    @property
    def dimension(self) -> int:
        return int(self._manifest["dimension"])

    @property
    def max_tokens(self) -> int:
        return int(self._manifest["max_tokens"])

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """For counting: neither truncates nor pads."""
        return self._load_tokenizer()

    def encode_passages(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """See `Encoder.encode_passages`."""
        return self._encode(texts, str(self._manifest["passage_prompt"]), progress)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode_queries`."""
        return self._encode(texts, str(self._manifest["query_prompt"]), None)

    def _encode(self, texts: Sequence[str], prompt: str, progress: Callable[[int], None] | None) -> Vectors:
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), _BLOCK):
            block = [prompt + text for text in texts[start : start + _BLOCK]]
            self._encode_block(block, vectors[start : start + len(block)], progress)
        return vectors

    def _encode_block(self, block: list[str], out: Vectors, progress: Callable[[int], None] | None) -> None:
        batches = batches_of_equal_length([entry.ids for entry in self._tokens.encode_batch_fast(block)])
        run = self._session.run

        def work(batch: Batch) -> int:
            out[batch.rows] = run(None, {"input_ids": batch.ids})[0]
            return len(batch.rows)

        if self._threads == 1 or len(batches) == 1:
            for batch in batches:
                _report(work(batch), progress)
            return
        with ThreadPoolExecutor(self._threads, thread_name_prefix="encode") as pool:
            pending: set[Future[int]] = {pool.submit(work, batch) for batch in batches}
            try:
                while pending:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    for future in done:
                        _report(future.result(), progress)
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)  # Ctrl-C must not wait for the whole block.
                raise

    def _load_tokenizer(self) -> Tokenizer:
        path = self._folder / TOKENIZER_FILE
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # The library raises plain Exception.
            raise WorkspaceError(
                f"The encoder's tokenizer cannot be read: {error}.", where=str(path), remedy="Remove that folder."
            ) from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    @cached_property
    def _session(self) -> Any:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # The graph is written in the form that runs; rewriting it costs start-up time and makes it slower.
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        path = self._folder / MODEL_FILE
        try:
            return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # The runtime has no public base class for its errors.
            raise WorkspaceError(
                f"The encoder's model cannot be loaded: {error}.", where=str(path), remedy="Remove that folder."
            ) from error


def available_cores() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _report(count: int, progress: Callable[[int], None] | None) -> None:
    if progress is not None:
        progress(count)
