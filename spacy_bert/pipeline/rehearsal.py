"""Steps that are taken later, as `nlp.rehearse` takes them.

It gives components, instead of an optimizer, a function that collects arrays and
their gradients. In the end it calls the optimizer for them, which works in place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from thinc.api import torch2xp, xp2torch
from torch import nn

from .optimizer import Key
from .precision import GradientScale


@dataclass(frozen=True, kw_only=True)
class Lent:
    """A parameter and a copy of it, which somebody else will update.

    rate: the fraction of that update which the parameter gets.
    """

    parameter: nn.Parameter
    weights: Any
    rate: float


@torch.no_grad()
def lend(
    collect: Callable[[Key, Any, Any], Any],
    parameters: Mapping[Key, nn.Parameter],
    rates: Mapping[Key, float],
    scale: GradientScale,
) -> list[Lent]:
    """Hand copies of what is trained to `collect`, and take away the gradients.

    rates, scale: as in `optimizer.step`.
    """
    trained = {key: p for key, p in parameters.items() if p.grad is not None}
    gradients = {
        key: (p.grad.to_dense() if p.grad.is_sparse else p.grad).contiguous()
        for key, p in trained.items()
        if p.grad is not None
    }
    lent = []
    if gradients and scale.unscale(list(gradients.values())):
        for key, p in trained.items():
            weights = torch2xp(p.detach().clone())
            collect(key, weights, torch2xp(gradients[key]))
            lent.append(Lent(parameter=p, weights=weights, rate=rates[key]))
    for p in trained.values():
        p.grad = None
    return lent


@torch.no_grad()
def take_back(lent: list[Lent]) -> None:
    """Move the parameters towards the copies. Those that nobody updated stay."""
    for one in lent:
        updated = xp2torch(one.weights, device=one.parameter.device)
        one.parameter.lerp_(updated.view_as(one.parameter), one.rate)
