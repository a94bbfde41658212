"""Muon: momentum whose update has all its singular values near 1.

Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks". torch's
own orthogonalizes in bfloat16 only, which takes CPUs that have no such products a
hundred times longer.
"""

from collections.abc import Iterable
from math import sqrt

import torch
from torch import Tensor, nn

from ..distributed.parallel import full_tensor, shard_like

# Coefficients of the quintic iteration (Jordan et al. 2024): steep at 0, near 1 after
# five steps.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_N_ITERATIONS = 5

# A factor of the learning rate.
_RATE = 0.6


class Muon(torch.optim.Optimizer):
    """For matrices between hidden states; embeddings and vectors are another's.

    The root mean square of an update is 0.6 of the learning rate, whatever the matrix's
    shape, so one rate does for both. Liu et al. 2025 ("Muon is Scalable for LLM
    Training", section 2.2) take 0.2, AdamW's own late in a run; in some hundred steps
    0.2 is no better than AdamW, and 2 worse (benchmarks/LOG.md).
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        *,
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
    ) -> None:
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(p)
                momentum = state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                # Nesterov's look ahead.
                update = p.grad.lerp(momentum, group["momentum"])
                # Take the whole matrix, also if the ranks have shards of it.
                update = shard_like(orthogonalize(full_tensor(update)), update)
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"] * _RATE * sqrt(max(p.shape)))


def orthogonalize(matrix: Tensor) -> Tensor:
    """U V^T of the singular value decomposition U S V^T, roughly: singular values
    between 0.7 and 1.2."""
    is_tall = matrix.shape[0] > matrix.shape[1]
    dtype = torch.bfloat16 if matrix.is_cuda else torch.float32
    x = (matrix.T if is_tall else matrix).to(dtype)
    x = x / (x.norm() + 1e-7)
    for _ in range(_N_ITERATIONS):
        square = x @ x.T
        x = torch.addmm(
            x, torch.addmm(square, square, square, beta=_B, alpha=_C), x, beta=_A
        )
    return (x.T if is_tall else x).to(matrix.dtype)
