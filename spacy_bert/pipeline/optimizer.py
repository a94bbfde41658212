"""One step of a Thinc optimizer over torch parameters, in place.

Thinc's own step goes tensor by tensor, clips each gradient alone and decays every
tensor. Here the gradients are clipped by their common norm, biases and LayerNorm do not
decay, and Adam runs in torch's fused kernel. The state stays where spaCy keeps it, in
the Thinc optimizer.
"""

from collections.abc import Mapping
from typing import cast

import torch
from thinc.api import Optimizer, torch2xp, xp2torch
from thinc.types import FloatsXd
from torch import Tensor, nn
from torch.autograd.graph import increment_version
from torch.nn.utils import clip_grad_norm_
from torch.optim.adamw import adamw

from .precision import GradientScale

Key = tuple[int, str]

# thinc.backends.ops.Ops.update_averages
_MAX_AVERAGE_DECAY = 0.9999


@torch.no_grad()
def step(
    optimizer: Optimizer,
    parameters: Mapping[Key, nn.Parameter],
    rates: Mapping[Key, float],
    scale: GradientScale,
) -> None:
    """Clip, update, and take away the gradients. Parameters without one stay.

    rates: of each parameter, a factor of optimizer.learn_rate.
    scale: what the gradients are too large by.
    """
    trained = {key: p for key, p in parameters.items() if p.grad is not None}
    for p in trained.values():
        if p.grad is not None and p.grad.is_sparse:
            p.grad = p.grad.to_dense()
    gradients = [p.grad for p in trained.values()]
    if gradients and scale.unscale(gradients):  # type: ignore[arg-type]
        if optimizer.grad_clip:
            clip_grad_norm_(trained.values(), optimizer.grad_clip)
        _update(optimizer, trained, rates)
    for p in trained.values():
        p.grad = None


def _update(
    optimizer: Optimizer,
    trained: Mapping[Key, nn.Parameter],
    rates: Mapping[Key, float],
) -> None:
    if not _is_adamw(optimizer):
        for key, p in trained.items():
            _thinc_step(optimizer, key, p, rate=rates[key])
        return
    settings = {key: (rates[key], p.ndim > 1) for key, p in trained.items()}
    for rate, decay in set(settings.values()):
        group = {k: p for k, p in trained.items() if settings[k] == (rate, decay)}
        _adamw_step(optimizer, group, rate=rate, decay=decay)


def _is_adamw(optimizer: Optimizer) -> bool:
    return (
        optimizer.b1 > 0.0
        and optimizer.b2 > 0.0
        and not optimizer.use_radam
        and (optimizer.L2_is_weight_decay or not optimizer.L2)
    )


def _adamw_step(
    optimizer: Optimizer,
    group: Mapping[Key, nn.Parameter],
    *,
    rate: float,
    decay: bool,
) -> None:
    device = next(iter(group.values())).device
    is_fused = device.type in ("cpu", "cuda")
    counts = [
        torch.tensor(
            optimizer.nr_update[key],
            dtype=torch.float32,
            device=device if is_fused else "cpu",
        )
        for key in group
    ]
    adamw(
        list(group.values()),
        [p.grad for p in group.values()],  # type: ignore[misc]
        [_state(optimizer.mom1, key, p) for key, p in group.items()],
        [_state(optimizer.mom2, key, p) for key, p in group.items()],
        [],
        counts,
        fused=is_fused,
        amsgrad=False,
        beta1=optimizer.b1,
        beta2=optimizer.b2,
        lr=optimizer.learn_rate * rate,
        weight_decay=optimizer.L2 if decay else 0.0,
        eps=optimizer.eps,
        maximize=False,
    )
    for key, p in group.items():
        # The fused kernel leaves this undone.
        increment_version(p)
        optimizer.nr_update[key] += 1
        if optimizer.averages is not None:
            n_updates = optimizer.nr_update[key]
            kept = min((1 + n_updates) / (10 + n_updates), _MAX_AVERAGE_DECAY)
            _state(optimizer.averages, key, p).lerp_(p, 1 - kept)


def _state(states: dict[Key, FloatsXd], key: Key, parameter: nn.Parameter) -> Tensor:
    """The optimizer's array for a parameter, zeros at first, as a view in torch."""
    if key not in states:
        states[key] = cast(FloatsXd, torch2xp(torch.zeros_like(parameter)))
    return xp2torch(states[key], device=parameter.device).view_as(parameter)


def _thinc_step(
    optimizer: Optimizer, key: Key, parameter: nn.Parameter, *, rate: float
) -> None:
    assert parameter.grad is not None
    weights, gradient = torch2xp(parameter), torch2xp(parameter.grad)
    updated, _ = optimizer(
        key, cast(FloatsXd, weights), cast(FloatsXd, gradient), lr_scale=rate
    )
    parameter.copy_(xp2torch(updated, device=parameter.device))
