"""The two pretraining heads and their losses (Devlin et al. 2018, section 3.1)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from .batch import PackedBatch
from .config import BertConfig
from .dropout import NO_DROPOUT, DropoutProbs
from .encoder import BertEncoder, initialize_weights
from .layers import make_activation


@dataclass(frozen=True, kw_only=True)
class PretrainingOutput:
    """mlm_logits (n_masked, vocab_size); nsp_logits (n_sequences, 2), 1 = random."""

    mlm_logits: Tensor
    nsp_logits: Tensor


class MlmHead(nn.Module):
    """Transform, then the transposed piece embeddings (tied) and a bias."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        width, dtype = config.hidden_width, torch.float32
        self.transform = nn.Linear(width, width, dtype=dtype)
        self.activation = make_activation(config.activation)
        self.norm = nn.LayerNorm(width, eps=config.layer_norm_eps, dtype=dtype)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size, dtype=dtype))

    def forward(self, hidden: Tensor, piece_embeddings: Tensor) -> Tensor:
        """(n_masked, hidden_width) -> (n_masked, vocab_size)"""
        transformed = self.norm(self.activation(self.transform(hidden)))
        return nn.functional.linear(transformed, piece_embeddings, self.bias)


class BertForPretraining(nn.Module):
    """An encoder with its MLM and NSP heads."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = BertEncoder(config)
        self.mlm = MlmHead(config)
        self.nsp = nn.Linear(config.hidden_width, 2, dtype=torch.float32)
        self.dropout_probs = DropoutProbs(
            hidden=config.hidden_dropout_prob, attention=config.attention_dropout_prob
        )

    def forward(
        self, batch: PackedBatch, masked_positions: Tensor, *, is_train: bool = False
    ) -> PretrainingOutput:
        """Logits at `masked_positions`, int64 (n_masked,), and for each sequence.

        is_train: with the config's dropout. `train()` and `eval()` change nothing.

        Only the masked pieces go through the MLM head: at 30,522 pieces the others cost
        more than a small encoder does. The last layer leaves out all that neither these
        nor [CLS] need.
        """
        n_masked = masked_positions.shape[0]
        positions = torch.cat((masked_positions, batch.cls_positions))
        probs = self.dropout_probs if is_train else NO_DROPOUT
        hidden = self.encoder(batch, positions, dropout_probs=probs)
        pieces = self.encoder.embeddings.pieces.weight
        return PretrainingOutput(
            mlm_logits=self.mlm(hidden[:n_masked], pieces),
            nsp_logits=self.nsp(self.encoder.pool(hidden[n_masked:])),
        )

    def initialize_weights(self, generator: torch.Generator | None = None) -> None:
        initialize_weights(self, std=self.config.initializer_range, generator=generator)
        nn.init.zeros_(self.mlm.bias)


def mlm_loss(output: PretrainingOutput, targets: Tensor) -> Tensor:
    """Mean cross-entropy, in nats, of the pieces behind the masks, (n_masked,)."""
    return cross_entropy(output.mlm_logits.float(), targets)


def nsp_loss(output: PretrainingOutput, is_random: Tensor) -> Tensor:
    """Mean cross-entropy, in nats, of "B is random" (1), or swapped with A, or
    "B follows A" (0)."""
    return cross_entropy(output.nsp_logits.float(), is_random)
