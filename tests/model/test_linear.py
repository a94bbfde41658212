"""The dense layer against torch's own, while its weight changes."""

import copy

import pytest
import torch
from torch.autograd.graph import increment_version
from torch.nn.functional import linear

from spacy_bert.model.linear import Linear


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return Linear(24, 40)


@torch.no_grad()
def assert_uses_its_weight(layer):
    x = torch.randn(7, 24, generator=torch.manual_seed(1))
    torch.testing.assert_close(layer(x), linear(x, layer.weight, layer.bias))


def step_with_a_fused_optimizer(layer):
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1, fused=True)
    layer(torch.randn(3, 24)).sum().backward()
    optimizer.step()
    increment_version(list(layer.parameters()))


def add_in_place(layer):
    with torch.no_grad():
        layer.weight.add_(1.0)


def swap_the_data(layer):
    layer.weight.data = torch.randn(40, 24)


def assign_a_state(layer):
    state = {"weight": torch.randn(40, 24), "bias": torch.randn(40)}
    layer.load_state_dict(state, assign=True)


@pytest.mark.parametrize(
    "change",
    [
        step_with_a_fused_optimizer,
        add_in_place,
        swap_the_data,
        assign_a_state,
    ],
)
def test_a_changed_weight_is_used(layer, change):
    for _ in range(2):
        assert_uses_its_weight(layer)
        change(layer)
    assert_uses_its_weight(layer)


@pytest.mark.parametrize("change", [add_in_place, step_with_a_fused_optimizer])
def test_a_weight_that_changes_while_it_is_laid_out_is_looked_at_again(
    layer, change, monkeypatch
):
    """As another thread's step does, here after half of the work."""
    reorder = torch.ops.mkldnn._reorder_linear_weight

    def interrupted(weight):
        monkeypatch.undo()
        torn = reorder(weight)
        with torch.enable_grad():
            change(layer)
        return torn

    monkeypatch.setattr(torch.ops.mkldnn, "_reorder_linear_weight", interrupted)
    with torch.no_grad():
        layer(torch.randn(7, 24))
    assert_uses_its_weight(layer)


def test_training_drops_what_was_laid_out(layer):
    assert_uses_its_weight(layer)
    assert layer._laid_out is not None
    layer(torch.randn(3, 24))
    assert layer._laid_out is None


def test_a_copy_has_a_weight_of_its_own(layer):
    assert_uses_its_weight(layer)
    copied = copy.deepcopy(layer)
    add_in_place(copied)
    assert_uses_its_weight(copied)
    assert_uses_its_weight(layer)


def test_a_layer_that_was_made_in_inference_mode_predicts():
    with torch.inference_mode():
        layer = Linear(24, 40).eval()
    for _ in range(2):
        assert_uses_its_weight(layer)


@pytest.mark.parametrize("frozen", [(), ("weight",), ("weight", "bias")])
def test_gradients_equal_torchs(layer, frozen):
    for name in frozen:
        layer.get_parameter(name).requires_grad_(False)
    x = torch.randn(7, 24, requires_grad=True)
    d_output = torch.randn(7, 40)
    asked = [x, *(p for p in layer.parameters() if p.requires_grad)]
    expected = torch.autograd.grad(linear(x, layer.weight, layer.bias), asked, d_output)
    found = torch.autograd.grad(layer(x), asked, d_output)
    torch.testing.assert_close(found, expected)


def test_other_number_types_are_computed_too(layer):
    x = torch.randn(7, 24, dtype=torch.float64)
    with torch.no_grad():
        assert layer.double()(x).dtype == torch.float64
        with torch.autocast("cpu", torch.bfloat16):
            assert layer.float()(x.float()).dtype == torch.bfloat16
