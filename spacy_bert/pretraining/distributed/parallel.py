"""A model on several ranks: whole on each (DDP), or a shard of each weight (FSDP).

The last only while it is trained: what is saved and read is always whole.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ...model import BertForPretraining
from ...processes.ranks import Ranks


def distribute(model: BertForPretraining, parallel: str, ranks: Ranks) -> nn.Module:
    """What to call in training instead of the model, whose gradients are then the means
    over the ranks. parallel: as in TrainingConfig."""
    if ranks.n == 1:
        return model
    if parallel == "ddp":
        return DistributedDataParallel(model, gradient_as_bucket_view=True)
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    device = next(model.parameters()).device
    mesh = init_device_mesh(device.type, (ranks.n,))
    for layer in model.encoder.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


def without_sync(module: nn.Module) -> AbstractContextManager[None]:
    """For all but the last batch of a step, so that gradients travel once. Under FSDP
    they do each time, as no rank has room for all of them."""
    if isinstance(module, DistributedDataParallel):
        return module.no_sync()
    return nullcontext()


def reshard(model: Any) -> None:
    """Reshard after a forward pass without a backward pass. FSDP would otherwise leave
    full weights that the optimizers do not know."""
    if hasattr(model, "reshard"):
        model.reshard()


def full_tensor(tensor: Any) -> Tensor:
    """All of a tensor of which this rank may have a shard. Each rank has to ask."""
    full: Tensor = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return full


def shard_like(tensor: Tensor, other: Any) -> Tensor:
    """Cut from a full tensor the shard that this rank has of `other`, on its device."""
    tensor = tensor.to(other.device)
    if not hasattr(other, "full_tensor"):
        return tensor
    from torch.distributed.tensor import distribute_tensor

    # None: each rank has the same tensor, so nothing is sent.
    return distribute_tensor(
        tensor, other.device_mesh, other.placements, src_data_rank=None
    )


def gather_model(model: BertForPretraining, ranks: Ranks) -> BertForPretraining:
    """The model with whole weights, which only rank 0 needs to have. If they are
    sharded, it is another model, on the CPU."""
    parameters = dict(model.named_parameters())
    if not any(hasattr(p, "full_tensor") for p in parameters.values()):
        return model
    with torch.device("meta"):
        gathered = BertForPretraining(model.config)
    state = {}
    for name, parameter in parameters.items():
        tensor = full_tensor(parameter.detach())
        if ranks.is_first:
            state[name] = tensor.cpu()
    if ranks.is_first:
        gathered.load_state_dict(state, assign=True)
    return gathered


@torch.no_grad()
def set_weights(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Whole ones, by their names."""
    for name, parameter in model.named_parameters():
        parameter.copy_(shard_like(state[name], parameter))
