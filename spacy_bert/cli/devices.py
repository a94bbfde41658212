"""`--gpu-id` -> a torch device (no CuPy is needed, unlike for `spacy train`); and what
`--n-process` may be."""

import os
from typing import TYPE_CHECKING

from wasabi import msg

if TYPE_CHECKING:
    import torch


def choose_device(gpu_id: int) -> "torch.device":
    """-1 is the CPU; under torchrun each process takes a GPU of its own, where there
    are any. Raises ValueError if there is no such GPU."""
    import torch

    if gpu_id < -1:
        raise ValueError(f"--gpu-id: expected -1, the CPU, or more, got {gpu_id}.")
    n_gpus = torch.cuda.device_count()
    local_rank = int(os.environ.get("LOCAL_RANK", "-1"))
    if n_gpus and local_rank >= n_gpus:
        raise ValueError(
            f"--nproc-per-node: expected at most {n_gpus}, the number of GPUs here, "
            f"got {os.environ.get('LOCAL_WORLD_SIZE')}."
        )
    if n_gpus and local_rank >= 0:
        gpu_id = local_rank
    if gpu_id < 0:
        if n_gpus:
            msg.warn("Using the CPU, though there is a GPU, which --gpu-id 0 takes.")
        return torch.device("cpu")
    if gpu_id >= n_gpus:
        expected = f"one of 0 to {n_gpus - 1}" if n_gpus else "-1, the CPU,"
        raise ValueError(
            f"--gpu-id: expected {expected} as torch {torch.__version__} sees {n_gpus} "
            f"GPUs here, got {gpu_id}. A torch built for your CUDA version sees them."
        )
    return torch.device("cuda", gpu_id)


def check_processes(n_process: int) -> None:
    """Raises ValueError for less than none; 0 means all cores."""
    if n_process < 0:
        raise ValueError(
            f"--n-process: expected 0, all cores, or more, got {n_process}."
        )
