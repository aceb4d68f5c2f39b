"""Matrix products of the encoder, in float32 or in int8.

Int8: each column of a weight matrix has its own scale (symmetric), and each row of the input, that is each token,
has its own scale too. A token's result therefore depends on no other token, text or batch, which a scale over the
whole tensor (what `quantize_dynamic` produces) does not give, and it is closer to float32.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from instill.encoders.graph import CONTRIB, Graph
from instill.encoders.transformer_weights import Floats, Linear

_LEVELS = 127
_ZERO_POINT = 128
_SMALLEST = 1e-20  # Keeps an all-zero row from dividing by zero.


class Product(Protocol):
    """Adds `rows @ linear.weight + linear.bias` to a graph; rows are `(tokens, inputs)`."""

    def __call__(self, graph: Graph, rows: str, linear: Linear) -> str: ...


def float_product(graph: Graph, rows: str, linear: Linear) -> str:
    """The product in float32."""
    return graph.op("Add", graph.op("MatMul", rows, graph.constant(linear.weight)), graph.constant(linear.bias))


def int8_product(graph: Graph, rows: str, linear: Linear) -> str:
    """The product in int8 with a scale a row and a scale a column."""
    weight, columns = quantise_columns(linear.weight)
    largest = graph.op("ReduceMax", graph.op("Abs", rows), graph.integers(-1), keepdims=1)
    largest = graph.op("Max", largest, graph.constant(np.float32(_SMALLEST)))
    step, zero = graph.constant(np.float32(1 / _LEVELS)), graph.constant(np.uint8(_ZERO_POINT))
    # uint8 with a fixed zero point: the unsigned-by-signed kernels are the fast ones on x86.
    codes = graph.op("QuantizeLinear", graph.op("Div", rows, largest), step, zero)
    product = graph.op(
        "MatMulIntegerToFloat",
        codes,
        graph.constant(weight),
        step,
        graph.constant(columns),
        zero,
        domain=CONTRIB,
    )
    return graph.op("Add", graph.op("Mul", product, largest), graph.constant(linear.bias))


def quantise_columns(weight: Floats) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int8]], Floats]:
    """int8 codes of the same shape and a float32 scale a column: `weight ~ codes * scales`, error at most scale / 2."""
    scales = (np.abs(weight).max(axis=0) / _LEVELS).astype(np.float32)
    scales[scales == 0] = 1
    codes = np.clip(np.rint(weight / scales), -_LEVELS, _LEVELS).astype(np.int8)
    return codes, scales
