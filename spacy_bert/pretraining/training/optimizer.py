"""The optimizers of a run, and one step of training."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from math import inf, isfinite

import torch
from torch import Tensor, nn
from torch.autograd.graph import increment_version
from torch.nn.utils import clip_grad_norm_

from ...model import mlm_loss, nsp_loss
from ...processes.ranks import SINGLE_PROCESS, Ranks
from ..distributed.parallel import full_tensor, without_sync
from ..instances.batches import PretrainingBatch
from ..training_config import TrainingConfig
from .muon import Muon
from .step_size import StepSize

# The modules whose matrices are between hidden states.
_BETWEEN_HIDDEN = ("encoder.layers.", "encoder.pooler.", "mlm.transform.")


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """Mean losses of a step, in nats, and the norm of its gradient before clipping.

    nsp_loss: None if the batches have no labels for it.
    is_applied: whether the weights changed.
    """

    mlm_loss: float
    nsp_loss: float | None
    gradient_norm: float
    is_applied: bool

    def __str__(self) -> str:
        nsp = "" if self.nsp_loss is None else f"NSP loss {self.nsp_loss:g}, "
        return f"MLM loss {self.mlm_loss:g}, {nsp}gradient norm {self.gradient_norm:g}"


def make_optimizers(
    model: nn.Module, config: TrainingConfig
) -> list[torch.optim.Optimizer]:
    """AdamW, and Muon if the config asks for it.

    Matrices and embeddings decay; biases and LayerNorm, the vectors, do not.
    """
    matrices = {
        p: config.optimizer == "muon" and name.startswith(_BETWEEN_HIDDEN)
        for name, p in model.named_parameters()
        if p.ndim >= 2
    }
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [
        {
            "params": [p for p, is_muon in matrices.items() if not is_muon],
            "weight_decay": config.weight_decay,
        },
        {"params": vectors, "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW(
        groups,
        lr=config.learn_rate,
        betas=config.betas,
        eps=config.eps,
        fused=vectors[0].device.type in ("cpu", "cuda"),
    )
    if config.optimizer == "adamw":
        return [adamw]
    between = [p for p, is_muon in matrices.items() if is_muon]
    muon = Muon(between, lr=config.learn_rate, weight_decay=config.weight_decay)
    return [adamw, muon]


def train_step(
    model: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    batches: Sequence[PretrainingBatch],
    *,
    size: StepSize,
    learn_rate: float,
    max_grad_norm: float,
    precision: str = "fp32",
    max_mlm_loss: float = inf,
    ranks: Ranks = SINGLE_PROCESS,
) -> StepResult:
    """Forward, backward, clip, update.

    model: what `distribute` made of it. batches: this rank's. size: that of the step.

    The means are over the whole step, so several batches, of several ranks, give the
    gradient of one big batch. The weights stay as they were if the losses or the
    gradient are not finite, or the MLM loss is above `max_mlm_loss`.
    """
    device = next(model.parameters()).device
    model.zero_grad(set_to_none=True)
    losses = torch.zeros(2, dtype=torch.float32, device=device)
    for i, batch in enumerate(batches, start=1):
        with nullcontext() if i == len(batches) else without_sync(model):
            mlm, nsp = _losses(model, batch.to(device), size, precision)
            # Gradients are averaged over the ranks, and these are terms of a mean.
            ((mlm + nsp) * ranks.n).backward()
        losses += torch.stack((mlm, nsp)).detach()
    norm = full_tensor(clip_grad_norm_(model.parameters(), max_grad_norm))
    *mine, gradient_norm = torch.cat((losses, norm.reshape(1))).tolist()
    mlm_mean, nsp_mean = ranks.sum(*mine)
    are_finite = all(map(isfinite, (mlm_mean, nsp_mean, gradient_norm)))
    is_applied = are_finite and mlm_mean <= max_mlm_loss
    if is_applied:
        _update(model, optimizers, learn_rate)
    return StepResult(
        mlm_loss=mlm_mean,
        nsp_loss=None if batches[0].is_random is None else nsp_mean,
        gradient_norm=gradient_norm,
        is_applied=is_applied,
    )


def _losses(
    model: nn.Module, batch: PretrainingBatch, size: StepSize, precision: str
) -> tuple[Tensor, Tensor]:
    """What a batch adds to the means of its step, of MLM and NSP."""
    device = batch.masked_positions.device
    with torch.autocast(device.type, torch.bfloat16, precision == "bf16"):
        output = model(batch.packed, batch.masked_positions, is_train=True)
    nsp = torch.zeros((), dtype=torch.float32, device=device)
    if batch.is_random is not None:
        weight = batch.n_sequences / size.n_sequences
        nsp = nsp_loss(output, batch.is_random) * weight
    mlm = output.mlm_logits.sum()  # 0 if nothing can be masked
    if batch.n_masked:
        mlm = mlm_loss(output, batch.targets) * (batch.n_masked / size.n_masked)
    return mlm, nsp


def _update(
    model: nn.Module, optimizers: Sequence[torch.optim.Optimizer], learn_rate: float
) -> None:
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = learn_rate
        optimizer.step()
    for parameter in model.parameters():
        # The fused kernel leaves this undone.
        increment_version(parameter)
