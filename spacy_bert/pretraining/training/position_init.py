"""Relative-position initialization: attention that starts on each piece's neighbours.

The pieces next to a masked one say most about it, and what a new BERT takes longest to
find out is which ones these are. So positions start as sinusoids (Vaswani et al. 2017,
section 3.5) in dimensions of their own, where pieces are zero; the keys of the first
layer as these sinusoids; and the queries of its heads as the same, turned on by one
position, back by one, on by two and so on. Structure in place of noise is Trockman and
Kolter's idea (2023, "Mimetic Initialization of Self-Attention Layers").
"""

from math import pi, sqrt

import torch
from torch import Tensor

from ...model.attention import SelfAttention

# Attention logit at the target position. The position next to it gets 3 of these 8, and
# those far away next to none.
_PEAK = 8.0

# Scale of the value and output weights in units of the model's initializer_range, so
# that the neighbours count next to the piece itself.
_VALUE_SCALE = 3.0

_GOLDEN_RATIO = (1 + sqrt(5)) / 2


def make_frequencies(hidden_width: int) -> Tensor:
    """In radians a position, from 0 to pi, the low ones closer together: near positions
    look alike, and no two alike within thousands. (n_sinusoids,)

    The sinusoids, of two dimensions each, take a quarter of the hidden width. With a
    smaller fraction a [MASK], which starts as little more than its position, would look
    at itself.
    """
    n_sinusoids = hidden_width // 8
    numbers = torch.arange(1, n_sinusoids + 1, dtype=torch.float32, device="cpu")
    return pi * (numbers * _GOLDEN_RATIO % 1) ** 2


def make_sinusoids(frequencies: Tensor, n_positions: int) -> Tensor:
    """Cosine and sine in turn, of standard deviation 1.

    (n_positions, 2 * n_sinusoids)
    """
    positions = torch.arange(n_positions, device=frequencies.device)
    angles = positions[:, None] * frequencies
    return sqrt(2) * torch.stack((angles.cos(), angles.sin()), dim=2).flatten(1)


@torch.no_grad()
def attend_to_neighbours(attention: SelfAttention, frequencies: Tensor) -> None:
    """Start each head on one neighbour.

    The sinusoids are the last dimensions of what the attention takes, with the same
    standard deviation as the others. Heads use as many of them as they have room for.
    """
    width = attention.output.weight.shape[0]
    head_width = width // attention.n_heads
    queries, keys, values = attention.project.weight.view(3, -1, head_width, width)
    frequencies, first = frequencies[: head_width // 2], width - 2 * len(frequencies)
    n_dims = 2 * len(frequencies)
    sinusoids = slice(first, first + n_dims)
    scale = sqrt(_PEAK * sqrt(head_width) / max(n_dims, 1))
    queries[:, :n_dims] = 0.0
    keys[:, :n_dims] = 0.0
    same = torch.eye(n_dims, dtype=keys.dtype, device=keys.device)
    keys[:, :n_dims, sinusoids] = scale * same
    for head in range(attention.n_heads):
        rotation = _rotate(frequencies, offset_of(head))
        queries[head, :n_dims, sinusoids] = scale * rotation
    values *= _VALUE_SCALE
    attention.output.weight *= _VALUE_SCALE


def offset_of(head: int) -> int:
    """1, -1, 2, -2, ..."""
    return (head // 2 + 1) * (-1 if head % 2 else 1)


def _rotate(frequencies: Tensor, offset: int) -> Tensor:
    """Return what rotates the sinusoids of a position to those `offset` further on."""
    angles = frequencies * offset
    cos, sin = angles.cos(), angles.sin()
    rotations = torch.stack((cos, -sin, sin, cos), dim=1).view(-1, 2, 2)
    matrix: Tensor = torch.block_diag(*rotations)
    return matrix
