"""Dropout: how much, and what of the gradient."""

import pytest
import torch

from spacy_bert.model.dropout import dropout


@pytest.mark.parametrize("prob", [0.1, 0.5])
def test_the_share_and_the_mean(prob):
    torch.manual_seed(0)
    dropped = dropout(torch.ones(1001, 999), prob)
    # A million draws: five deviations of the share are 0.0025 at most.
    assert (dropped == 0).float().mean().item() == pytest.approx(prob, abs=0.0025)
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.005)
    kept = dropped[dropped != 0]
    torch.testing.assert_close(
        kept, torch.full_like(kept, 1 / (1 - prob)), rtol=1e-4, atol=0
    )


def test_neighbours_are_dropped_independently():
    torch.manual_seed(0)
    is_dropped = (dropout(torch.ones(400_000), 0.5) == 0).float()
    for distance in range(1, 9):
        both = (is_dropped[distance:] * is_dropped[:-distance]).mean().item()
        assert both == pytest.approx(0.25, abs=0.005), distance


def test_the_gradient_passes_where_nothing_was_dropped():
    hidden = torch.ones(50, 3, requires_grad=True)
    dropped = dropout(hidden, 0.3)
    dropped.sum().backward()
    torch.testing.assert_close(hidden.grad, dropped.detach())


@pytest.mark.parametrize(("prob", "expected"), [(0.0, 1.0), (1.0, 0.0), (1e-9, 1.0)])
def test_none_and_all(prob, expected):
    torch.testing.assert_close(dropout(torch.ones(9), prob), torch.full((9,), expected))


def test_without_dropout_nothing_is_drawn():
    hidden, chance = torch.ones(9), torch.get_rng_state()
    assert dropout(hidden, 0.0) is hidden
    assert torch.equal(chance, torch.get_rng_state())
