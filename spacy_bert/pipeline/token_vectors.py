"""The encoder over windows, and the mean of each token's pieces, all in torch."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..model.encoder import BertEncoder
from .windows import WindowBatch


@dataclass(frozen=True, kw_only=True)
class DocVectors:
    """tokens: (n_tokens, hidden_width), the Docs' tokens end to end, zeros for those
    without a piece. cls: (n_docs, hidden_width), the mean [CLS] of a Doc's windows.
    pooled: the same through the pooler."""

    tokens: Tensor
    cls: Tensor
    pooled: Tensor


def encode_windows(
    encoder: BertEncoder,
    batches: Iterable[WindowBatch],
    *,
    n_tokens: int,
    n_docs: int,
    device: torch.device,
) -> DocVectors:
    width = encoder.config.hidden_width
    tokens = _Mean(n_tokens, width, device)
    cls = _Mean(n_docs, width, device)
    for batch in batches:
        packed = batch.packed.to(device)
        hidden = encoder(packed)
        rows = torch.from_numpy(batch.pair_rows).to(device)
        tokens.add(hidden[rows], torch.from_numpy(batch.pair_tokens).to(device))
        docs = torch.from_numpy(batch.docs).to(device)
        cls.add(hidden[packed.cls_rows], docs)
    cls_vectors = cls.value()
    return DocVectors(
        tokens=tokens.value(),
        cls=cls_vectors,
        # 16 bits under autocast.
        pooled=encoder.pool(cls_vectors).to(cls_vectors.dtype),
    )


class _Mean:
    """The mean of the vectors that were added at each place; zeros where none was."""

    def __init__(self, n_places: int, width: int, device: torch.device) -> None:
        self.sums = torch.zeros(n_places, width, device=device)
        self.counts = torch.zeros(n_places, device=device)

    def add(self, vectors: Tensor, places: Tensor) -> None:
        self.sums.index_add_(0, places, vectors.to(self.sums.dtype))
        self.counts.index_add_(0, places, torch.ones_like(places, dtype=torch.float))

    def value(self) -> Tensor:
        return self.sums.div_(self.counts.clamp_(min=1.0)[:, None])
