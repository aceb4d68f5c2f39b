"""The reader as one ONNX graph: the encoder's transformer with a span head and two verdicts instead of a pooling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from instill.models.encoders.bert_graph import INPUT, add_transformer
from instill.models.encoders.graph import Graph, TensorProto
from instill.models.encoders.matrix_products import float_product
from instill.models.encoders.transformer_weights import Floats, Linear, TransformerWeights
from instill.models.encoders.word_table import WordTable

SPANS, VERDICTS = "spans", "verdicts"


@dataclass(frozen=True, slots=True)
class ReaderHeads:
    """`span` (width to 2: start, end) on every token; `inner`, tanh and `verdict` (to 2: answerable, relevant) on the
    first."""

    span: Linear
    inner: Linear
    verdict: Linear


def heads_from(tensors: Mapping[str, Floats]) -> ReaderHeads:
    """The heads of a trained checkpoint, whose tensors are named `span.weight`, `inner.bias`, ...

    Raises:
        KeyError: one is missing.
    """

    def linear(name: str) -> Linear:
        return Linear(np.ascontiguousarray(tensors[f"{name}.weight"].T), tensors[f"{name}.bias"])

    return ReaderHeads(linear("span"), linear("inner"), linear("verdict"))


def build_reader(
    weights: TransformerWeights, heads: ReaderHeads, *, precision: str, table: WordTable
) -> onnx.ModelProto:
    """Build the model: int32 `input_ids` `(1, tokens)` to float32 `spans` `(tokens, 2)` and `verdicts` `(1, 2)`.

    Args:
        precision: "int8" or "fp32", of the layers' matrix products.
        table: the word table, kept in a file beside the model.
    """
    graph = Graph()
    rows, _ = add_transformer(graph, weights, precision=precision, words=table.rows(graph))
    first = graph.op("Gather", rows, graph.integers(0), axis=0)
    inner = graph.op("Tanh", float_product(graph, first, heads.inner))
    return graph.model(
        {INPUT: (TensorProto.INT32, [1, "tokens"])},
        {
            SPANS: (float_product(graph, rows, heads.span), TensorProto.FLOAT, ["tokens", 2]),
            VERDICTS: (float_product(graph, inner, heads.verdict), TensorProto.FLOAT, [1, 2]),
        },
    )
