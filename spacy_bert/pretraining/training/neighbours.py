"""Attention that starts out on the neighbours of each piece.

The pieces beside a masked one say most about it, and what a new BERT takes longest to
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

# Logit of the place that a head looks at; the one beside it has 3 of these 8, and those
# far away next to none.
_PEAK = 8.0

# Scale of the value and output weights in units of the model's initializer_range, so
# that the neighbours count next to the piece itself.
_VALUE_SCALE = 3.0

_GOLDEN_RATIO = (1 + sqrt(5)) / 2


def make_frequencies(hidden_width: int) -> Tensor:
    """In radians a position, from 0 to pi, the low ones closer together: near places
    look alike, and no two alike within thousands. (n_waves,)

    The waves, of two dimensions each, take a quarter of the hidden width. With a
    smaller share a [MASK], which starts out as little more than its place, would look
    at itself.
    """
    n_waves = hidden_width // 8
    numbers = torch.arange(1, n_waves + 1, dtype=torch.float32, device="cpu")
    return pi * (numbers * _GOLDEN_RATIO % 1) ** 2


def make_waves(frequencies: Tensor, n_positions: int) -> Tensor:
    """Cosine and sine in turn, of deviation 1. (n_positions, 2 * n_waves)"""
    positions = torch.arange(n_positions, device=frequencies.device)
    angles = positions[:, None] * frequencies
    return sqrt(2) * torch.stack((angles.cos(), angles.sin()), dim=2).flatten(1)


@torch.no_grad()
def look_at_neighbours(attention: SelfAttention, frequencies: Tensor) -> None:
    """The sinusoids are the last dimensions of what the attention takes, with the same
    deviation as the others. Heads look at as many of them as they have room for."""
    width = attention.output.weight.shape[0]
    head_width = width // attention.n_heads
    queries, keys, values = attention.project.weight.view(3, -1, head_width, width)
    frequencies, first = frequencies[: head_width // 2], width - 2 * len(frequencies)
    n_dims = 2 * len(frequencies)
    waves = slice(first, first + n_dims)
    scale = sqrt(_PEAK * sqrt(head_width) / max(n_dims, 1))
    queries[:, :n_dims] = 0.0
    keys[:, :n_dims] = 0.0
    same = torch.eye(n_dims, dtype=keys.dtype, device=keys.device)
    keys[:, :n_dims, waves] = scale * same
    for head in range(attention.n_heads):
        turn = _turn(frequencies, offset_of(head))
        queries[head, :n_dims, waves] = scale * turn
    values *= _VALUE_SCALE
    attention.output.weight *= _VALUE_SCALE


def offset_of(head: int) -> int:
    """1, -1, 2, -2, ..."""
    return (head // 2 + 1) * (-1 if head % 2 else 1)


def _turn(frequencies: Tensor, offset: int) -> Tensor:
    """What takes the waves of a position to those of the one that is `offset` away."""
    angles = frequencies * offset
    cos, sin = angles.cos(), angles.sin()
    turns = torch.stack((cos, -sin, sin, cos), dim=1).view(-1, 2, 2)
    matrix: Tensor = torch.block_diag(*turns)
    return matrix
