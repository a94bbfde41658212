"""Multi-head self-attention within each sequence of a PackedBatch.

The only file that knows how sequences are kept apart. On the CPU, runs of sequences
of equal length are dense batches without a mask, so callers that sort by length get
few and large ones. On GPUs with 16-bit numbers, one kernel that takes sequences of any
length. Elsewhere a launch costs more than padding: one padded batch.
"""

from collections.abc import Callable, Iterator, Sequence
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

_VARLEN = "torch.nn.attention.varlen"


class SelfAttention(nn.Module):
    """Bidirectional attention (Vaswani et al. 2017, section 3.2.2), one matrix for
    query, key and value."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.dropout_prob = config.attention_dropout_prob
        self.project = Linear(config.hidden_width, 3 * config.hidden_width)
        self.output = Linear(config.hidden_width, config.hidden_width)

    def forward(self, hidden: Tensor, batch: PackedBatch) -> Tensor:
        """(n_pieces, hidden_width) -> (n_pieces, hidden_width)"""
        # (n_pieces, 3 * hidden_width) -> 3 of (n_pieces, n_heads, head_width)
        projected = self.project(hidden).unflatten(-1, (3, self.n_heads, -1))
        query, key, value = projected.unbind(dim=1)
        dropout_prob = self.dropout_prob if self.training else 0.0
        attend = choose_attention(query, dropout_prob)
        context = attend(query, key, value, batch, dropout_prob=dropout_prob)
        return self.output(context.flatten(1))


def choose_attention(query: Tensor, dropout_prob: float) -> Callable[..., Tensor]:
    if query.device.type == "cpu":
        return attend_in_runs
    is_half = query.dtype in (torch.float16, torch.bfloat16)
    # The module came with torch 2.10.
    if query.is_cuda and is_half and not dropout_prob and find_spec(_VARLEN):
        return attend_varlen
    return attend_padded


def attend_in_runs(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    batch: PackedBatch,
    *,
    dropout_prob: float,
) -> Tensor:
    """One dense attention for each run of sequences of equal length.

    Takes and gives (n_pieces, n_heads, head_width).
    """
    runs = list(_runs(batch.lengths))
    # Split, not sliced: the gradients of slices are each as large as the whole.
    parts = (x.split([n_pieces for n_pieces, _ in runs]) for x in (query, key, value))
    contexts = []
    for (_, length), *qkv in zip(runs, *parts, strict=True):
        # (n_pieces_of_run, n_heads, head_width) -> (n_sequences, n_heads, length, ...)
        q, k, v = (x.unflatten(0, (-1, length)).transpose(1, 2) for x in qkv)
        # With dropout the fused kernel is not used anyway.
        if length <= _SHORT or dropout_prob:
            context = _attend_plainly(q, k, v, dropout_prob)
        else:
            context = scaled_dot_product_attention(q, k, v)
        contexts.append(context.transpose(1, 2).flatten(0, 1))
    return torch.cat(contexts) if len(contexts) > 1 else contexts[0]


def attend_padded(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    batch: PackedBatch,
    *,
    dropout_prob: float,
) -> Tensor:
    """One attention over all sequences, padded to the longest, the padding masked.

    Takes and gives (n_pieces, n_heads, head_width).
    """
    lengths = batch.cu_seqlens.diff()
    is_piece = torch.arange(max(batch.lengths), device=query.device) < lengths[:, None]
    q, k, v = (_pad(x, is_piece).transpose(1, 2) for x in (query, key, value))
    context = scaled_dot_product_attention(
        q, k, v, attn_mask=is_piece[:, None, None, :], dropout_p=dropout_prob
    )
    return context.transpose(1, 2)[is_piece]


def attend_varlen(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    batch: PackedBatch,
    *,
    dropout_prob: float,
) -> Tensor:
    """Flash attention over packed sequences; without dropout, and of 16 bits.

    Takes and gives (n_pieces, n_heads, head_width).
    """
    from torch.nn.attention import varlen  # Seconds to import.

    starts, longest = batch.cu_seqlens, max(batch.lengths)
    context = varlen.varlen_attn(query, key, value, starts, starts, longest, longest)
    assert isinstance(context, Tensor)
    return context


def _attend_plainly(q: Tensor, k: Tensor, v: Tensor, dropout_prob: float) -> Tensor:
    """softmax(q k^T / sqrt(head_width)) v, all (n_sequences, n_heads, length, ...)."""
    # reshape copies, so that each head of each sequence is one dense matrix.
    flat_q, flat_k, flat_v = (x.reshape(-1, *x.shape[2:]) for x in (q, k, v))
    scores = torch.bmm(flat_q * q.shape[-1] ** -0.5, flat_k.transpose(1, 2))
    weights = torch.softmax(scores, dim=-1)
    if dropout_prob:
        weights = dropout(weights, dropout_prob)
    return torch.bmm(weights, flat_v).view(q.shape)


def _runs(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Pieces of each run and the length in it. (3, 3, 2) -> (6, 3), (2, 2)"""
    for length, run in groupby(lengths):
        yield length * len(list(run)), length


def _pad(packed: Tensor, is_piece: Tensor) -> Tensor:
    """(n_pieces, ...) -> (n_sequences, longest, ...), zeros where there is no piece."""
    padded = packed.new_zeros(*is_piece.shape, *packed.shape[1:])
    padded[is_piece] = packed
    return padded
