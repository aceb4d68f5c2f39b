"""Matrix products of the encoder, in float32 or in int8.

Int8 weights have a scale a column (symmetric). Inputs are quantised while the model runs, in the form that measured
best on MiniLM (cosine to float32 0.9975, against 0.9946 with the scheme of `quantize_dynamic`, at 2% of its speed):

- After an activation function, one scale a token. These values differ in size from token to token, and those of a
  GELU reach from -0.17 to large positive numbers, so the zero point is moved to spend the codes where values are.
- Elsewhere, one scale for all tokens of the run, which ONNX Runtime has as a single fused kernel. An int8 model must
  therefore be given one text a run, or a text's vector would depend on its neighbours.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from instill.models.encoders.graph import CONTRIB, Graph
from instill.models.encoders.transformer_weights import Floats, Linear

_LEVELS = 127
_GELU_ZERO = 37
"""Code of 0 after a GELU: 37 of 218 steps below zero reach -0.1697 when the largest value is 1, the GELU's minimum."""


class Product(Protocol):
    """Adds `rows @ linear.weight + linear.bias` to a graph; rows are `(tokens, inputs)`.

    `activation` is the function that made the rows ("gelu", "gelu_tanh", "relu"), or "".
    """

    def __call__(self, graph: Graph, rows: str, linear: Linear, *, activation: str = "") -> str: ...


def float_product(graph: Graph, rows: str, linear: Linear, *, activation: str = "") -> str:  # noqa: ARG001
    """The product in float32."""
    return graph.op("Add", graph.op("MatMul", rows, graph.constant(linear.weight)), graph.constant(linear.bias))


def int8_product(graph: Graph, rows: str, linear: Linear, *, activation: str = "") -> str:
    """The product in int8; rows that no activation function made take the fused kernel."""
    if activation:
        return _product_by_token(graph, rows, linear, activation)
    codes, scales = quantise_columns(linear.weight)
    return graph.op(
        "DynamicQuantizeMatMul",
        rows,
        graph.constant(codes),
        graph.constant(scales),
        graph.constant(np.zeros(len(scales), np.int8)),
        graph.constant(linear.bias),
        domain=CONTRIB,
    )


def _product_by_token(graph: Graph, rows: str, linear: Linear, activation: str) -> str:
    codes, columns = quantise_columns(linear.weight)
    # A ReLU has nothing below zero. The floor keeps a GELU's minimum in range, and a row of zeros from dividing by 0.
    zero, floor = (0, 1e-6) if activation == "relu" else (_GELU_ZERO, 1.0)
    largest = graph.op("ReduceMax", rows, graph.integers(-1), keepdims=1)
    largest = graph.op("Max", largest, graph.constant(np.float32(floor)))
    steps = graph.op("Mul", largest, graph.constant(np.float32(1 / (255 - zero))))
    steps_by_row = graph.op("Reshape", steps, graph.integers(-1))
    zeros_by_row = graph.op("Expand", graph.constant(np.uint8(zero)), graph.op("Shape", steps_by_row))
    product = graph.op(
        "MatMulIntegerToFloat",
        graph.op("QuantizeLinear", rows, steps_by_row, zeros_by_row, axis=0),
        graph.constant(codes),
        graph.constant(np.float32(1)),
        graph.constant(columns),
        graph.constant(np.uint8(zero)),
        domain=CONTRIB,
    )
    return graph.op("Add", graph.op("Mul", product, steps), graph.constant(linear.bias))


def quantise_columns(weight: Floats) -> tuple[NDArray[np.int8], Floats]:
    """int8 codes of the same shape and a float32 scale a column: `weight ~ codes * scales`, error at most scale / 2.

    Example:
        >>> quantise_columns(np.array([[1.0, 0.0], [-0.5, 0.0]], np.float32))[0].tolist()
        [[127, 0], [-64, 0]]
    """
    scales = (np.abs(weight).max(axis=0) / _LEVELS).astype(np.float32)
    scales[scales == 0] = 1
    codes = np.clip(np.rint(weight / scales), -_LEVELS, _LEVELS).astype(np.int8)
    return codes, scales
