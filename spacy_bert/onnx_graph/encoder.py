"""BertEncoder -> ModelProto."""

from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
from onnx import ModelProto

from ..model.encoder import BertEncoder
from ..model.layers import EncoderLayer
from .graph import Graph, float_output, integer_input
from .layers import write_embeddings, write_layer, write_mask
from .products import write_linear

# int64, (batch, length): piece ids, 1 for a piece and 0 for padding, segments.
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def make_onnx_model(
    encoder: BertEncoder,
    *,
    layers: Sequence[int] = (),
    has_pooler: bool = True,
    data: BinaryIO | None = None,
) -> ModelProto:
    """Copy the encoder's weights into a graph of standard operators.

    It takes `INPUTS` and gives `last_hidden_state`, (batch, length, hidden_width).

    layers: those whose vectors are outputs too, counted from 1 (0: the embeddings):
        `hidden_state_3`, ..., each as `last_hidden_state`.
    has_pooler: whether `pooler_output`, (batch, hidden_width), is another output.
    data: a file to which the weights are written, next to that of the model. Without
        it they are in the model, which then has at most 2 GB: see `save_onnx_model`.

    An encoder of 8-bit weights gives a graph that computes in 8 bits as it does.
    Raises ValueError if a layer is not there.
    """
    config = encoder.config
    wrong = [layer for layer in layers if not 0 <= layer <= config.n_layers]
    if wrong:
        raise ValueError(
            f"layers: expected numbers from 0 to {config.n_layers}, got {wrong}."
        )
    graph = Graph(data)
    piece_ids, attention_mask, segment_ids = INPUTS
    hidden = write_embeddings(
        graph, encoder.embeddings, piece_ids=piece_ids, segment_ids=segment_ids
    )
    mask = write_mask(graph, attention_mask)
    states = [hidden]
    for i, layer in enumerate(encoder.layers):
        assert isinstance(layer, EncoderLayer)
        hidden = write_layer(
            graph, hidden, mask, layer, name=f"layers.{i}", activation=config.activation
        )
        states.append(hidden)
    width = config.hidden_width
    outputs = {"last_hidden_state": hidden}
    outputs |= {f"hidden_state_{layer}": states[layer] for layer in layers}
    described = [
        (found, float_output(name, "batch", "length", width))
        for name, found in outputs.items()
    ]
    if has_pooler:
        pooled = _write_pooler(graph, hidden, encoder)
        described.append((pooled, float_output("pooler_output", "batch", width)))
    inputs = [integer_input(name, "batch", "length") for name in INPUTS]
    return graph.finish(inputs, described)


def _write_pooler(graph: Graph, hidden: str, encoder: BertEncoder) -> str:
    """(batch, length, hidden_width) -> (batch, hidden_width)"""
    cls = graph.add("Gather", hidden, graph.number(0, np.int64), axis=1)
    return graph.add("Tanh", write_linear(graph, cls, encoder.pooler, name="pooler"))
