"""Activations as ONNX operators, against torch and transformers."""

import numpy as np
import pytest
import torch
from transformers.activations import ACT2FN

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from spacy_bert.onnx_graph.activations import (  # noqa: E402
    _ACTIVATIONS,
    write_activation,
)
from spacy_bert.onnx_graph.graph import (  # noqa: E402
    Graph,
    float_output,
)


@pytest.mark.parametrize("name", _ACTIVATIONS)
def test_it_is_that_of_transformers(name):
    graph = Graph()
    found = write_activation(graph, "x", name=name)
    model = graph.finish([float_output("x", "n")], [(found, float_output("y", "n"))])
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    x = np.linspace(-20.0, 20.0, 2001, dtype=np.float32)
    (y,) = session.run(["y"], {"x": x})
    expected = ACT2FN[name](torch.from_numpy(x))
    torch.testing.assert_close(torch.from_numpy(y), expected, atol=2e-6, rtol=1e-6)
