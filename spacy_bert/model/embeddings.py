"""Piece + segment + position embeddings: PackedBatch -> (n_pieces, hidden_width)."""

from torch import Tensor, nn

from .batch import PackedBatch
from .config import BertConfig
from .dropout import dropout


class Embeddings(nn.Module):
    """The sum of the three embeddings, normalized (Devlin et al. 2018, figure 2)."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.pieces = nn.Embedding(config.vocab_size, config.hidden_width)
        self.segments = nn.Embedding(config.n_segments, config.hidden_width)
        self.positions = nn.Embedding(config.max_positions, config.hidden_width)
        self.norm = nn.LayerNorm(config.hidden_width, eps=config.layer_norm_eps)

    def forward(self, batch: PackedBatch, dropout_prob: float) -> Tensor:
        summed = (
            self.pieces(batch.piece_ids)
            + self.segments(batch.segment_ids)
            + self.positions(batch.position_ids)
        )
        return dropout(self.norm(summed), dropout_prob)
