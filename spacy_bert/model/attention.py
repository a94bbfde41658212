"""Multi-head self-attention within each sequence of a PackedBatch.

The only file that knows how sequences are kept apart. On the CPU, runs of sequences
of equal length are dense batches without a mask, so callers that sort by length get
few and large ones. On GPUs with 16-bit numbers, one kernel that takes sequences of any
length. Elsewhere a launch costs more than padding: one padded batch.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import groupby

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from .batch import PackedBatch
from .config import BertConfig
from .dropout import dropout
from .linear import Linear

# Up to here plain matrix products are about twice as fast on the CPU as torch's fused
# kernel, whose cost for each head of a sequence is fixed (benchmarks/LOG.md).
_SHORT = 48

# (n_pieces, 3, n_heads, head_width), the batch, the chance of dropout
# -> (n_pieces, n_heads, head_width)
Attention = Callable[[Tensor, PackedBatch, float], Tensor]


class SelfAttention(nn.Module):
    """Bidirectional attention (Vaswani et al. 2017, section 3.2.2), one matrix for
    query, key and value."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        width, dtype = config.hidden_width, torch.float32
        self.project = Linear(width, 3 * width, dtype=dtype)
        self.output = Linear(width, width, dtype=dtype)

    def forward(
        self,
        hidden: Tensor,
        batch: PackedBatch,
        positions: Tensor | None,
        dropout_prob: float,
    ) -> Tensor:
        """(n_pieces, hidden_width) -> the same, or (n_positions, hidden_width)"""
        projected = self.project(hidden)
        qkv = projected.view(hidden.shape[0], 3, self.n_heads, -1)
        attended = self.attend(qkv, batch, dropout_prob).flatten(1)
        output: Tensor = self.output(
            attended if positions is None else attended.index_select(0, positions)
        )
        return output

    def attend(self, qkv: Tensor, batch: PackedBatch, dropout_prob: float) -> Tensor:
        """(n_pieces, 3, n_heads, head_width) -> (n_pieces, n_heads, head_width)"""
        return choose_attention(qkv, dropout_prob)(qkv, batch, dropout_prob)


def choose_attention(qkv: Tensor, dropout_prob: float) -> Attention:
    if qkv.device.type == "cpu":
        return attend_in_runs
    is_half = qkv.dtype in (torch.float16, torch.bfloat16)
    if qkv.is_cuda and is_half and not dropout_prob and _has_varlen():
        return attend_varlen
    return attend_padded


@cache
def _has_varlen() -> bool:
    """It came with torch 2.10."""
    return find_spec("torch.nn.attention.varlen") is not None


def attend_in_runs(qkv: Tensor, batch: PackedBatch, dropout_prob: float) -> Tensor:
    """One dense attention for each run of sequences of equal length.

    (n_pieces, 3, n_heads, head_width) -> (n_pieces, n_heads, head_width); padding
    after the last sequence becomes zeros.
    """
    if len(batch.lengths) == 1 and qkv.shape[0] == batch.lengths[0]:
        return _attend_in_run(qkv, batch.lengths[0], dropout_prob)
    runs = list(_runs(batch.lengths))
    sizes = [n_pieces for n_pieces, _ in runs]
    n_padding = qkv.shape[0] - sum(sizes)
    # Split, not sliced: the gradients of slices are each as large as the whole.
    *qkv_of_runs, padding = qkv.split([*sizes, n_padding])
    contexts = []
    for (_, length), qkv_of_run in zip(runs, qkv_of_runs, strict=True):
        contexts.append(_attend_in_run(qkv_of_run, length, dropout_prob))
    if n_padding:
        contexts.append(torch.zeros_like(padding[:, 0]))
    return torch.cat(contexts) if len(contexts) > 1 else contexts[0]


def attend_padded(qkv: Tensor, batch: PackedBatch, dropout_prob: float) -> Tensor:
    """One attention over all sequences, padded to the longest, the padding masked.

    (n_pieces, 3, n_heads, head_width) -> (n_pieces, n_heads, head_width)
    """
    lengths = batch.cu_seqlens.diff()
    is_piece = torch.arange(max(batch.lengths), device=qkv.device) < lengths[:, None]
    # (n_sequences, longest, ...), zeros where there is no piece.
    padded = qkv.new_zeros(*is_piece.shape, *qkv.shape[1:])
    padded[is_piece] = qkv
    q, k, v = padded.transpose(1, 3).unbind(2)
    context = scaled_dot_product_attention(
        q, k, v, attn_mask=is_piece[:, None, None, :], dropout_p=dropout_prob
    )
    return context.transpose(1, 2)[is_piece]


def attend_varlen(qkv: Tensor, batch: PackedBatch, dropout_prob: float) -> Tensor:
    """Flash attention over packed sequences; without dropout, and of 16 bits.

    (n_pieces, 3, n_heads, head_width) -> (n_pieces, n_heads, head_width)
    """
    from torch.nn.attention import varlen  # Seconds to import.

    starts, longest = batch.cu_seqlens, max(batch.lengths)
    q, k, v = qkv.unbind(1)
    context = varlen.varlen_attn(q, k, v, starts, starts, longest, longest)
    assert isinstance(context, Tensor)
    return context


def _attend_in_run(qkv: Tensor, length: int, dropout_prob: float) -> Tensor:
    """Attention in sequences of one length.

    (n_pieces, 3, n_heads, head_width) -> (n_pieces, n_heads, head_width)
    """
    # With dropout the fused kernel is not used anyway.
    if length <= _SHORT or dropout_prob:
        return _attend_plainly(qkv, length, dropout_prob)
    # (n_pieces, 3, ...) -> 3 of (n_sequences, n_heads, length, ...)
    q, k, v = qkv.unflatten(0, (-1, length)).transpose(1, 3).unbind(2)
    context = scaled_dot_product_attention(q, k, v)
    return context.transpose(1, 2).flatten(0, 1)


def _attend_plainly(qkv: Tensor, length: int, dropout_prob: float) -> Tensor:
    """softmax(q k^T / sqrt(head_width)) v of sequences of one length.

    (n_pieces, 3, n_heads, head_width) -> (n_pieces, n_heads, head_width)
    """
    n_pieces, _, n_heads, width = qkv.shape
    # One copy, after which each head of each sequence is a dense matrix.
    heads = qkv.view(-1, length, 3, n_heads, width).permute(2, 0, 3, 1, 4)
    q, k, v = heads.reshape(3, -1, length, width).unbind()
    # beta=0: nothing is added.
    nothing = q.new_empty(1)
    scores = torch.baddbmm(nothing, q, k.mT, beta=0, alpha=width**-0.5)
    weights = torch.softmax(scores, dim=-1)
    weights = dropout(weights, dropout_prob)
    contexts = torch.bmm(weights, v).view(-1, n_heads, length, width)
    return contexts.transpose(1, 2).reshape(n_pieces, n_heads, width)


def _runs(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Pieces of each run and the length in it. (3, 3, 2) -> (6, 3), (2, 2)"""
    for length, run in groupby(lengths):
        yield length * len(list(run)), length
