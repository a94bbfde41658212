"""A step of the Thinc optimizer against torch's AdamW and Thinc's own."""

import numpy as np
import pytest
import torch
from thinc.api import SGD, Adam, RAdam
from torch import nn

from spacy_bert.model.linear import Linear
from spacy_bert.pipeline.optimizer import step
from spacy_bert.pipeline.precision import GradientScale

SHAPES = {"matrix": (5, 4), "vector": (4,)}


def make_parameters(n=0):
    generator = torch.manual_seed(n)
    return {
        (1, name): nn.Parameter(torch.randn(shape, generator=generator))
        for name, shape in SHAPES.items()
    }


def set_gradients(parameters, n):
    generator = torch.manual_seed(100 + n)
    for parameter in parameters.values():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def take_step(optimizer, parameters, rate=1.0, precision="fp32"):
    rates = dict.fromkeys(parameters, rate)
    step(optimizer, parameters, rates, GradientScale(precision))
    assert all(p.grad is None for p in parameters.values())


def take_steps(optimizer, parameters, n_steps=3, rate=1.0):
    for n in range(n_steps):
        set_gradients(parameters, n)
        take_step(optimizer, parameters, rate)
    return parameters


@pytest.mark.parametrize("rate", [1.0, 0.5])
def test_adam_equals_torchs_adamw(rate):
    ours = take_steps(
        Adam(0.01, L2=0.1, grad_clip=0.5, use_averages=False),
        make_parameters(),
        rate=rate,
    )
    theirs = make_parameters()
    matrix, vector = theirs.values()
    groups = [
        {"params": [matrix], "weight_decay": 0.1},
        {"params": [vector], "weight_decay": 0.0},
    ]
    reference = torch.optim.AdamW(groups, lr=0.01 * rate, betas=(0.9, 0.999), eps=1e-8)
    for n in range(3):
        set_gradients(theirs, n)
        nn.utils.clip_grad_norm_(theirs.values(), 0.5)
        reference.step()
    for key in ours:
        torch.testing.assert_close(ours[key], theirs[key])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Adam(0.01, L2=0.0, grad_clip=0.0),
        lambda: Adam(0.01, L2=0.1, L2_is_weight_decay=False, grad_clip=0.0),
        lambda: RAdam(0.01, L2=0.0, grad_clip=0.0),
        lambda: SGD(0.01, L2=0.1, grad_clip=0.0),
    ],
    ids=["Adam", "Adam with L2", "RAdam", "SGD"],
)
def test_every_thinc_optimizer_steps_as_thinc_does(make):
    ours = take_steps(make(), make_parameters(), rate=0.5)
    reference, theirs = make(), make_parameters()
    for n in range(3):
        set_gradients(theirs, n)
        for key, parameter in theirs.items():
            weights, gradient = parameter.detach().numpy(), parameter.grad.numpy()
            updated, _ = reference(key, weights, gradient, lr_scale=0.5)
            parameter.data = torch.from_numpy(np.array(updated))
    for key in ours:
        # Thinc adds eps before it corrects the bias of the moments.
        torch.testing.assert_close(ours[key], theirs[key], atol=1e-5, rtol=1e-5)


def test_averages_equal_thincs():
    optimizer = Adam(0.01, L2=0.0, grad_clip=0.0, use_averages=True)
    reference = Adam(0.01, L2=0.0, grad_clip=0.0, use_averages=True)
    ours, theirs = make_parameters(), make_parameters()
    take_steps(optimizer, ours)
    for n in range(3):
        set_gradients(theirs, n)
        for key, parameter in theirs.items():
            reference(key, parameter.detach().numpy(), parameter.grad.numpy())
    for key in ours:
        np.testing.assert_allclose(
            optimizer.averages[key], reference.averages[key], atol=1e-5
        )


def test_all_gradients_are_clipped_by_one_norm():
    parameters = make_parameters()
    before = {key: p.detach().clone() for key, p in parameters.items()}
    set_gradients(parameters, 0)
    gradients = {key: p.grad.clone() for key, p in parameters.items()}
    norm = torch.cat([g.flatten() for g in gradients.values()]).norm()
    take_step(SGD(1.0, L2=0.0, grad_clip=0.5), parameters)
    for key, gradient in gradients.items():
        expected = before[key] - gradient * 0.5 / norm
        torch.testing.assert_close(parameters[key].detach(), expected)


def test_a_sparse_gradient_counts_as_a_dense_one():
    parameters, dense = make_parameters(), make_parameters()
    set_gradients(parameters, 0)
    set_gradients(dense, 0)
    matrix = parameters[1, "matrix"]
    matrix.grad = matrix.grad.to_sparse(1)
    for some in (parameters, dense):
        take_step(Adam(0.01), some)
    torch.testing.assert_close(matrix, dense[1, "matrix"])


@pytest.mark.parametrize("make", [Adam, SGD])
def test_a_layer_that_predicted_before_a_step_sees_it(make):
    """For prediction it keeps its weight in another layout, until it changes."""
    layer, rows = Linear(4, 5), torch.randn(3, 4)
    with torch.no_grad():
        layer(rows)
    parameters = {(1, name): p for name, p in layer.named_parameters()}
    set_gradients(parameters, 0)
    take_step(make(0.1), parameters)
    with torch.no_grad():
        expected = nn.functional.linear(rows, layer.weight, layer.bias)
        torch.testing.assert_close(layer(rows), expected)
