"""How Instill's ONNX models are opened: each run on one thread, the graph as it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from instill.errors import WorkspaceError


def open_session(model: Path, *, what: str, remedy: str) -> Any:
    """An `onnxruntime.InferenceSession` of `model`; texts are spread over threads by who calls it.

    Args:
        what: names the model in an error, like "The reader's model".
        remedy: what to do when it cannot be loaded.

    Raises:
        WorkspaceError: ONNX Runtime refuses the file.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # The graph is written in the form that runs; rewriting it costs start-up time and makes it slower.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # The runtime has no public base class for its errors.
        raise WorkspaceError(f"{what} cannot be loaded: {error}.", where=str(model), remedy=remedy) from error
