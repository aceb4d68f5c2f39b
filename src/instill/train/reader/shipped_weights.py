"""The shipped reader as weights that training can begin with: its int8 matrices, multiplied out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.numpy import save_file

from instill.answer.reading.reader import MODEL_FILE
from instill.errors import WorkspaceError
from instill.models.encoders.transformer_weights import Floats
from instill.train.progress import CHECKPOINT

_AFTER_ATTENTION = ("attention.output.dense", "intermediate.dense", "output.dense")


def shipped_weights(folder: Path) -> dict[str, Floats]:
    """Weights of the exported reader in `folder` under the names that they have in training.

    A matrix that was stored in int8 comes back with an error of at most half a step of its column.

    Raises:
        WorkspaceError: the model is missing or is not a reader that `instill train reader` exported.

    Example:
        >>> from instill.models.weights import shipped
        >>> shipped_weights(shipped())["span.weight"].shape
        (2, 384)
    """
    try:
        graph = onnx.load(folder / MODEL_FILE, load_external_data=False).graph
        return _named(list(graph.node), {each.name: each for each in graph.initializer})
    except (OSError, ValueError, KeyError, StopIteration, IndexError) as error:
        raise WorkspaceError(
            f"The weights of the reader cannot be taken from its model: {error!r}.",
            where=str(folder / MODEL_FILE),
            remedy="Give a folder that `instill train reader` wrote, or install Instill again.",
        ) from error


def begin_from_reader(folder: Path, place: Path) -> Path:
    """Write the weights of the exported reader in `folder` to `place` as the checkpoint of a run; returns `place`."""
    place.mkdir(parents=True, exist_ok=True)
    save_file({f"weight.{name}": value for name, value in shipped_weights(folder).items()}, place / CHECKPOINT)
    return place


def _named(nodes: list[onnx.NodeProto], stored: Mapping[str, onnx.TensorProto]) -> dict[str, Floats]:
    def value(name: str) -> Floats:
        return np.asarray(numpy_helper.to_array(stored[name]), np.float32)

    products = _products(nodes, value)
    norms = ((value(node.input[1]), value(node.input[2])) for node in nodes if node.op_type == "LayerNormalization")
    next(norms)  # The embeddings' norm is not trained.
    weights: dict[str, Floats] = {}

    def put(name: str, matrix: Floats, bias: Floats) -> None:
        weights[f"{name}.weight"], weights[f"{name}.bias"] = np.ascontiguousarray(matrix.T), bias

    layers = sum(node.op_type == "MatMulIntegerToFloat" for node in nodes)
    for number in range(layers):
        at = f"trunk.encoder.layer.{number}."
        matrix, bias = next(products)
        parts = zip(("query", "key", "value"), np.split(matrix, 3, axis=1), np.split(bias, 3), strict=True)
        for part, own, its_bias in parts:
            put(f"{at}attention.self.{part}", own, its_bias)
        for name in _AFTER_ATTENTION:
            put(at + name, *next(products))
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            weights[f"{at}{name}.weight"], weights[f"{at}{name}.bias"] = next(norms)
    for name in ("inner", "span", "verdict"):
        put(name, *next(products))
    return weights


def _products(nodes: list[onnx.NodeProto], read: Callable[[str], Floats]) -> Iterator[tuple[Floats, Floats]]:
    """`(inputs, outputs)` matrix and bias of each product, in the graph's order; `read` gives a constant's numbers."""
    after = {name: node for node in nodes for name in node.input}
    for node in nodes:
        if node.op_type == "DynamicQuantizeMatMul":
            yield read(node.input[1]) * read(node.input[2]), read(node.input[4])
        elif node.op_type == "MatMulIntegerToFloat":
            scaled = after[node.output[0]]
            yield read(node.input[1]) * read(node.input[3]), read(after[scaled.output[0]].input[1])
        elif node.op_type == "MatMul":
            yield read(node.input[1]), read(after[node.output[0]].input[1])
