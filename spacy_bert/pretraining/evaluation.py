"""How good a model is on text that it was not trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

import numpy as np
import torch
from torch import Tensor

from ..corpus.index.files import CorpusSplit
from ..corpus.progress_bar import Bar, Write
from ..model import BertForPretraining, mlm_loss, nsp_loss
from ..processes.ranks import SINGLE_PROCESS, Ranks
from .instances.batches import BatchReader, DataCursor, PretrainingBatch

_BLOCK = 1 << 22


@dataclass(frozen=True, kw_only=True)
class NextSentences:
    """How well pairs are told apart, and how many of them are random (or swapped)."""

    loss: float
    accuracy: float
    random_ratio: float


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Losses are means in nats. unigram_loss: that of the same targets when each piece
    is guessed by its frequency alone; a model that learns from context is below it.
    nsp: None if the sequences are single segments."""

    mlm_loss: float
    mlm_accuracy: float
    unigram_loss: float
    nsp: NextSentences | None
    n_masked: int
    n_instances: int

    @property
    def perplexity(self) -> float:
        return exp(min(self.mlm_loss, 700.0))


def held_out_batches(reader: BatchReader, n_instances: int) -> list[PretrainingBatch]:
    """This rank's of the first `n_instances` of epoch 0, or of all: the same ones each
    time.

    They have the length of the first phase, so that losses of both phases can be
    compared.
    """
    batch_size = reader.config.batch_size
    batches, _ = reader.read_batches(
        DataCursor(), n_instances, batch_size, in_epoch=True
    )
    return batches


def unigram_log_probs(split: CorpusSplit, vocab_size: int) -> Tensor:
    """Log probabilities of the pieces, with one added to each count. (vocab_size,)"""
    counts = np.ones(vocab_size, dtype=np.int64)
    for start in range(0, split.n_pieces, _BLOCK):
        block = split.piece_ids[start : start + _BLOCK]
        counts += np.bincount(block, minlength=vocab_size)
    return torch.from_numpy(np.log(counts / counts.sum()))


def evaluate(
    model: BertForPretraining,
    batches: Sequence[PretrainingBatch],
    log_probs: Tensor,
    ranks: Ranks = SINGLE_PROCESS,
    write: Write | None = None,
) -> Evaluation:
    """On the batches of all ranks.

    log_probs: of single pieces, (vocab_size,). write: takes lines on how far it is.
    """
    device = next(model.parameters()).device
    # MLM loss, pieces right, unigram loss, NSP loss, pairs right, random pairs
    sums = torch.zeros(6, dtype=torch.float64, device="cpu")
    # Not inference_mode, in which FSDP cannot put weights together.
    bar = Bar(
        "Evaluating", len(batches), unit=" batches", write=write, leaves_trace=False
    )
    with torch.no_grad(), bar:
        for batch in batches:
            sums += _batch_sums(model, batch.to(device), log_probs)
            bar.update(1)
    n_masked, n_instances, *totals = ranks.sum(
        sum(batch.n_masked for batch in batches),
        sum(batch.n_sequences for batch in batches),
        *sums.tolist(),
    )
    if n_masked == 0:
        raise ValueError(
            "The text that the model is evaluated on has no piece to predict: all of "
            "it is [UNK] under this vocabulary."
        )
    by_piece = [total / n_masked for total in totals[:3]]
    has_pairs = any(batch.is_random is not None for batch in batches)
    loss, accuracy, random_ratio = (total / n_instances for total in totals[3:])
    nsp = NextSentences(loss=loss, accuracy=accuracy, random_ratio=random_ratio)
    return Evaluation(
        mlm_loss=by_piece[0],
        mlm_accuracy=by_piece[1],
        unigram_loss=by_piece[2],
        nsp=nsp if has_pairs else None,
        n_masked=int(n_masked),
        n_instances=int(n_instances),
    )


def _batch_sums(
    model: BertForPretraining, batch: PretrainingBatch, log_probs: Tensor
) -> Tensor:
    output = model(batch.packed, batch.masked_positions)
    targets, is_random = batch.targets, batch.is_random
    sums = [torch.zeros((), device="cpu")] * 6
    if batch.n_masked:
        sums[:3] = [
            mlm_loss(output, targets) * batch.n_masked,
            (output.mlm_logits.argmax(dim=1) == targets).sum(),
            -log_probs[targets.cpu()].sum(),
        ]
    if is_random is not None:
        sums[3:] = [
            nsp_loss(output, is_random) * batch.n_sequences,
            (output.nsp_logits.argmax(dim=1) == is_random).sum(),
            is_random.sum(),
        ]
    return torch.stack([value.cpu().double() for value in sums])
