"""AdamW as BERT uses it, and one step of training."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import torch
from torch import nn
from torch.autograd.graph import increment_version
from torch.nn.utils import clip_grad_norm_

from ..model import BertForPretraining, mlm_loss, nsp_loss
from .batches import PretrainingBatch
from .config import TrainingConfig


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """Mean losses of a step, in nats, and the norm of its gradient before clipping.

    nsp_loss: None where the batches have no labels for it.
    """

    mlm_loss: float
    nsp_loss: float | None
    gradient_norm: float
    n_pieces: int


class DivergenceError(ValueError):
    """The loss or its gradient is not a finite number."""


def make_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    """Matrices and embeddings decay; biases and LayerNorm, the vectors, do not."""
    parameters = list(model.parameters())
    groups = [
        {
            "params": [p for p in parameters if p.ndim >= 2],
            "weight_decay": config.weight_decay,
        },
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups,
        lr=config.learn_rate,
        betas=config.betas,
        eps=config.eps,
        fused=parameters[0].device.type in ("cpu", "cuda"),
    )


def train_step(
    model: BertForPretraining,
    optimizer: torch.optim.Optimizer,
    batches: Sequence[PretrainingBatch],
    *,
    step: int,
    learn_rate: float,
    max_grad_norm: float,
) -> StepResult:
    """Forward, backward, clip, update.

    The means are over the whole step, so several batches give the gradient of one big
    batch. Raises DivergenceError, with the weights as they were, where the loss or the
    gradient is not finite.
    """
    device = next(model.parameters()).device
    n_masked = sum(batch.n_masked for batch in batches)
    n_sequences = sum(batch.n_sequences for batch in batches)
    optimizer.zero_grad(set_to_none=True)
    losses = torch.zeros(2, device=device)
    for batch in batches:
        on_device = batch.to(device)
        output = model(on_device.packed, on_device.masked_rows)
        nsp = torch.zeros((), device=device)
        if on_device.is_random is not None:
            share = batch.n_sequences / n_sequences
            nsp = nsp_loss(output, on_device.is_random) * share
        mlm = output.mlm_logits.sum()  # 0 where nothing can be masked
        if batch.n_masked:
            mlm = mlm_loss(output, on_device.targets) * (batch.n_masked / n_masked)
        (mlm + nsp).backward()
        losses += torch.stack((mlm, nsp)).detach()
    norm = clip_grad_norm_(model.parameters(), max_grad_norm)
    mlm_mean, nsp_mean, gradient_norm = torch.cat((losses, norm.reshape(1))).tolist()
    if not all(map(isfinite, (mlm_mean, nsp_mean, gradient_norm))):
        raise DivergenceError(
            f"Step {step}: expected finite numbers, got MLM loss {mlm_mean:g}, NSP "
            f"loss {nsp_mean:g}, gradient norm {gradient_norm:g}. The last checkpoint "
            "is kept. Try a lower learn_rate, a longer warmup or a lower max_grad_norm."
        )
    for group in optimizer.param_groups:
        group["lr"] = learn_rate
    optimizer.step()
    for parameter in model.parameters():
        # The fused kernel leaves this undone.
        increment_version(parameter)
    return StepResult(
        mlm_loss=mlm_mean,
        nsp_loss=None if batches[0].is_random is None else nsp_mean,
        gradient_norm=gradient_norm,
        n_pieces=sum(batch.packed.n_pieces for batch in batches),
    )
