"""Dense layers, in 32 bits, or in 8 as `model.quantized` computes them."""

import numpy as np
from onnx import TensorProto
from torch import nn

from ..model.quantized import QuantizedLinear
from .graph import Graph


def write_linear(
    graph: Graph, x: str, layer: nn.Linear | QuantizedLinear, *, name: str
) -> str:
    """(..., in_features) -> (..., out_features)"""
    if isinstance(layer, QuantizedLinear):
        product = _write_8_bit_product(graph, x, layer, name)
    else:
        weight = graph.constant(f"{name}.weight", layer.weight.T)
        product = graph.add("MatMul", x, weight)
    return graph.add("Add", product, graph.constant(f"{name}.bias", layer.bias))


def _write_8_bit_product(
    graph: Graph, x: str, layer: QuantizedLinear, name: str
) -> str:
    """Each vector that enters has a scale of its own, so it does not matter what else
    is in the batch, unlike with DynamicQuantizeLinear, which has one for all."""
    zero_point = layer.zero_point
    scale = _write_scales(graph, x, zero_point)
    inverse = graph.add("Reciprocal", scale)
    zero = graph.number(zero_point, np.uint8)
    x_bytes = graph.add(
        "QuantizeLinear", graph.add("Mul", x, inverse), graph.number(1.0), zero
    )
    weight = graph.constant(f"{name}.weight", layer.weight.T)
    product = graph.add(
        "Cast", graph.add("MatMulInteger", x_bytes, weight, zero), to=TensorProto.FLOAT
    )
    # Apart: ONNX Runtime takes the product of two scales for that of a single number
    # for all vectors, and computes something else.
    weight_scale = graph.constant(f"{name}.scale", layer.scale)
    return graph.add("Mul", graph.add("Mul", product, weight_scale), scale)


def _write_scales(graph: Graph, x: str, zero_point: int) -> str:
    """As `model.quantized._to_bytes` has them. (..., in_features) -> (..., 1)"""
    last = graph.integers(-1)
    high = graph.add("ReduceMax", x, last, keepdims=1)
    low = graph.add("ReduceMin", x, last, keepdims=1)
    return graph.add(
        "Max",
        graph.add("Div", high, graph.number(float(254 - zero_point))),
        graph.add("Div", low, graph.number(float(-zero_point))),
        graph.number(1e-30),
    )
