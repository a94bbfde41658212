"""Nodes and constants, one after the other -> an ONNX model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper
from onnx.numpy_helper import from_array
from torch import Tensor

# 18 is the first in which ReduceMax takes its axes as an input.
_OPSET, _IR_VERSION = 18, 8

# Bytes. Shapes and the like stay in the model, and what is in a file of its own starts
# at a page, so that it can be mapped into memory.
_LEAST_EXTERNAL, _PAGE = 1024, 4096


class Graph:
    """Methods that add something return the name by which later nodes take it."""

    def __init__(self, data: BinaryIO | None = None) -> None:
        """data: a file next to the model's, to which large constants are written."""
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, TensorProto] = {}
        self._data = data

    def constant(self, name: str, value: Tensor | NDArray[Any]) -> str:
        """A tensor under a name of its own, copied."""
        if isinstance(value, Tensor):
            value = value.detach().cpu().numpy()
        if name in self._constants:
            raise ValueError(f"Expected a new name for a constant, got {name!r} again.")
        value = np.ascontiguousarray(value)
        if self._data is not None and value.nbytes >= _LEAST_EXTERNAL:
            self._constants[name] = _write_external(self._data, name, value)
        else:
            self._constants[name] = from_array(value, name)
        return name

    def number(self, value: float, dtype: type[np.generic] = np.float32) -> str:
        """A scalar, of which equal ones are stored once."""
        name = f"{dtype.__name__} {value!r}"
        if name not in self._constants:
            self._constants[name] = from_array(np.array(value, dtype), name)
        return name

    def integers(self, *values: int) -> str:
        """A vector of int64: a shape or axes."""
        name = f"int64 {list(values)}"
        if name not in self._constants:
            self._constants[name] = from_array(np.array(values, np.int64), name)
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """A node with one output."""
        (output,) = self.add_split(operator, *inputs, n_outputs=1, **attributes)
        return output

    def add_split(
        self, operator: str, *inputs: str, n_outputs: int, **attributes: Any
    ) -> list[str]:
        """A node with several outputs."""
        name = f"{operator} {len(self._nodes)}"
        outputs = (
            [name] if n_outputs == 1 else [f"{name}.{i}" for i in range(n_outputs)]
        )
        node = helper.make_node(operator, inputs, outputs, name=name, **attributes)
        self._nodes.append(node)
        return outputs

    def finish(
        self,
        inputs: Sequence[ValueInfoProto],
        outputs: Sequence[tuple[str, ValueInfoProto]],
    ) -> ModelProto:
        """outputs: what a node gave, and under which name and type it leaves."""
        for found, described in outputs:
            self._nodes.append(helper.make_node("Identity", [found], [described.name]))
        graph = helper.make_graph(
            self._nodes,
            "bert",
            list(inputs),
            [described for _, described in outputs],
            list(self._constants.values()),
        )
        return helper.make_model(
            graph,
            producer_name="spacy_bert",
            opset_imports=[helper.make_opsetid("", _OPSET)],
            ir_version=_IR_VERSION,
        )


def _write_external(file: BinaryIO, name: str, value: NDArray[Any]) -> TensorProto:
    """Append the values to the file; gives a tensor that refers to them."""
    file.write(b"\0" * (-file.tell() % _PAGE))
    place = {
        "location": Path(file.name).name,
        "offset": file.tell(),
        "length": value.nbytes,
    }
    file.write(value.data)
    tensor = TensorProto(
        name=name,
        dims=value.shape,
        data_type=helper.np_dtype_to_tensor_dtype(value.dtype),
        data_location=TensorProto.EXTERNAL,
    )
    for key, number in place.items():
        tensor.external_data.add(key=key, value=str(number))
    return tensor


def float_output(name: str, *sizes: str | int) -> ValueInfoProto:
    """sizes: a number, or the name of a size that is known only when it runs."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(sizes))


def integer_input(name: str, *sizes: str | int) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.INT64, list(sizes))


# What a masked attention logit has added, as in `transformers`: not -inf, of which a
# sequence of nothing but padding would make NaN.
LOWEST = torch.finfo(torch.float32).min
