"""`--gpu-id` -> a torch device. No CuPy is needed, unlike for `spacy train`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def choose_device(gpu_id: int) -> "torch.device":
    """-1 is the CPU. Raises ValueError where there is no such GPU."""
    import torch

    if gpu_id < 0:
        return torch.device("cpu")
    n_gpus = torch.cuda.device_count()
    if gpu_id >= n_gpus:
        expected = f"one of 0 to {n_gpus - 1}" if n_gpus else "-1, the CPU,"
        raise ValueError(
            f"--gpu-id: expected {expected} as torch {torch.__version__} sees {n_gpus} "
            f"GPUs here, got {gpu_id}. A torch built for your CUDA version sees them."
        )
    return torch.device("cuda", gpu_id)
