"""Rows that are added to what enters the layers, so that few numbers of them occur.

oneDNN compiles a kernel for each number of rows that a dense layer meets, and keeps the
last 1,024, half a megabyte each, in two caches that cannot be bounded at run time.
Without this, memory grows by hundreds of megabytes as batches of new sizes come.
"""

import torch
from torch import Tensor


def round_up(n_rows: int) -> int:
    """Return one of 56 numbers up to 1,024, at most an eighth larger or by one:
    10 -> 10, 33 -> 36, 130 -> 144, 1,000 -> 1,024."""
    octave = 1 << max(n_rows - 1, 1).bit_length() - 1
    step = max(2, octave // 8)
    return -(-n_rows // step) * step


def pad_rows(rows: Tensor) -> Tensor:
    """Add zeros on the CPU: (n, ...) -> (round_up(n), ...); elsewhere nothing."""
    if rows.device.type != "cpu":
        return rows
    n_added = round_up(rows.shape[0]) - rows.shape[0]
    sizes = [0, 0] * (rows.ndim - 1) + [0, n_added]
    return torch.nn.functional.pad(rows, sizes) if n_added else rows
