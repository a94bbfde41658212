"""BERT in plain torch: PackedBatch -> hidden states, and the pretraining heads."""

from .batch import PackedBatch, pack
from .config import BertConfig
from .dropout import DropoutProbs
from .encoder import BertEncoder, initialize_weights
from .heads import BertForPretraining, PretrainingOutput, mlm_loss, nsp_loss

__all__ = [
    "BertConfig",
    "BertEncoder",
    "BertForPretraining",
    "DropoutProbs",
    "PackedBatch",
    "PretrainingOutput",
    "initialize_weights",
    "mlm_loss",
    "nsp_loss",
    "pack",
]
