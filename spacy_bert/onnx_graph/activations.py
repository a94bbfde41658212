"""Activations by their names in BertConfig, in the forms that ONNX Runtime recognizes
and runs as one operator."""

import math
from collections.abc import Callable

from .graph import Graph


def write_activation(graph: Graph, x: str, *, name: str) -> str:
    """Raises ValueError if no operators are known for the name."""
    if name not in _ACTIVATIONS:
        raise ValueError(
            f"Expected an activation out of {', '.join(_ACTIVATIONS)}, got {name!r}. "
            "This encoder cannot be written as ONNX."
        )
    return _ACTIVATIONS[name](graph, x)


def _gelu(graph: Graph, x: str) -> str:
    """x (1 + erf(x / sqrt(2))) / 2"""
    erf = graph.add("Erf", graph.add("Div", x, graph.number(math.sqrt(2.0))))
    doubled = graph.add("Mul", x, graph.add("Add", erf, graph.number(1.0)))
    return graph.add("Mul", doubled, graph.number(0.5))


def _gelu_tanh(graph: Graph, x: str) -> str:
    """x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2"""
    cube = graph.add("Pow", x, graph.number(3.0))
    inner = graph.add("Add", x, graph.add("Mul", cube, graph.number(0.044715)))
    scaled = graph.add("Mul", inner, graph.number(math.sqrt(2.0 / math.pi)))
    tanh = graph.add("Tanh", scaled)
    half = graph.add("Mul", x, graph.number(0.5))
    return graph.add("Mul", half, graph.add("Add", tanh, graph.number(1.0)))


def _quick_gelu(graph: Graph, x: str) -> str:
    scaled = graph.add("Mul", x, graph.number(1.702))
    return graph.add("Mul", x, graph.add("Sigmoid", scaled))


def _relu(graph: Graph, x: str) -> str:
    return graph.add("Relu", x)


def _silu(graph: Graph, x: str) -> str:
    return graph.add("Mul", x, graph.add("Sigmoid", x))


def _tanh(graph: Graph, x: str) -> str:
    return graph.add("Tanh", x)


def _mish(graph: Graph, x: str) -> str:
    """x tanh(log(1 + exp(x)))"""
    return graph.add("Mul", x, graph.add("Tanh", graph.add("Softplus", x)))


_ACTIVATIONS: dict[str, Callable[[Graph, str], str]] = {
    "gelu": _gelu,
    "gelu_new": _gelu_tanh,
    "gelu_pytorch_tanh": _gelu_tanh,
    "quick_gelu": _quick_gelu,
    "relu": _relu,
    "silu": _silu,
    "tanh": _tanh,
    "mish": _mish,
}
