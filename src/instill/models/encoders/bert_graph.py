"""A BERT-family encoder with its pooling as one ONNX graph, made for ONNX Runtime's CPU kernels.

The graph has no attention mask: `input_ids` holds texts of one length. Batches of equal length waste nothing on
padding, let the attention kernel take its fast path, and make a text's vector independent of its neighbours.
Between attention calls everything is two-dimensional, `(tokens, width)`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from instill.models.encoders.graph import CONTRIB, Graph, TensorProto
from instill.models.encoders.matrix_products import Product, float_product, int8_product
from instill.models.encoders.pooling_head import Head
from instill.models.encoders.transformer_weights import Layer, Norm, TransformerWeights

INPUT, OUTPUT = "input_ids", "vectors"
_ACTIVATIONS = {"tanh": "Tanh", "relu": "Relu", "identity": "", "gelu": "gelu"}


def build_encoder(
    weights: TransformerWeights, head: Head, *, precision: str, words: Callable[[Graph], str] | None = None
) -> onnx.ModelProto:
    """Build the model: int32 `input_ids` `(texts, tokens)` to float32 `vectors` `(texts, dimension)` of length 1.

    Args:
        precision: "fp32", or "int8" for the matrix products of the layers (the word table is then float16, which
            halves the file and changes a vector by less than 1e-6 in cosine).
        words: adds another word table and gives the name of the words' rows (see `instill.models.encoders.word_table`).

    Raises:
        ValueError: the head does not fit the transformer.
    """
    size = _dimension(weights, head)
    graph = Graph()
    if words is not None:
        embedded = words(graph)
    elif precision == "fp32":
        embedded = float_words(graph, weights)
    else:
        embedded = half_words(graph, weights)
    rows, shape = add_transformer(graph, weights, precision=precision, words=embedded)
    pooled = _pool(graph, graph.op("Reshape", rows, shape), head)
    vectors = _unit(graph, pooled)
    return graph.model(
        {INPUT: (TensorProto.INT32, ["texts", "tokens"])},
        {OUTPUT: (vectors, TensorProto.FLOAT, ["texts", size])},
    )


def add_transformer(graph: Graph, weights: TransformerWeights, *, precision: str, words: str) -> tuple[str, str]:
    """Add embedding and layers for the input `input_ids`.

    Args:
        words: the operation that gives the words' rows, `(texts, tokens, width)`: `float_words`, `half_words` or
            `int8_words`.

    Returns:
        The names of the last layer's rows, `(texts * tokens, width)`, and of the shape `(texts, tokens, -1)`.
    """
    product = float_product if precision == "fp32" else int8_product
    shape = graph.op("Concat", graph.op("Shape", INPUT), graph.integers(-1), axis=0)
    rows = _embed(graph, weights, words)
    bias = _relative_bias(graph, weights)
    for layer in weights.layers:
        rows = _layer(graph, layer, rows, shape, bias, weights, product)
    return rows, shape


def float_words(graph: Graph, weights: TransformerWeights) -> str:
    """The word table in float32."""
    return graph.op("Gather", graph.constant(weights.words), INPUT)


def half_words(graph: Graph, weights: TransformerWeights) -> str:
    """The word table in float16: half the file, and vectors that differ by less than 1e-6 in cosine."""
    halves = graph.op("Gather", graph.constant(weights.words.astype(np.float16)), INPUT)
    return graph.op("Cast", halves, to=TensorProto.FLOAT)


def int8_words(graph: Graph, codes: str, scales: str) -> str:
    """A word table in int8 with a float32 scale a word; `codes` and `scales` name the constants."""
    numbers = graph.op("Cast", graph.op("Gather", codes, INPUT), to=TensorProto.FLOAT)
    return graph.op("Mul", numbers, graph.op("Unsqueeze", graph.op("Gather", scales, INPUT), graph.integers(-1)))


def _dimension(weights: TransformerWeights, head: Head) -> int:
    size = weights.width * len(head.poolings)
    for dense in head.dense:
        inputs, outputs = dense.linear.weight.shape
        if inputs != size or dense.linear.bias.shape != (outputs,):
            raise ValueError(f"a dense layer takes {inputs} numbers where {size} come in")
        size = outputs
    return size


def _embed(graph: Graph, weights: TransformerWeights, words: str) -> str:
    length = graph.op("Shape", INPUT, start=1, end=2)
    positions = graph.op("Slice", graph.constant(weights.positions), graph.integers(0), length, graph.integers(0))
    summed = graph.op("Reshape", graph.op("Add", words, positions), graph.integers(-1, weights.width))
    return _normalise(graph, summed, weights.norm, weights.epsilon)


def _relative_bias(graph: Graph, weights: TransformerWeights) -> str:
    if weights.relative_bias is None:
        return ""
    length = graph.op("Shape", INPUT, start=1, end=2)
    ends = graph.op("Concat", length, length, axis=0)
    table = graph.constant(weights.relative_bias[None])
    return graph.op("Slice", table, graph.integers(0, 0), ends, graph.integers(2, 3))


def _layer(
    graph: Graph, layer: Layer, rows: str, shape: str, bias: str, weights: TransformerWeights, product: Product
) -> str:
    attended = _attend(graph, product(graph, rows, layer.qkv), shape, bias, weights)
    rows = graph.op("Add", rows, product(graph, attended, layer.output))
    rows = _normalise(graph, rows, layer.attention_norm, weights.epsilon)
    inner = _activate(graph, product(graph, rows, layer.up), weights.activation)
    rows = graph.op("Add", rows, product(graph, inner, layer.down, activation=weights.activation))
    return _normalise(graph, rows, layer.norm, weights.epsilon)


def _attend(graph: Graph, qkv: str, shape: str, bias: str, weights: TransformerWeights) -> str:
    parts = graph.ops("Split", graph.op("Reshape", qkv, shape), outputs=3, axis=-1, num_outputs=3)
    # Inputs of MultiHeadAttention: query, key, value, bias, key padding mask, attention bias.
    extra = ["", "", bias] if bias else []
    attended = graph.op("MultiHeadAttention", *parts, *extra, domain=CONTRIB, num_heads=weights.heads)
    return graph.op("Reshape", attended, graph.integers(-1, weights.width))


def _activate(graph: Graph, rows: str, activation: str) -> str:
    if activation == "gelu":
        return graph.op("Gelu", rows, domain=CONTRIB)
    if activation == "gelu_tanh":
        return graph.op("FastGelu", rows, domain=CONTRIB)
    return graph.op("Relu", rows)


def _normalise(graph: Graph, rows: str, norm: Norm, epsilon: float) -> str:
    return graph.op("LayerNormalization", rows, graph.constant(norm.gain), graph.constant(norm.bias), epsilon=epsilon)


def _pool(graph: Graph, tokens: str, head: Head) -> str:
    pooled = [_pool_by(graph, tokens, pooling) for pooling in head.poolings]
    vectors = pooled[0] if len(pooled) == 1 else graph.op("Concat", *pooled, axis=-1)
    for dense in head.dense:
        vectors = float_product(graph, vectors, dense.linear)
        kind = _ACTIVATIONS[dense.activation]
        if kind:
            vectors = graph.op("Gelu", vectors, domain=CONTRIB) if kind == "gelu" else graph.op(kind, vectors)
    return vectors


def _pool_by(graph: Graph, tokens: str, pooling: str) -> str:
    if pooling in ("mean", "mean_sqrt_len_tokens"):
        # The two differ by a factor per text; it matters before a dense layer or beside another pooling.
        mean = graph.op("ReduceMean", tokens, graph.integers(1), keepdims=0)
        if pooling == "mean":
            return mean
        length = graph.op("Cast", graph.op("Shape", INPUT, start=1, end=2), to=TensorProto.FLOAT)
        return graph.op("Mul", mean, graph.op("Sqrt", length))
    if pooling == "max":
        return graph.op("ReduceMax", tokens, graph.integers(1), keepdims=0)
    place = 0 if pooling == "cls" else -1
    return graph.op("Gather", tokens, graph.constant(np.int64(place)), axis=1)


def _unit(graph: Graph, vectors: str) -> str:
    length = graph.op("ReduceL2", vectors, graph.integers(-1), keepdims=1)
    return graph.op("Div", vectors, graph.op("Max", length, graph.constant(np.float32(1e-12))))
