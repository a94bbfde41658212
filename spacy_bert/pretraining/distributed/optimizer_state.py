"""The optimizers' state <-> a folder of safetensors files, one from each rank.

Through torch.distributed.checkpoint: what some ranks wrote, any number of them read.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from ...processes.ranks import Ranks

_N_STEPS = "step"
# What each optimizer keeps for a parameter.
_STATE_NAMES = {"AdamW": (_N_STEPS, "exp_avg", "exp_avg_sq"), "Muon": ("momentum",)}


def collect_optimizer_state(
    model: nn.Module, optimizers: Sequence[torch.optim.Optimizer]
) -> dict[str, Tensor]:
    """{"exp_avg.nsp.bias": tensor, ...}"""
    return {
        f"{kind}.{name}": tensor.detach()
        for name, parameter in model.named_parameters()
        for optimizer in optimizers
        for kind, tensor in optimizer.state.get(parameter, {}).items()
    }


def save_optimizer_state(path: Path, state: Mapping[str, Tensor], ranks: Ranks) -> None:
    """Raises OSError if it cannot be written. All ranks do this at once."""
    if not state:
        path.mkdir(exist_ok=True)
        return
    # Not before they are needed: they take a second.
    from torch.distributed import checkpoint
    from torch.distributed.checkpoint.api import CheckpointException

    writer = checkpoint.HuggingFaceStorageWriter(str(path), save_distributed=True)
    try:
        with _without_warning():
            checkpoint.save(
                dict(state),
                storage_writer=writer,
                process_group=ranks.group,
                no_dist=ranks.n == 1,
            )
    except CheckpointException as error:
        raise OSError(_reason(error)) from error


def load_optimizer_state(
    path: Path,
    files: Sequence[str],
    model: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
) -> None:
    """Put the state into the optimizers.

    files: the names that saving gave. Raises ValueError if one is damaged, missing
    or of another model.
    """
    from torch.distributed import checkpoint
    from torch.distributed.checkpoint.api import CheckpointException

    parameters = dict(model.named_parameters())
    owners = {p: o for o in optimizers for g in o.param_groups for p in g["params"]}
    for optimizer in optimizers:
        optimizer.state.clear()
    missing = set(files) - {file.name for file in path.glob("*")}
    try:
        if missing:
            raise OSError(f"{min(missing)} is missing")
        if not files:
            return
        reader = checkpoint.HuggingFaceStorageReader(str(path))
        stored: dict[str, Any] = reader.read_metadata().state_dict_metadata
        state = {}
        for key in _expected(parameters, owners):
            kind, _, name = key.partition(".")
            parameter = parameters[name]
            state[key] = _room_for(key, stored, parameter)
            owners[parameter].state[parameter][kind] = state[key]
        unknown = stored.keys() - state.keys()
        if unknown:
            raise OSError(f"{min(unknown)} is not of this model")
        # Each rank reads its own shards, and asks no other; through tensors of torch's
        # default device, which another library may have changed.
        with _without_warning(), torch.device("cpu"):
            checkpoint.load(state, storage_reader=reader, no_dist=True)
    except (SafetensorError, OSError, KeyError) as error:
        raise _damaged(path, str(error)) from error
    except CheckpointException as error:
        raise _damaged(path, _reason(error)) from error


def _expected(
    parameters: Mapping[str, nn.Parameter],
    owners: Mapping[nn.Parameter, torch.optim.Optimizer],
) -> Iterator[str]:
    """The state of each parameter that is trained: "exp_avg.nsp.bias", ..."""
    for name, parameter in parameters.items():
        if parameter.requires_grad:
            for kind in _STATE_NAMES[type(owners[parameter]).__name__]:
                yield f"{kind}.{name}"


def _room_for(key: str, stored: Mapping[str, Any], parameter: nn.Parameter) -> Tensor:
    """In shards, as the parameter is; numbers of steps are whole. A fused optimizer
    would read beyond the end of a tensor that is too small."""
    shape = () if key.startswith(f"{_N_STEPS}.") else tuple(parameter.shape)
    if key not in stored:
        raise OSError(f"{key} is missing")
    if (got := tuple(stored[key].size)) != shape:
        raise OSError(f"{key} should have the shape {shape} and has {got}")
    if shape == ():
        return torch.zeros(shape, dtype=torch.float32, device=parameter.device)
    return torch.zeros_like(parameter.detach())


def _damaged(path: Path, reason: str) -> ValueError:
    return ValueError(f"{path} is damaged ({reason}). Start over with --overwrite.")


def _reason(error: BaseException) -> str:
    """What the first rank that failed says, without the stack."""
    failures = getattr(error, "failures", {})
    return next((str(failure) for failure, _ in failures.values()), str(error))


@contextmanager
def _without_warning() -> Iterator[None]:
    """Without the warning of torch that there is only one process."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled")
        yield
