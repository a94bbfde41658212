"""A learned mean of layers."""

import numpy as np
import pytest
import torch
from thinc.api import Model

from spacy_bert.pipeline.layer_mix import build_layer_mix

WIDTH, N_LAYERS = 4, 3


def make_mix(vectors, received):
    """Over a stand-in for the encoder, which notes what gradient it gets."""

    def forward(model, docs, is_train):
        return vectors, received.extend

    mix = build_layer_mix(
        Model("stand-in", forward, dims={"nO": WIDTH * N_LAYERS}), N_LAYERS
    )
    mix.initialize(X=[])
    return mix


def random_docs(seed):
    generator = np.random.default_rng(seed)
    shape = (WIDTH * N_LAYERS,)
    return [generator.normal(size=(n, *shape)).astype("f") for n in (3, 0, 2)]


def test_it_begins_as_the_mean():
    docs = random_docs(0)
    mixed = make_mix(docs, []).predict([None] * 3)
    for one, other in zip(docs, mixed, strict=True):
        expected = one.reshape(len(one), N_LAYERS, WIDTH).mean(axis=1)
        np.testing.assert_allclose(other, expected, atol=1e-6)


def test_gradients_are_those_of_torch():
    docs, received = random_docs(1), []
    d_docs = [d[:, :WIDTH] for d in random_docs(2)]
    mix = make_mix(docs, received)
    mix.set_param("weights", np.array([0.5, -1.0, 0.2], "f"))
    mix.set_param("scale", np.array([1.7], "f"))
    mixed, backprop = mix.begin_update([None] * 3)
    backprop(d_docs)

    weights = torch.tensor([0.5, -1.0, 0.2], requires_grad=True)
    scale = torch.tensor([1.7], requires_grad=True)
    inputs = torch.tensor(np.concatenate(docs), requires_grad=True)
    layers = inputs.reshape(-1, N_LAYERS, WIDTH)
    expected = scale * (layers * weights.softmax(0)[:, None]).sum(1)
    expected.backward(torch.tensor(np.concatenate(d_docs)))
    np.testing.assert_allclose(
        np.concatenate(mixed), expected.detach().numpy(), atol=1e-5
    )
    np.testing.assert_allclose(mix.get_grad("weights"), weights.grad, atol=1e-4)
    np.testing.assert_allclose(mix.get_grad("scale"), scale.grad, rtol=1e-4)
    np.testing.assert_allclose(np.concatenate(received), inputs.grad, atol=1e-5)


def test_a_width_that_is_no_multiple_is_refused():
    with pytest.raises(ValueError, match="n_layers = 5"):
        build_layer_mix(Model("stand-in", None, dims={"nO": 12}), 5)
