"""Piece + segment + position embeddings: PackedBatch -> (n_pieces, hidden_width)."""

import torch
from torch import Tensor, nn

from .batch import PackedBatch
from .config import BertConfig
from .dropout import dropout


class Embeddings(nn.Module):
    """The sum of the three embeddings, normalized (Devlin et al. 2018, figure 2)."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        width, dtype = config.hidden_width, torch.float32
        self.pieces = nn.Embedding(config.vocab_size, width, dtype=dtype)
        self.segments = nn.Embedding(config.n_segments, width, dtype=dtype)
        self.positions = nn.Embedding(config.max_positions, width, dtype=dtype)
        self.norm = nn.LayerNorm(width, eps=config.layer_norm_eps, dtype=dtype)

    def forward(self, batch: PackedBatch, dropout_prob: float) -> Tensor:
        summed = (
            self.pieces(batch.piece_ids)
            + self.segments(batch.segment_ids)
            + self.positions(batch.position_ids)
        )
        return dropout(self.norm(summed), dropout_prob)
