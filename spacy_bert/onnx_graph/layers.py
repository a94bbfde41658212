"""Embeddings and encoder layers over padded batches, (batch, length, hidden_width)."""

import math

from onnx import TensorProto
from torch import nn

from ..model.attention import SelfAttention
from ..model.embeddings import Embeddings
from ..model.layers import EncoderLayer
from ..model.quantized import QuantizedEmbedding
from .activations import write_activation
from .graph import LOWEST, Graph
from .products import write_linear


def write_embeddings(
    graph: Graph, embeddings: Embeddings, *, piece_ids: str, segment_ids: str
) -> str:
    """(batch, length), (batch, length) -> (batch, length, hidden_width)"""
    name = "embeddings"
    segments = graph.constant(f"{name}.segments", embeddings.segments.weight)
    positions = graph.constant(f"{name}.positions", embeddings.positions.weight)
    length = graph.add("Shape", piece_ids, start=1)
    start, axis = graph.integers(0), graph.integers(0)
    summed = graph.add(
        "Add",
        _write_pieces(graph, embeddings.pieces, piece_ids, f"{name}.pieces"),
        graph.add("Gather", segments, segment_ids),
    )
    summed = graph.add(
        "Add", summed, graph.add("Slice", positions, start, length, axis)
    )
    return write_norm(graph, summed, embeddings.norm, name=f"{name}.norm")


def write_mask(graph: Graph, attention_mask: str) -> str:
    """What is added to attention logits: 0 for a piece, the lowest number for padding.
    (batch, length) -> (batch, 1, 1, length)"""
    mask = graph.add("Unsqueeze", attention_mask, graph.integers(1, 2))
    is_piece = graph.add("Cast", mask, to=TensorProto.FLOAT)
    is_padding = graph.add("Sub", graph.number(1.0), is_piece)
    return graph.add("Mul", is_padding, graph.number(LOWEST))


def write_layer(
    graph: Graph,
    hidden: str,
    mask: str,
    layer: EncoderLayer,
    *,
    name: str,
    activation: str,
) -> str:
    """activation: its name in BertConfig."""
    attended = _write_attention(
        graph, hidden, mask, layer.attention, name=f"{name}.attention"
    )
    hidden = write_norm(
        graph,
        graph.add("Add", hidden, attended),
        layer.attention_norm,
        name=f"{name}.attention_norm",
    )
    intermediate = write_linear(
        graph, hidden, layer.intermediate, name=f"{name}.intermediate"
    )
    intermediate = write_activation(graph, intermediate, name=activation)
    output = write_linear(graph, intermediate, layer.output, name=f"{name}.output")
    return write_norm(
        graph,
        graph.add("Add", hidden, output),
        layer.output_norm,
        name=f"{name}.output_norm",
    )


def write_norm(graph: Graph, x: str, norm: nn.LayerNorm, *, name: str) -> str:
    weight = graph.constant(f"{name}.weight", norm.weight)
    bias = graph.constant(f"{name}.bias", norm.bias)
    return graph.add("LayerNormalization", x, weight, bias, axis=-1, epsilon=norm.eps)


def _write_pieces(
    graph: Graph, pieces: nn.Embedding | QuantizedEmbedding, ids: str, name: str
) -> str:
    weight = graph.constant(name, pieces.weight)
    found = graph.add("Gather", weight, ids)
    if not isinstance(pieces, QuantizedEmbedding):
        return found
    scales = graph.constant(f"{name}.scale", pieces.scale[:, None])
    numbers = graph.add("Cast", found, to=TensorProto.FLOAT)
    return graph.add("Mul", numbers, graph.add("Gather", scales, ids))


def _write_attention(
    graph: Graph, hidden: str, mask: str, attention: SelfAttention, *, name: str
) -> str:
    n_heads = attention.n_heads
    width = attention.output.bias.shape[0]
    head_width = width // n_heads
    projected = write_linear(graph, hidden, attention.project, name=f"{name}.project")
    heads = graph.add(
        "Reshape", projected, graph.integers(0, 0, 3, n_heads, head_width)
    )
    # (3, batch, n_heads, length, head_width)
    heads = graph.add("Transpose", heads, perm=[2, 0, 3, 1, 4])
    query, key, value = (
        graph.add("Squeeze", part, graph.integers(0))
        for part in graph.add_split("Split", heads, n_outputs=3, axis=0, num_outputs=3)
    )
    logits = graph.add("MatMul", query, graph.add("Transpose", key, perm=[0, 1, 3, 2]))
    logits = graph.add("Div", logits, graph.number(math.sqrt(head_width)))
    weights = graph.add("Softmax", graph.add("Add", logits, mask), axis=-1)
    # (batch, n_heads, length, head_width) -> (batch, length, width)
    context = graph.add("MatMul", weights, value)
    context = graph.add("Transpose", context, perm=[0, 2, 1, 3])
    context = graph.add("Reshape", context, graph.integers(0, 0, width))
    return write_linear(graph, context, attention.output, name=f"{name}.output")
