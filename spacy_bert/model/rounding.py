"""Padding of what enters the layers, so that few different lengths occur.

oneDNN compiles a kernel for each length (of the first axis) that a dense layer meets,
and keeps the last 1,024, half a megabyte each, in two caches that cannot be bounded at
run time. Without this, memory grows by hundreds of megabytes as batches of new sizes
come.
"""

import torch
from torch import Tensor


def round_up(length: int) -> int:
    """Return one of 56 numbers up to 1,024, at most an eighth larger or by one:
    10 -> 10, 33 -> 36, 130 -> 144, 1,000 -> 1,024."""
    octave = 1 << max(length - 1, 1).bit_length() - 1
    step = max(2, octave // 8)
    return -(-length // step) * step


def pad_first_axis(x: Tensor) -> Tensor:
    """Add zeros on the CPU: (n, ...) -> (round_up(n), ...); elsewhere nothing."""
    if x.device.type != "cpu":
        return x
    n_added = round_up(x.shape[0]) - x.shape[0]
    sizes = [0, 0] * (x.ndim - 1) + [0, n_added]
    return torch.nn.functional.pad(x, sizes) if n_added else x
