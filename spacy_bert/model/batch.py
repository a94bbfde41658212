"""Sequences of pieces laid end to end, without padding: the input of the encoder."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class PackedBatch:
    """`[CLS] ... [SEP]` sequences, one after the other.

    piece_ids, segment_ids, position_ids: int64, (n_pieces,).
    cu_seqlens: int32, (n_sequences + 1,); sequence i is pieces cu_seqlens[i] up to
        cu_seqlens[i + 1]. Example: lengths (3, 2) -> cu_seqlens [0, 3, 5],
        position_ids [0, 1, 2, 0, 1].
    lengths: the same lengths on the host, so that nobody waits for the device.
    """

    piece_ids: Tensor
    segment_ids: Tensor
    position_ids: Tensor
    cu_seqlens: Tensor
    lengths: tuple[int, ...]

    @property
    def n_pieces(self) -> int:
        return self.piece_ids.shape[0]

    @property
    def cls_positions(self) -> Tensor:
        """The index of each sequence's [CLS] in the batch. (n_sequences,)"""
        return self.cu_seqlens[:-1].long()

    def to(self, device: torch.device | str) -> "PackedBatch":
        return PackedBatch(
            piece_ids=self.piece_ids.to(device, non_blocking=True),
            segment_ids=self.segment_ids.to(device, non_blocking=True),
            position_ids=self.position_ids.to(device, non_blocking=True),
            cu_seqlens=self.cu_seqlens.to(device, non_blocking=True),
            lengths=self.lengths,
        )


def pack(
    piece_ids: Tensor, lengths: Sequence[int], segment_ids: Tensor | None = None
) -> PackedBatch:
    """Describe sequences that already lie end to end in `piece_ids`, (n_pieces,).

    `segment_ids`, (n_pieces,), are all 0 if none are given.
    """
    device = piece_ids.device
    counts = torch.tensor(lengths, dtype=torch.int64, device=device)
    cu_seqlens = torch.zeros(len(lengths) + 1, dtype=torch.int64, device=device)
    torch.cumsum(counts, 0, out=cu_seqlens[1:])
    if cu_seqlens[-1] != piece_ids.shape[0]:
        raise ValueError(
            f"The lengths add up to {int(cu_seqlens[-1])} pieces, but piece_ids has "
            f"{piece_ids.shape[0]}."
        )
    starts = torch.repeat_interleave(cu_seqlens[:-1], cu_seqlens.diff())
    return PackedBatch(
        piece_ids=piece_ids.long(),
        segment_ids=torch.zeros_like(starts) if segment_ids is None else segment_ids,
        position_ids=torch.arange(piece_ids.shape[0], device=device) - starts,
        cu_seqlens=cu_seqlens.int(),
        lengths=tuple(lengths),
    )
