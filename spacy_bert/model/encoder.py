"""The BERT encoder: PackedBatch -> hidden states (n_pieces, hidden_width)."""

from collections.abc import Collection

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .attention import SelfAttention
from .batch import PackedBatch
from .config import BertConfig
from .dropout import NO_DROPOUT, DropoutProbs
from .embeddings import Embeddings
from .layers import EncoderLayer
from .rounding import pad_first_axis


class BertEncoder(nn.Module):
    """Embeddings, a stack of layers, and the pooler that the [CLS] heads use.

    Weights are whatever torch puts there until a checkpoint is loaded or
    `initialize_weights` is called; build under `torch.device("meta")` to allocate none.
    They are of 32 bits, whatever torch's default dtype is.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList(
            EncoderLayer(config) for _ in range(config.n_layers)
        )
        width = config.hidden_width
        self.pooler = nn.Linear(width, width, dtype=torch.float32)
        # Whether training keeps what enters each layer alone and computes the rest
        # again for the gradients (Chen et al. 2016, "Sublinear Memory Cost").
        self.recomputes = False

    def forward(
        self,
        batch: PackedBatch,
        positions: Tensor | None = None,
        *,
        dropout_probs: DropoutProbs = NO_DROPOUT,
    ) -> Tensor:
        """What leaves the last layer: of all pieces, or only of those at `positions`.

        positions: int64, (n_positions,), counted through the batch.

        Only `dropout_probs` makes dropout: `train()` and `eval()` change nothing.
        """
        last = len(self.layers)
        states = self.hidden_states(
            batch, {last}, positions, dropout_probs=dropout_probs
        )
        return states[last]

    def hidden_states(
        self,
        batch: PackedBatch,
        wanted: Collection[int],
        last_positions: Tensor | None = None,
        *,
        dropout_probs: DropoutProbs = NO_DROPOUT,
    ) -> dict[int, Tensor]:
        """What leaves the layers that are wanted, counted from 1; 0: the embeddings.

        last_positions: the pieces that the last layer is computed for, if not all.
        """
        hidden = pad_first_axis(self.embeddings(batch, dropout_probs.hidden))
        n_wanted = batch.n_pieces
        kept = {0: hidden[:n_wanted]} if 0 in wanted else {}
        for number, layer in enumerate(self.layers, start=1):
            positions = None
            if number == len(self.layers) and last_positions is not None:
                positions = pad_first_axis(last_positions)
                n_wanted = last_positions.shape[0]
            if self.recomputes and torch.is_grad_enabled():
                inputs = (hidden, batch, positions, dropout_probs)
                hidden = checkpoint(layer, *inputs, use_reentrant=False)
            else:
                hidden = layer(hidden, batch, positions, dropout_probs)
            if number in wanted:
                kept[number] = hidden[:n_wanted]
        return kept

    def pool(self, cls: Tensor) -> Tensor:
        """tanh of a dense layer over vectors of [CLS], (n, hidden_width)."""
        return torch.tanh(self.pooler(cls))


def initialize_weights(
    module: nn.Module, *, std: float, generator: torch.Generator | None = None
) -> None:
    """Fresh weights, as google-research/bert makes them: matrices and embeddings from a
    normal of standard deviation `std`, cut at 2 * std; biases 0, LayerNorm 1 and 0."""
    for inner in module.modules():
        if isinstance(inner, nn.Linear | nn.Embedding):
            # The cut is absolute in torch (+-2 by default), so it is given.
            nn.init.trunc_normal_(
                inner.weight, std=std, a=-2 * std, b=2 * std, generator=generator
            )
        if isinstance(inner, nn.LayerNorm):
            nn.init.ones_(inner.weight)
        if isinstance(inner, nn.Linear | nn.LayerNorm) and inner.bias is not None:
            nn.init.zeros_(inner.bias)


def compile_layers(encoder: BertEncoder) -> None:
    """Put each layer through torch.compile, once for batches of all sizes.

    Attention stays as it is: it has kernels of its own, and would be compiled again
    for each tuple of lengths.
    """
    for module in encoder.modules():
        if isinstance(module, SelfAttention):
            module.attend = torch.compiler.disable(module.attend)  # type: ignore[method-assign]
        if isinstance(module, EncoderLayer):
            module.compile(dynamic=True)
