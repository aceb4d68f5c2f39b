"""A small builder for ONNX graphs, so that a model reads as a list of operations."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

CONTRIB = "com.microsoft"
OPSET = 20
IR_VERSION = 10


class Graph:
    """Nodes and constants in the order in which they are added.

    Example:
        >>> graph = Graph()
        >>> doubled = graph.op("Add", "x", "x")
        >>> model = graph.model({"x": (TensorProto.FLOAT, ["n"])}, {"y": (doubled, TensorProto.FLOAT, ["n"])})
        >>> [node.op_type for node in model.graph.node]
        ['Add', 'Identity']
    """

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, value: NDArray[Any] | np.generic) -> str:
        """Add a constant; returns its name."""
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def external(self, value: NDArray[Any], file: str, offset: int) -> str:
        """Add a constant whose bytes stand in `file` (beside the model) from `offset`, in C order; returns its name.

        Several models can so share one table on disk and, since it is mapped, in memory.
        """
        name = f"constant_{len(self._constants)}"
        tensor = onnx.TensorProto(
            name=name, dims=value.shape, data_type=helper.np_dtype_to_tensor_dtype(value.dtype),
            data_location=onnx.TensorProto.EXTERNAL,
        )  # fmt: skip
        for key, content in (("location", file), ("offset", offset), ("length", value.nbytes)):
            tensor.external_data.add(key=key, value=str(content))
        self._constants.append(tensor)
        return name

    def integers(self, *values: int) -> str:
        """Add a one-dimensional int64 constant: axes, shapes."""
        return self.constant(np.array(values, np.int64))

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add an operation with one output; returns the output's name. An input "" is left out."""
        return self.ops(kind, *inputs, outputs=1, domain=domain, **attributes)[0]

    def ops(self, kind: str, *inputs: str, outputs: int, domain: str = "", **attributes: Any) -> list[str]:
        """Add an operation with several outputs; returns their names."""
        number = len(self._nodes)
        names = [f"{kind}_{number}_{position}" for position in range(outputs)]
        node = helper.make_node(kind, inputs, names, name=f"{kind}_{number}", domain=domain, **attributes)
        self._nodes.append(node)
        return names

    def model(
        self, inputs: dict[str, tuple[int, list[Any]]], outputs: dict[str, tuple[str, int, list[Any]]]
    ) -> onnx.ModelProto:
        """The finished model. `inputs`: name -> (type, shape); `outputs`: name -> (operation's output, type, shape)."""
        ends = [helper.make_node("Identity", [source], [name]) for name, (source, _, _) in outputs.items()]
        graph = helper.make_graph(
            [*self._nodes, *ends],
            "encoder",
            [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
            [helper.make_tensor_value_info(name, kind, shape) for name, (_, kind, shape) in outputs.items()],
            self._constants,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
        )
        model.ir_version = IR_VERSION
        return model


__all__ = ["CONTRIB", "Graph", "TensorProto"]
