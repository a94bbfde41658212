"""The encoder over windows, and the mean of each token's pieces, all in torch."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from ..model.encoder import BertEncoder
from .engines import HiddenStates
from .windows import WindowBatch

Combine = Literal["mean", "concat"]


@dataclass(frozen=True, kw_only=True)
class DocVectors:
    """tokens: (n_tokens, hidden_width), the Docs' tokens end to end, zeros for those
    without a piece. cls: (n_docs, hidden_width), the mean [CLS] of a Doc's windows.
    pooled: the same through the pooler."""

    tokens: Tensor
    cls: Tensor
    pooled: Tensor


@dataclass(frozen=True, kw_only=True)
class LayerChoice:
    """Which layers make the tokens' vectors: the mean of them, or one after the other.

    layers: counted from 1; 0: the embeddings.
    """

    layers: tuple[int, ...]
    combine: Combine

    @property
    def n_widths(self) -> int:
        """How many times as wide as the encoder the vectors are."""
        return len(self.layers) if self.combine == "concat" else 1

    def combined(self, states: dict[int, Tensor]) -> Tensor:
        chosen = [states[layer] for layer in self.layers]
        if self.combine == "concat":
            return torch.cat(chosen, dim=1) if len(chosen) > 1 else chosen[0]
        return torch.stack(chosen).mean(dim=0) if len(chosen) > 1 else chosen[0]


def encode_windows(
    encoder: BertEncoder,
    batches: Iterable[WindowBatch],
    choice: LayerChoice,
    *,
    hidden_states: HiddenStates,
    n_tokens: int,
    n_docs: int,
    device: torch.device,
    keep: Callable[[WindowBatch, Tensor], None] | None = None,
) -> DocVectors:
    """hidden_states: of the encoder, by whatever computes them.
    keep: gets each batch and the vectors of its pieces, of the last layer.

    Raises ValueError if a vector is not finite.
    """
    width, last = encoder.config.hidden_width, encoder.config.n_layers
    tokens = _Mean(n_tokens, width * choice.n_widths, device)
    cls = _Mean(n_docs, width, device)
    for batch in batches:
        packed = batch.packed.to(device)
        states = hidden_states(packed, {*choice.layers, last})
        positions = torch.from_numpy(batch.pair_positions).to(device)
        pieces = choice.combined(states)[positions]
        tokens.add(pieces, torch.from_numpy(batch.pair_tokens).to(device))
        docs = torch.from_numpy(batch.docs).to(device)
        cls.add(states[last][packed.cls_positions], docs)
        if keep is not None:
            keep(batch, states[last])
    token_vectors, cls_vectors = tokens.value(), cls.value()
    # One value in all: a sum keeps what is not finite.
    if not torch.isfinite(token_vectors.sum() + cls_vectors.sum()):
        raise ValueError(
            "Expected vectors of finite numbers from the BERT encoder, got NaN or "
            "infinity. Its weights are damaged, or their training diverged: load an "
            "earlier checkpoint, or train with a lower learn_rate."
        )
    return DocVectors(
        tokens=token_vectors,
        cls=cls_vectors,
        # 16 bits under autocast.
        pooled=encoder.pool(cls_vectors).to(cls_vectors.dtype),
    )


class _Mean:
    """The mean of the vectors that were added at each index; zeros if none was."""

    def __init__(self, n_means: int, width: int, device: torch.device) -> None:
        # Not of torch's default dtype, which another library may have changed.
        zeros = partial(torch.zeros, dtype=torch.float32, device=device)
        self.sums, self.counts = zeros(n_means, width), zeros(n_means)

    def add(self, vectors: Tensor, index: Tensor) -> None:
        self.sums.index_add_(0, index, vectors.to(self.sums.dtype))
        ones = torch.ones_like(index, dtype=self.counts.dtype)
        self.counts.index_add_(0, index, ones)

    def value(self) -> Tensor:
        return self.sums.div_(self.counts.clamp_(min=1.0)[:, None])
